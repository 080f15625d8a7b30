"""[I/O] The reports that come in, read from disk: each once, from journal or sealed file.

A report is in the journal from its 200 on, and in a Parquet file before it leaves the journal. So
whoever remembers the last number it saw of each journal reads what follows there, and what it
finds cleared already in the files; who was stopped for long may find these in the archive.
"""

import os
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from receiver import day_files, journal_file, sealing
from receiver.archive import fetching
from receiver.columns import REPORTS
from receiver.config import Settings
from receiver.day_files import FileName

Row = dict[str, Any]

_BATCH = 10_000


class Arrivals:
    """What comes in after it was made. Raises JournalError, FileProblem, ArchiveError."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._data_dir = settings.data_dir
        self._open: dict[Path, _OpenJournal] = {}
        self._seen: dict[str, int] = {}
        for path in self._journals():
            with journal_file.translated(path):
                self._seen[path.stem] = journal_file.reached(self._opened(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for journal in self._open.values():
            journal.connection.close()

    @property
    def anybody_writes(self) -> bool:
        """Whether a receiver has ever worked on this folder."""
        return bool(self._journals())

    def new(self) -> list[Row]:
        """The rows of `reports/` for what came since the last call, in the order of reception."""
        rows = [row for path in self._journals() for row in self._new_of(path)]
        return sorted(rows, key=lambda row: row["received_at"])

    def _journals(self) -> list[Path]:
        return journal_file.journals(self._data_dir / "journal")

    def _new_of(self, path: Path) -> list[Row]:
        seen = self._seen.get(path.stem, 0)
        with journal_file.translated(path):
            connection = self._opened(path)
            connection.execute("begin")  # one snapshot: others write and clear meanwhile
            try:
                reached = min(journal_file.reached(connection), seen + _BATCH)
                entries = list(journal_file.entries(connection, path, seen + 1, reached))
            finally:
                connection.execute("rollback")
        rows = [sealing.report_row(entry) for entry in entries]
        if len(rows) < reached - seen:  # rows are cleared oldest first, after they were sealed
            rows = self._sealed(path.stem, seen + 1, reached - len(rows)) + rows
        self._seen[path.stem] = reached
        return rows

    def _opened(self, path: Path) -> sqlite3.Connection:
        """Kept open, since opening reads all of it; anew where the file was put there anew."""
        status = path.stat()
        known = self._open.get(path)
        if known is None or not os.path.samestat(known.status, status):
            if known is not None:
                known.connection.close()
            self._open[path] = known = _OpenJournal(journal_file.connect(path), status)
        return known.connection

    def _sealed(self, source: str, first: int, last: int) -> list[Row]:
        wanted = []
        for path in day_files.live_files(self._data_dir / "reports"):
            name = FileName.parse(path.name)
            if name and name.source == source and name.first <= last and name.last >= first:
                wanted.append(path)
        rows: list[Row] = []
        with fetching.at_hand(self._settings, wanted) as files:
            for path in files:
                rows += day_files.read(path, REPORTS.names).to_pylist()
        return [row for row in rows if first <= _number(row["report_id"]) <= last]


class _OpenJournal:
    def __init__(self, connection: sqlite3.Connection, status: os.stat_result) -> None:
        self.connection = connection
        self.status = status


def _number(report_id: str) -> int:
    return int(report_id.rpartition("-")[2])
