"""[I/O] The note that a dropped file leaves in its place, and the locks around dropping.

`_NAME.away` says what the file was: where it lies, its size, time of change and SHA-256. Where
note and file both exist the file counts, so a drop that was killed half-way has changed nothing,
and a file that is copied back simply is there again.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from receiver import day_files, steps
from receiver.archive.object_store import ArchiveDown
from receiver.day_files import FileProblem

_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Note:
    """What a file that is not here any more was."""

    url: str
    size: int
    mtime_ns: int
    sha256: str


def read(path: Path) -> Note:
    """The note in place of this file. Raises FileProblem."""
    note = day_files.away_note(path)
    try:
        return Note(**json.loads(note.read_bytes()))
    except (OSError, ValueError, TypeError) as problem:
        raise FileProblem(
            f"{note} cannot be read ({problem}); copy {path.name} back from the archive into its "
            "folder, and delete the note"
        ) from problem


def mark(path: Path) -> tuple[int, int]:
    """Size and time of change in nanoseconds, of the file or of what it was."""
    try:
        status = path.stat()
    except FileNotFoundError:
        note = read(path)
        return note.size, note.mtime_ns
    return status.st_size, status.st_mtime_ns


def drop(path: Path, note: Note) -> bool:
    """Leave the note in place of the file; False where the file is not that one any more.

    The caller holds the locks of whoever writes this folder, and `nobody_reads`.
    """
    if not path.exists() or mark(path) != (note.size, note.mtime_ns):
        return False
    day_files.write_bytes(day_files.away_note(path), json.dumps(asdict(note)).encode())
    steps.reached("note left")
    day_files.remove(path)
    steps.reached("local file dropped")
    return True


@contextmanager
def reading(data_dir: Path) -> Iterator[None]:
    """Files of the data folder are not dropped meanwhile."""
    with _locked(data_dir, "reading.lock", fcntl.LOCK_SH, _PATIENCE_SECONDS, "files are dropped"):
        yield


@contextmanager
def nobody_reads(data_dir: Path) -> Iterator[None]:
    """No engine is at work on files of the data folder. Raises ArchiveDown after a while."""
    with _locked(
        data_dir, "reading.lock", fcntl.LOCK_EX, _PATIENCE_SECONDS, "a merge reads the files"
    ):
        yield


@contextmanager
def nobody_ships(data_dir: Path) -> Iterator[None]:
    """Nobody else ships, drops or forgets. Raises ArchiveDown at once."""
    with _locked(data_dir, "ship.lock", fcntl.LOCK_EX, 0, "another ship or forget is at work"):
        yield


@contextmanager
def _locked(data_dir: Path, name: str, kind: int, patience: float, why: str) -> Iterator[None]:
    path = data_dir / "state" / name
    day_files.make_folder(path.parent)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        give_up_at = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= give_up_at:
                    raise ArchiveDown(f"{why} in {data_dir}; try again when it is done") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(descriptor)
