"""[I/O] Waitress as we need it: no collapse under many connections, and an end that answers.

Why `send_bytes` is not left at waitress's default of 1 (3.0.2): its main loop asks to be woken
while a busy channel has output pending, then declines to send it because a task is running. With
more busy keep-alive connections than threads the loop spins and starves the workers. Above the
size of an answer, the loop alone sends, once the task has ended; that also spares each worker two
system calls. The parameter is deprecated, but nothing stands in for it;
`tests/receiver/test_no_collapse` tells should an upgrade take it away.
"""

import contextlib
import socket
import time
import warnings
from collections.abc import Callable
from typing import Any

import waitress.channel
import waitress.parser
import waitress.server
import waitress.utilities

from receiver.app import MOST_BODY_BYTES
from receiver.listening import allow_many_connections

# Far above our own limit of a body, which the application keeps: so that a chunked body's framing
# does not count, and that whoever sends too much still reads the 413.
_MOST_BODY_BYTES = 1024 * 1024
_MEMORY_BYTES = 16 * 1024  # of an unfinished body; beyond that it waits in a temporary file
# More than any answer of ours: workers leave the sending to the main loop, see above.
_ANSWER_BYTES = 18_000
_IDLE_SECONDS = 30
_REQUEST_SECONDS = 30.0  # from a request's first byte to its last, however they dribble
_YOUNG_SECONDS = 0.5  # so long a new connection may be silent when we are about to end


class _Channel(waitress.channel.HTTPChannel):  # type: ignore[misc]  # waitress has no types
    @property
    def parser_class(self) -> type:
        return _Parser

    def received(self, data: bytes) -> bool:
        if self.request is None:
            self.request_began_at = time.monotonic()
        return bool(super().received(data))

    def send_continue(self) -> None:
        """Whoever asks for leave to send too much is refused at once, not encouraged."""
        if self.request.error is None:
            super().send_continue()
        else:
            self.request.expect_continue = False


class _Parser(waitress.parser.HTTPRequestParser):  # type: ignore[misc]
    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as problem:  # of urlsplit, for a target such as http://[::1
            raise waitress.parser.ParsingError("unreadable request target") from problem
        # RFC 9112, 6.3: where both stand, what one of them leaves over would count as a request
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            raise waitress.parser.ParsingError("Content-Length beside Transfer-Encoding")
        if self.expect_continue and self.content_length > MOST_BODY_BYTES:
            self.error = waitress.utilities.RequestEntityTooLarge("too large a body was announced")
            self.completed = True


class WebServer:
    """Serves the application on a listening socket until told to stop."""

    def __init__(
        self, application: Any, listener: socket.socket, *, threads: int, handed_down: bool = False
    ) -> None:
        self._stopping = False
        self._look_again_at = 0.0
        self._handed_down = handed_down
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            self._server = self._create(application, listener, threads)
        self._server.channel_class = _Channel

    @staticmethod
    def _create(application: Any, listener: socket.socket, threads: int) -> Any:
        return waitress.server.create_server(
            application,
            sockets=[listener],
            threads=threads,
            max_request_body_size=_MOST_BODY_BYTES,
            max_request_header_size=32 * 1024,
            inbuf_overflow=_MEMORY_BYTES,
            send_bytes=_ANSWER_BYTES,
            connection_limit=allow_many_connections(),
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=5,
            asyncore_use_poll=True,  # select() ends at descriptor 1,024
            ident=None,
            clear_untrusted_proxy_headers=False,  # /metrics wants to see them
        )

    def stop(self) -> None:
        """Safe in a signal handler and in any thread."""
        self._stopping = True
        with contextlib.suppress(OSError):  # closed already
            self._server.pull_trigger()

    def run(self, *, finish_seconds: float) -> None:
        """Serve; once stopped, take no new connection and answer what has come, up to a limit.

        Connections that wait unaccepted belong to whoever listens next on a socket that was handed
        down; on one of our own they are the last ones that we take.
        """
        self._loop(lambda: self._stopping)
        if not self._handed_down:
            self._accept_all()
        self._server.accepting = False
        self._server.del_channel()
        give_up_at = time.monotonic() + finish_seconds
        self._loop(lambda: not self._busy() or time.monotonic() > give_up_at)
        self._server.task_dispatcher.shutdown(timeout=max(0.0, give_up_at - time.monotonic()) + 0.5)
        self._server.close()

    def _loop(self, done: Callable[[], bool]) -> None:
        while not done():
            # waitress's own run() ends only by an exception, and then drops what waits
            channels = self._server._map  # noqa: SLF001
            self._server.asyncore.loop(timeout=0.2, map=channels, use_poll=True, count=1)
            self._close_dribblers()

    def _close_dribblers(self) -> None:
        now = time.monotonic()
        if now < self._look_again_at:
            return
        self._look_again_at = now + 1
        for channel in list(self._server.active_channels.values()):
            if channel.request is not None and now - channel.request_began_at > _REQUEST_SECONDS:
                channel.will_close = True

    def _accept_all(self) -> None:
        known = -1
        while known < len(self._server.active_channels):
            known = len(self._server.active_channels)
            self._server.handle_accept()

    def _busy(self) -> bool:
        """Whether a connection has a request, whole or in part, an answer, or is quite new."""
        young = time.time() - _YOUNG_SECONDS  # the clock of waitress's own creation_time
        return any(
            channel.requests
            or channel.total_outbufs_len
            or channel.request is not None
            or (channel.creation_time > young and channel.last_activity == channel.creation_time)
            for channel in list(self._server.active_channels.values())
        )
