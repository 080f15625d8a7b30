"""[I/O] What the checks need to know of `messages/`, brought up to date and read once."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from receiver import day_files, sealing
from receiver.config import Settings
from reconcile import merging
from reconcile.columns import MESSAGES
from reconcile.engines.choice import engine_of
from reconcile.merging import Merged

RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Outbound ones.

    `still_open`: neither side knows how they end; `overdue` of them had no sign of life within the
    horizon, counted from the clock on the wall. `largest_day`: the most messages of a recent day.
    """

    merged: Merged
    oldest_at: datetime | None
    oldest_open_at: datetime | None
    still_open: int
    overdue: int
    largest_day: int


def look(settings: Settings, now: datetime) -> Messages:
    """Raises FileProblem, journal_file.JournalError, locks.Busy, OSError."""
    sealing.seal_all(settings.data_dir)
    merged = merging.merge(settings)
    moments = {
        "recent": (now - RECENT).replace(tzinfo=None),
        "horizon": (now - timedelta(hours=settings.receipt_horizon_hours)).replace(tzinfo=None),
    }
    with engine_of(settings) as engine:
        engine.read("messages", day_files.live_files(settings.data_dir / "messages"), MESSAGES)
        (found,) = engine.query(
            "select min(message_time) as oldest, "
            "min(case when outcome = 'pending' then message_time end) as oldest_open, "
            "count(case when outcome = 'pending' then 1 end) as still_open, "
            "count(case when outcome = 'pending' and coalesce(last_sign_at, message_time) "
            "< cast($horizon as timestamp) then 1 end) as overdue "
            "from messages where direction = 'outbound'",
            {"horizon": moments["horizon"]},
        ).to_pylist()
        (largest,) = engine.query(
            "select coalesce(max(day.messages), 0) as messages from (select count(*) as messages "
            "from messages where direction = 'outbound' "
            "and message_time >= cast($recent as timestamp) "
            "group by cast(message_time as date)) as day",
            {"recent": moments["recent"]},
        ).to_pylist()
    return Messages(
        merged=merged,
        oldest_at=_utc(found["oldest"]),
        oldest_open_at=_utc(found["oldest_open"]),
        still_open=found["still_open"],
        overdue=found["overdue"],
        largest_day=largest["messages"],
    )


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=UTC)
