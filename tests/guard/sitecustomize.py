"""Fails whatever leaves this machine. Python itself imports it where its folder is on the path.

The tests put it there for every process that they start; `tests/conftest.py` imports it for their
own.
"""

import ipaddress
import socket
import sys
from typing import Any


class LeftTheMachine(Exception):
    """No library takes it for a network error that may be tried again."""


def _is_here(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")
    if name in ("", "localhost") or name.endswith(".invalid"):  # RFC 6761: nobody's
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or _is_ours(address)


def _is_ours(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """An address of this machine is one that can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        line, address = arguments[:2]
        if event == "socket.connect" and line.type == socket.SOCK_DGRAM:
            return  # sends nothing: it only chooses the address to send from
        host = address[0] if isinstance(address, tuple) else None  # else a local socket's path
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if not _is_here(host):
        raise LeftTheMachine(f"a test wanted to talk to {host!r}")


sys.addaudithook(_watch)
