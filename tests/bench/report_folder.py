"""[I/O] `reports/` and `log/` of any size with a known truth: the same seed, the same bytes.

    python -m tests.bench.report_folder DATA_DIR --messages 1M --days 1 [--new-hour]

The engine draws what becomes of each part (`world/`), and the folder is what a receiver and a
reconciler that pulls the log every hour hold of it at one moment: daily files, compacted, named and
sealed as our own writer does. A report that comes days late lies in the file of the day it came.
With `--new-hour` the daily files end an hour before the world does, and that hour is there as it
comes: sixty small files of reports, late ones of the days before among them, and what was pulled.

The truth (`truth.json`, and what `write` returns) is counted from the draws, not by our stages.
"""

import argparse
import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from receiver import alive, day_files, whole_file
from receiver.columns import REPORTS
from receiver.day_files import FileName
from reconcile.columns import LOG
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window
from tests.simulator.log_rows import ERROR_MESSAGES
from tests.simulator.routes import COUNTRIES, FAILURE_CODES, ROUTES, Country, Route

FIRST_DAY = date(2026, 3, 1)
ACCOUNT = "MABENCHBENCHBENCHBEN"
MOST_A_DAY = 1_000_000
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = 4  # days from a message to its last report or log row, at most
_ROW_GROUP = 1 << 20  # as pyarrow writes it unless told otherwise
_SQL = Path(__file__).parent / "world"
_SUFFIXES = {"k": 1_000, "M": 1_000_000}


@dataclass(frozen=True, slots=True)
class World:
    """So many messages in so many days; each is drawn from its number and the seed."""

    messages: int
    days: int
    seed: int = 1

    @property
    def end(self) -> datetime:
        return _midnight(self.days)

    @property
    def source(self) -> str:
        """Who wrote the files, as a journal's random id."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def numbers(self, day: int) -> range:
        return range(self.messages * day // self.days, self.messages * (day + 1) // self.days)


@dataclass(frozen=True, slots=True)
class Truth:
    """What whoever reads the folder can know, counted from the draws."""

    as_of: str
    messages: int = 0
    parts: int = 0
    reports: int = 0
    log_rows: int = 0
    delivered: int = 0
    undelivered: int = 0
    failed: int = 0
    unconfirmed: int = 0
    pending: int = 0
    units: int = 0
    total_amount: str = "0.00000"
    never_reported: int = 0


def write(world: World, data_dir: Path, *, until: datetime | None = None) -> Truth:
    """The folder as of `until`, all its days compacted; what is true then."""
    until = until or world.end
    written = 0
    counted = []
    with _engine(world, until) as session:
        for number in range(world.days):
            _draw(session, world, number)
            _see(session, before=min(_midnight(number + 1), until))
            written += _write_reports(session, world, data_dir, _midnight(number), written)
            _write_log(session, world, data_dir, number)
            counted.append(_answer(session, _sql("truth")))
    ledger.append(data_dir / "log", _windows(_midnight(0), until))
    _say_alive(data_dir, world, _midnight(0), until)
    return _tell(data_dir, until, counted, written)


def add_hour(world: World, data_dir: Path, *, since: datetime) -> Truth:
    """The hour after `since` as it comes, beside a folder of before; what is true at its end."""
    until = since + HOUR
    counted = []
    today = (since.date() - FIRST_DAY).days
    held = day_files.highest_number(data_dir / "reports", source=world.source)
    written = held
    with _engine(world, until) as session:
        for number in range(world.days):
            _draw(session, world, number)
            counted.append(_answer(session, _sql("truth")))
            if number < today - _LONGEST:
                session.execute("delete from posts")
                continue
            _see(session, before=since)
            _write_log(session, world, data_dir, number, since=since)
        for minute in range(60):
            _see(session, before=since + (minute + 1) * _MINUTE)
            written += _write_reports(session, world, data_dir, since, written)
    ledger.append(data_dir / "log", _windows(since - HOUR, until))
    _say_alive(data_dir, world, since, until)
    return _tell(data_dir, until, counted, written)


@contextmanager
def _engine(world: World, until: datetime) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as session:
        session.execute("set TimeZone = 'UTC'")
        session.execute("set enable_progress_bar = false")
        given = {"seed": world.seed, "until": _micros(until), "source": world.source,
                 "account": ACCOUNT}  # fmt: skip
        for name, value in given.items():
            session.execute(f"set variable {name} = $value", {"value": value})
        session.execute((_SQL / "macros.sql").read_text())
        for name, table in (("routes", _routes()), ("error_messages", _error_messages())):
            session.register(f"_{name}", table)
            session.execute(f"create temp table {name} as from _{name}")
        yield session


def _draw(session: duckdb.DuckDBPyConnection, world: World, number: int) -> None:
    """What becomes of a day's messages: `parts`, `log_reads`, and `posts` beside those before."""
    numbers = world.numbers(number)
    given = {"day_begins": _micros(_midnight(number)), "first": numbers.start,
             "messages": len(numbers)}  # fmt: skip
    for name, value in given.items():
        session.execute(f"set variable {name} = {value}")
    for name in ("parts", "log_reads"):
        session.execute(f"create or replace temp table {name} as {_sql(name)}")
    session.execute(f"create temp table if not exists posts as {_sql('posts')} limit 0")
    session.execute(f"insert into posts {_sql('posts')}")


