"""[I/O] Log rows into `log/date=…/`: durable when `write` returns, never hidden by older files."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from receiver import day_files
from receiver.day_files import FileName
from reconcile.columns import LOG
from reconcile.plivo_log.log_row import LogRow

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class PulledRow:
    """A row, when it came, whose log it is, and the day it lies in if it has no time of its own."""

    row: LogRow
    pulled_at: datetime
    account: str | None
    fallback_day: date

    @property
    def day(self) -> date:
        at = self.row.message_time
        return at.date() if at else self.fallback_day


class LogStore:
    """The caller holds the lock of the data folder: numbers of one source must not cross."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "log"
        self._source = _source(data_dir / "state" / "log_source")

    def write(self, rows: Sequence[PulledRow], at: datetime) -> None:
        """One file for each day. Raises OSError; some days may be written then.

        That does no harm: a row that is there twice counts once.
        """
        by_day: dict[date, list[PulledRow]] = {}
        for row in rows:
            by_day.setdefault(row.day, []).append(row)
        number = self._number(list(by_day), at)
        for day, of_day in sorted(by_day.items()):
            path = day_files.partition(self.folder, day) / str(
                FileName(self._source, number, number)
            )
            day_files.write(table_of(of_day), path)

    def _number(self, days: Sequence[date], at: datetime) -> int:
        """The moment in microseconds, but above all numbers of this source in these days.

        If the clock was set back, a file could fall into the range of a compacted one, and would
        count as superseded.
        """
        number = (at - _EPOCH) // _MICROSECOND
        for day in days:
            highest = day_files.highest_number(
                self.folder, source=self._source, days=day_files.partition(self.folder, day).name
            )
            number = max(number, highest + 1)
        return number


def _source(path: Path) -> str:
    """Who writes: a random id, made anew where its file is missing or damaged."""
    try:
        known = path.read_text().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        known = ""
    if re.fullmatch(r"[0-9a-f]{16}", known):
        return known
    made = secrets.token_hex(8)
    day_files.make_folder(path.parent)
    path.write_text(made)
    return made


def table_of(rows: Sequence[PulledRow]) -> pa.Table:
    """The rows in the columns of `log/`."""
    columns = [pulled.row.columns for pulled in rows]
    filled: set[str] = set().union(*columns)
    ours = {
        "message_uuid": [pulled.row.message_uuid for pulled in rows],
        "record": [pulled.row.record for pulled in rows],
        "pulled_at": [pulled.pulled_at for pulled in rows],
        "account": [pulled.row.account or pulled.account for pulled in rows],
        "untyped_values": [len(pulled.row.untyped) for pulled in rows],
    }

    def values(column: pa.Field) -> pa.Array:
        if column.name in ours:
            return pa.array(ours[column.name], column.type)
        if column.name in filled:
            return pa.array([typed.get(column.name) for typed in columns], column.type)
        return pa.nulls(len(rows), column.type)

    return pa.table([values(column) for column in LOG], schema=LOG)
