"""[pure] Which of the parts that we hold as open have ended in the log? Asked by counting the rest.

Of a closed window let S be what we hold as sent and not ended, and T the rows that the log says are
`sent`. Where no part has ended by its reports that the log still calls sent, T is a subset of S: so
as many of ours have ended as T is smaller. One request tells: of n held, the page at offset n - 19
shows 19 rows, all of them ours. Where it shows fewer, halves of time are asked, then pages by their
rank (see `counting`), down to those that ended.
Where it shows more, or one that is not of ours, the log lags behind the reports (LogLags): then an
end may hide behind a lag, and only seeing the rows tells. COUNTING.md has the argument.
"""

from bisect import bisect_left
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import datetime

from reconcile.plivo_log.counting import PAGES_OF_MANY, Look, Probe, Seen
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.held import Held
from reconcile.plivo_log.page import PAGE_ROWS

# One row less than a page: so a page that is full has one too many.
_SHOWN = PAGE_ROWS - 1

Asking = Generator[Probe | Look, Seen | None, frozenset[str]]


class LogLags(Exception):
    """The log calls sent what has ended by its reports, or what we do not know."""


@dataclass(frozen=True, slots=True)
class _Count:
    """By how many the log has fewer than we, None for too many to tell; whom the page showed."""

    fewer: int | None
    shown: frozenset[str]


class OpenCount:
    """Counts windows of at most about MOST_OFFSET parts that are held as open."""

    def __init__(self, parts: Mapping[str, datetime]) -> None:
        self.held = Held(parts)
        self._ordered = sorted((at, uuid) for uuid, at in parts.items())

    def of(self, span: Span) -> frozenset[str]:
        low, high = (bisect_left(self._ordered, (at, "")) for at in (span.from_at, span.until_at))
        return frozenset(uuid for _, uuid in self._ordered[low:high])

    def ended(self, span: Span) -> Asking:
        """Those of the window that the log no longer calls sent. Raises LogLags."""
        if not self.held.within(span):
            return frozenset()
        return (yield from self._search(span, (yield from self._count(span))))

    def _count(self, span: Span) -> Generator[Probe | Look, Seen | None, _Count]:
        known = self.held.within(span)
        offset = max(known - _SHOWN, 0)
        page = yield Probe(span, offset)
        shown = self._ours(page)
        if (page and page.more) or len(shown) > known - offset:
            raise LogLags
        return _Count(known - offset - len(shown) if shown or not offset else None, shown)

    def _search(self, span: Span, count: _Count) -> Asking:
        """Halves of time, until a page tells how many have ended in each."""
        known = self.held.within(span)
        if known <= _SHOWN:
            return self.of(span) - count.shown
        if count.fewer is not None:
            ended = yield from self._by_rank(span, count.fewer)
            return ended if len(ended) == count.fewer else (yield from self._seen(span))
        return (yield from self._by_time(span))

    def _by_time(self, span: Span) -> Asking:
        middle = self.held.middle(span)
        if middle is None:
            return (yield from self._seen(span))
        newer, older = Span(middle, span.until_at), Span(span.from_at, middle)
        of_newer = yield from self._count(newer)
        of_older = yield from self._count(older)
        is_small = self.held.within(span) <= PAGES_OF_MANY * PAGE_ROWS
        if is_small and of_newer.fewer is None and of_older.fewer is None:
            return (yield from self._seen(span))
        above = yield from self._search(newer, of_newer)
        return above | (yield from self._search(older, of_older))

    def _by_rank(self, span: Span, fewer: int) -> Asking:
        """From the page in the middle, as `counting` does; who is found may be too few."""
        if fewer <= 0:
            return frozenset()
        rows = self.held.within(span) - fewer
        offset = max((rows - PAGE_ROWS) // 2, 0)
        page = yield Probe(span, offset)
        shown = self._ours(page)
        if page is None or rows <= PAGE_ROWS:
            return self.of(span) - shown
        ends = self.held.ends_of_seconds([at for _, at in page.rows], offset, span)
        if not ends:
            return (yield from self._by_time(span))
        (high, above), (low, not_below) = ends[0], ends[-1]
        newer, older = Span(high, span.until_at), Span(span.from_at, low)
        between = self.of(Span(low, high)) - shown if low < high else frozenset()
        found = yield from self._by_rank(newer, self.held.within(newer) - above)
        below = self.held.within(older) - (rows - not_below)
        return found | between | (yield from self._by_rank(older, below))

    def _seen(self, span: Span) -> Asking:
        return self.of(span) - self._ours((yield Look(span)))

    def _ours(self, page: Seen | None) -> frozenset[str]:
        assert page is not None  # noqa: S101  what is sent for it
        if not all(self.held.holds(uuid) for uuid, _ in page.rows):
            raise LogLags
        return frozenset(uuid for uuid, _ in page.rows)