def _see(session: duckdb.DuckDBPyConnection, *, before: datetime) -> None:
    """Move what has come by then from `posts` to `arrived`, in its order."""
    then = _micros(before)
    session.execute(
        f"create or replace temp table arrived as from posts where received_at < {then} "
        "order by received_at, key, kind, copy"
    )
    session.execute(f"create or replace temp table posts as from posts where received_at >= {then}")


def _write_reports(
    session: duckdb.DuckDBPyConnection, world: World, data_dir: Path, day: datetime, before: int
) -> int:
    """A file of what has arrived; how many."""
    count: int = session.sql("select count(*) from arrived").fetchall()[0][0]
    if count:
        session.execute(f"set variable reports_before = {before}")
        name = FileName(world.source, before + 1, before + count)
        path = day_files.partition(data_dir / "reports", day.date()) / str(name)
        _write(session, _sql("reports"), path, REPORTS)
    return count


def _write_log(
    session: duckdb.DuckDBPyConnection,
    world: World,
    data_dir: Path,
    number: int,
    *,
    since: datetime = _EPOCH,
) -> None:
    """A file of what was read of a day's log, named after when, as the reconciler does."""
    session.execute(
        "create or replace temp table seen as from log_reads "
        f"where read_at >= {_micros(since)} order by uuid, read_at"
    )
    first, last = session.sql("select min(read_at), max(read_at) from seen").fetchall()[0]
    if first is not None:
        path = day_files.partition(data_dir / "log", _midnight(number).date())
        _write(session, _sql("log"), path / str(FileName(world.source, first, last)), LOG)


def _write(session: duckdb.DuckDBPyConnection, sql: str, path: Path, schema: pa.Schema) -> None:
    """As `day_files.write` would, but never holding a whole day, and not synced."""
    day_files.make_folder(path.parent)
    half = path.with_name(f"_{path.name}.tmp")
    with half.open("w+b") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for table in _row_groups(session.sql(sql).to_arrow_reader(_ROW_GROUP), schema):
                writer.write_table(table)
            writer.add_key_value_metadata(whole_file.METADATA)
        whole_file.seal(file)
    half.rename(path)


