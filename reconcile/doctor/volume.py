"""[I/O] Whether Plivo's quota is enough for what is sent, and for what waits to be read."""

from collections.abc import Callable, Iterator
from functools import cache, partial

from receiver.config import Settings
from receiver.diagnosis import Check, Line
from reconcile import run as running
from reconcile.doctor.messages import RECENT, Messages
from reconcile.plivo_log.forecast import Forecast

_NEARLY = 0.8
_LONG_MINUTES = 24 * 60.0
_MORE = "ask Plivo for a higher quota, then LOG_REQUESTS_PER_MINUTE"


def checks(settings: Settings, messages: Messages) -> list[Check]:
    told = cache(partial(running.planned, settings, running.Task(mode="run", asked="")))
    return [
        ("quota", partial(_quota, settings, messages, told)),
        ("backlog", partial(_backlog, told)),
    ]


def _quota(settings: Settings, messages: Messages, told: Callable[[], Forecast]) -> Iterator[Line]:
    sustained = told().sustained_a_day
    said = (
        f"up to {messages.largest_day:,} messages a day in the last {RECENT.days}; "
        f"listing keeps up with {sustained:,}"
    )
    if messages.largest_day <= _NEARLY * sustained:
        yield Line("quota", "ok", said)
    elif settings.count_from == "never":
        late = messages.largest_day > sustained
        yield Line("quota", "broken" if late else "warning", said, f"COUNT_FROM=v3, or {_MORE}")
    else:
        yield Line("quota", "ok", f"{said}; such days are counted instead")


def _backlog(told: Callable[[], Forecast]) -> Iterator[Line]:
    minutes = told().minutes
    said = f"what is to be read takes {told().requests:,} requests, {minutes:,.0f} minutes"
    if minutes <= _LONG_MINUTES:
        yield Line("backlog", "ok", said)
    else:
        yield Line("backlog", "warning", said, f"let python -m reconcile run go on; {_MORE}")
