"""[I/O] Routes and content types, nothing else; how callbacks are answered is in `webhook`."""

from collections.abc import Callable
from datetime import datetime

from bottle import Bottle, HTTPError, request, response

from receiver.config import Settings
from receiver.journal_file import NotDurable
from receiver.metrics import Metrics
from receiver.quarantine import Refusal
from receiver.webhook import ANSWERS, Environ, Store, Webhook, refuse

# Any header that begins like this means that a proxy stands between; the figures are for this
# machine alone.
_FORWARDING = (
    "HTTP_X_FORWARDED",
    "HTTP_X_ORIGINAL",
    "HTTP_X_REAL_IP",
    "HTTP_X_CLIENT_IP",
    "HTTP_X_CLUSTER_CLIENT_IP",
    "HTTP_TRUE_CLIENT_IP",
    "HTTP_CF_",
    "HTTP_FLY_",
    "HTTP_FASTLY_",
    "HTTP_FORWARDED",
    "HTTP_VIA",
)


def build_app(
    settings: Settings,
    store: Store,
    *,
    keep_aside: Callable[[Refusal], None],
    metrics: Metrics,
    now: Callable[[], datetime],
    unsigned: bool = False,
    receiver_id: str = "",
) -> Bottle:
    """The receiver as a WSGI application; `receiver_id` is by what `doctor` knows it again."""
    app = Bottle()
    for reason in ("path", "size", "signature", "not_durable"):
        metrics.refused.labels(reason)  # a counter that never rose is 0, not absent
    webhook = Webhook(
        settings,
        store,
        keep_aside=keep_aside,
        metrics=metrics,
        now=now,
        unsigned=unsigned,
        receiver_id=receiver_id,
    )
    for kind in ANSWERS:
        for path in (f"/{kind}", f"/{kind}/<secret>"):
            app.route(path, ["GET", "POST", "HEAD"], webhook.route(kind))

    def alive() -> str:
        response.content_type = "text/plain; charset=utf-8"
        return "alive\n"

    def ready() -> str:
        response.content_type = "text/plain; charset=utf-8"
        try:
            store.probe()
        except NotDurable as problem:
            response.status = 503
            return f"not ready: {problem}\n"
        return "ready\n"

    def figures() -> bytes | str:
        if not _from_this_machine(request.environ):
            return refuse(404)
        response.content_type = "text/plain; version=0.0.4; charset=utf-8"
        return metrics.text()

    app.route("/healthz", "GET", alive)
    app.route("/readyz", "GET", ready)
    app.route("/metrics", "GET", figures)
    app.default_error_handler = _plain_error
    return app


def _plain_error(error: HTTPError) -> str:
    response.content_type = "text/plain; charset=utf-8"
    return f"{error.status_line}\n"


def _from_this_machine(environ: Environ) -> bool:
    local = environ.get("REMOTE_ADDR", "") in ("127.0.0.1", "::1")
    return local and not any(name.startswith(_FORWARDING) for name in environ)
