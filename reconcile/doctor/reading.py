"""[I/O] Whether the message log is read: with which credentials, when last, which days not."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from receiver.config import SettingError, Settings
from receiver.diagnosis import Check, Level, Line
from reconcile.doctor.messages import Messages
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Span, coverage_for, latest_read_at, overlap, without
from reconcile.plivo_log.windows import RETENTION

# An hourly run that stops after 50 minutes, and one that failed in between.
_RUN_WARNING, _RUN_BROKEN = timedelta(hours=3), timedelta(hours=24)
_YOUNG = timedelta(hours=3)  # what is read with the next runs anyway
_LEAST_GAP = timedelta(minutes=5)
_VANISHING = timedelta(days=7)  # before Plivo forgets a day
_NAMED = 3
_RUN = "python -m reconcile run, every hour from cron or the systemd timer"


def checks(settings: Settings) -> list[Check]:
    return [
        ("credentials", partial(_credentials, settings)),
        ("last run", partial(_last_run, settings)),
    ]


def of_messages(settings: Settings, messages: Messages) -> list[Check]:
    return [("days not read", partial(_days_not_read, settings, messages))]


def _credentials(settings: Settings) -> Iterator[Line]:
    from receiver.account.sdk import Sdk  # brings Plivo's SDK  # noqa: PLC0415

    try:
        Sdk(settings).close()
    except SettingError as wrong:
        yield Line("credentials", "broken", str(wrong), "set it in .env")
        return
    yield Line("credentials", "ok", "set; python -m receiver doctor asks Plivo whether they hold")


def _last_run(settings: Settings) -> Iterator[Line]:
    windows = ledger.read(settings.data_dir / "log", account=settings.plivo_auth_id)
    read_at = latest_read_at(window for window in windows if window.how != "imported")
    if read_at is None:
        said = f"the message log of {settings.plivo_auth_id or 'no account'} was never read"
        yield Line("last run", "broken", said, _RUN)
        return
    age = datetime.now(UTC) - read_at
    said = f"the message log was last read at {read_at:%Y-%m-%d %H:%M} UTC"
    if age < _RUN_WARNING:
        yield Line("last run", "ok", said)
    else:
        yield Line("last run", "broken" if age >= _RUN_BROKEN else "warning", said, _RUN)


def _days_not_read(settings: Settings, messages: Messages) -> Iterator[Line]:
    """Between the oldest message and some hours ago, as far as Plivo still has it."""
    now = datetime.now(UTC)
    oldest = messages.oldest_at or now
    asked = overlap(Span(oldest, now - _YOUNG), Span(now - RETENTION, now))
    if asked is None:
        yield Line("days not read", "ok", "no message is older than some hours")
        return
    windows = ledger.read(settings.data_dir / "log")
    read = coverage_for(settings.plivo_auth_id, windows)
    gaps = without([asked], [Span(one.from_at, one.until_at) for one in read])
    days = _days(gap for gap in gaps if gap.until_at - gap.from_at >= _LEAST_GAP)
    if not days:
        yield Line("days not read", "ok", f"none since {asked.from_at:%Y-%m-%d}")
        return
    named = ", ".join(f"{day}" for day in days[:_NAMED])
    more = f" and {len(days) - _NAMED} more" if len(days) > _NAMED else ""
    forgotten_at = datetime.combine(days[0], time(), UTC) + RETENTION
    level: Level = "broken" if forgotten_at - now < _VANISHING else "warning"
    said = f"{named}{more}, in whole or in part; Plivo forgets the first on {forgotten_at:%Y-%m-%d}"
    mend = f"python -m reconcile pull --since {days[0]}, or import the console's export"
    yield Line("days not read", level, said, mend)


def _days(gaps: Iterator[Span]) -> list[date]:
    days = set()
    for gap in gaps:
        day = gap.from_at.date()
        while datetime.combine(day, time(), UTC) < gap.until_at:
            days.add(day)
            day += timedelta(days=1)
    return sorted(days)
