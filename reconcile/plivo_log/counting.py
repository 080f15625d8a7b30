"""[pure] Is there a row in the log that we do not hold? Asked by counting instead of listing.

What reports (and rows pulled before) tell us of a closed window is a subset of what the log holds
of it: so if the counts are equal, the sets are. One request counts: at offset n - 1, with our n,
the log must answer exactly one row, and one that we know. Where it answers more, rows are missing,
and halves of the window are counted in turn, down to spans that are listed. COUNTING.md has the
argument and its limits.

Nothing here rests on the order of rows, only on which of them lie in a span; so spans begin and
end where no part that we hold is near, since its time in the log may differ a little.
"""

from bisect import bisect_left
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from reconcile.plivo_log.coverage import SECOND, Span, second_of
from reconcile.plivo_log.page import PAGE_ROWS

# Offsets stay low: their maximum is not documented.
MOST_OFFSET = 5_000
# By how much the two times of one part may differ, where borders keep clear of it.
MARGIN = timedelta(milliseconds=1)
# A span of so few pages is listed: halving it would cost as much.
_FEW_PAGES = 2
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
        """The span with borders in the clear, outward where it can be."""
        low, high = self._clear(span.from_at, inside), self._clear(span.until_at, inside)
        return Span(
            min(span.from_at, low) if low else inside.from_at,
            max(span.until_at, high) if high else inside.until_at,
        )

    def middle(self, span: Span) -> datetime | None:
        """A clear border that parts what we hold into halves; None where none lies inside."""
        low, high = self._before(span.from_at), self._before(span.until_at)
        return self._clear(self._times[(low + high) // 2], span) if high - low > 1 else None

    def _before(self, at: datetime) -> int:
        return bisect_left(self._times, at)

    def _clear(self, near: datetime, inside: Span) -> datetime | None:
        """The nearest whole second inside that no part is near."""
        for steps in range(_LONGEST_LOOK):
            for at in (second_of(near) - steps * SECOND, second_of(near) + (steps + 1) * SECOND):
                if inside.from_at < at < inside.until_at and (
                    self._before(at - MARGIN) == self._before(at + MARGIN)
                ):
                    return at
        return None


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask for the page of outbound rows of this span that begins at the offset."""

    span: Span
    offset: int


@dataclass(frozen=True, slots=True)
class Look:
    """See all outbound rows of this span, of few pages; it is sent their number."""

    span: Span


@dataclass(frozen=True, slots=True)
class Listing:
    """List all of this span, as if nothing had been counted. Nothing is sent for it."""

    span: Span


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer to a probe: UUID and time of the rows of the page, and whether more follow."""

    rows: tuple[tuple[str, datetime], ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Every outbound row of this span is known now; how many there are. Nothing is sent for it."""

    span: Span
    rows: int


Ask = Probe | Look | Listing | Found
Answer = Seen | int | None
Asking = Generator[Ask, Answer, None]
# How many rows the log has beyond ours; so many that one page does not tell; or what cannot be:
# fewer rows than ours, or one at the probe that we do not know.
Missing = int | Literal["many", "odd"]


@dataclass(slots=True)
class Count:
    """Counts windows of at most about MOST_OFFSET held parts."""

    held: Held
    odd: list[Span] = field(default_factory=list)  # where the log contradicted what we hold
    _met: dict[str, datetime] = field(default_factory=dict)  # rows of probes that we do not hold

    def window(self, span: Span) -> Asking:
        """Ask until every row of the window is held or was seen; what is known, newest first."""
        missing = yield from self._missing(span)
        if missing == "odd":
            yield from self._odd(span)
        else:
            yield from self._search(span, missing)

    def _missing(self, span: Span) -> Generator[Ask, Answer, Missing]:
        known = self.held.within(span)
        answer = yield Probe(span, max(known - 1, 0))
        assert isinstance(answer, Seen)  # noqa: S101  what a probe is sent
        ours = [self.held.knows(uuid, at) for uuid, at in answer.rows]
        self._met |= {
            uuid: at for (uuid, at), is_ours in zip(answer.rows, ours, strict=True) if not is_ours
        }
        if answer.more or len(ours) >= PAGE_ROWS:
            return "many"
        if known and ours in ([], [False]):
            return "odd"
        return len(ours) - min(known, 1)

    def _search(self, span: Span, missing: Missing) -> Asking:
        """Where rows are missing, in halves, until all that we do not hold are seen."""
        known = self.held.within(span)
        if isinstance(missing, int) and missing == sum(map(span.holds, self._met.values())):
            yield Found(span, known + missing)
            return
        middle = self.held.middle(span)
        few = isinstance(missing, int) and known + missing <= _FEW_PAGES * PAGE_ROWS
        if few:
            rows = yield Look(span)
            assert isinstance(rows, int)  # noqa: S101  what a look is sent
            yield Found(span, rows)
            return
        if middle is None:
            yield Listing(span)
            return
        newer, older = Span(middle, span.until_at), Span(span.from_at, middle)
        of_newer = yield from self._missing(newer)
        if isinstance(missing, int) and isinstance(of_newer, int):
            of_older: Missing = missing - of_newer
        else:
            of_older = yield from self._missing(older)
        if (missing, of_newer, of_older) == ("many", "many", "many"):
            yield Listing(span)
        elif "odd" in (of_newer, of_older) or (isinstance(of_older, int) and of_older < 0):
            yield from self._odd(span)
        else:
            yield from self._search(newer, of_newer)
            yield from self._search(older, of_older)

    def _odd(self, span: Span) -> Asking:
        self.odd.append(span)
        yield Listing(span)
