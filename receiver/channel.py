"""[I/O] One connection, as waitress serves it, and answers that are held until they are true.

A thread that waited for its commit would be woken for each request, and that costs more than all
else that the receiver does. So the application may ask to hold its answer,

    settle = environ[HOLD_ANSWER]()     # the answer that follows does not leave …
    settle(None)                        # … until somebody, in any thread, says that it is true
    settle(problem)                     # … or that it is not: then a 503 leaves in its place

and returns as usual: the thread is free, and whoever settles sends the answer. Answers of one
connection keep the order of their requests. Another server has no such key in its environ.
"""

import contextlib
import itertools
import time
from typing import Any

import waitress.channel
import waitress.parser
import waitress.task
import waitress.utilities

from receiver.webhook import HOLD_ANSWER, MOST_BODY_BYTES, Settle

_MOST_SECONDS = 30.0  # that an answer is held; then the sender had better come again


class Channel(waitress.channel.HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection whose answers can be held, and that cannot be made to wait for ever."""

    request_began_at = 0.0
    held: "_HeldAnswer | None" = None

    @property
    def parser_class(self) -> type:
        return _Parser

    def task_class(self, _channel: "Channel", request: Any) -> Any:
        """What waitress is to carry out for a request: the application, then what it held."""
        return self.held or _Task(self, request)

    def service(self) -> None:
        with contextlib.suppress(_Held):  # entered again, and gone through, by whoever settles
            super().service()

    def write_soon(self, data: bytes) -> int:
        if self.held is not None:
            return self.held.write(data)
        return int(super().write_soon(data))

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

    def end_what_takes_too_long(self, now: float, *, most_request_seconds: float) -> None:
        if self.request is not None and now - self.request_began_at > most_request_seconds:
            self.will_close = True
        held = self.held  # once: whoever settles takes it away, in another thread
        if held is not None and now - held.began_at > _MOST_SECONDS:
            held.settle(TimeoutError(f"the disk took longer than {_MOST_SECONDS:.0f} s"))


class _Held(BaseException):
    """Leaves waitress's way of serving a request in the middle; no `except Exception` stops it."""


class _Task(waitress.task.WSGITask):  # type: ignore[misc]
    """Runs the application; the end of a held answer is left to whoever settles it."""

    _held: "_HeldAnswer | None" = None

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ[HOLD_ANSWER] = self._hold
        return environ

    def _hold(self) -> Settle:
        self._held = self.channel.held = _HeldAnswer(self)
        return self._held.settle

    def service(self) -> None:
        try:
            super().service()
        except BaseException:
            if self._held is not None:
                self._held.drop()
            raise
        if self._held is not None:
            if not self._held.is_settled_by_now():
                raise _Held
            self._held.service()


class _HeldAnswer:
    """The second half of a task: sends what the first half wrote, or a 503 in its place."""

    wrote_header = False
    close_on_finish = False

    def __init__(self, task: _Task) -> None:
        self.began_at = time.monotonic()
        self.request = task.request
        self._task = task
        self._channel = task.channel
        self._written: list[bytes] = []
        self._problem: Exception | None = None
        # The application ends and somebody settles, in any order: the second of the two sends.
        # Drawing from a counter is one step, whatever other threads do.
        self._steps = itertools.count(1)
        self._settlings = itertools.count(1)

    def write(self, data: bytes) -> int:
        self._written.append(data)
        return len(data)

    def is_settled_by_now(self) -> bool:
        return next(self._steps) == 2

    def settle(self, problem: Exception | None) -> None:
        """Once only: what comes later has no effect."""
        if next(self._settlings) > 1:
            return
        self._problem = problem
        if next(self._steps) == 2:
            self._channel.service()

    def drop(self) -> None:
        """Another answer is sent at once; settling this one has no effect any more."""
        self._channel.held = None
        next(self._steps)
        next(self._steps)

    def service(self) -> None:
        self._channel.held = None
        if self._problem is None:
            self.close_on_finish = self._task.close_on_finish
            self._channel.write_soon(b"".join(self._written))
            return
        self.close_on_finish = self._task.close_on_finish = True
        self.request.error = _NotNow("try again")
        waitress.task.ErrorTask(self._channel, self.request).service()


class _NotNow(waitress.utilities.Error):  # type: ignore[misc]
    code = 503
    reason = "Service Unavailable"


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
