"""[pure] The parts that we know to stand in the log, in the order of time.

Windows begin and end where no part is near, since its time in the log may differ a little.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from reconcile.plivo_log.coverage import SECOND, Span, second_of

# Offsets stay low: their maximum is not documented.
MOST_OFFSET = 5_000
# By how much the two times of one part may differ, where borders keep clear of it.
MARGIN = timedelta(milliseconds=1)
_TICK = timedelta(microseconds=1)
_LONGEST_LOOK = 120  # seconds to either side for a border in the clear


class Held:
    """The parts that we know to stand in the log, each with its time, by UUID."""

    def __init__(self, parts: Mapping[str, datetime]) -> None:
        self._parts = parts
        self._times = sorted(parts.values())

    def within(self, span: Span) -> int:
        return self._before(span.until_at) - self._before(span.from_at)

    def holds(self, uuid: str) -> bool:
        return uuid in self._parts

    def knows(self, uuid: str, at: datetime) -> bool:
        """Whether we hold it, at this time or at one that lies in the same spans.

        A whole second that is the fraction left out lies there, too, as all borders are whole.
        """
        held = self._parts.get(uuid)
        return held is not None and (
            abs(held - at) <= MARGIN or second_of(held) == at or held == second_of(at)
        )

    def spans(self, span: Span, *, most: int = MOST_OFFSET) -> list[Span]:
        """The span in parts, newest first, of about so many that we hold, with clear borders."""
        borders = [span.from_at, span.until_at]
        low = self._before(span.from_at)
        for place in range(low + most, self._before(span.until_at), most):
            at = self._clear(self._times[place], Span(borders[-2], span.until_at))
            if at is not None:
                borders.insert(-1, at)
        return [Span(*pair) for pair in pairwise(borders)][::-1]

    def wider(self, span: Span, inside: Span) -> Span:
        """The span with whole seconds in the clear as borders, outward, but not beyond `inside`."""
        low, high = second_of(span.from_at), second_of(span.until_at - _TICK) + SECOND
        while low > inside.from_at and not self.is_clear(low):
            low -= SECOND
        while high < inside.until_at and not self.is_clear(high):
            high += SECOND
        return Span(max(low, inside.from_at), min(high, inside.until_at))

    def middle(self, span: Span) -> datetime | None:
        """A clear border that parts what we hold into halves; None where none lies inside."""
        low, high = self._before(span.from_at), self._before(span.until_at)
        return self._clear(self._times[(low + high) // 2], span) if high - low > 1 else None

    def is_clear(self, border: datetime) -> bool:
        """Whether no part is so near that its time in the log may lie on the other side."""
        return self._before(border - MARGIN) == self._before(border + MARGIN)

    def borders_amid(self, span: Span, parts: int) -> bool:
        """Whether a clear whole second lies among so many parts in the middle of the span."""
        low, high = self._before(span.from_at), self._before(span.until_at)
        first = max((low + high - parts) // 2, low)
        some = self._times[first : min(first + parts, high)]
        return any(
            older < second_of(newer) and self.is_clear(second_of(newer))
            for older, newer in pairwise(some)
        )

    def ends_of_seconds(
        self, times: Sequence[datetime], offset: int, span: Span
    ) -> list[tuple[datetime, int]] | None:
        """Clear borders of the span on a page that begins at the offset: rows that are newer.

        None where the page is not newest first.
        """
        if any(newer < older for newer, older in pairwise(times)):
            return None
        return [
            (second_of(newer), rank)
            for rank, (newer, older) in enumerate(pairwise(times), start=offset + 1)
            if older < second_of(newer) < span.until_at and self.is_clear(second_of(newer))
        ]

    def _before(self, at: datetime) -> int:
        return bisect_left(self._times, at)

    def _clear(self, near: datetime, inside: Span) -> datetime | None:
        """The nearest whole second inside that no part is near."""
        for steps in range(_LONGEST_LOOK):
            for at in (second_of(near) - steps * SECOND, second_of(near) + (steps + 1) * SECOND):
                if inside.from_at < at < inside.until_at and self.is_clear(at):
                    return at
        return None
