"""[I/O] A day's file: those who are at home there, and those who came from elsewhere, by time.

Whatever way the rows come together – derived now, kept from the file that lies there, wandered in –
the same messages give the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from receiver import day_files
from reconcile.columns import DIVERSE, MESSAGES
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.engines.duckdb_text import sql_type
from reconcile.merging.memory import DayFile

FILE = "messages.parquet"
_GROUP_ROWS = 131_072  # of the file's row groups, so many of which are in memory

# Whether an open message is still waited for, as of now: the rule of the stage `messages`.
_OUTCOME = (
    "case when outcome in ('pending', 'unconfirmed') then case when "
    "unix_micros(m.as_of) - unix_micros(coalesce(last_sign_at, message_time)) > m.horizon_micros "
    "then 'unconfirmed' else 'pending' end else outcome end"
)


@dataclass(frozen=True, slots=True)
class Composition:
    """Where a day's rows come from, as SQL; those of other days in it are left out."""

    folder: Path
    day: date
    rows: Sequence[str]

    @property
    def path(self) -> Path:
        return day_files.partition(self.folder, self.day) / FILE


def write(engine: DuckDBEngine, composition: Composition) -> tuple[DayFile | None, bool]:
    """What lies there now, None for nothing, and whether it is another than before."""
    path = composition.path
    for foreign in day_files.live_files_of(composition.folder, composition.day):
        if foreign != path:
            day_files.remove(foreign)
    _name_rows(engine, composition)
    waiting = _Waiting()
    in_order = f"select {_cast()} from composed order by message_time, message_uuid"
    with closing(engine.slices(in_order, MESSAGES, _GROUP_ROWS)) as tables:
        first = next(tables, None)
        if first is None:
            existed = path.exists()
            if existed:
                day_files.remove(path)
            return None, existed
        changed = day_files.write_where_different(
            waiting.seen_in(chain([first], tables)), MESSAGES, path, diverse=DIVERSE
        )
    status = path.stat()
    mark = [status.st_size, status.st_mtime_ns]
    (moment,) = engine.query("select horizon_micros from moment").to_pylist()
    horizon = timedelta(microseconds=moment["horizon_micros"])
    after, until = waiting.after, waiting.until
    return DayFile(
        mark, waiting.rows, after and after + horizon, until and until + horizon
    ), changed


def _name_rows(engine: DuckDBEngine, composition: Composition) -> None:
    """`composed`: all that stand in the day's file, wherever they come from, as of now."""
    rows, day = " union all ".join(composition.rows), composition.day
    engine.name(
        "composed",
        f"select * replace ({_OUTCOME} as outcome) from ({rows}) as every "
        "cross join (select as_of, horizon_micros from moment) as m "
        f"where message_time >= timestamp '{day}' and "
        f"message_time < timestamp '{day}' + interval 1 day",
    )


@dataclass(slots=True)
class _Waiting:
    """Of rows on their way to a file: how many, and what signs of life open ones gave."""

    rows: int = 0
    after: datetime | None = None  # the latest of an unconfirmed message
    until: datetime | None = None  # the earliest of a pending one

    def seen_in(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for table in tables:
            self.rows += table.num_rows
            signs = pc.coalesce(table["last_sign_at"], table["message_time"])
            given_up = pc.max(signs.filter(pc.equal(table["outcome"], "unconfirmed"))).as_py()
            waited_for = pc.min(signs.filter(pc.equal(table["outcome"], "pending"))).as_py()
            self.after = max(filter(None, (self.after, given_up)), default=None)
            self.until = min(filter(None, (self.until, waited_for)), default=None)
            yield table


def still_holds(file: DayFile, as_of: datetime | None) -> bool:
    """Whether no open message of the file has another outcome now."""
    if as_of is None:
        return True
    return (file.after is None or as_of > file.after) and (
        file.until is None or as_of <= file.until
    )


def _cast() -> str:
    return ", ".join(f"cast({f.name} as {sql_type(f.type)}) as {f.name}" for f in MESSAGES)
