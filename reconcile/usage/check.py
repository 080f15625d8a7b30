"""[I/O] The whole check: our messages counted as the console counts, and why they differ."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from receiver.config import Settings
from reconcile import counted_messages, stages
from reconcile.counted_messages import Question
from reconcile.engines.choice import engine_of
from reconcile.engines.engine import Engine
from reconcile.merging import Merged
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window
from reconcile.usage import reading, zones
from reconcile.usage.causes import Evidence, causes
from reconcile.usage.comparison import Comparison, Group, compare
from reconcile.usage.finding import Finding, finding
from reconcile.usage.summary import Summary
from reconcile.usage.zones import OtherZone, Slot


def check(settings: Settings, summary: Summary, merged: Merged, zone: str) -> Finding:
    """Hold the file against `messages/` as merged. Raises FileProblem."""
    windows = ledger.read(settings.data_dir / "log")
    with engine_of(settings) as engine:
        counted_messages.select(engine, settings, _question(summary, zone), merged.as_of)
        engine.run(["usage_by_day"])
        groups = [Group(**row) for row in engine.query("select * from usage_by_day").to_pylist()]
        comparison = compare(summary, groups)
        differing = comparison.differing
        evidence = Evidence(
            gaps=reading.gaps({cell.day for cell in differing}, ZoneInfo(zone), windows),
            other_zone=_other_zone(engine, summary, comparison, zone, windows),
            ranks={row["word"]: row["rank"] for row in stages.meaning("states").to_pylist()},
        ) if differing else Evidence()  # fmt: skip
    return finding(
        comparison,
        causes(comparison, evidence),
        days=(summary.first_day, summary.last_day),
        zone=zone,
    )


def _question(summary: Summary, zone: str) -> Question:
    """A day more on both sides: so far may the same day lie in another zone."""
    first, last = (datetime.combine(day, time(), UTC)
                   for day in (summary.first_day, summary.last_day))  # fmt: skip
    return Question(
        since=first - timedelta(days=1), until=last + timedelta(days=2), by=("day",), zone=zone
    )


def _other_zone(
    engine: Engine,
    summary: Summary,
    comparison: Comparison,
    asked: str,
    windows: Sequence[Window],
) -> OtherZone | None:
    names = [asked, *(name for name in zones.CANDIDATES if name != asked)]
    engine.keep("zones", pa.table({"zone": names}))
    engine.run(["usage_by_zone"])
    by_hour = "hour" in summary.columns
    ours: dict[str, dict[Slot, int]] = {name: {} for name in names}
    for row in engine.query("select * from usage_by_zone").to_pylist():
        _add(ours[row["zone"]], row["day"], row["hour"] if by_hour else None,
             row[comparison.counted])  # fmt: skip
    theirs: dict[Slot, int] = {}
    for line in summary.lines:
        _add(theirs, line.day, line.hour, getattr(line, comparison.counted))
    unread = {name: _unread_days({day for day, _ in theirs}, name, windows) for name in names}
    return zones.other_zone(theirs, ours, asked, lambda day, name: day not in unread[name])


def _add(profile: dict[Slot, int], day: date, hour: int | None, number: int) -> None:
    profile[day, hour] = profile.get((day, hour), 0) + number


def _unread_days(days: Iterable[date], zone: str, windows: Sequence[Window]) -> set[date]:
    return set(reading.gaps(days, ZoneInfo(zone), windows))
