"""[I/O] `reports/` and `log/` of any size with a known truth: the same seed, the same bytes.

    python -m tests.bench.report_folder DATA_DIR --messages 10M [--days 10] [--new-hour]

The folder is what a receiver, and a reconciler that pulls the log every hour, hold of a drawn world
at one moment: daily files, compacted, named and sealed as our own writer does. A report that comes
days late lies in the file of the day that it came. With `--new-hour` the daily files end an hour
before the world does, and that hour is there as it comes: sixty small files of reports, late ones
of the days before among them, and what was pulled in it.

The truth (`truth.json`, and what `write` returns) is counted from the draws, not by our stages.
"""

import argparse
import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from receiver import alive, day_files, whole_file
from receiver.columns import REPORTS
from receiver.day_files import FileName
from reconcile.columns import LOG
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window
from tests.bench.drawn_world import ACCOUNT, FIRST_DAY, HOUR, LONGEST_DAYS, Drawing, World, midnight

MOST_A_DAY = 1_000_000
_MINUTE = timedelta(minutes=1)
_ROW_GROUP = 1 << 20  # as pyarrow writes it unless told otherwise
_SUFFIXES = {"k": 1_000, "M": 1_000_000}


@dataclass(frozen=True, slots=True)
class Truth:
    """What whoever reads the folder can know."""

    as_of: str
    messages: int
    parts: int
    reports: int
    log_rows: int
    delivered: int
    undelivered: int
    failed: int
    unconfirmed: int
    pending: int
    units: int
    total_amount: str
    never_reported: int


def write(world: World, data_dir: Path, *, until: datetime | None = None) -> Truth:
    """The folder as of `until`, all its days compacted; what is true then."""
    until = until or world.end
    written = 0
    counted = []
    with Drawing(world, until) as drawing:
        for day in range(world.days):
            drawing.draw(day)
            arrived = drawing.arrive(before=min(midnight(day + 1), until))
            name = FileName(world.source, written + 1, written + arrived)
            _write_reports(drawing.reports(already=written), data_dir, midnight(day), name)
            written += arrived
            _write_log(drawing, world, data_dir, day, drawing.read_log())
            counted.append(drawing.truth())
    _write_down(world, data_dir, midnight(0), until, read_from=midnight(0))
    return _tell(data_dir, until, counted, written)


def add_hour(world: World, data_dir: Path, *, since: datetime) -> Truth:
    """The hour after `since` as it comes, beside a folder of before; what is true at its end."""
    until = since + HOUR
    today = (since.date() - FIRST_DAY).days
    written = day_files.highest_number(data_dir / "reports", source=world.source)
    counted = []
    with Drawing(world, until) as drawing:
        for day in range(world.days):
            drawing.draw(day)
            counted.append(drawing.truth())
            drawing.arrive(before=since)
            if day >= today - LONGEST_DAYS:
                _write_log(drawing, world, data_dir, day, drawing.read_log(since=since))
        drawing.arrive(before=until)
        batches = drawing.reports(already=written)
        rows = pa.concat_tables([REPORTS.empty_table(), *(_in_schema(b, REPORTS) for b in batches)])
    for minute in range(60):
        edges = [since + (minute + later) * _MINUTE for later in (0, 1)]
        begin, end = (bisect_left(rows["received_at"], edge, key=_moment) for edge in edges)
        name = FileName(world.source, written + begin + 1, written + end)
        _write_reports(rows.slice(begin, end - begin).to_batches(), data_dir, since, name)
    written += rows.num_rows
    _write_down(world, data_dir, since, until, read_from=since - HOUR)
    return _tell(data_dir, until, counted, written)


def _write_reports(
    batches: Iterable[pa.RecordBatch], data_dir: Path, at: datetime, name: FileName
) -> None:
    if name.first <= name.last:
        _write(batches, day_files.partition(data_dir / "reports", at.date()) / str(name), REPORTS)


def _moment(value: pa.Scalar) -> datetime:
    at: datetime = value.as_py()
    return at


def _write_log(
    drawing: Drawing, world: World, data_dir: Path, day: int, read: tuple[int, int] | None
) -> None:
    """Named after when it was read, as the reconciler does."""
    if read:
        place = day_files.partition(data_dir / "log", midnight(day).date())
        _write(drawing.log(), place / str(FileName(world.source, *read)), LOG)


