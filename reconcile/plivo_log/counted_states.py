"""[I/O] The states of counted days: of what has not ended by our reports, and of a sample.

That counts are equal proves whose rows are there, not how they ended. A random sample of what has
ended by its reports is asked one by one. Of what has not, the log's `sent` rows are counted (see
`open_counting`), or it is asked one by one, whichever is cheaper; and should the log turn out to
lag behind the reports, its `sent` rows are listed, and that is said.
"""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta

from reconcile.plivo_log.asked_states import AskedStates
from reconcile.plivo_log.counting import Look, Probe, Seen
from reconcile.plivo_log.coverage import SECOND, Span, second_of
from reconcile.plivo_log.forecast import SAMPLE_OF_A_DAY
from reconcile.plivo_log.held import MOST_OFFSET, Held
from reconcile.plivo_log.known_parts import Known, KnownParts, Part
from reconcile.plivo_log.log_row import LogRow
from reconcile.plivo_log.open_counting import Asking, LogLags, OpenCount
from reconcile.plivo_log.page import PAGE_ROWS
from reconcile.plivo_log.reader import Reader
from reconcile.plivo_log.rereads import cheapest
from reconcile.plivo_log.store import PulledRow
from reconcile.plivo_log.windows import READ_AGAIN_AFTER

log = logging.getLogger("reconcile")

OUTBOUND = {"message_direction": "outbound"}
_SENT, _QUEUED, _FAILED = (
    {**OUTBOUND, "message_state": word} for word in ("sent", "queued", "failed")
)
_OPEN_WORDS = ("sent", "queued")
_DAY = timedelta(days=1)


class FilterIgnored(Exception):
    """Rows of another state came than were asked for."""


