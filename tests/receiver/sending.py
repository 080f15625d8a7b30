"""Signed callbacks as Plivo sends them, over real connections, and what was answered."""

import http.client
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.simulator.signing import signature_headers

PUBLIC_URL = "https://sms.example.org"
AUTH_ID = "MAXXXXXXXXXXXXXXXXXX"
TOKEN = "token-of-the-main-account"
SECRET = "secret-in-the-path"
PATH = f"/delivery_report/{SECRET}"
SETTINGS = {
    "PLIVO_AUTH_ID": AUTH_ID,
    "PLIVO_AUTH_TOKEN": TOKEN,
    "PUBLIC_URL": PUBLIC_URL,
    "RECEIVER_PORT": "0",
    "RECEIVER_PATH_SECRET": SECRET,
}
FORM = "application/x-www-form-urlencoded"

_nonces = count(10**19)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    content_type: str | None


def signed(
    target: str = PATH,
    body: bytes = b"",
    *,
    method: str = "POST",
    families: Literal["v2", "v3", "both"] = "v3",
    token: str = TOKEN,
) -> dict[str, str]:
    """The headers of a callback to this path and query. V3 needs a body that is UTF-8."""
    pairs = [] if families == "v2" else parse_qsl(body.decode(), keep_blank_values=True)
    return signature_headers(
        method=method,
        url=PUBLIC_URL + target,
        pairs=pairs,
        nonce=str(next(_nonces)),
        token=token,
        main_token=token,
        families=families,
    )


def connect(url: str, *, timeout: float = 20) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    assert parts.hostname is not None
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout)


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on this connection."""
    connection.request(method, target, body, dict(headers or {}))
    answer = connection.getresponse()
    return Answer(
        answer.status, answer.read().decode("utf-8", "replace"), answer.getheader("content-type")
    )


def send(
    url: str,
    method: str = "POST",
    target: str = PATH,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request on a connection of its own, with exactly these headers."""
    connection = connect(url)
    try:
        return ask(connection, method, target, body, headers)
    finally:
        connection.close()


def post(url: str, target: str = PATH, body: bytes | None = None, **parameters: str) -> Answer:
    """A signed report by POST; keywords are its parameters."""
    whole = urlencode(parameters).encode() if body is None else body
    return send(url, "POST", target, whole, {"Content-Type": FORM, **signed(target, whole)})


def send_raw(url: str, *pieces: bytes) -> bytes:
    """Bytes as they are, and all that comes back until the server closes."""
    parts = urlsplit(url)
    received = b""
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as line:
        for piece in pieces:
            line.sendall(piece)
        while more := line.recv(65536):
            received += more
    return received


def raw_headers(headers: Mapping[str, str]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode("latin-1")
