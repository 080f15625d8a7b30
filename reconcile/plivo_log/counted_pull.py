"""[I/O] Windows of the log known by counting, and the states that counting does not tell.

Membership is proved by counts (see `counting`), states are not: our delivered against the log's
undelivered, and the reverse, cancel in any count. So of parts that have not ended by our reports
the log is asked, and of those that have a random sample.
"""

import hashlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

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
from reconcile.plivo_log.forecast import SAMPLE_OF_A_DAY, most_listed_a_day
from reconcile.plivo_log.held import Held
from reconcile.plivo_log.known_parts import Known, KnownParts, Part
from reconcile.plivo_log.log_row import LogRow
from reconcile.plivo_log.page import PAGE_ROWS
from reconcile.plivo_log.reader import Reader, Tell
from reconcile.plivo_log.windows import READ_AGAIN_AFTER, RETENTION

log = logging.getLogger("reconcile")

OUTBOUND = {"message_direction": "outbound"}
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
        *,
        ledger: Sequence[Window],
        now: datetime,
        per_minute: int,
    ) -> None:
        """`ledger`: what was counted before, whose states may be due."""
        self._reader = reader
        self._known = known
        self._now = now
        self._per_minute = per_minute
        self._outages = known.outages(now)
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
            known.held.wider(each, settled)
            for each in (*self._within(settled), *map(_around, known.doubtful))
            if overlap(each, settled)
        )
        for piece in sorted((*without([settled], to_list), *to_list), reverse=True):
            if piece in to_list:
                self._reader.read([piece], tell)
            else:
                self._count(piece, known.held, tell)
        self._counted |= _days(settled)

    def _countable(self) -> Span:
        return Span(second_of(self._now - OLDEST), second_of(self._now - SETTLED_AFTER))

    def _within(self, settled: Span) -> list[Span]:
        return [common for outage in self._outages if (common := overlap(outage, settled))]

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
                answer = Seen(tuple(_timed(page.rows)), more=page.next is not None)
            elif isinstance(ask, Look):
                answer = Seen(tuple(_timed(self._reader.walk(ask.span, OUTBOUND))))
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
        rows = [uuid for uuid, _ in _timed(first.rows)]
        if rows[1:2] != [uuid for uuid, _ in _timed(second.rows)][:1]:
            log.warning("Plivo's log does not honour offsets; windows are listed, not counted")
            return False
        dated = [(uuid, at) for uuid, at in _timed(first.rows) if held.holds(uuid)]
        if 2 * sum(held.knows(uuid, at) for uuid, at in dated) < len(dated):
            log.warning("Plivo's log dates messages otherwise than its reports; windows are listed")
            return False
        return True

    def ask_states(self) -> None:
        """Of the days that were counted: of open parts that are due, of a sample of the ended."""
        for day in sorted(self._counted, reverse=True):
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            self._ask_states(self._known.of(Span(begin, begin + _DAY)))

    def _ask_states(self, known: Known) -> None:
        due = [part for part in known.parts if not part.final and self._is_due(part)]
        for hour, parts in _by_hour(due).items():
            words = self._still_open(hour, len(parts))
            for part in parts:
                if part.message_uuid not in words:
                    self._reader.message(part.message_uuid)
        for part in _sample(known.parts):
            self._reader.message(part.message_uuid)

    def _still_open(self, hour: Span, parts: int) -> set[str]:
        """Whose state is `sent` in the log, where asking for all is cheaper than for each."""
        if parts <= PAGE_ROWS // 2:
            return set()
        rows = self._reader.walk(hour, {**OUTBOUND, "message_state": "sent"})
        return {str(row.message_uuid) for row in rows}

    def _is_due(self, part: Part) -> bool:
        last = part.asked_at or part.message_time
        return any(last < part.message_time + step <= self._now for step in READ_AGAIN_AFTER)


def _sample(parts: Sequence[Part]) -> list[Part]:
    """Of each day the parts whose UUIDs hash lowest: random, and the same however often asked."""
    ended = [part for part in parts if part.final]
    drawn = sorted(ended, key=lambda part: hashlib.sha256(part.message_uuid.encode()).digest())
    by_day: dict[object, list[Part]] = {}
    for part in drawn:
        by_day.setdefault(part.message_time.date(), []).append(part)
    return [
        part for of_day in by_day.values() for part in of_day[:SAMPLE_OF_A_DAY] if not part.asked_at
    ]


def _by_hour(parts: Iterable[Part]) -> dict[Span, list[Part]]:
    hours: dict[Span, list[Part]] = {}
    for part in parts:
        begin = part.message_time.replace(minute=0, second=0, microsecond=0)
        hours.setdefault(Span(begin, begin + timedelta(hours=1)), []).append(part)
    return hours


def _timed(rows: Iterable[LogRow]) -> list[tuple[str, datetime]]:
    """A row without a time that can be read matches nothing that we hold."""
    return [
        (str(row.message_uuid), row.message_time or datetime.min.replace(tzinfo=UTC))
        for row in rows
    ]


def _around(at: datetime) -> Span:
    return Span(second_of(at) - _MARGIN, second_of(at) + _MARGIN)


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