class CountedStates:
    """Watches the rows that a reader keeps: what was seen in this pull need not be asked."""

    def __init__(
        self, reader: Reader, known: KnownParts, asked: AskedStates, *, now: datetime
    ) -> None:
        self._reader = reader
        self._known = known
        self._asked = asked
        self._now = now
        self._words: dict[str, tuple[datetime, str]] = {}  # of the rows that came
        reader.writer.watch(self._notice)

    def ask(self, days: Iterable[date]) -> None:
        for day in sorted(days, reverse=True):
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            self._ask_day(Span(begin, begin + _DAY))

    def _ask_day(self, day: Span) -> None:
        known = self._known.of(day)
        for part in _sample(known.parts):  # first: it may tell that the log lags
            self._reader.message(part.message_uuid)
        due = [part for part in known.parts if not part.final and self._is_due(part)]
        if due:  # what lies between the first and the last of them costs next to nothing
            times = [part.message_time for part in due]
            span = Span(second_of(min(times)), second_of(max(times)) + SECOND)
            self._ask_open(known, known.held.wider(span, day), due)

    def _ask_open(self, known: Known, span: Span, due: Sequence[Part]) -> None:
        still_open = self._open(known, span)
        if len(due) <= 2 + len(still_open) // MOST_OFFSET:
            self._ask_each(part.message_uuid for part in due)
            return
        try:
            self._count(known, span)
        except LogLags:
            log.warning(
                "the log still calls sent what has ended by its reports, or what they do not tell "
                "of; from %s until %s all that it calls sent was listed", span.from_at,
                span.until_at,
            )  # fmt: skip
            self._list(known, span)
        except FilterIgnored:
            log.warning("Plivo's log does not filter by state; open messages are asked one by one")
            self._ask_each(p.message_uuid for p in due if p.message_uuid not in self._words)
        self._asked.note(span, self._now)

    def _count(self, known: Known, span: Span) -> None:
        """Raises LogLags, FilterIgnored."""
        _all_of("queued", self._reader.walk(span, _QUEUED))
        unsent = self._unsent(known, span)
        self._see_failed(unsent, known, span)
        self._ask_ended(unsent, known, span)
        self._check_for_lags(known, span)
        count = OpenCount(self._open(known, span))
        for window in count.held.spans(span):
            self._ask_ended(self._answer(count.ended(window)), known, window)

    def _answer(self, asking: Asking) -> frozenset[str]:
        seen: Seen | None = None
        while True:
            try:
                ask = asking.send(seen)
            except StopIteration as end:
                ended: frozenset[str] = end.value
                return ended
            seen = self._look(ask.span) if isinstance(ask, Look) else self._probe(ask)

    def _probe(self, probe: Probe) -> Seen:
        page = self._reader.page(probe.span, probe.offset, _SENT)
        return Seen(timed(_all_of("sent", page.rows)), more=page.next is not None)

    def _look(self, span: Span) -> Seen:
        return Seen(timed(_all_of("sent", self._reader.walk(span, _SENT))))

    def _list(self, known: Known, span: Span) -> None:
        for filters in (_SENT, _QUEUED):
            self._reader.walk(span, filters)
        # Whoever is seen as open has been asked by that.
        ours = (part for part in known.parts if not part.final and span.holds(part.message_time))
        unseen = {part.message_uuid for part in ours} - self._words.keys()
        self._ask_ended(unseen, known, span)

    def _see_failed(self, uuids: Iterable[str], known: Known, span: Span) -> None:
        """A page of failed messages shows more that were never sent than one of all messages."""
        wanted = set(uuids)
        likely = {part.message_uuid: part.message_time for part in known.parts
                  if part.word == "failed" or part.message_uuid in wanted}  # fmt: skip
        times = sorted((likely[uuid], uuid) for uuid in wanted)
        for step in cheapest(span, times, Held(likely).within):
            if isinstance(step, Span):
                _all_of("failed", self._reader.walk(step, _FAILED))

    def _ask_ended(self, uuids: Iterable[str], known: Known, span: Span) -> None:
        """One by one, or with their neighbours where that is cheaper."""
        wanted = set(uuids) - self._words.keys()
        times = sorted((p.message_time, p.message_uuid) for p in known.parts
                       if p.message_uuid in wanted)  # fmt: skip
        for step in cheapest(span, times, known.held.within):
            if isinstance(step, Span):
                self._reader.walk(step, OUTBOUND)
        self._ask_each(sorted(wanted - self._words.keys()))

    def _ask_each(self, uuids: Iterable[str]) -> None:
        for uuid in uuids:
            self._reader.message(uuid)

    def _unsent(self, known: Known, span: Span) -> list[str]:
        """Of which we heard nothing after `queued`, and the log does not say so: ended or sent.

        To ask them is cheaper than to search them among those that were sent, unless they are many.
        """
        found = [
            part.message_uuid
            for part in known.parts
            if part.word == "queued" and part.message_uuid not in self._words
            and not part.final and span.holds(part.message_time)
        ]  # fmt: skip
        return found if len(found) <= len(self._open(known, span)) / PAGE_ROWS else []

    def _open(self, known: Known, span: Span) -> dict[str, datetime]:
        """What should be `sent` in the log, of all that we know by now."""
        words = self._words
        ours = {
            part.message_uuid: part.message_time
            for part in known.parts
            if not part.final and part.message_uuid not in words
        }
        seen = {uuid: at for uuid, (at, word) in words.items() if word == "sent"}
        return {uuid: at for uuid, at in (ours | seen).items() if span.holds(at)}

    def _check_for_lags(self, known: Known, span: Span) -> None:
        for part in known.parts:
            _, word = self._words.get(part.message_uuid, (None, None))
            if part.final and word in _OPEN_WORDS and span.holds(part.message_time):
                raise LogLags

    def _is_due(self, part: Part) -> bool:
        if part.message_uuid in self._words:
            return False
        times = (part.message_time, part.asked_at, self._asked.last(part.message_time))
        last = max(at for at in times if at is not None)
        return any(last < part.message_time + step <= self._now for step in READ_AGAIN_AFTER)

    def _notice(self, rows: Iterable[PulledRow]) -> None:
        for pulled in rows:
            columns, at = pulled.row.columns, pulled.row.message_time
            if at is not None and columns.get("message_direction") != "inbound":
                self._words[str(pulled.row.message_uuid)] = (at, str(columns.get("message_state")))


def timed(rows: Iterable[LogRow]) -> tuple[tuple[str, datetime], ...]:
    """A row without a time that can be read matches nothing that we hold."""
    never = datetime.min.replace(tzinfo=UTC)
    return tuple((str(row.message_uuid), row.message_time or never) for row in rows)


def _all_of(word: str, rows: Iterable[LogRow]) -> Sequence[LogRow]:
    found = tuple(rows)
    if any(row.columns.get("message_state") != word for row in found):
        raise FilterIgnored
    return found


def _sample(parts: Sequence[Part]) -> list[Part]:
    """Of each day the parts whose UUIDs hash lowest: random, and the same however often asked."""
    ended = [part for part in parts if part.final]
    drawn = sorted(ended, key=lambda part: hashlib.sha256(part.message_uuid.encode()).digest())
    return [part for part in drawn[:SAMPLE_OF_A_DAY] if not part.asked_at]
