"""[pure] What was listed and is to be asked again: a window as a whole, or its open messages only.

A window is listed again where that costs no more than its open messages asked one by one, and
wherever one of these has no row yet: that Plivo does not find it proves nothing, so only listing
can tell. A message asked singly leaves no line in the ledger; its row, pulled later than the
window, is what says that it was asked.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from reconcile.plivo_log.coverage import SECOND, Reading, Span, Window, halves, overlap
from reconcile.plivo_log.page import PAGE_ROWS


@dataclass(frozen=True, slots=True)
class Open:
    """A message whose end neither side knows.

    `asked_at`: when its row was last pulled; None without one, or where it has several parts.
    """

    message_uuid: str
    message_time: datetime
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Singly:
    """Of this span only these messages are asked for; where one is not found, it is listed."""

    span: Span
    message_uuids: tuple[str, ...]


Step = Span | Singly


def span_of(step: Step) -> Span:
    return step if isinstance(step, Span) else step.span


def asked_again(
    listed: Iterable[Reading],
    bounds: Span,
    still_open: Sequence[Open],
    is_due: Callable[[Window, datetime], bool],
) -> list[Step]:
    """`still_open` in the order of time; `is_due` is told when a message was last asked for."""
    times = [message.message_time for message in still_open]
    steps: list[Step] = []
    for reading in listed:
        span = overlap(reading.span, bounds)
        if span is None:
            continue
        low, high = bisect_left(times, span.from_at), bisect_left(times, span.until_at)
        window = reading.window
        due = [m for m in still_open[low:high] if is_due(window, _last_asked(window, m))]
        if due and all(m.asked_at for m in due) and len(due) < _pages(span, window):
            steps.append(Singly(span, tuple(m.message_uuid for m in due)))
        elif due:
            steps.append(span)
    return steps


def cheapest(
    span: Span, messages: Sequence[tuple[datetime, str]], rows: Callable[[Span], int]
) -> list[Step]:
    """How to see the rows of these messages of the span: alone, or with their neighbours.

    `rows`: about how many rows the log has of a span. Where many lie close together, as those whose
    reports an outage swallowed, the seconds around them are listed.
    """
    if not messages:
        return []
    singly = Singly(span, tuple(uuid for _, uuid in messages))
    pages = max(1, ceil(rows(span) / PAGE_ROWS))
    steps: list[Step] = [span] if pages < len(messages) else [singly]
    if len(messages) > 1 and pages > 1 and span.until_at - span.from_at > SECOND:
        newer, older = halves(span)
        parted = [
            step
            for half in (newer, older)
            for step in cheapest(half, [m for m in messages if half.holds(m[0])], rows)
        ]
        if _cost(parted, rows) < _cost(steps, rows):
            return parted
    return steps


def _cost(steps: Iterable[Step], rows: Callable[[Span], int]) -> int:
    return sum(
        len(step.message_uuids)
        if isinstance(step, Singly)
        else max(1, ceil(rows(step) / PAGE_ROWS))
        for step in steps
    )


def _last_asked(window: Window, message: Open) -> datetime:
    return max(window.read_at, message.asked_at or window.read_at)


def _pages(span: Span, window: Window) -> int:
    """Of a window that is to be read again in part, as many as its share of the time."""
    share = (span.until_at - span.from_at) / (window.until_at - window.from_at)
    return max(1, ceil(window.rows * share / PAGE_ROWS))
