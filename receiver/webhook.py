"""[I/O] The two callback routes: who may, whose it is, is it stored.

body over 64 KiB      413
wrong path or secret  404, no trace but a count
signature wrong       403, counted and logged without secrets or whole numbers
not durable           503, so that Plivo tries again
else                  stored durably, then 200: never refused for its content
"""

import hmac
import ipaddress
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from bottle import request, response

from receiver import probe
from receiver.callback import Callback, Kind
from receiver.config import Settings
from receiver.journal_file import NotDurable
from receiver.metrics import Metrics
from receiver.quarantine import Refusal
from receiver.signature import HEADERS, SignedRequest, Verdict, check

MOST_BODY_BYTES = 64 * 1024

ANSWERS: dict[Kind, tuple[str, str]] = {
    "delivery_report": ("text/plain; charset=utf-8", "Delivery status reported"),
    "message": ("application/xml", "<Response/>"),
}
_ENVIRON_NAMES = {name: "HTTP_" + name.upper().replace("-", "_") for name in HEADERS}
_PROBE = "HTTP_" + probe.HEADER.upper().replace("-", "_")
# Under which names the sender may have called us: evidence for `doctor`, never believed.
_CALLED_BY = {"Host": "HTTP_HOST", "X-Forwarded-Host": "HTTP_X_FORWARDED_HOST"}
_LONGEST_HOST = 255

# Where the environ has this key, the server can hold an answer: see `receiver.channel`.
HOLD_ANSWER = "receiver.hold_answer"

Environ = dict[str, Any]
Settle = Callable[[Exception | None], None]

log = logging.getLogger("receiver")


class Store(Protocol):
    """Where callbacks go. `append` and `probe` return once durable, or raise NotDurable.

    `append_then` returns at once and calls `then` later, in any thread: None once durable.
    """

    def append(self, callback: Callback) -> None: ...
    def append_then(self, callback: Callback, then: Settle) -> None: ...
    def probe(self) -> None: ...


def is_quick(path: str) -> bool:
    """Whether a request for this path never waits under a server that holds answers."""
    return path.startswith(tuple(f"/{kind}" for kind in ANSWERS))


