"""[I/O] Whether reports come for what is sent, whole and in the right time; what is still open."""

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache, partial

from receiver.config import Settings
from receiver.diagnosis import Check, Line
from reconcile import rate_report
from reconcile.counted_messages import Question
from reconcile.doctor.messages import RECENT, Messages
from reconcile.rate_report import RateReport
from reconcile.rendering import notices
from reconcile.rendering.cells import percent

_CAPTURED_WARNING, _CAPTURED_BROKEN = 0.95, 0.5
_SILENT_WARNING, _SILENT_BROKEN = 0.02, 0.5
_LEAST = 30  # of fewer a share says little

_Report = Callable[[], RateReport]


def checks(settings: Settings, messages: Messages) -> list[Check]:
    report = cache(partial(_recent, settings, messages))
    return [
        ("without url", partial(_without_url, report)),
        ("capture rate", partial(_captured, report)),
        ("clock shift", partial(_clock_shift, report)),
        ("oldest open", partial(_oldest_open, messages)),
    ]


def _recent(settings: Settings, messages: Messages) -> RateReport:
    """Of the last days on disk."""
    as_of = messages.merged.as_of
    question = Question(by=(), since=as_of - RECENT if as_of else None)
    return rate_report.rate_report(settings, question, messages.merged)


def _without_url(report: _Report) -> Iterator[Line]:
    told = report()
    silent = told.audit["never_reported"]
    submitted = told.total["submitted"] if told.total else 0
    if not submitted:
        yield Line("without url", "ok", f"no messages in the last {RECENT.days} days")
        return
    share = silent / submitted
    said = (
        f"{silent:,} of {submitted:,} messages of the last {RECENT.days} days ({percent(share)}) "
        "had no report at all"
    )
    if share < _SILENT_WARNING or submitted < _LEAST:
        yield Line("without url", "ok", said)
        return
    listed = f"python -m reconcile messages --where never_reported=true --since {_since(told)}"
    mend = f"send with the url that python -m receiver setup prints; {listed} lists them"
    yield Line("without url", "broken" if share >= _SILENT_BROKEN else "warning", said, mend)


def _captured(report: _Report) -> Iterator[Line]:
    told = report()
    share, of = told.audit["capture_rate"], told.audit["capture_rate_denominator"]
    if share is None:
        said = "not known: no ended message in a window of the log that was read"
        yield Line("capture rate", "warning", said, "python -m reconcile run")
        return
    said = f"{percent(share)} of {of:,} ended messages reported their end"
    if share >= _CAPTURED_WARNING or of < _LEAST:
        yield Line("capture rate", "ok", said)
        return
    listed = f"python -m reconcile messages --where captured=false --since {_since(told)}"
    mend = f"python -m receiver doctor says what keeps reports away; {listed} lists the messages"
    yield Line("capture rate", "broken" if share < _CAPTURED_BROKEN else "warning", said, mend)


def _clock_shift(report: _Report) -> Iterator[Line]:
    told = report()
    warning = notices.clock_shift(told)
    if warning is None:
        yield Line("clock shift", "ok", "callbacks and log agree about the time, where both tell")
        return
    said, _, after = warning.partition(": set ")
    yield Line("clock shift", "warning", said, f"set {after}")


def _oldest_open(messages: Messages) -> Iterator[Line]:
    """Open messages are asked again for three days; later nobody would."""
    if messages.oldest_open_at is None:
        yield Line("oldest open", "ok", "no message is open")
        return
    said = (
        f"{messages.still_open:,} messages are open, the oldest of {_day(messages.oldest_open_at)}"
    )
    if not messages.overdue:
        yield Line("oldest open", "ok", said)
        return
    said += f"; {messages.overdue:,} had no sign of life for longer than RECEIPT_HORIZON_HOURS"
    yield Line("oldest open", "warning", said, "python -m reconcile run asks for them again")


def _since(told: RateReport) -> str:
    return _day(told.question.since) if told.question.since else f"{RECENT.days}d"


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
