"""Fails whatever leaves this machine. Python itself imports it where its folder is on the path.

The tests put it there for every process that they start; `tests/conftest.py` imports it for their
own.
"""

import ipaddress
import sys
from typing import Any


class LeftTheMachine(Exception):
    """No library takes it for a network error that may be tried again."""


def _is_here(host: object) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host)).is_loopback or str(host) == "0.0.0.0"  # noqa: S104
    except ValueError:
        return False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # else a local socket's path
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        raise LeftTheMachine(f"a test wanted to talk to {host!r}")


sys.addaudithook(_watch)
