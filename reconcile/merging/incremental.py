"""[I/O] One merge by the embedded engine: find what changed, derive it, write whom it concerns."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from receiver import day_files
from receiver.config import Settings
from reconcile import deriving
from reconcile.engines.choice import in_this_process
from reconcile.merging import batches, day_composition, home_days, memory, travelling
from reconcile.merging.memory import Memory
from reconcile.merging.note import Merged
from reconcile.merging.work import Work
from reconcile.plivo_log.coverage import Window

SHELF = Path("state") / "merge"


def bring_up_to_date(
    settings: Settings,
    windows: Sequence[Window],
    wanted: Callable[[date], bool],
    *,
    full: bool,
    progress: Callable[[str], None],
) -> Merged:
    """Write the days that came out different, of those that are wanted."""
    shelf = settings.data_dir / SHELF
    rules = deriving.rules(settings)
    day_files.make_folder(shelf)
    last = None if full else memory.read(shelf, rules)
    with in_this_process(settings, shelf / "spill") as engine:
        work = Work(settings, engine, shelf, last or Memory(rules), windows, wanted, progress)
        fresh = _look(work)
        travelling.find(work, fresh, afresh=last is None)
        work.name_the_moment()
        progress("merging")
        travelling.derive(work)
        home_days.derive(work)
        _compose_the_others(work)
        memory.write(shelf, work.next)
    return _told(work)


def _look(work: Work) -> list[str]:
    """At the files that are new; the names of their batches."""
    found = batches.as_they_are(work.settings.data_dir)
    kept, gone, new = batches.sorted_out(work.last.batches, found)
    if new:
        work.progress("checking the files")
    fresh = [
        batches.shelve(work.engine, work.settings, work.shelf, place, files)
        for place, files in new.items()
    ]
    work.next.batches = kept + fresh
    for batch in fresh:
        for home in batch.homes:
            work.brought.setdefault(home, []).append(batch)
    work.lost = {home for batch in gone for home in batch.homes if _others(work, home)}
    return [batch.name for batch in fresh]


def _others(work: Work, home: date) -> bool:
    """Whether other rows are at home there than were: a compaction brings the same again."""
    before = work.last.units.get(home)
    return before is None or (before.rows, before.checksum) != work.content(home)


def _compose_the_others(work: Work) -> None:
    """The days that others' messages came to or went from, or whose open ones are so no more.

    One whose file is not as it was written waits until it is derived.
    """
    for day, file in work.last.files.items():
        late = not day_composition.still_holds(file, work.as_of)
        if late and day not in work.done and work.wanted(day) and work.whole(day):
            work.stale.add(day)
    for day in sorted((work.stale - work.done) | work.again):
        if day in work.done or work.whole(day):
            work.compose(day, work.from_the_file(day))


def _told(work: Work) -> Merged:
    rows = sum(file.rows for file in work.next.files.values())
    nameless = sum(batch.nameless for batch in work.next.batches)
    return Merged(work.as_of, rows, work.written, nameless)
