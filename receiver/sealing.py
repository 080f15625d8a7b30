"""[I/O] From the journal into daily Parquet files, each report exactly once.

    1. plan    in the journal: rows FIRST..LAST are to be sealed
    2. write   one file per UTC day of reception, named after journal, FIRST and LAST
    3. verify  each file read back holds the `report_id`s
    4. clear   the rows, then the plan

A crash at any point leaves the plan, and the next sealing carries out the same one again: a file
that is there and right is kept, one that is missing is written anew. Sealing and compaction of a
journal exclude each other by a lock, across processes.
"""

import math
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from receiver import day_files, journal_file, steps
from receiver.callback import as_text, report_fields
from receiver.columns import REPORTS
from receiver.day_files import FileName
from receiver.journal_file import Entry, JournalError

T = TypeVar("T")

SEAL_ROWS = 50_000
_CLEAR_ROWS = 2_000  # at a time, so that requests need not wait long for the write lock


@dataclass(frozen=True, slots=True)
class Sealed:
    """What one sealing did; `whole` where nothing was left to anybody else or to later."""

    reports: int = 0
    files: int = 0
    whole: bool = True

    def __add__(self, other: "Sealed") -> "Sealed":
        return Sealed(
            self.reports + other.reports, self.files + other.files, self.whole and other.whole
        )


@dataclass(frozen=True, slots=True)
class _Plan:
    first: int
    last: int


def seal_all(
    data_dir: Path, *, patience: float = math.inf, enough: Callable[[], bool] = lambda: False
) -> Sealed:
    """Seal every journal of the data folder; skip one that another seals for longer than patience.

    Stops early, between two files, once `enough()`; what is left stays in the journal. Raises
    JournalError, FileProblem, OSError (disk full, no right to write).
    """

    def seal(path: Path) -> Sealed:
        return _seal(path, data_dir / "reports", enough)

    done = each_journal(data_dir, seal, patience=patience)
    return sum((sealed or Sealed(whole=False) for sealed in done), start=Sealed())


def each_journal(data_dir: Path, work: Callable[[Path], T], *, patience: float) -> list[T | None]:
    """Do it for every journal of the folder, alone with each; None for one that was skipped.

    One that fails keeps none of the others from it; at the end the first problem is raised.
    """
    done: list[T | None] = []
    problems: list[Exception] = []
    give_up_at = time.monotonic() + patience
    for path in journal_file.journals(data_dir / "journal"):
        with seal_lock(path, give_up_at) as mine:
            try:
                done.append(work(path) if mine else None)
            except (JournalError, day_files.FileProblem, OSError) as problem:
                problems.append(problem)
    if problems:
        raise problems[0]
    return done


@contextmanager
def seal_lock(path: Path, give_up_at: float) -> Iterator[bool]:
    """Be the only one who seals or compacts this journal; False where another is still at it."""
    while (descriptor := journal_file.try_lock(path.with_suffix(".seal"))) is None:
        if time.monotonic() >= give_up_at:
            yield False
            return
        time.sleep(0.02)
    try:
        yield True
    finally:
        os.close(descriptor)


def cleared_up_to(connection: sqlite3.Connection) -> int:
    """The number up to which every row has been sealed, verified and cleared, none in part."""
    row = connection.execute(
        "select coalesce((select first - 1 from planned_seal), cleared_up_to) from identity"
    ).fetchone()
    return int(row[0])


def _seal(path: Path, reports: Path, enough: Callable[[], bool]) -> Sealed:
    done = Sealed()
    with journal_file.opened(path) as connection:
        newest = connection.execute("select max(number) from callbacks").fetchone()[0]
        while not enough() and (plan := _pending_plan(connection) or _new_plan(connection, newest)):
            done += _carry_out(plan, connection, path, reports)
        return done + Sealed(whole=not enough())


def _pending_plan(connection: sqlite3.Connection) -> _Plan | None:
    row = connection.execute("select first, last from planned_seal").fetchone()
    return _Plan(*row) if row else None


def _new_plan(connection: sqlite3.Connection, newest: int | None) -> _Plan | None:
    """The oldest rows, as many as fit into memory, none that came after the sealing began."""
    with journal_file.transaction(connection):
        first, last = connection.execute(
            "select min(number), max(number) from "
            "(select number from callbacks where number <= ? order by number limit ?)",
            (newest, SEAL_ROWS),
        ).fetchone()
        if first is None:
            return None
        connection.execute("insert into planned_seal values (?, ?)", (first, last))
    steps.reached("seal planned")
    return _Plan(first, last)


def _carry_out(plan: _Plan, connection: sqlite3.Connection, path: Path, reports: Path) -> Sealed:
    by_day: dict[date, list[Entry]] = {}
    for entry in journal_file.entries(connection, path, plan.first, plan.last):
        by_day.setdefault(entry.callback.received_at.date(), []).append(entry)
    name = FileName(path.stem, plan.first, plan.last)
    for day, entries in by_day.items():
        _ensure_file(day_files.partition(reports, day) / str(name), name, entries)
    steps.reached("files verified")
    _clear(plan, connection)
    steps.reached("journal cleared")
    return Sealed(sum(map(len, by_day.values())), len(by_day))


def _ensure_file(path: Path, name: FileName, entries: list[Entry]) -> None:
    """A file is there that holds these very reports, or an error is raised."""
    rows = reports_table(entries)
    there = _file_that_covers(path.parent, name)
    if there is None:
        day_files.write(rows, path)
    held = day_files.read(there or path, REPORTS.names)
    held = held.filter(pc.is_in(held["report_id"], rows["report_id"].combine_chunks()))
    if not held.sort_by("report_id").equals(rows):
        raise day_files.FileProblem(
            f"{there or path} does not hold what the journal {name.source} has under the same "
            "numbers; nothing was removed from either. If a folder was restored from an older "
            "copy, move that journal's files out of journal/; else move the file out of the data "
            "folder, and the next sealing writes it again."
        )


def _file_that_covers(day: Path, name: FileName) -> Path | None:
    """A file with these numbers that an interrupted sealing, or compaction, has left."""
    for path in sorted(day.glob(f"{name.source}-*.parquet")):
        found = FileName.parse(path.name)
        if found is not None and found.covers(name):
            return path
    return None


def _clear(plan: _Plan, connection: sqlite3.Connection) -> None:
    """Rows in small steps, oldest first, the plan with the last of them."""
    for first in range(plan.first, plan.last + 1, _CLEAR_ROWS):
        last = min(first + _CLEAR_ROWS - 1, plan.last)
        with journal_file.transaction(connection):
            connection.execute("delete from callbacks where number between ? and ?", (first, last))
            connection.execute("update identity set cleared_up_to = max(cleared_up_to, ?)", (last,))
            if last == plan.last:
                connection.execute("delete from planned_seal")
        steps.reached("rows cleared")


def reports_table(entries: list[Entry]) -> pa.Table:
    """The rows of `reports/` for these callbacks."""
    return pa.Table.from_pylist([report_row(entry) for entry in entries], schema=REPORTS)


def report_row(entry: Entry) -> dict[str, object]:
    callback = entry.callback
    parameters = as_text(callback.parameters)
    return {
        "report_id": entry.report_id,
        "received_at": callback.received_at,
        "kind": callback.kind,
        "http_method": callback.http_method,
        "account": callback.account,
        "signature": callback.signature,
        "body": parameters,
        "query": as_text(callback.own_query) or None,
        **report_fields(callback.parameters),
    }
