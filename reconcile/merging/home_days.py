"""[I/O] Those who stay at home: a day is derived when what is said of it has changed."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from receiver import day_files
from reconcile.engines.duckdb_text import literal, sql_list
from reconcile.merging import units
from reconcile.merging.batches import Batch
from reconcile.merging.memory import Unit
from reconcile.merging.units import Only, Owners, Reach
from reconcile.merging.work import COLUMNS, Work
from reconcile.plivo_log.coverage import Span

# A day is derived whole where more than one of so many of its rows are of what changed.
MOST_NEW = 4
_ROWS_OF_A_PART = 3


def derive(work: Work) -> None:
    """Every day that is not as it was derived, of those that are wanted."""
    homes = {home for batch in work.next.batches for home in batch.homes}
    held = set(day_files.days(work.folder)) | set(work.last.files)
    afresh = [day for day in sorted(homes | set(work.last.units) | held) if not _left(work, day)]
    for group in work.in_groups(afresh):
        _derive_days(work, group)


def _left(work: Work, day: date) -> bool:
    """Whether nothing is to be done, or it is done without deriving the whole day."""
    now, before = work.as_of_now(day), work.last.units.get(day)
    if day in work.last.files:
        work.next.files[day] = work.last.files[day]
    if before is not None and before.as_told(now) and work.whole(day):
        work.next.units[day] = before
        if day in work.moved.homes:
            work.stale.add(day)
        return True
    if not (work.wanted(day) or day in work.moved.homes):
        if before is not None:
            work.next.units[day] = before.to_be_done()
        return True
    if not now.rows:
        work.again |= set(before.days if before else ())
        work.compose(day, work.nobody())
        return True
    return _narrow(work, day, now, before)


def _derive_days(work: Work, group: Sequence[date]) -> None:
    listed = ", ".join(f"date '{day}'" for day in group)
    owners = Owners(
        group,
        f"select key, home as owner from keys where home in ({listed}) union "
        f"select parent, home from keys where home in ({listed}) and parent is not null",
    )
    found = units.derive(work.engine, work.source, group, owners, _staying(work, listed))
    for day in group:
        work.progress(f"writing {day}")
        before = work.last.units.get(day)
        if before and before.wanderers:
            work.again |= set(before.days)
        reach = found[day]
        unit = work.kept_aside(work.as_of_now(day), reach, _elsewhere(day, reach.days))
        if unit.wanderers:
            work.again |= set(unit.days) - {day}
        work.next.units[day] = unit
        work.compose(day, f"select {COLUMNS} from owned where owner = date '{day}'")


def _elsewhere(day: date, days: Collection[date]) -> str | None:
    """Which of the day's messages, parts of which are of these days, stand in other days' files."""
    if not set(days) - {day}:
        return None
    return f"owner = date '{day}' and cast(message_time as date) <> date '{day}'"


def _staying(work: Work, listed: str) -> Only | None:
    """All but travellers, where there are any."""
    if not work.engine.query("select 1 from travellers limit 1").num_rows:
        return None
    work.engine.keep_answer(
        "leaving",
        "select distinct k.key from keys as k semi join travellers as t on t.key = k.key "
        f"where k.home in ({listed})",
    )
    if not work.engine.query("select 1 from leaving limit 1").num_rows:
        return None
    return Only("leaving", inside=False)


def _narrow(work: Work, day: date, now: Unit, before: Unit | None) -> bool:
    """Derive only those that something new is said of, where that is enough; whether it was."""
    new = work.brought.get(day, [])
    brought = sum(batch.homes[day].rows for batch in new)
    if (
        before is None or before.rows < 0 or day in work.lost or before.wanderers
        or brought * MOST_NEW > now.rows or day not in work.last.files or not work.whole(day)
    ):  # fmt: skip
        return False
    spans = work.read_otherwise(before)
    if spans is None:
        return False
    touched = _touch(work, day, new, _at_these_times(spans, before.spread))
    if touched * MOST_NEW * _ROWS_OF_A_PART > now.rows:
        return False
    reach = Reach(set(before.days), before.spread)
    if not touched:
        work.next.units[day] = work.kept_aside(now, reach, None)
        work.stale |= {day} & work.moved.homes
        return True
    work.progress(f"writing {day}")
    found = units.derive(work.engine, work.source, [day], Owners([day], ""), Only("touched"))[day]
    reach = Reach(found.days | reach.days, max(found.spread, reach.spread))
    work.next.units[day] = work.kept_aside(now, reach, _elsewhere(day, reach.days))
    work.again |= set(work.next.units[day].days if work.next.units[day].wanderers else ())
    work.compose(
        day,
        f"select {COLUMNS} from owned union all select {COLUMNS} "
        f"from ({work.from_the_file(day)}) as f "
        "anti join touched as a on a.key = hash(f.message_uuid)",
    )
    return True


def _at_these_times(spans: Sequence[Span], spread: timedelta) -> str:
    """A condition on messages: all that can have a part that is of these times."""
    times = [
        f"message_time >= {literal(span.from_at - spread)} and "
        f"message_time < {literal(span.until_at)}"
        for span in spans
    ]
    return " or ".join(times) or "false"


def _touch(work: Work, day: date, new: Sequence[Batch], condition: str) -> int:
    """`touched` becomes the keys of new rows, those of messages that meet the condition, and
    whoever shares a message with one of them; how many they are.
    """
    at_home = f"(select key, parent from keys where home = date '{day}')"
    work.read_lying(day)
    arrived = [f"select hash(message_uuid) as key from lying where {condition}"]
    if new:
        files = sql_list([batch.keys_file(work.shelf) for batch in new])
        brought = f"from read_parquet({files}) where home = date '{day}'"
        arrived += [f"select key {brought}", f"select parent {brought} and parent is not null"]
    work.engine.keep_answer("touched", " union ".join(arrived))
    count = -1
    while count != (
        count := work.engine.query("select count(*) as n from touched")["n"][0].as_py()
    ):
        work.engine.keep_answer(
            "more",
            f"select key from touched union select k.parent from {at_home} as k "
            "semi join touched as a on a.key = k.key where k.parent is not null union "
            f"select k.key from {at_home} as k semi join touched as a on a.key = k.parent",
        )
        work.engine.keep_answer(
            "touched", "select key from more as m anti join travellers as t on t.key = m.key"
        )
    return count
