"""[I/O] Those who stay at home: a day is derived when what is said of it has changed."""

from collections.abc import Collection, Sequence
from datetime import date

from receiver import day_files
from reconcile.engines.duckdb_text import sql_list
from reconcile.merging import units
from reconcile.merging.memory import Unit
from reconcile.merging.units import Only, Owners
from reconcile.merging.work import COLUMNS, Work


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
        unit = work.kept_aside(work.as_of_now(day), sorted(found[day]), _elsewhere(day, found[day]))
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
        before is None or before.rows < 0 or day in work.lost or not new
        or before.coverage != now.coverage or before.wanderers or not work.whole(day)
        or brought * 4 > now.rows or day not in work.last.files
    ):  # fmt: skip
        return False
    work.progress(f"writing {day}")
    _touch(work, day, sql_list([batch.keys_file(work.shelf) for batch in new]))
    found = units.derive(work.engine, work.source, [day], Owners([day], ""), Only("touched"))
    work.next.units[day] = work.kept_aside(
        now, sorted({*found[day], *before.days}), _elsewhere(day, found[day])
    )
    work.again |= set(work.next.units[day].days if work.next.units[day].wanderers else ())
    work.compose(
        day,
        f"select {COLUMNS} from owned union all select {COLUMNS} "
        f"from ({work.from_the_file(day)}) as f "
        "anti join touched as a on a.key = hash(f.message_uuid)",
    )
    return True


def _touch(work: Work, day: date, files: str) -> None:
    """`touched` becomes the keys that share a message with one in these files."""
    at_home = f"(select key, parent from keys where home = date '{day}')"
    work.engine.keep_answer(
        "touched",
        f"select key from read_parquet({files}) where home = date '{day}' union "
        f"select parent from read_parquet({files}) where home = date '{day}' "
        "and parent is not null",
    )
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
