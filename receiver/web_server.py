"""[I/O] Waitress as we need it: no collapse under many connections, and an end that answers.

Why `send_bytes` is not left at waitress's default of 1 (3.0.2): its main loop asks to be woken
while a busy channel has output pending, then declines to send it because a task is running. With
more busy keep-alive connections than threads the loop spins and starves the workers. Above the
size of an answer, the loop alone sends, once the task has ended; that also spares each worker two
system calls. The parameter is deprecated, but nothing stands in for it;
`tests/receiver/test_no_collapse` tells should an upgrade take it away.
"""

import contextlib
import errno
import logging
import socket
import time
import warnings
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import waitress.server
import waitress.task

from receiver.channel import Channel
from receiver.listening import allow_many_connections

# Far above our own limit of a body, which the application keeps: so that a chunked body's framing
# does not count, and that whoever sends too much still reads the 413.
_MOST_BODY_BYTES = 1024 * 1024
_MEMORY_BYTES = 16 * 1024  # of an unfinished body; beyond that it waits in a temporary file
# More than any answer of ours: workers leave the sending to the main loop, see above.
_ANSWER_BYTES = 18_000
_IDLE_SECONDS = 30
_REQUEST_SECONDS = 30.0  # from a request's first byte to its last, however they dribble
_MOST_NEWCOMERS = 32  # let in a round, so that processes which share a port share them, too
_BACKLOG = 100_000  # more than any kernel lets wait
_YOUNG_SECONDS = 0.5  # so long a new connection may be silent when we are about to end
_NONE_FREE = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_SHUT_SECONDS = 0.5  # so long no newcomer is let in, where the system has no room for one

log = logging.getLogger("receiver")


class _Dispatcher(waitress.task.ThreadedTaskDispatcher):  # type: ignore[misc]
    """Leaves the quick requests to the loop, which has read them anyway; threads do the rest."""

    def __init__(self, is_quick: Callable[[str], bool]) -> None:
        super().__init__()
        self._is_quick = is_quick
        self._quick: deque[Channel] = deque()

    def add_task(self, channel: Channel) -> None:
        request = channel.requests[0]
        if request.error is not None or self._is_quick(request.path):
            self._quick.append(channel)
        else:
            super().add_task(channel)

    def do_the_quick_ones(self) -> None:
        for _ in range(len(self._quick)):
            channel = self._quick.popleft()
            try:
                channel.service()
            except Exception:  # as in waitress's threads: one mistake ends one request
                self.logger.exception("Exception when servicing %r", channel)
                channel.will_close = True


class WebServer:
    """Serves the application on a listening socket until told to stop.

    The loop itself answers the paths that `is_quick`: what they run must never wait. It runs those
    that have come by now `together`.
    """

    def __init__(
        self,
        application: Any,
        listener: socket.socket,
        *,
        threads: int,
        is_quick: Callable[[str], bool] = lambda _: False,
        together: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext,
        handed_down: bool = False,
        trusted_proxy: str | None = None,
    ) -> None:
        self._together = together
        self._stopping = False
        self._woken = False
        self._look_again_at = 0.0
        self._shut_until: float | None = None
        self._handed_down = handed_down
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            self._dispatcher = _Dispatcher(is_quick)
            self._server = self._create(application, listener, self._dispatcher, trusted_proxy)
        self._dispatcher.set_thread_count(threads)
        self._server.channel_class = Channel
        self._pull_trigger = self._server.pull_trigger
        self._server.pull_trigger = self._wake
        self._accept_one = self._server.handle_accept
        self._server.handle_accept = self._accept_waiting
        self._accept_socket = self._server.accept
        self._server.accept = self._accept_where_there_is_room

    @staticmethod
    def _create(
        application: Any,
        listener: socket.socket,
        dispatcher: _Dispatcher,
        trusted_proxy: str | None,
    ) -> Any:
        return waitress.server.create_server(
            application,
            sockets=[listener],
            _dispatcher=dispatcher,
            max_request_body_size=_MOST_BODY_BYTES,
            max_request_header_size=32 * 1024,
            inbuf_overflow=_MEMORY_BYTES,
            send_bytes=_ANSWER_BYTES,
            connection_limit=allow_many_connections(),
            channel_timeout=_IDLE_SECONDS,
            cleanup_interval=5,
            asyncore_use_poll=True,  # select() ends at descriptor 1,024
            ident=None,
            # Who sends, for log lines. Host, scheme and port are those of PUBLIC_URL, never a
            # header's.
            trusted_proxy=trusted_proxy,
            trusted_proxy_headers={"x-forwarded-for"} if trusted_proxy else (),
            clear_untrusted_proxy_headers=False,  # /metrics wants to see them
        )

    def stop(self) -> None:
        """Safe in a signal handler and in any thread, and once is as good as twice."""
        if self._stopping:  # by now the pipe may be closed, and its number another file's
            return
        self._stopping = True
        with contextlib.suppress(OSError):  # closed already
            self._server.pull_trigger()

    def run(self, *, finish_seconds: float) -> None:
        """Serve; once stopped, take no new connection and answer what has come, up to a limit.

        Connections that wait unaccepted belong to whoever listens next on a socket that was handed
        down; on one of our own they are the last ones that we take.
        """
        self._loop(lambda: self._stopping)
        self._shut_until = None
        if not self._handed_down:
            self._server.accepting = True
            self._accept_waiting(most=_BACKLOG)
        self._server.accepting = False
        self._server.del_channel()
        give_up_at = time.monotonic() + finish_seconds
        self._loop(lambda: not self._busy() or time.monotonic() > give_up_at)
        self._dispatcher.shutdown(timeout=max(0.0, give_up_at - time.monotonic()) + 0.5)
        self._server.close()

    def _loop(self, done: Callable[[], bool]) -> None:
        while not done():
            # waitress's own run() ends only by an exception, and then drops what waits
            channels = self._server._map  # noqa: SLF001
            self._server.asyncore.loop(timeout=0.2, map=channels, use_poll=True, count=1)
            self._woken = False
            with self._together():
                self._dispatcher.do_the_quick_ones()
            self._end_what_takes_too_long()
            self._open_again()

    def _wake(self) -> None:
        """Interrupt the loop's waiting, once: a whole commit's answers need no more."""
        if not self._woken:
            self._woken = True
            self._pull_trigger()

    def _end_what_takes_too_long(self) -> None:
        now = time.monotonic()
        if now < self._look_again_at:
            return
        self._look_again_at = now + 1
        for channel in list(self._server.active_channels.values()):
            channel.end_what_takes_too_long(now, most_request_seconds=_REQUEST_SECONDS)

    def _accept_waiting(self, *, most: int = _MOST_NEWCOMERS) -> None:
        """Not one a round, as waitress does: newcomers would wait while the loop answers others."""
        known = -1
        for _ in range(most):
            if known == len(self._server.active_channels) or not self._server.readable():
                break
            known = len(self._server.active_channels)
            self._accept_one()

    def _accept_where_there_is_room(self) -> Any:
        """Newcomers wait where waitress would spin, and write a traceback each time."""
        try:
            return self._accept_socket()
        except OSError as problem:
            if problem.errno not in _NONE_FREE:
                raise
            log.warning("newcomers wait: %s; raise the limit of open files", problem.strerror)
            self._server.accepting = False
            self._shut_until = time.monotonic() + _SHUT_SECONDS
            return None

    def _open_again(self) -> None:
        if self._shut_until is not None and time.monotonic() >= self._shut_until:
            self._shut_until = None
            self._server.accepting = True

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
