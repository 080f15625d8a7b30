"""[I/O] `forget`: the daily files without the reports that are not to be kept.

A file that holds such reports is written anew under its own name, whole or not at all; the name
still says for which rows of a journal it stands, so nothing is sealed or compacted a second time,
and a day that was compacted stays so. Stopped half-way, the same command does the rest. What was
sealed may linger in free pages of the journal until later reports are written over it.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from receiver import day_files, journal_file, quarantine, sealing
from receiver.day_files import FileName
from receiver.relay import outbox
from receiver.unwanted import Unwanted


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Rows that are gone, and the live files that held them."""

    rows: int = 0
    files: int = 0

    def __add__(self, other: "Rewritten") -> "Rewritten":
        return Rewritten(self.rows + other.rows, self.files + other.files)


@dataclass(frozen=True, slots=True)
class Forgotten:
    reports: int
    files: int
    refused: int


def forget(data_dir: Path, unwanted: Unwanted) -> Forgotten:
    """Safe beside `serve`. Raises JournalError, FileProblem, OSError, sqlite3.Error."""
    reports = data_dir / "reports"
    sealing.seal_all(data_dir)
    done = Rewritten()

    def of_journal(path: Path) -> None:
        with journal_file.opened(path) as connection:
            cleared = sealing.cleared_up_to(connection)
            outbox.forget(connection, unwanted.is_meant)
        nonlocal done
        done += rewrite(reports, unwanted.rows, lambda name: _is_of(name, path.stem, cleared))

    sealing.each_journal(data_dir, of_journal, patience=math.inf)
    sources = {path.stem for path in journal_file.journals(data_dir / "journal")}
    done += rewrite(reports, unwanted.rows, lambda name: name is None or name.source not in sources)
    refused = quarantine.forget(data_dir / "quarantine", unwanted.is_meant)
    return Forgotten(done.rows, done.files, refused)


def rewrite(
    folder: Path,
    unwanted: Callable[[pa.Table], pa.ChunkedArray],
    mine: Callable[[FileName | None], bool] = lambda _: True,
) -> Rewritten:
    """The daily files of a folder without these rows; nobody may compact them meanwhile.

    Superseded files, too: they stay for a while, and hold the same rows. Raises FileProblem,
    OSError.
    """
    done = Rewritten()
    live = set(day_files.live_files(folder))
    for path in sorted(folder.glob("date=*/[!._]*.parquet")):
        if mine(FileName.parse(path.name)):
            table = day_files.read(path)
            meant = unwanted(table)
            if many := pc.sum(meant).as_py():
                day_files.write(table.filter(pc.invert(meant)), path)
                done += Rewritten(many, 1) if path in live else Rewritten()
    return done


def _is_of(name: FileName | None, source: str, cleared: int) -> bool:
    return name is not None and name.source == source and name.last <= cleared
