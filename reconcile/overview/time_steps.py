"""[pure] Steps of time: how long they are for a span, and those in which nothing was sent."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from reconcile.plivo_log.coverage import Span

Moment = date | datetime

_LIMITS = (
    ("hour", timedelta(days=3)),
    ("day", timedelta(days=100)),
    ("week", timedelta(days=731)),
)
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
# A single message with a broken clock shall not make a page of a million empty steps.
MOST_STEPS = 1000


def step_for(sent: Span | None) -> str:
    """The step in which messages of this time are told; a day where there are none."""
    if sent is None:
        return "day"
    length = sent.until_at - sent.from_at
    return next((step for step, limit in _LIMITS if length <= limit), "month")


def after(moment: Moment, step: str) -> Moment:
    """The beginning of the next step."""
    if step == "month":
        return date(moment.year + moment.month // 12, moment.month % 12 + 1, 1)
    return moment + _LENGTHS[step]


def between(moments: Iterable[Moment], step: str) -> list[Any]:
    """These steps and all that lie between them, in order; only these where that were too many."""
    known = sorted(set(moments))
    if not known:
        return []
    found = [known[0]]
    for moment in known[1:]:
        # a zone whose clock changes by half an hour shifts the hours that follow
        while (following := after(found[-1], step)) < moment:
            found.append(following)
            if len(found) > MOST_STEPS:
                return known
        found.append(moment)
    return found


def starts_at(moment: Moment, zone: Any) -> datetime:
    """The instant at which a step begins: days, weeks and months do in the zone."""
    if isinstance(moment, datetime):
        return moment
    return datetime(moment.year, moment.month, moment.day, tzinfo=zone).astimezone(UTC)
