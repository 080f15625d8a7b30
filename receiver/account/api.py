"""[I/O] Plivo's API as JSON objects: what was asked for, or one of the errors.

Nothing is tried twice: whether a POST without an answer was carried out, nobody here knows.
"""

import json
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode

import requests

from receiver.account.errors import Missing, Refused, Unavailable
from receiver.account.phone_numbers import masked
from receiver.account.sdk import HTTP_SECONDS, Answer, Body, NoAnswerError, Params, Sdk
from receiver.config import Settings

Json = dict[str, Any]

_CODES = requests.codes
_PASSING = (408, 425)  # the server's time-out; too early
_MOST_PAGES = 1000  # 20 rows each; beyond it something is wrong


class Api:
    """`tell` hears of each request that is made. Not for several threads: the SDK is not."""

    def __init__(self, settings: Settings, *, tell: Callable[[str], None] = lambda _: None) -> None:
        """Raises SettingError."""
        self._sdk = Sdk(settings)
        self._url = settings.plivo_api_url
        self._tell = tell
        self._secrets = [token.secret for token in settings.tokens]
        if settings.receiver_path_secret:
            self._secrets.append(settings.receiver_path_secret)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._sdk.close()

    def get(self, *path: str, **params: str | int) -> Json:
        """Raises AccountProblem."""
        self._tell(shown("GET", path, params))
        return self._judged(
            lambda: self._sdk.get(path, params, seconds=HTTP_SECONDS), "Try again later."
        )

    def post(self, *path: str, body: Body, unsure: str) -> Json:
        """`unsure` is the next step where nobody knows whether it was done.

        Raises AccountProblem.
        """
        self._tell(self.hide(shown("POST", path, body)))
        return self._judged(lambda: self._sdk.post(path, body, seconds=HTTP_SECONDS), unsure)

    def rows(self, *path: str, **params: str | int) -> Iterator[Json]:
        """Every object of a list, page by page; the next page is where the last one says."""
        position: Params = {}
        for _ in range(_MOST_PAGES):
            page = self.get(*path, **params, **position)
            objects = page.get("objects")
            if not isinstance(objects, list):
                raise Unavailable(f"{self._url} gave no list of {path[0]}. Try again later.")
            yield from objects
            following = _next(page.get("meta"))
            if not objects or following is None or following == position:
                return
            position = following

    def hide(self, text: str) -> str:
        """The text without the secrets that it may carry."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _judged(self, ask: Callable[[], Answer], unsure: str) -> Json:
        try:
            answer = ask()
        except NoAnswerError as failure:
            raise Unavailable(f"{self._url} did not answer ({failure}). {unsure}") from failure
        said = _object(answer.text)
        reason = masked(self.hide(_reason(said))) or "no reason given"
        status = answer.status
        if status in (_CODES.unauthorized, _CODES.forbidden):
            raise Refused(
                f"Plivo refused ({status}: {reason}). Check PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN "
                "against the console, and whether this account and this address may do that."
            )
        if status == _CODES.not_found:
            raise Missing(f"{self._url} knows no such thing (404: {reason}).")
        if status == _CODES.too_many_requests:
            raise Unavailable(
                "Plivo wants fewer requests (429); nothing was done. Try again later."
            )
        if _CODES.bad_request <= status < _CODES.server_error and status not in _PASSING:
            raise Refused(f"Plivo refused the request ({status}: {reason}).")
        if said is None or not _CODES.ok <= status < _CODES.multiple_choices:
            raise Unavailable(f"{self._url} gave no whole answer (status {status}). {unsure}")
        return said


def shown(method: str, path: tuple[str, ...], content: Params | Body) -> str:
    """The request as a person reads it."""
    written = " ".join(f"{name}={value}" for name, value in content.items())
    if method == "GET":
        written = urlencode(content)
    return f"{method} {'/'.join(path)}/ {written}".rstrip()


def _next(meta: Any) -> Params | None:
    """As Plivo's own SDK pages: a cursor supersedes the offset, which must not ride along."""
    following = meta.get("next") if isinstance(meta, dict) else None
    query = parse_qs(str(following or "").partition("?")[2])
    names = [name for name in ("cursor", "offset") if name in query]
    return {names[0]: query[names[0]][0]} if names else None


def _object(text: str) -> Json | None:
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _reason(said: Json | None) -> str:
    return " ".join(str((said or {}).get("error") or "").split())[:200]