def _write(batches: Iterable[pa.RecordBatch], path: Path, schema: pa.Schema) -> None:
    """As `day_files.write` would, but never holding a whole day, and not synced."""
    day_files.make_folder(path.parent)
    half = path.with_name(f"_{path.name}.tmp")
    with half.open("w+b") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for rows in _one_ahead(_row_groups(batches, schema)):
                writer.write_table(rows)
            writer.add_key_value_metadata(whole_file.METADATA)
        whole_file.seal(file)
    half.rename(path)


def _one_ahead(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The next is made while this one is written."""
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(next, tables, None)
        while (table := coming.result()) is not None:
            coming = beside.submit(next, tables, None)
            yield table


def _row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in our columns, as many at a time as the writer puts into a group."""
    held = schema.empty_table()
    for batch in batches:
        held = pa.concat_tables([held, _in_schema(batch, schema)])
        while held.num_rows >= _ROW_GROUP:
            yield held.slice(0, _ROW_GROUP)
            held = held.slice(_ROW_GROUP)
    if held.num_rows:
        yield held


def _in_schema(batch: pa.RecordBatch, schema: pa.Schema) -> pa.Table:
    """Columns that the world says nothing of are null."""
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in batch.schema.names
        else pa.nulls(batch.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _write_down(
    world: World, data_dir: Path, since: datetime, until: datetime, *, read_from: datetime
) -> None:
    """Which hours were read, and that the receiver was alive."""
    ledger.append(data_dir / "log", _windows(read_from, until))
    line = {"from": since.isoformat(), "until": until.isoformat(), "receiver": world.source}
    with (data_dir / "reports" / alive.NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _windows(since: datetime, until: datetime) -> Iterator[Window]:
    """Each hour is listed ten minutes after it is over; the last again as the time ends."""
    hour = since
    while hour + HOUR + 10 * _MINUTE <= until:
        yield Window(hour, hour + HOUR, hour + HOUR + 10 * _MINUTE, account=ACCOUNT)
        hour += HOUR
    yield Window(hour - HOUR, hour, until, account=ACCOUNT)


def _tell(data_dir: Path, until: datetime, counted: list[dict[str, Any]], reports: int) -> Truth:
    sums = {name: sum(day[name] for day in counted) for name in counted[0]}
    sums["total_amount"] = str(sums["total_amount"])
    truth = Truth(as_of=until.isoformat(), reports=reports, **sums)
    (data_dir / "truth.json").write_text(json.dumps(asdict(truth), indent=1) + "\n")
    return truth


def read_truth(data_dir: Path) -> Truth:
    return Truth(**json.loads((data_dir / "truth.json").read_text()))


def number(text: str) -> int:
    """3M, 0.1M, 500k or 1000."""
    return round(float(text.rstrip("kM")) * _SUFFIXES.get(text[-1:], 1))


def days_for(messages: int) -> int:
    """As few as have at most a million each."""
    return max(1, -(-messages // MOST_A_DAY))


def main() -> None:
    given = argparse.ArgumentParser(prog="python -m tests.bench.report_folder")
    given.add_argument("data_dir", type=Path)
    given.add_argument("--messages", type=number, default="1M", help="10M, 500k or 1000")
    given.add_argument("--days", type=int, help="else a million messages a day")
    given.add_argument("--seed", type=int, default=1)
    given.add_argument(
        "--new-hour",
        nargs="?",
        choices=("both", "left-out", "added"),
        const="both",
        help="the last hour in small files, left out, or added to such a folder",
    )
    options = given.parse_args()
    adds = options.new_hour == "added"
    if not adds and options.data_dir.exists() and any(options.data_dir.iterdir()):
        given.error(f"{options.data_dir} is not empty; name a new folder, or delete it first")
    world = World(options.messages, options.days or days_for(options.messages), options.seed)
    since = world.end - HOUR
    if not adds:
        truth = write(world, options.data_dir, until=since if options.new_hour else world.end)
    if options.new_hour in ("both", "added"):
        truth = add_hour(world, options.data_dir, since=since)
    print(json.dumps(asdict(truth), indent=1))


if __name__ == "__main__":
    main()
