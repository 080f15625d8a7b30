"""[pure] Is there a row in the log that we do not hold? Asked by counting instead of listing.

What reports (and rows pulled before) tell us of a closed window is a subset of what the log holds
of it: so if the counts are equal, the sets are. One request counts: at offset n - 1, with our n,
the log must answer exactly one row, and one that we know. Where it answers more, rows are missing,
and are searched until all of them were seen. COUNTING.md has the argument and its limits.

Nothing that is found rests on the order of rows: that a span is known is said only once as many
unknown rows of it were seen as are missing. The order saves requests. A page from the middle of a
span that is newest first tells, wherever a second ends in it, how many rows are newer: their rank
against ours says how many are missing above and below, and of the page itself none. Where the order
is another, or one second fills the page, halves of time are counted instead.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.held import Held
from reconcile.plivo_log.page import PAGE_ROWS

# A span of so few pages is listed where its middle page tells nothing: halving would cost as much,
_FEW_PAGES = 2
# ... and one of so many where more is missing in both halves than a page tells.
PAGES_OF_MANY = 64


@dataclass(frozen=True, slots=True)
class Probe:
    """Ask for the page of outbound rows of this span that begins at the offset."""

    span: Span
    offset: int


@dataclass(frozen=True, slots=True)
class Look:
    """See all outbound rows of this span."""

    span: Span


@dataclass(frozen=True, slots=True)
class Listing:
    """List all of this span, as if nothing had been counted. Nothing is sent for it."""

    span: Span


@dataclass(frozen=True, slots=True)
class Seen:
    """The answer to a probe or a look: UUID and time of each row, and whether more follow."""

    rows: tuple[tuple[str, datetime], ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Every outbound row of this span is known now; how many there are. Nothing is sent for it."""

    span: Span
    rows: int


Ask = Probe | Look | Listing | Found
Answer = Seen | None
Asking = Generator[Ask, Answer, None]
# How many rows the log has beyond ours; or so many that one page does not tell.
Missing = int | Literal["many"]


class Odd(Exception):
    """The log says what cannot be: fewer rows than ours, or one of ours at another time."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A span in two, and how many are missing in each; what lies between them was seen."""

    newer: Span
    of_newer: int
    older: Span
    of_older: int


@dataclass(slots=True)
class Count:
    """Counts windows of at most about MOST_OFFSET held parts."""

    held: Held
    by_rank: bool = True  # False once the log was seen in another order than newest first
    odd: list[Span] = field(default_factory=list)  # where the log contradicted what we hold
    _met: dict[str, datetime] = field(default_factory=dict)  # rows seen that we do not hold

    def window(self, span: Span) -> Asking:
        """Ask until every row of the window is held or was seen; what is known, newest first."""
        try:
            missing = yield from self._missing(span)
            found = yield from self._all_of(span, missing)
        except Odd:
            self.odd.append(span)
            yield Listing(span)
            return
        yield from found

    def _all_of(
        self, span: Span, missing: Missing
    ) -> Generator[Ask, Answer, list[Found | Listing]]:
        """Halves of time, until one page tells how many are missing in each."""
        if missing != "many":
            found = yield from self._search(span, missing)
            if self._met_in(span) != missing:
                raise Odd
            return found
        middle = self.held.middle(span)
        if middle is None:
            return [Listing(span)]
        newer, older = Span(middle, span.until_at), Span(span.from_at, middle)
        of_newer = yield from self._missing(newer)
        of_older = yield from self._missing(older)
        is_small = self.held.within(span) <= PAGES_OF_MANY * PAGE_ROWS
        if is_small and (of_newer, of_older) == ("many", "many"):
            return [Listing(span)]
        above = yield from self._all_of(newer, of_newer)
        below = yield from self._all_of(older, of_older)
        return [*above, *below]

    def _search(self, span: Span, missing: int) -> Generator[Ask, Answer, list[Found | Listing]]:
        """Until as many unknown rows were seen as are missing."""
        rows = self.held.within(span) + missing
        cut = None
        if self._met_in(span) != missing and rows > PAGE_ROWS:
            cut = yield from self._cut(span, missing)
        if self._met_in(span) == missing:
            return [Found(span, rows)]
        if cut is None:
            yield from self._see(Look(span))
            return [Found(span, rows)]
        found = yield from self._search(cut.newer, cut.of_newer)
        if cut.older.until_at < cut.newer.from_at:
            between = Span(cut.older.until_at, cut.newer.from_at)
            found.append(Found(between, self.held.within(between) + self._met_in(between)))
        below = yield from self._search(cut.older, cut.of_older)
        return [*found, *below]

    def _cut(self, span: Span, missing: int) -> Generator[Ask, Answer, _Cut | None]:
        """None where seeing all of it costs no more."""
        if self.by_rank and self.held.borders_amid(span, PAGE_ROWS - min(missing, PAGE_ROWS // 2)):
            cut = yield from self._by_rank(span, missing)
            if cut or self._met_in(span) == missing:
                return cut
        if self.held.within(span) + missing <= _FEW_PAGES * PAGE_ROWS:
            return None
        return (yield from self._by_time(span, missing))

    def _by_rank(self, span: Span, missing: int) -> Generator[Ask, Answer, _Cut | None]:
        """From the middle page; None where it does not fall, or not from second to second."""
        rows = self.held.within(span) + missing
        offset = (rows - PAGE_ROWS) // 2
        page = yield from self._see(Probe(span, offset))
        ends = self.held.ends_of_seconds([at for _, at in page.rows], offset, span)
        self.by_rank = ends is not None
        if not ends:
            return None
        (high, above), (low, not_below) = ends[0], ends[-1]
        newer, older = Span(high, span.until_at), Span(span.from_at, low)
        of_newer = above - self.held.within(newer)
        of_older = rows - not_below - self.held.within(older)
        if of_newer < 0 or of_older < 0:
            raise Odd
        return _Cut(newer, of_newer, older, of_older)

    def _by_time(self, span: Span, missing: int) -> Generator[Ask, Answer, _Cut | None]:
        middle = self.held.middle(span)
        if middle is None:
            return None
        newer, older = Span(middle, span.until_at), Span(span.from_at, middle)
        of_newer = yield from self._missing(newer)
        if of_newer == "many" or of_newer > missing:
            raise Odd
        return _Cut(newer, of_newer, older, missing - of_newer)

    def _missing(self, span: Span) -> Generator[Ask, Answer, Missing]:
        known = self.held.within(span)
        page = yield from self._see(Probe(span, max(known - 1, 0)))
        if page.more or len(page.rows) >= PAGE_ROWS:
            return "many"
        ours = [self.held.holds(uuid) for uuid, _ in page.rows]
        if known and ours in ([], [False]):
            raise Odd
        return len(ours) - min(known, 1)

    def _see(self, ask: Probe | Look) -> Generator[Ask, Answer, Seen]:
        """Raises Odd where a part that we hold stands at another time."""
        answer = yield ask
        assert answer is not None  # noqa: S101  what is sent for it
        for uuid, at in answer.rows:
            if not self.held.holds(uuid):
                self._met[uuid] = at
            elif not self.held.knows(uuid, at):
                raise Odd
        return answer

    def _met_in(self, span: Span) -> int:
        return sum(map(span.holds, self._met.values()))
