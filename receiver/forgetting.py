"""[I/O] `forget`: the daily files without the reports that are not to be kept.

A file that holds such reports is written anew under its own name, whole or not at all; the name
still says for which rows of a journal it stands, so nothing is sealed or compacted a second time,
and a day that was compacted stays so. Stopped half-way, the same command does the rest. What was
sealed may linger in free pages of the journal until later reports are written over it.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from receiver import day_files, journal_file, quarantine, sealing
from receiver.archive import away, fetching
from receiver.callback import report_fields
from receiver.config import Settings
from receiver.day_files import FileName
from receiver.relay import outbox

_NUMBERS = ("from_number", "to_number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwanted:
    """Reports from or to this number, in whatever form it is written, or received before then."""

    number: str | None = None
    before: datetime | None = None

    def rows(self, reports: pa.Table) -> pa.ChunkedArray:
        """Which of the rows are meant."""
        if self.before is not None:
            return pc.less(reports["received_at"], pa.scalar(self.before))
        found = [
            pc.equal(pc.replace_substring_regex(reports[name], "[^0-9A-Za-z]", ""), self._plain)
            for name in _NUMBERS
        ]
        return pc.fill_null(pc.or_kleene(*found), fill_value=False)

    def is_meant(self, received_at: datetime, parameters: bytes) -> bool:
        """The same of a request that was refused."""
        if self.before is not None:
            return received_at < self.before
        fields = report_fields(parameters)
        return any(_plain(fields.get(name, "")) == self._plain for name in _NUMBERS)

    @property
    def _plain(self) -> str:
        return _plain(self.number or "")


@dataclass(frozen=True, slots=True)
class Forgotten:
    reports: int
    files: int
    refused: int


def forget(settings: Settings, unwanted: Unwanted) -> Forgotten:
    """Safe beside `serve`. Raises JournalError, FileProblem, ArchiveError, OSError, sqlite3.Error.

    Dropped files are fetched; one that holds such reports is here again, rewritten, and takes the
    place of its archived self with the next ship.
    """
    with away.nobody_ships(settings.data_dir):
        return _forget(settings, unwanted)


def _forget(settings: Settings, unwanted: Unwanted) -> Forgotten:
    data_dir = settings.data_dir
    reports = data_dir / "reports"
    sealing.seal_all(data_dir)
    counted: list[int] = []

    def rewrite(path: Path) -> None:
        with journal_file.opened(path) as connection:
            cleared = sealing.cleared_up_to(connection)
            outbox.forget(connection, unwanted.is_meant)
        _rewrite(reports, unwanted, counted, lambda name: _is_of(name, path.stem, cleared))

    sealing.each_journal(data_dir, rewrite, patience=math.inf)
    sources = {path.stem for path in journal_file.journals(data_dir / "journal")}
    _rewrite(reports, unwanted, counted, lambda name: name is None or name.source not in sources)
    _rewrite_away(settings, unwanted, counted)
    refused = quarantine.forget(data_dir / "quarantine", unwanted.is_meant)
    return Forgotten(sum(counted), len(counted), refused)


def _rewrite(
    reports: Path, unwanted: Unwanted, counted: list[int], mine: Callable[[FileName | None], bool]
) -> None:
    """Superseded files, too: they stay for a while, and hold the same reports."""
    live = set(day_files.live_files(reports))
    for path in sorted(reports.glob("date=*/[!._]*.parquet")):
        if mine(FileName.parse(path.name)):
            table = day_files.read(path)
            meant = unwanted.rows(table)
            if many := pc.sum(meant).as_py():
                day_files.write(table.filter(pc.invert(meant)), path)
                counted += [many] if path in live else []


def _rewrite_away(settings: Settings, unwanted: Unwanted, counted: list[int]) -> None:
    """Those that live only in the archive are here again, if they hold such reports."""
    last_day = f"date={unwanted.before.date()}" if unwanted.before else "date=:"
    for path in day_files.live_files(settings.data_dir / "reports"):
        if not day_files.is_away(path) or path.parent.name > last_day:
            continue
        table = day_files.read(fetching.fetched(settings, path))
        meant = unwanted.rows(table)
        if many := pc.sum(meant).as_py():
            day_files.write(table.filter(pc.invert(meant)), path)
            day_files.remove(day_files.away_note(path))
            counted.append(many)
    fetching.remove_copies(settings.data_dir, "reports")


def _is_of(name: FileName | None, source: str, cleared: int) -> bool:
    return name is not None and name.source == source and name.last <= cleared


def _plain(number: str) -> str:
    return re.sub("[^0-9A-Za-z]", "", number)
