"""[pure] How far a pull has come, for whoever watches it."""

from collections.abc import Sequence
from dataclasses import dataclass

from reconcile.plivo_log.coverage import Span, overlap


@dataclass(frozen=True, slots=True)
class Progress:
    """`minutes_left` is an estimate, None as long as there is nothing to estimate from."""

    windows_done: int
    windows: int
    requests: int
    rows: int
    minutes_left: float | None


class Course:
    """The planned windows, which are disjoint, and how much of each is not read yet."""

    def __init__(self, windows: Sequence[Span], per_minute: int) -> None:
        self._left = {window: _seconds(window) for window in windows}
        self._whole = sum(self._left.values())
        self._per_minute = per_minute

    @property
    def done(self) -> int:
        return sum(seconds <= 0 for seconds in self._left.values())

    def read(self, stretch: Span) -> None:
        """The stretch was read; none is told of twice."""
        for window in self._left:
            if common := overlap(window, stretch):
                self._left[window] -= _seconds(common)

    def finish(self, window: Span) -> None:
        self._left[window] = 0.0

    def progress(self, requests: int, rows: int) -> Progress:
        return Progress(self.done, len(self._left), requests, rows, self._minutes_left(requests))

    def _minutes_left(self, requests: int) -> float | None:
        """As many requests for the time that is left as for the time that was read."""
        left = sum(self._left.values())
        if left >= self._whole:
            return None
        windows_left = len(self._left) - self.done
        return max(windows_left, requests * left / (self._whole - left)) / self._per_minute


def _seconds(span: Span) -> float:
    return (span.until_at - span.from_at).total_seconds()
