"""[pure] What to ask next, as data: closed spans of time, in the order in which to read them.

Where a span was listed before, a step may name messages of it instead (see `rereads`).

Every span is half-open on whole seconds, lies within one UTC day, ends at least SETTLING before
now and begins at most RETENTION before it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Literal

from reconcile.plivo_log.coverage import (
    SECOND,
    Reading,
    Span,
    Window,
    overlap,
    readings,
    second_of,
    without,
)
from reconcile.plivo_log.rereads import Open, Step, asked_again, span_of

# A row may show a while after its message_time, and clocks differ: a window that were closed
# sooner would be entered as read without it.
SETTLING = timedelta(seconds=60)
# Plivo keeps the log so long, and nothing keeps it longer.
RETENTION = timedelta(days=90)
# When a window that holds an open message is read again, counted from its end. How long Plivo
# takes to a final state is not documented; its support asks for examples of the last 72 hours.
READ_AGAIN_AFTER = tuple(timedelta(hours=hours) for hours in (1, 6, 24, 72))

Mode = Literal["run", "pull"]


def plan(
    *,
    since: datetime,
    until: datetime,
    ledger: Sequence[Window],
    still_open: Iterable[Open],
    now: datetime,
    mode: Mode = "run",
    again: bool = False,
    started_at: datetime | None = None,
    counted_is_read: bool = False,
) -> list[Step]:
    """`still_open`: the messages whose end neither side knows, within the horizon.

    run: newest first, then re-reads that are due (from before `since` too), then the backlog.
    pull: what in the span is not listed, then what of it holds an open message; with `again`
    everything. `started_at` is when a pull that is now continued began: what was asked since then
    is not asked a second time. With `counted_is_read` only what was neither listed nor counted is
    read.
    """
    asked = _clipped(since, until, now)
    kept = _clipped(now - RETENTION, until, now)
    if asked is None or kept is None:
        return []
    if again:
        done = [w.span for w in ledger if started_at and _listed_since(w, started_at)]
        return [*_by_days(without([asked], done))]
    hows = ("listed", "counted") if counted_is_read else ("listed",)
    unlisted = without([asked], [w.span for w in ledger if w.how in hows])
    last = readings(ledger)
    by_time = sorted(still_open, key=lambda message: message.message_time)

    if mode == "pull":
        unfinished = asked_again(
            _of_days(last), asked, by_time, lambda _, at: not started_at or at < started_at
        )
        return [*_by_days(unlisted), *_newest_first(unfinished)]
    newest = [span for span in unlisted if not last or span.from_at >= last[-1].span.until_at]
    backlog = [span for span in unlisted if span not in newest]
    due = asked_again(_of_days(last), kept, by_time, lambda w, at: _is_due(w.until_at, at, now))
    return [*_by_days(newest), *_newest_first(due), *_by_days(backlog)]


def within_retention(span: Span, now: datetime) -> Span | None:
    """What of it Plivo still has: the answer for older time would be empty, and wrong."""
    return overlap(span, Span(second_of(now - RETENTION) + SECOND, span.until_at))


def _clipped(since: datetime, until: datetime, now: datetime) -> Span | None:
    oldest = second_of(now - RETENTION) + SECOND
    newest = second_of(now - SETTLING)
    end = second_of(until) if until == second_of(until) else second_of(until) + SECOND
    low, high = max(second_of(since), oldest), min(end, newest)
    return Span(low, high) if low < high else None


def _listed_since(window: Window, started_at: datetime) -> bool:
    return window.how == "listed" and window.read_at >= started_at


def _is_due(end: datetime, asked_at: datetime, now: datetime) -> bool:
    return any(asked_at < end + step <= now for step in READ_AGAIN_AFTER)


def _by_days(spans: Iterable[Span]) -> list[Span]:
    return sorted((day for span in spans for day in _days(span)), reverse=True)


def _newest_first(steps: Iterable[Step]) -> list[Step]:
    return sorted(steps, key=span_of, reverse=True)


def _of_days(found: Iterable[Reading]) -> list[Reading]:
    return [Reading(day, reading.window) for reading in found for day in _days(reading.span)]


def _days(span: Span) -> Iterable[Span]:
    low = span.from_at
    while low < span.until_at:
        midnight = datetime.combine(low.date() + timedelta(days=1), time(), UTC)
        high = min(midnight, span.until_at)
        yield Span(low, high)
        low = high
