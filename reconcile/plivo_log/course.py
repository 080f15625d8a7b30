"""[pure] How far a pull has come, for whoever watches it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reconcile.plivo_log.coverage import Span


@dataclass(frozen=True, slots=True)
class Progress:
    """`minutes_left` is an estimate, None as long as there is nothing to estimate from."""

    windows_done: int
    windows: int
    requests: int
    rows: int
    minutes_left: float | None


class Course:
    """The planned windows, and how many of them are read to their end."""

    def __init__(self, windows: Sequence[Span], per_minute: int) -> None:
        self.done = 0
        self._windows = windows
        self._per_minute = per_minute

    def progress(self, requests: int, rows: int, down_to: datetime | None) -> Progress:
        """`down_to`: how far the window that is being read was read, from its end."""
        left = self._minutes_left(requests, down_to)
        return Progress(self.done, len(self._windows), requests, rows, left)

    def _minutes_left(self, requests: int, down_to: datetime | None) -> float | None:
        """As many requests for the time that is left as for the time that was read."""
        read = sum(_seconds(w.from_at, w.until_at) for w in self._windows[: self.done])
        for here in self._windows[self.done : self.done + 1]:
            read += _seconds(down_to or here.until_at, here.until_at)
        left = sum(_seconds(w.from_at, w.until_at) for w in self._windows) - read
        if read <= 0:
            return None
        windows_left = len(self._windows) - self.done
        return max(windows_left, requests * left / read) / self._per_minute


def _seconds(low: datetime, high: datetime) -> float:
    return (high - low).total_seconds()
