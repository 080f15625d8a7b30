"""[I/O] Windows of the log known by counting: which rows there are (see `counting`).

How they ended is another question: `counted_states` asks it.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta

from reconcile.plivo_log.asked_states import AskedStates
from reconcile.plivo_log.counted_states import OUTBOUND, CountedStates, timed
from reconcile.plivo_log.counting import (
    Answer,
    Asking,
    Count,
    Found,
    Listing,
    Look,
    Probe,
    Seen,
)
from reconcile.plivo_log.coverage import SECOND, Span, Window, overlap, second_of, without
from reconcile.plivo_log.forecast import most_listed_a_day
from reconcile.plivo_log.held import Held
from reconcile.plivo_log.known_parts import KnownParts
from reconcile.plivo_log.outages import with_lead_in
from reconcile.plivo_log.reader import Reader, Tell
from reconcile.plivo_log.windows import READ_AGAIN_AFTER, RETENTION

log = logging.getLogger("reconcile")

# Reports of a message may still be under way: Plivo tries for seven minutes.
SETTLED_AFTER = timedelta(minutes=15)
OLDEST = RETENTION - timedelta(days=1)  # rows leave the log
_MARGIN = 5 * SECOND
_DAY = timedelta(days=1)


class CountedPull:
    """Reads spans of one UTC day each through a reader, counting where that is cheaper."""

    def __init__(
        self,
        reader: Reader,
        known: KnownParts,
        asked_states: AskedStates,
        *,
        ledger: Sequence[Window],
        unheard: Sequence[Span],
        now: datetime,
        per_minute: int,
    ) -> None:
        """`ledger`: what was counted before, whose states may be due. `unheard`: what to list."""
        self._reader = reader
        self._known = known
        self._states = CountedStates(reader, known, asked_states, now=now)
        self._now = now
        self._per_minute = per_minute
        self._unheard = unheard
        self._counted = {
            day
            for window in ledger
            if window.how == "counted" and window.until_at > now - READ_AGAIN_AFTER[-1] - _DAY
            for day in _days(window.span)
        }
        self._works: bool | None = None  # offsets and clocks; asked of the log once

    def pays(self, span: Span) -> bool:
        """Whether the span is to be counted: large, and such that the log can be counted."""
        settled = overlap(span, self._countable())
        if settled is None or self._works is False:
            return False
        rows = self._known.of(settled).held.within(settled)
        a_day = rows * (_DAY / (settled.until_at - settled.from_at))
        if a_day <= most_listed_a_day(self._per_minute):
            return False
        if self._works is None:
            self._works = self._log_counts_as_we_do(settled)
        return bool(self._works)

    def read(self, span: Span, tell: Tell) -> None:
        """Count and list until every row of the span is known."""
        settled = overlap(span, self._countable())
        if settled is None:
            return
        known = self._known.of(settled)
        to_list = _together(
            known.held.wider(common, settled)
            for each in (
                *(with_lead_in(outage, known.parts) for outage in self._unheard),
                *map(_around, known.doubtful),
                *_unclear_ends(settled, known.held),
            )
            if (common := overlap(each, settled))
        )
        for piece in sorted((*without([settled], to_list), *to_list), reverse=True):
            if piece in to_list:
                self._reader.read([piece], tell)
            else:
                self._count(piece, known.held, tell)
        self._counted |= _days(settled)

    def _countable(self) -> Span:
        return Span(second_of(self._now - OLDEST), second_of(self._now - SETTLED_AFTER))

    def _count(self, span: Span, held: Held, tell: Tell) -> None:
        """What is known is entered in stretches; when it is stopped, as far as it came."""
        count = Count(held)
        stretch: list[Found] = []
        try:
            for window in held.spans(span):
                for found in self._asked(count.window(window)):
                    if isinstance(found, Listing):
                        self._enter(stretch)
                        self._reader.read([found.span], tell)
                    else:
                        stretch.append(found)
                        tell(found.span)
        finally:
            self._enter(stretch)
        for odd in count.odd:
            log.warning("the log from %s until %s does not hold what was reported; it was listed",
                        odd.from_at, odd.until_at)  # fmt: skip

    def _asked(self, asking: Asking) -> Iterator[Found | Listing]:
        answer: Answer = None
        while True:
            try:
                ask = asking.send(answer)
            except StopIteration:
                return
            answer = None
            if isinstance(ask, Probe):
                page = self._reader.page(ask.span, ask.offset, OUTBOUND)
                answer = Seen(timed(page.rows), more=page.next is not None)
            elif isinstance(ask, Look):
                answer = Seen(timed(self._reader.walk(ask.span, OUTBOUND)))
            else:
                yield ask

    def _enter(self, stretch: list[Found]) -> None:
        """Findings that touch, newest first, as one window."""
        if stretch:
            window = Window(
                stretch[-1].span.from_at, stretch[0].span.until_at, self._now, "counted",
                sum(found.rows for found in stretch), self._reader.account,
            )  # fmt: skip
            self._reader.writer.keep([], window)
            stretch.clear()

    def _log_counts_as_we_do(self, span: Span) -> bool:
        """Whether it honours offsets, and dates what we hold as the reports do."""
        held = self._known.of(span).held
        window = held.spans(span)[0]
        if held.within(window) <= 1:
            return True
        first = self._reader.page(window, 0, OUTBOUND)
        second = self._reader.page(window, 1, OUTBOUND)
        rows = [uuid for uuid, _ in timed(first.rows)]
        if rows[1:2] != [uuid for uuid, _ in timed(second.rows)][:1]:
            log.warning("Plivo's log does not honour offsets; windows are listed, not counted")
            return False
        dated = [(uuid, at) for uuid, at in timed(first.rows) if held.holds(uuid)]
        if 2 * sum(held.knows(uuid, at) for uuid, at in dated) < len(dated):
            log.warning("Plivo's log dates messages otherwise than its reports; windows are listed")
            return False
        return True

    def ask_states(self) -> None:
        """Of the days that were counted, now or before."""
        self._states.ask(self._counted)


def _around(at: datetime) -> Span:
    return Span(second_of(at) - _MARGIN, second_of(at) + _MARGIN)


def _unclear_ends(span: Span, held: Held) -> list[Span]:
    """Midnight cannot be chosen: where a part is so near that its row may lie on the other side."""
    ends = (Span(span.from_at, span.from_at + SECOND), Span(span.until_at - SECOND, span.until_at))
    unclear = [at for at in (span.from_at, span.until_at) if not held.is_clear(at)]
    return [end for end in ends if {end.from_at, end.until_at} & set(unclear)]


def _days(span: Span) -> set[date]:
    last = (span.until_at - SECOND).date()
    days = (last - span.from_at.date()).days
    return {last - timedelta(days=back) for back in range(days + 1)}


def _together(spans: Iterable[Span]) -> list[Span]:
    """Spans that touch become one."""
    joined: list[Span] = []
    for span in sorted(spans):
        if joined and span.from_at <= joined[-1].until_at:
            joined[-1] = Span(joined[-1].from_at, max(span.until_at, joined[-1].until_at))
        else:
            joined.append(span)
    return joined
