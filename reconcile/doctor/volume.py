"""[I/O] Whether Plivo's quota is enough for what is sent, and for what waits to be read."""

from collections.abc import Iterator
from functools import partial

from receiver.config import Settings
from receiver.diagnosis import Check, Line
from reconcile import run as running
from reconcile.doctor.messages import RECENT, Messages
from reconcile.plivo_log.forecast import Forecast

_NEARLY = 0.8
_LONG_MINUTES = 24 * 60.0
_MORE = "ask Plivo for a higher quota, then LOG_REQUESTS_PER_MINUTE"


def checks(settings: Settings, messages: Messages) -> list[Check]:
    return [("quota", partial(_quota, settings, messages))]


def _quota(settings: Settings, messages: Messages) -> Iterator[Line]:
    told = running.planned(settings, running.Task(mode="run", asked=""))
    said = (
        f"up to {messages.largest_day:,} messages a day in the last {RECENT.days}; "
        f"listing keeps up with {told.sustained_a_day:,}"
    )
    if messages.largest_day <= _NEARLY * told.sustained_a_day:
        yield Line("quota", "ok", said)
    elif settings.count_from == "never":
        late = messages.largest_day > told.sustained_a_day
        yield Line("quota", "broken" if late else "warning", said, f"COUNT_FROM=v3, or {_MORE}")
    else:
        yield Line("quota", "ok", f"{said}; such days are counted instead")
    if told.minutes > _LONG_MINUTES:
        yield Line("quota", "warning", _backlog(told), _MORE)


def _backlog(told: Forecast) -> str:
    hours = told.minutes / 60
    return f"what is to be read takes {told.requests:,} requests, {hours:,.0f} hours"
