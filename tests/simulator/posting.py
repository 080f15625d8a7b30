"""I/O: posting a callback over HTTP, one kept connection per host and thread."""

import threading
import time
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from tests.simulator.callbacks import full_url

# (url, method, headers, body of a POST or query to add for a GET) -> status, 0 without an answer.
Deliver = Callable[[str, str, Mapping[str, str], str], int]

TIMEOUT_SECONDS = 5.0
# Servers drop idle connections; an older one is not trusted with a post.
_IDLE_SECONDS = 4.0


class HttpPoster:
    """A `Deliver` over real HTTP; `forward` maps public URL prefixes to where they really lead."""

    def __init__(self, forward: Mapping[str, str] | None = None) -> None:
        self._forward = dict(forward or {})
        self._local = threading.local()
        self._opened: list[HTTPConnection] = []

    def __call__(self, url: str, method: str, headers: Mapping[str, str], payload: str) -> int:
        """Never raises for a receiver that is down or slow."""
        target = full_url(url, payload) if method == "GET" else url
        body = None if method == "GET" else payload.encode()
        for public, real in self._forward.items():
            if target.startswith(public):
                target = real + target[len(public) :]
        parts = urlsplit(target)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = None
        try:
            connection = self._connection(parts.scheme, parts.netloc)
            connection.request(method, path, body=body, headers=dict(headers))
            answer = connection.getresponse()
            answer.read()
        except (OSError, HTTPException, ValueError):
            if connection is not None:
                connection.close()
            return 0
        return answer.status

    def close(self) -> None:
        """Closes what every thread has kept open; posting again opens anew."""
        for connection in self._opened:
            connection.close()

    def _connection(self, scheme: str, host: str) -> HTTPConnection:
        kept: dict[tuple[str, str], tuple[HTTPConnection, float]]
        kept = self._local.__dict__.setdefault("kept", {})
        now = time.monotonic()
        connection, used_at = kept.get((scheme, host), (None, 0.0))
        if connection is None:
            kind = HTTPSConnection if scheme == "https" else HTTPConnection
            connection = kind(host, timeout=TIMEOUT_SECONDS)
            self._opened.append(connection)
        elif now - used_at > _IDLE_SECONDS:
            connection.close()
        kept[scheme, host] = (connection, now)
        return connection
