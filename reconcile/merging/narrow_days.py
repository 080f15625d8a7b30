"""[I/O] A day of which little is new: only the messages that this concerns are derived.

They are those of new rows, and those with a part of times at which the log was read otherwise than
before; the others stand in the day's file already.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from reconcile.engines.duckdb_text import literal, sql_list
from reconcile.merging import units
from reconcile.merging.batches import Batch
from reconcile.merging.memory import MICROSECOND, Unit
from reconcile.merging.units import Only, Owners, Reach
from reconcile.merging.work import COLUMNS, Work, elsewhere
from reconcile.plivo_log.coverage import Span

# A day is derived whole where more than one of so many of its rows are of what changed.
MOST_NEW = 4
_ROWS_OF_A_PART = 3


def derive(work: Work, day: date, now: Unit, before: Unit | None) -> bool:
    """Derive only those that something new is said of, where that is enough; whether it was."""
    new = work.brought.get(day, [])
    brought = sum(batch.homes[day].rows for batch in new)
    if (
        before is None or before.rows < 0 or day in work.lost or before.wanderers
        or brought * MOST_NEW > now.rows or day not in work.last.files or not work.whole(day)
    ):  # fmt: skip
        return False
    if (spans := work.read_otherwise(before)) is None:
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
    work.next.units[day] = work.kept_aside(now, reach, elsewhere(day, reach.days))
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
        f"message_time >= {literal(span.from_at)} - to_microseconds({spread // MICROSECOND}) and "
        f"message_time < {literal(span.until_at)}"
        for span in spans
    ]
    return " or ".join(times) or "false"


def _touch(work: Work, day: date, new: Sequence[Batch], condition: str) -> int:
    """Make `touched` the keys of new rows and of messages that meet the condition; how many.

    Whoever shares a message with one of them is among them, but for travellers.
    """
    at_home = f"(select key, parent from keys where home = date '{day}')"
    work.read_lying(day)
    arrived = [f"select hash(message_uuid) as key from lying where {condition}"]
    if new:
        files = sql_list([batch.keys_file(work.shelf) for batch in new])
        brought = f"from read_parquet({files}) where home = date '{day}'"
        arrived += [f"select key {brought}", f"select parent {brought} and parent is not null"]
    staying = "anti join travellers as t on t.key = a.key"
    work.engine.keep_answer(
        "touched", f"select key from ({' union '.join(arrived)}) as a {staying}"
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
        work.engine.keep_answer("touched", f"select key from more as a {staying}")
    return count
