"""[I/O] The listening socket: bound here, or handed down so that it outlives a restart.

A socket that systemd or our supervisor keeps open is handed down as a descriptor. While one
receiver ends and the next one starts, connections wait in its queue; none is refused.
"""

import resource
import socket

from receiver.config import SettingError, Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_BACKLOG = 1024
_MOST_FILES = 65_536


def listen(settings: Settings, *, unsigned: bool) -> socket.socket:
    """The inherited socket, else a new one. Raises SettingError where the address is no good.

    Whoever takes reports from anybody listens to this machine only.
    """
    if settings.listen_fd is not None:
        return socket.socket(fileno=settings.listen_fd)
    host, port = settings.receiver_host, settings.receiver_port
    if unsigned and host not in LOOPBACK:
        host = LOOPBACK[0]
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as problem:
        raise SettingError(
            f"RECEIVER_HOST is '{host}'; allowed: an address of this machine ({problem})"
        ) from problem
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as problem:
        listener.close()
        raise SettingError(
            f"cannot listen on RECEIVER_HOST '{host}', RECEIVER_PORT {port}: {problem.strerror}. "
            "Stop what listens there, or choose another port (0 takes a free one)"
        ) from problem
    listener.listen(_BACKLOG)
    return listener


def url_of(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def allow_many_connections() -> int:
    """Raise the limit of open files as far as this user may; how many connections it leaves."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return min(most - 200, 20_000)
