"""[I/O] `forget`: the daily files without the reports that are not to be kept.

A file that holds such reports is written anew under its own name, whole or not at all; the name
still says for which rows of a journal it stands, so nothing is sealed or compacted a second time,
and a day that was compacted stays so. Stopped half-way, the same command does the rest. What was
sealed may linger in free pages of the journal until later reports are written over it.
"""

import fcntl
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from receiver import day_files, journal_file, quarantine, sealing
from receiver.archive import away, fetching
from receiver.config import Settings
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
    done += rewrite_dropped(settings, "reports", unwanted)
    _forget_copies(data_dir / "state")
    refused = quarantine.forget(data_dir / "quarantine", unwanted.is_meant)
    return Forgotten(done.rows, done.files, refused)


def _forget_copies(state: Path) -> None:
    """What merges keep of late reports for the next one; that reads everything again then."""
    shelf = state / "merge"
    if not shelf.exists():
        return
    with (state / "merge.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a merge at work ends first
        shutil.rmtree(shelf)


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


def rewrite_dropped(
    settings: Settings, name: str, unwanted: Unwanted, clock: str = "received_at"
) -> Rewritten:
    """The same of the folder's files that live only in the archive: such a one is here again.

    The days of the folder are those of `clock`. The caller holds `away.nobody_ships`. Raises
    ArchiveError, SettingError, FileProblem, OSError.
    """
    done = Rewritten()
    last_day = f"date={unwanted.before.date()}" if unwanted.before else "date=:"
    for path in day_files.live_files(settings.data_dir / name):
        if not day_files.is_away(path) or path.parent.name > last_day:
            continue
        table = day_files.read(fetching.fetched(settings, path))
        meant = unwanted.rows(table, clock)
        if many := pc.sum(meant).as_py():
            day_files.write(table.filter(pc.invert(meant)), path)
            day_files.remove(day_files.away_note(path))
            done += Rewritten(many, 1)
    fetching.remove_copies(settings.data_dir, name)
    return done


def _is_of(name: FileName | None, source: str, cleared: int) -> bool:
    return name is not None and name.source == source and name.last <= cleared
