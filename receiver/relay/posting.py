"""[I/O] One report to RELAY_URL, byte for byte as it came: method, body, query, signature headers.

By `http.client`, since higher libraries write the query anew, and a signature may cover it.
"""

import http.client
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from receiver.relay.outbox import Waiting

_SECONDS = 15.0  # to connect, and to answer
_TOLD_TO_WAIT = (408, 425, 429)
_SERVER_ERROR = 500
_ANY_ASCII = "".join(map(chr, range(0x21, 0x7F)))


@dataclass(frozen=True, slots=True)
class Answer:
    """`taken`: a 2xx. `there`: whoever answers works, whatever he says of this report."""

    taken: bool
    there: bool
    said: str


class Poster:
    """Posts with a connection of its own for each thread. Redirects are not followed."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._of_thread = threading.local()

    def __call__(self, waiting: Waiting) -> Answer:
        headers = {**waiting.headers, "X-Report-Id": waiting.report_id}
        if waiting.body:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        target = self._target(waiting.query)
        try:
            status = self._status(waiting.http_method, target, waiting.body, headers)
        except (OSError, http.client.HTTPException) as problem:
            self._drop()
            return Answer(taken=False, there=False, said=str(problem) or type(problem).__name__)
        there = status < _SERVER_ERROR and status not in _TOLD_TO_WAIT
        return Answer(taken=200 <= status < 300, there=there, said=f"HTTP {status}")

    def _status(self, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> int:
        connection, used = self._connection()
        try:
            return _asked(connection, method, target, body, headers)
        except (ConnectionError, http.client.RemoteDisconnected):
            if not used:
                raise
            self._drop()  # closed while it was idle
            return _asked(self._connection()[0], method, target, body, headers)

    def _connection(self) -> tuple[http.client.HTTPConnection, bool]:
        """The thread's connection, and whether it was used before."""
        kept: http.client.HTTPConnection | None = getattr(self._of_thread, "connection", None)
        if kept is not None:
            return kept, True
        host, port = self._parts.hostname or "", self._parts.port
        made: http.client.HTTPConnection
        if self._parts.scheme == "https":
            made = http.client.HTTPSConnection(
                host, port, timeout=_SECONDS, context=ssl.create_default_context()
            )
        else:
            made = http.client.HTTPConnection(host, port, timeout=_SECONDS)
        self._of_thread.connection = made
        return made, False

    def _drop(self) -> None:
        kept = getattr(self._of_thread, "connection", None)
        if kept is not None:
            kept.close()
            del self._of_thread.connection

    def _target(self, query: bytes) -> str:
        both = "&".join(filter(None, (self._parts.query, quote(query, safe=_ANY_ASCII))))
        return (self._parts.path or "/") + (f"?{both}" if both else "")


def _asked(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes,
    headers: Mapping[str, str],
) -> int:
    connection.request(method, target, body or None, dict(headers))
    answer = connection.getresponse()
    answer.read()
    return answer.status
