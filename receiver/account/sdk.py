"""[I/O] One HTTP request through Plivo's SDK, and the answer as it came: status and text.

The SDK's own reading of answers is left aside: it hides the status, the headers and the text, and
its `messages.list` turns every error into a bare TypeError.
"""

import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

import plivo
import requests
from plivo.exceptions import PlivoRestError

from receiver.config import SettingError, Settings

HTTP_SECONDS = 30.0  # the SDK's own 5 are short for a list

Params = dict[str, str | int]
Body = dict[str, str | bool | None]

_AUTH_ID = re.compile(r"(MA|SA)[0-9A-Za-z_-]{18}")
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """`retry_after`, `date`: the header's text, if there is one. Plivo documents no Retry-After."""

    status: int
    text: str
    retry_after: str | None
    date: str | None = None


class NoAnswerError(Exception):
    """Network or time-out; the message is the kind of it, without the address."""


class _Redirected(plivo.RestClient):  # type: ignore[misc]  # the SDK has no types
    """The SDK, sent elsewhere.

    It has no option for its address: `request` sets `base_uri` from a module constant each time.
    Setting it again just before the URL is built moves this client only; patching the constant
    would move every client of the process.
    """

    def __init__(self, api_url: str, auth_id: str, auth_token: str) -> None:
        super().__init__(auth_id, auth_token, timeout=HTTP_SECONDS)
        self._own_base_uri = f"{api_url}/v1/Account"

    def create_request(self, *arguments: Any, **keywords: Any) -> Any:
        self.base_uri = self._own_base_uri
        return super().create_request(*arguments, **keywords)


class Sdk:
    """Not for several threads: the SDK's client is not."""

    def __init__(self, settings: Settings) -> None:
        """Raises SettingError."""
        self.account, token = _credentials(settings)
        self._client = _Redirected(settings.plivo_api_url, self.account, token)
        self._client.session.hooks["response"].append(self._keep)
        self._kept: requests.Response | None = None

    def get(self, path: tuple[str, ...], params: Params, *, seconds: float) -> Answer:
        """Whatever the status is. Raises NoAnswerError."""
        return self._ask("GET", path, params, seconds)

    def post(self, path: tuple[str, ...], body: Body, *, seconds: float) -> Answer:
        """Exactly this body, where the SDK's own methods add defaults. Raises NoAnswerError."""
        return self._ask("POST", path, body, seconds)

    def close(self) -> None:
        self._client.session.close()
        self._client.multipart_session.close()

    def _ask(
        self, method: str, path: tuple[str, ...], content: Params | Body, seconds: float
    ) -> Answer:
        self._kept = None
        self._client.timeout = seconds
        try:
            self._client.request(method, path, content)
        except requests.RequestException as failure:
            # Only the kind: the text of such an error carries the whole URL.
            raise NoAnswerError(type(failure).__name__) from failure
        except (PlivoRestError, TypeError, AttributeError, ValueError, RecursionError):
            if self._kept is None:
                raise
        response: Any = self._kept
        return Answer(
            response.status_code,
            # requests would take Latin-1 for some content types; JSON is UTF-8.
            response.content.decode("utf-8", errors="replace"),
            response.headers.get("Retry-After"),
            response.headers.get("Date"),
        )

    def _keep(self, response: requests.Response, *_: object, **__: object) -> None:
        self._kept = response


def retry_seconds(header: str | None, now: float) -> float | None:
    """Retry-After is a number of seconds or an HTTP date; None where it is neither."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,6}", header.strip()):
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, at.timestamp() - now)


def _credentials(settings: Settings) -> tuple[str, str]:
    auth_id, token = settings.plivo_auth_id, settings.plivo_auth_token
    for name, value in (("PLIVO_AUTH_ID", auth_id), ("PLIVO_AUTH_TOKEN", token)):
        if not value:
            raise SettingError(f"{name} is not set; copy it from the overview of Plivo's console")
    if not auth_id or not _AUTH_ID.fullmatch(auth_id):
        # Not shown: where the two were swapped it is the token.
        raise SettingError("PLIVO_AUTH_ID is ***; allowed: MA or SA and 18 letters or digits")
    if not token or not _TOKEN.fullmatch(token):
        raise SettingError("PLIVO_AUTH_TOKEN is ***; allowed: printable ASCII without spaces")
    return auth_id, token
