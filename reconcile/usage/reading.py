"""[pure] Which days of a zone the message log was wholly read for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from reconcile.plivo_log.coverage import Span, Window, coverage, overlap, without


@dataclass(frozen=True, slots=True)
class Gap:
    """Hours of a day of which no rows were read: not at all, or only counted."""

    unread_hours: float
    counted_hours: float


def gaps(days: Iterable[date], zone: tzinfo, windows: Sequence[Window]) -> dict[date, Gap]:
    """The days that were not wholly read."""
    covered = coverage(windows)
    counted = [Span(i.from_at, i.until_at) for i in covered if i.how == "counted"]
    any_way = [Span(i.from_at, i.until_at) for i in covered]
    found = {}
    for day in days:
        whole = _span(day, zone)
        shared = [both for span in counted if (both := overlap(whole, span))]
        gap = Gap(_hours(without([whole], any_way)), _hours(shared))
        if gap.unread_hours or gap.counted_hours:
            found[day] = gap
    return found


def _span(day: date, zone: tzinfo) -> Span:
    begin, end = (datetime.combine(d, time(), zone) for d in (day, day + timedelta(days=1)))
    return Span(begin.astimezone(UTC), end.astimezone(UTC))


def _hours(spans: Iterable[Span]) -> float:
    length = sum((span.until_at - span.from_at for span in spans), timedelta())
    return length.total_seconds() / 3600
