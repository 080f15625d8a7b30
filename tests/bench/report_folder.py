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
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from receiver import alive, day_files, whole_file
from receiver.day_files import FileName
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window
from tests.bench.drawn_columns import ACCOUNT
from tests.bench.drawn_log import LOG_ROWS, LogRows
from tests.bench.drawn_parts import Array
from tests.bench.drawn_reports import REPORT_ROWS, ReportRows
from tests.bench.drawn_world import HOUR, Drawing, DrawnDay, World, micros, midnight

MOST_A_DAY = 1_000_000
_MINUTE = timedelta(minutes=1)
_ROW_GROUP = 1 << 18  # a quarter of what pyarrow writes unless told otherwise: two are held at once
_PIECE = 1 << 14  # rows that are made at once: their texts stay in the processor's cache
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
    with ThreadPoolExecutor(2) as beside, ThreadPoolExecutor(1) as log_beside:
        drawing = Drawing(world, until, beside=beside)
        reports, log = ReportRows(drawing.slots, world.source), LogRows(drawing.slots)
        for day, drawn in enumerate(_one_ahead(drawing.days())):
            arrived = len(drawn.posts)
            counted.append(drawn.truth)
            place = day_files.partition(data_dir / "reports", midnight(day).date())
            log_written = log_beside.submit(_write_log, log, drawn, world, data_dir, day)
            name = FileName(world.source, written + 1, written + arrived)
            _write_reports(reports, drawn.parts, drawn.posts, place, name)
            written += arrived
            log_written.result()
    _write_down(world, data_dir, midnight(0), until, read_from=midnight(0))
    return _tell(data_dir, until, counted, written)


def add_hour(world: World, data_dir: Path, *, since: datetime) -> Truth:
    """The hour after `since` as it comes, beside a folder of before; what is true at its end."""
    until = since + HOUR
    written = day_files.highest_number(data_dir / "reports", source=world.source)
    counted = []
    with ThreadPoolExecutor(2) as beside:
        drawing = Drawing(world, until, since=since, beside=beside)
        reports, log = ReportRows(drawing.slots, world.source), LogRows(drawing.slots)
        for day, drawn in enumerate(drawing.days()):
            counted.append(drawn.truth)
            _write_log(log, drawn, world, data_dir, day)
    place = day_files.partition(data_dir / "reports", since.date())
    edges = [micros(since + minute * _MINUTE) for minute in range(61)]
    for begin, end in pairwise(np.searchsorted(drawn.posts["received_at"], edges).tolist()):
        name = FileName(world.source, written + begin + 1, written + end)
        _write_reports(reports, drawn.parts, drawn.posts[begin:end], place, name)
    written += len(drawn.posts)
    _write_down(world, data_dir, since, until, read_from=since - HOUR)
    return _tell(data_dir, until, counted, written)


def _write_reports(
    rows: ReportRows, parts: Array, posts: Array, place: Path, name: FileName
) -> None:
    pieces = (
        rows.rows(parts.take(piece["part"]), piece, name.first + begin)
        for begin, piece in _pieces(posts)
    )
    if len(posts):
        _write(pieces, place / str(name), REPORT_ROWS)


def _write_log(log: LogRows, drawn: DrawnDay, world: World, data_dir: Path, day: int) -> None:
    """Named after when it was read, as the reconciler does."""
    pieces = (log.rows(drawn.parts.take(piece["part"]), piece) for _, piece in _pieces(drawn.reads))
    if len(drawn.reads):
        read_at = drawn.reads["read_at"]
        name = FileName(world.source, int(read_at.min()), int(read_at.max()))
        place = day_files.partition(data_dir / "log", midnight(day).date())
        _write(pieces, place / str(name), LOG_ROWS)


def _pieces(rows: Array) -> Iterator[tuple[int, Array]]:
    """Where each begins, and its rows."""
    for begin in range(0, len(rows), _PIECE):
        yield begin, rows[begin : begin + _PIECE]


def _write(pieces: Iterable[pa.Table], path: Path, schema: pa.Schema) -> None:
    """As `day_files.write` would, but never holding a whole day, and not synced.

    The schema is not stored: a reader would have few words as numbers, as they are here.
    """
    day_files.make_folder(path.parent)
    half = path.with_name(f"_{path.name}.tmp")
    with half.open("w+b") as file:
        with pq.ParquetWriter(file, schema, compression="zstd", store_schema=False) as writer:
            pieces = iter(pieces)
            while group := [*islice(pieces, _ROW_GROUP // _PIECE)]:
                writer.write_table(pa.concat_tables(group))
            writer.add_key_value_metadata(whole_file.METADATA)
        whole_file.seal(file)
    half.rename(path)


def _one_ahead(days: Iterator[DrawnDay]) -> Iterator[DrawnDay]:
    """The next is drawn while this one is written."""
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(next, days, None)
        while (drawn := coming.result()) is not None:
            coming = beside.submit(next, days, None)
            yield drawn


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


def _tell(data_dir: Path, until: datetime, counted: list[dict[str, int]], reports: int) -> Truth:
    sums = {name: sum(day[name] for day in counted) for name in counted[0]}
    amount = str(Decimal(sums.pop("total_amount")).scaleb(-5))
    truth = Truth(as_of=until.isoformat(), reports=reports, total_amount=amount, **sums)
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
    pa.set_memory_pool(pa.system_memory_pool())  # it gives less back, only to take it again
    world = World(options.messages, options.days or days_for(options.messages), options.seed)
    since = world.end - HOUR
    if not adds:
        truth = write(world, options.data_dir, until=since if options.new_hour else world.end)
    if options.new_hour in ("both", "added"):
        truth = add_hour(world, options.data_dir, since=since)
    print(json.dumps(asdict(truth), indent=1))


if __name__ == "__main__":
    main()
