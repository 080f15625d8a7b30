"""[I/O] An export of Plivo's console into `log/`: however often, after whatever kill, the same.

Each export has files of its own, one a day, named after its content: so a repeated import knows
its own, finishes what a kill left undone, and takes the place of an earlier one with another zone
or moment of exporting. The ledger's line is written last, once all rows are durable.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import pyarrow as pa

from receiver import day_files
from receiver.day_files import FileName, FileProblem
from reconcile.plivo_log import console_csv, ledger
from reconcile.plivo_log.console_csv import Exported, Layout, Refused
from reconcile.plivo_log.console_file import ConsoleFile
from reconcile.plivo_log.coverage import SECOND, Span, Window
from reconcile.plivo_log.store import PulledRow, table_of

REFUSALS_KEPT = 20
_BATCH_ROWS = 4_000  # as Python objects rows take ten times the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """What is to be imported. `exported_at` is None where only the file's own time is known."""

    file: ConsoleFile
    layout: Layout
    exported_at: datetime | None
    account: str | None


@dataclass(slots=True)
class Imported:
    """What came of it. `rows` are those now on disk, `already_there` those that were before.

    `by_the_file`: nobody said when it was exported, so the file's own time counts.
    """

    exported_at: datetime
    by_the_file: bool = False
    rows: int = 0
    already_there: int = 0
    ledger_line_added: bool = False
    span: Span | None = None
    untyped_values: int = 0
    repeated_times: int = 0
    after_export: int = 0
    refusals: int = 0
    refused: list[Refused] = field(default_factory=list)


def bring_in(
    data_dir: Path, task: Import, *, now: datetime, progress: Callable[[int], None]
) -> Imported:
    """The caller holds the lock of the data folder. Raises FileProblem, OSError."""
    log = data_dir / "log"
    name = FileName(f"import{task.file.digest[:16]}", 1, 1)
    before = _exported_at_before(log, name)
    done = Imported(
        task.exported_at or before or min(task.file.changed_at, now),
        by_the_file=not (task.exported_at or before),
    )
    tables = _tables(task, done, progress)
    for day in day_files.days(log):
        day_files.remove_leftovers(log, day, source=name.source)
    for day, table in sorted(tables.items()):
        path = day_files.partition(log, day) / str(name)
        if _holds(path, table):
            done.already_there += table.num_rows
        else:
            day_files.write(table, path)
    if done.span is not None:
        _remove_others(log, name, set(tables))
        span = done.span
        window = Window(
            span.from_at, span.until_at, done.exported_at, "imported", done.rows, task.account
        )
        if window not in ledger.read(log):
            ledger.append(log, [window])
            done.ledger_line_added = True
    return done


def _exported_at_before(log: Path, name: FileName) -> datetime | None:
    """As an earlier import had it: a copy of the file is younger, but says nothing newer."""
    moments = []
    for path in log.glob(f"date=*/{name}"):
        try:
            moments += day_files.read(path, ["pulled_at"])["pulled_at"].slice(0, 1).to_pylist()
        except FileProblem:
            continue  # damaged, and about to be written again
    return min(moments).astimezone(UTC) if moments else None


def _tables(task: Import, done: Imported, progress: Callable[[int], None]) -> dict[date, pa.Table]:
    """The rows of each day, in the order of the file, made in batches to save memory."""
    parts: dict[date, list[pa.Table]] = {}
    found = _counted(console_csv.rows(task.file.lines, task.layout), done)
    while batch := list(islice(found, _BATCH_ROWS)):
        by_day: dict[date, list[PulledRow]] = {}
        for exported, at in batch:
            pulled = PulledRow(exported.row, done.exported_at, task.account, at.date())
            by_day.setdefault(at.date(), []).append(pulled)
        for day, rows in by_day.items():
            parts.setdefault(day, []).append(table_of(rows))
        progress(done.rows)
    return {day: pa.concat_tables(some) for day, some in parts.items()}


def _counted(
    rows: Iterator[Exported | Refused], done: Imported
) -> Iterator[tuple[Exported, datetime]]:
    first: datetime | None = None
    last: datetime | None = None
    for row in rows:
        if isinstance(row, Refused):
            done.refusals += 1
            if len(done.refused) < REFUSALS_KEPT:
                done.refused.append(row)
            continue
        at = row.row.columns["message_time"]
        first, last = min(first or at, at), max(last or at, at)
        done.rows += 1
        done.untyped_values += len(row.row.untyped)
        done.repeated_times += row.repeated_time
        done.after_export += at > done.exported_at
        done.span = Span(first, last + SECOND)
        yield row, at


def _holds(path: Path, table: pa.Table) -> bool:
    try:
        return path.exists() and bool(day_files.read(path).equals(table))
    except FileProblem:
        return False


def _remove_others(log: Path, name: FileName, days: set[date]) -> None:
    """Days that the rows have left, because they are read with another zone now."""
    for path in log.glob(f"date=*/{name}"):
        if path.parent.name not in {f"date={day.isoformat()}" for day in days}:
            day_files.remove(path)
