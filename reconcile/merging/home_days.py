"""[I/O] Those who stay at home: a day is derived when what is said of it has changed."""

from collections.abc import Sequence
from datetime import date

from receiver import day_files
from reconcile.merging import narrow_days, units
from reconcile.merging.units import Only, Owners, Reach
from reconcile.merging.work import COLUMNS, Work, elsewhere


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
        work.next.units[day] = work.kept_aside(now, Reach({day}), None)
        work.compose(day, work.nobody())
        return True
    return narrow_days.derive(work, day, now, before)


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
        unit = work.kept_aside(work.as_of_now(day), reach, elsewhere(day, reach.days))
        if unit.wanderers:
            work.again |= set(unit.days) - {day}
        work.next.units[day] = unit
        work.compose(day, f"select {COLUMNS} from owned where owner = date '{day}'")


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