def _row_groups(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows in our columns, so many at a time as the writer puts into a group."""
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
    rows = batch.num_rows
    named = batch.schema.names
    columns = [
        batch.column(field.name).cast(field.type)
        if field.name in named
        else pa.nulls(rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _windows(since: datetime, until: datetime) -> Iterator[Window]:
    """Each hour is listed ten minutes after it is over; the last is read again as the time ends."""
    hour = since
    while hour + HOUR + 10 * _MINUTE <= until:
        yield Window(hour, hour + HOUR, hour + HOUR + 10 * _MINUTE, account=ACCOUNT)
        hour += HOUR
    yield Window(hour - HOUR, hour, until, account=ACCOUNT)


def _say_alive(data_dir: Path, world: World, since: datetime, until: datetime) -> None:
    line = {"from": since.isoformat(), "until": until.isoformat(), "receiver": world.source}
    with (data_dir / "reports" / alive.NAME).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _tell(data_dir: Path, until: datetime, counted: list[dict[str, Any]], reports: int) -> Truth:
    sums = {name: sum(day[name] for day in counted) for name in counted[0]}
    truth = Truth(as_of=until.isoformat(), reports=reports, **sums)
    truth = replace(truth, total_amount=str(truth.total_amount))
    (data_dir / "truth.json").write_text(json.dumps(asdict(truth), indent=1) + "\n")
    return truth


def _routes() -> pa.Table:
    """Three hundred slots, as many to each carrier as it has of the traffic."""
    slots: list[dict[str, Any]] = []
    for country in COUNTRIES:
        carriers = [route for route in ROUTES if route.country == country.iso2]
        slots += [
            _slot(country, carriers[place % len(carriers)]) for place in range(3 * country.weight)
        ]
    return pa.Table.from_pylist([{"slot": number} | slot for number, slot in enumerate(slots)])


def _slot(country: Country, route: Route) -> dict[str, Any]:
    codes = [code or "" for code, often in route.undelivered_codes for _ in range(often)]
    return {
        "country": country.iso2, "prefixes": country.mobile_prefixes,
        "digits": country.digits_after, "senders": country.senders, "carrier": route.carrier,
        "mcc": route.mcc, "mnc": route.mnc, "price": route.price, "fee": route.carrier_fee,
        "failed_rate": route.failed_rate, "no_receipt_rate": route.no_receipt_rate,
        "undelivered_rate": route.undelivered_rate, "undelivered_codes": codes,
        "failure_codes": [code for code, often in FAILURE_CODES for _ in range(often)],
        "handover_median": route.handover_median, "receipt_median": route.receipt_median,
        "receipt_spread": route.receipt_spread,
    }  # fmt: skip


def _error_messages() -> pa.Table:
    return pa.table({"code": list(ERROR_MESSAGES), "message": list(ERROR_MESSAGES.values())})


def _sql(name: str) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8")


def _answer(session: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Any]:
    found: dict[str, Any] = session.sql(sql).to_arrow_table().to_pylist()[0]
    return found


def _midnight(day: int) -> datetime:
    return datetime.combine(FIRST_DAY + day * DAY, datetime.min.time(), UTC)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)


def count(text: str) -> int:
    """3M, 500k or 1000."""
    return int(float(text.rstrip("kM")) * _SUFFIXES.get(text[-1:], 1))


def days_for(messages: int) -> int:
    """As many days as it takes to have at most a million a day."""
    return max(1, -(-messages // MOST_A_DAY))


def main() -> None:
    given = argparse.ArgumentParser(prog="python -m tests.bench.report_folder")
    given.add_argument("data_dir", type=Path)
    given.add_argument("--messages", type=count, default="1M", help="3M, 500k or 1000")
    given.add_argument("--days", type=int, help="as many as it takes for a million a day")
    given.add_argument("--seed", type=int, default=1)
    given.add_argument("--new-hour", action="store_true", help="the last hour in small files")
    options = given.parse_args()
    days = options.days or days_for(options.messages)
    world = World(options.messages, days, options.seed)
    if options.new_hour:
        write(world, options.data_dir, until=world.end - HOUR)
        truth = add_hour(world, options.data_dir, since=world.end - HOUR)
    else:
        truth = write(world, options.data_dir)
    print(json.dumps(asdict(truth), indent=1))


if __name__ == "__main__":
    main()
