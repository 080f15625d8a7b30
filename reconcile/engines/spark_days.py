"""[I/O] `messages/` written by Spark's executors, a file a day: none of it passes the driver.

Each day is sorted and written by one task, beside its place and under a name of its own, so that a
task that is tried again, or twice at once, harms nothing. Once all have ended well, those that
differ from what lies there take their places by a rename. Executors see the data folder under the
driver's path, and have this program installed.
"""

import shutil
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from receiver import day_files
from reconcile.columns import DIVERSE, MESSAGES
from reconcile.engines.duckdb_text import sql_type
from reconcile.engines.spark_engine import SparkEngine, translated

_FILE = "messages.parquet"
_ASIDE = "_by_executors"
_GROUP_ROWS = 131_072  # of a file's row groups, so many of which a task holds in memory
_BATCH_ROWS = 8192
_DONE = "day date, rows bigint, half string"


def write_days(engine: SparkEngine, folder: Path) -> int:
    """Make the days of `messages/` those of the stage `messages`; how many files that changed.

    The caller alone writes there.
    """
    aside = folder / _ASIDE
    shutil.rmtree(aside, ignore_errors=True)  # of a merge that was killed
    day_files.make_folder(aside / (attempt := uuid4().hex))
    try:
        written = _halves(engine, folder, aside / attempt)
        return _put_in_place(folder, written)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _halves(engine: SparkEngine, folder: Path, aside: Path) -> dict[date, str | None]:
    """Of each day the file that shall take its place; None where the same lies there already."""
    columns = ", ".join(
        f"cast({field.name} as {sql_type(field.type)}) as {field.name}" for field in MESSAGES
    )
    rows = f"select cast(message_time as date) as day, {columns} from messages"
    here, beside = str(folder), str(aside)

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return written(batches, Path(here), Path(beside))

    with translated():
        done = (
            engine.session.sql(rows)
            .repartition("day")
            .sortWithinPartitions("day", "message_time", "message_uuid")
            .mapInArrow(write, _DONE)
            .toArrow()
        )
    return {row["day"]: row["half"] for row in done.to_pylist()}


def written(
    batches: Iterable[pa.RecordBatch], folder: Path, aside: Path
) -> Iterator[pa.RecordBatch]:
    """In an executor: each day's rows, which come together, into a file beside its place."""
    for day, pieces in groupby(_slices(batches), key=lambda piece: piece[0]):
        half = aside / f"{day}-{uuid4().hex}.parquet"
        tables = _grouped(rows for _, rows in pieces)
        rows = day_files.write_pieces(tables, MESSAGES, half, diverse=DIVERSE)
        same = _same(half, day_files.partition(folder, day) / _FILE)
        if same:
            half.unlink()
        yield pa.RecordBatch.from_pylist(
            [{"day": day, "rows": rows, "half": None if same else str(half)}],
            pa.schema([("day", pa.date32()), ("rows", pa.int64()), ("half", pa.string())]),
        )


def _slices(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[date, pa.Table]]:
    for batch in batches:
        table = pa.table([batch[f.name].cast(f.type) for f in MESSAGES], schema=MESSAGES)
        begin = 0
        for run in pc.value_counts(batch["day"]).to_pylist():  # sorted: each day's rows adjoin
            yield run["values"], table.slice(begin, run["counts"])
            begin += run["counts"]


def _grouped(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of the size of a row group."""
    held: list[pa.Table] = []
    for piece in pieces:
        held.append(piece)
        if sum(each.num_rows for each in held) >= _GROUP_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _same(half: Path, path: Path) -> bool:
    """Whether both hold the same rows in the same order."""
    try:
        with pq.ParquetFile(half) as one, pq.ParquetFile(path) as other:
            return (
                one.schema_arrow.equals(other.schema_arrow)
                and one.metadata.num_rows == other.metadata.num_rows
                and all(
                    mine.equals(theirs)
                    for mine, theirs in zip(_rebatched(one), _rebatched(other), strict=True)
                )
            )
    except (pa.ArrowException, OSError):
        return False  # none, or a damaged one: derived files are simply made anew


def _rebatched(file: pq.ParquetFile) -> Iterator[pa.Table]:
    """Rows in equal pieces, wherever row groups end."""
    held = file.schema_arrow.empty_table()
    for batch in file.iter_batches(_BATCH_ROWS):
        held = pa.concat_tables([held, pa.Table.from_batches([batch])])
        while held.num_rows >= _BATCH_ROWS:
            yield held.slice(0, _BATCH_ROWS).combine_chunks()
            held = held.slice(_BATCH_ROWS)
    yield held.combine_chunks()


def _put_in_place(folder: Path, halves: dict[date, Any]) -> int:
    changed = 0
    for day in day_files.days(folder):
        for path in day_files.live_files_of(folder, day):
            if day not in halves or path.name != _FILE:
                day_files.remove(path)
                changed += path.name == _FILE
    for day, half in sorted(halves.items()):
        if half is not None:
            place = day_files.partition(folder, day)
            day_files.make_folder(place)
            day_files.put_in_place(Path(half), place / _FILE)
            changed += 1
    return changed
