"""[I/O] A day's file: those who are at home there, and those who came from elsewhere, by time.

Whatever way the rows come together – derived now, kept from the file that lies there, wandered in –
the same messages give the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from receiver import day_files
from reconcile.columns import DIVERSE, MESSAGES
from reconcile.engines.duckdb_engine import DuckDBEngine, sql_type
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
    """Where a day's rows come from: `at_home` is SQL, `wanderers` are files."""

    folder: Path
    day: date
    at_home: str
    wanderers: Sequence[Path]

    @property
    def path(self) -> Path:
        return day_files.partition(self.folder, self.day) / FILE


def write(engine: DuckDBEngine, composition: Composition) -> tuple[DayFile | None, bool]:
    """What lies there now, None for nothing, and whether it is another than before."""
    path, day = composition.path, composition.day
    for foreign in day_files.live_files_of(composition.folder, day):
        if foreign != path:
            day_files.remove(foreign)
    columns = ", ".join(MESSAGES.names)
    rows = composition.at_home
    if composition.wanderers:
        engine.read("wandered", composition.wanderers, MESSAGES)
        rows += f" union all select {columns} from wandered"
    engine.name(
        "composed",
        f"select * replace ({_OUTCOME} as outcome) from ({rows}) as every "
        "cross join (select as_of, horizon_micros from moment) as m "
        f"where message_time >= timestamp '{day}' and "
        f"message_time < timestamp '{day}' + interval 1 day",
    )
    (said,) = engine.query(_SAID).to_pylist()
    if not said["rows"]:
        existed = path.exists()
        if existed:
            day_files.remove(path)
        return None, existed
    tables = engine.slices(
        f"select {_cast()} from composed order by message_time, message_uuid", MESSAGES, _GROUP_ROWS
    )
    changed = day_files.write_where_different(tables, MESSAGES, path, diverse=DIVERSE)
    status = path.stat()
    after, until = said["after"], said["until"]
    horizon = timedelta(microseconds=said["horizon"])
    return DayFile(
        [status.st_size, status.st_mtime_ns],
        said["rows"],
        after and after.replace(tzinfo=UTC) + horizon,
        until and until.replace(tzinfo=UTC) + horizon,
    ), changed


def still_holds(file: DayFile, as_of: datetime | None) -> bool:
    """Whether no open message of the file has another outcome now."""
    if as_of is None:
        return True
    return (file.after is None or as_of > file.after) and (
        file.until is None or as_of <= file.until
    )


_SAID = (
    "select count(*) as rows, "
    "max(coalesce(last_sign_at, message_time)) filter (where outcome = 'unconfirmed') as after, "
    "min(coalesce(last_sign_at, message_time)) filter (where outcome = 'pending') as until, "
    "(select horizon_micros from moment) as horizon from composed"
)


def _cast() -> str:
    return ", ".join(f"cast({f.name} as {sql_type(f.type)}) as {f.name}" for f in MESSAGES)