class Webhook:
    """Answers callbacks; `route` makes a handler for one kind of them."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        *,
        keep_aside: Callable[[Refusal], None],
        metrics: Metrics,
        now: Callable[[], datetime],
        unsigned: bool,
        receiver_id: str,
    ) -> None:
        self._settings = settings
        self._receiver_id = receiver_id
        self._store = store
        self._keep_aside = keep_aside
        self._metrics = metrics
        self._now = now
        self._unsigned = unsigned
        self._accepted = {kind: metrics.accepted.labels(kind) for kind in ANSWERS}

    def route(self, kind: Kind) -> Callable[..., str]:
        content_type, text = ANSWERS[kind]
        secret = self._settings.receiver_path_secret
        right_path = (f"/{kind}/{secret}" if secret else f"/{kind}").encode()

        def answer(secret: str = "") -> str:  # noqa: ARG001  the raw path is compared
            environ = request.environ
            path = _path(environ)
            # As it came: what decodes to the right path is still another one.
            if not hmac.compare_digest(path.encode("latin-1", "replace"), right_path):
                self._metrics.refused.labels("path").inc()
                return refuse(404)
            if environ["REQUEST_METHOD"] == "HEAD":
                self._answer_probe(path, environ)
                return ""
            status = self._take(kind, path, environ)
            if status != 200:
                return refuse(status)
            response.content_type = content_type
            return text

        return answer

    def _take(self, kind: Kind, path: str, environ: Environ) -> int:
        """The status code for this callback; 200 only when it is on disk."""
        received_at = self._now()
        body = environ["wsgi.input"].read(MOST_BODY_BYTES + 1)
        if len(body) > MOST_BODY_BYTES:
            self._metrics.refused.labels("size").inc()
            return 413
        asked = self._asked(path, environ, body)
        verdict = Verdict("none")
        if not self._unsigned:
            verdict = check(asked, self._settings.tokens, policy=self._settings.signature_policy)
        if verdict.scheme is None:
            log.warning(
                "refused a %s from %s: %s (checked against PUBLIC_URL %s; it is kept for receiver "
                "recheck)",
                kind, _sender(environ), verdict.reason, self._settings.public_url,
            )  # fmt: skip
            self._put_aside(kind, asked, verdict.reason, received_at, environ)
            return 403
        return self._keep(
            Callback(
                received_at=received_at,
                kind=kind,
                http_method=asked.method,
                body=body,
                query=asked.query,
                account=verdict.account,
                signature=verdict.scheme,
                headers=_as_signed(asked, environ) if self._settings.relay_url else {},
            ),
            environ.get(HOLD_ANSWER),
        )

    def _asked(self, path: str, environ: Environ, body: bytes) -> SignedRequest:
        return SignedRequest(
            method=environ["REQUEST_METHOD"],
            url=f"{self._settings.public_url}{path}",
            query=environ.get("QUERY_STRING", "").encode("latin-1"),
            body=body,
            headers={name: environ.get(key, "") for name, key in _ENVIRON_NAMES.items()},
        )

    def _answer_probe(self, path: str, environ: Environ) -> None:
        if asked := environ.get(_PROBE):
            request = self._asked(path, environ, b"")
            tokens = self._settings.tokens
            said = probe.answer(asked, request, tokens, receiver_id=self._receiver_id)
            response.set_header(probe.HEADER, said)

    def _keep(self, callback: Callback, hold_answer: Callable[[], Settle] | None) -> int:
        """Under a server that holds answers the 200 leaves, or becomes a 503, after the commit."""
        began = time.perf_counter()
        self._metrics.in_flight.inc()
        if hold_answer is not None:
            settle = hold_answer()

            def then(problem: Exception | None) -> None:
                self._settled(callback.kind, began, problem)
                settle(problem)

            self._store.append_then(callback, then)
            return 200
        problem = None
        try:
            self._store.append(callback)
        except NotDurable as found:
            problem = found
        self._settled(callback.kind, began, problem)
        return 503 if problem else 200

    def _settled(self, kind: Kind, began: float, problem: Exception | None) -> None:
        self._metrics.in_flight.dec()
        if problem is not None:
            self._metrics.refused.labels("not_durable").inc()
            log.error("could not store a %s, Plivo will try again: %s", kind, problem)
            return
        self._metrics.seconds_to_durable.observe(time.perf_counter() - began)
        self._accepted[kind].inc()

    def _put_aside(
        self,
        kind: Kind,
        asked: SignedRequest,
        reason: str,
        received_at: datetime,
        environ: Environ,
    ) -> None:
        self._metrics.refused.labels("signature").inc()
        self._keep_aside(
            Refusal(
                received_at=received_at,
                kind=kind,
                http_method=asked.method,
                path=_path(environ),
                query=asked.query,
                body=asked.body,
                headers={**asked.headers, **_called_by(environ)},
                reason=reason,
            )
        )


def _path(environ: Environ) -> str:
    """The path as it came: Plivo signs the URL as configured, byte for byte."""
    target = str(environ.get("REQUEST_URI", environ["PATH_INFO"]))
    if not target.startswith("/"):  # RFC 9112: a server accepts http://host/path too
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target.partition("?")[0].partition("#")[0]


def _as_signed(asked: SignedRequest, environ: Environ) -> dict[str, str]:
    """What whoever the report is relayed to needs to check the signature himself."""
    kept = {name: value for name, value in asked.headers.items() if value}
    if content_type := environ.get("CONTENT_TYPE"):
        kept["Content-Type"] = content_type
    return kept


def _called_by(environ: Environ) -> dict[str, str]:
    given = {name: environ.get(key, "")[:_LONGEST_HOST] for name, key in _CALLED_BY.items()}
    return {name: host for name, host in given.items() if host}


def _sender(environ: Environ) -> str:
    """The address that connected, or that the trusted proxy names; never other text of a header."""
    try:
        return str(ipaddress.ip_address(environ.get("REMOTE_ADDR", "").strip("[]")))
    except ValueError:
        return "an unknown address"


def refuse(status: int) -> str:
    response.status = status
    response.content_type = "text/plain; charset=utf-8"
    return f"{response.status_line}\n"
