"""[I/O] Daily Parquet files: their names, how they come to be, and which of them count.

A file lies in `date=YYYY-MM-DD/` and is named `SOURCE-FIRST-LAST.parquet`: whoever wrote it (a
journal's random id) and the range of its numbers that it covers. A file whose range lies within
that of another of the same source and day is superseded: compaction writes the wider file first
and removes the narrow ones only after a grace period, so a reader in mid-scan keeps its files and
a new one sees each row once. Files of other names are foreign and always count.

A file that lives only in the archive has a note, `_NAME.away`, in its place: it is listed as ever,
and whoever wants its rows has them fetched (`archive/fetching`).

A file appears complete or not at all: written beside, fsynced, renamed, folder fsynced. This
module is the only place that renames. Temporary names start with `_`.
"""

import filecmp
import os
import re
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from receiver import steps, whole_file

GRACE_SECONDS = 3600.0

_AWAY = ".away"
_PARTITION = re.compile(r"date=(\d{4}-\d{2}-\d{2})")
_NAME = re.compile(r"([0-9a-z]+)-(\d{16})-(\d{16})\.parquet")


class FileProblem(Exception):
    """A file of the data folder cannot be read or written; the message names it and the next step.

    `NotParquet` and `WrongColumns` are found by readers; the reader of a day decides nothing.
    """


@dataclass(frozen=True, slots=True, order=True)
class FileName:
    """Rows `first`..`last` (inclusive) of one source, as far as they belong to the file's day."""

    source: str
    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.source}-{self.first:016d}-{self.last:016d}.parquet"

    @classmethod
    def parse(cls, name: str) -> "FileName | None":
        """None for a foreign name."""
        match = _NAME.fullmatch(name)
        return cls(match[1], int(match[2]), int(match[3])) if match else None

    def covers(self, other: "FileName") -> bool:
        return self.source == other.source and self.first <= other.first <= other.last <= self.last


def partition(folder: Path, day: date) -> Path:
    return folder / f"date={day.isoformat()}"


def days(folder: Path) -> list[date]:
    """The days that have a partition, oldest first. A missing folder has none."""
    if not folder.is_dir():
        return []
    found = []
    for entry in folder.iterdir():
        match = _PARTITION.fullmatch(entry.name)
        if match and entry.is_dir():
            found.append(date.fromisoformat(match[1]))
    return sorted(found)


def live_files(folder: Path) -> list[Path]:
    """Every file of the dataset that counts, superseded ones left out, in a stable order."""
    return [path for day in days(folder) for path in live_files_of(folder, day)]


def superseded_files_of(folder: Path, day: date) -> list[Path]:
    _, superseded = _sorted_out(partition(folder, day))
    return [path for path, _ in superseded]


def live_files_of(folder: Path, day: date) -> list[Path]:
    live, _ = _sorted_out(partition(folder, day))
    return live


def highest_number(folder: Path, *, source: str, days: str = "date=*") -> int:
    """The highest number of this source in any file, superseded or away; 0 where it has none."""
    held = {path.name for path in folder.glob(f"{days}/{source}-*.parquet")}
    noted = {_noted(path.name) for path in folder.glob(f"{days}/_{source}-*{_AWAY}")}
    names = (FileName.parse(name) for name in held | noted)
    return max((name.last for name in names if name), default=0)


def away_note(path: Path) -> Path:
    """The note that stands for this file where it lives only in the archive."""
    return path.with_name(f"_{path.name}{_AWAY}")


def is_away(path: Path) -> bool:
    return not path.exists() and away_note(path).exists()


def _noted(note_name: str) -> str:
    return note_name.removeprefix("_").removesuffix(_AWAY)


def remove_superseded(folder: Path, day: date, *, grace_seconds: float = GRACE_SECONDS) -> int:
    """Delete the files that another one has covered for longer than the grace period."""
    _, superseded = _sorted_out(partition(folder, day))
    removed = 0
    for path, by in superseded:
        covering = away_note(by) if is_away(by) else by
        if time.time() - covering.stat().st_mtime > grace_seconds:
            path.unlink(missing_ok=True)
            away_note(path).unlink(missing_ok=True)
            steps.reached("superseded file removed")
            removed += 1
    return removed


def _sorted_out(place: Path) -> tuple[list[Path], list[tuple[Path, Path]]]:
    """The files that count, and those that do not, each with the file that covers it."""
    entries = [entry.name for entry in place.iterdir()] if place.is_dir() else []
    held = {name for name in entries if name.endswith(".parquet") and name[0] not in "._"}
    noted = {_noted(name) for name in entries if name[0] == "_" and name.endswith(_AWAY)}
    visible = sorted(held | noted)
    by_source: dict[str, list[FileName]] = {}
    for name in filter(None, map(FileName.parse, visible)):
        by_source.setdefault(name.source, []).append(name)
    covered: dict[str, str] = {}
    for names in by_source.values():
        widest: FileName | None = None
        for name in sorted(names, key=lambda n: (n.first, -n.last)):
            if widest is not None and widest.covers(name):
                covered[str(name)] = str(widest)
            else:
                widest = name
    live = [place / name for name in visible if name not in covered]
    return live, [(place / name, place / by) for name, by in sorted(covered.items())]


def write(table: pa.Table, path: Path) -> None:
    """Put a Parquet file there: complete and durable when this returns, or not at all."""
    write_pieces([table], table.schema, path)


def write_pieces(
    tables: Iterable[pa.Table], schema: pa.Schema, path: Path, *, diverse: Collection[str] = ()
) -> int:
    """Likewise, of tables that come one after the other; how many rows.

    Values of `diverse` columns hardly ever repeat: no dictionary of them is tried, which takes time
    and, as far as it is kept, place.
    """
    rows = 0
    alike = [name for name in schema.names if name not in diverse]
    with _appearing(path) as file:
        with pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=alike) as writer:
            for table in tables:
                writer.write_table(table)
                rows += table.num_rows
            writer.add_key_value_metadata(whole_file.METADATA)
        whole_file.seal(file)
    return rows


def write_where_different(
    tables: Iterable[pa.Table], schema: pa.Schema, path: Path, *, diverse: Collection[str] = ()
) -> bool:
    """Likewise, but a file of the very same bytes stays as it lies there; whether it went."""
    half = path.with_name(f"_{path.stem}.new")
    try:
        write_pieces(tables, schema, half, diverse=diverse)
        if path.exists() and filecmp.cmp(half, path, shallow=False):
            return False
        put_in_place(half, path)
    finally:
        half.unlink(missing_ok=True)
    return True


def write_bytes(path: Path, content: bytes) -> None:
    """Put any other file there, likewise."""
    with _appearing(path) as file:
        file.write(content)


@contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes its place, durably, once the body has ended well."""
    make_folder(path.parent)
    temporary = path.with_name(f"_{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_RDWR | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        steps.reached("file written")
        temporary.rename(path)
    except BaseException as problem:
        temporary.unlink(missing_ok=True)
        if isinstance(problem, OSError) and problem.filename is None:
            said = f"{problem.strerror}; make room or mend the disk, then try again"
            raise OSError(problem.errno, said, str(path)) from problem
        raise
    steps.reached("file renamed")
    sync_folder(path.parent)


def put_in_place(half: Path, path: Path) -> None:
    """Give a file that was made beside its place its name: durable, whole or not at all."""
    with half.open("rb") as file:
        os.fsync(file.fileno())
    half.rename(path)
    sync_folder(path.parent)


def remove(path: Path) -> None:
    """Take a derived file away for good."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


def read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """The file's rows, checked. Raises FileProblem."""
    verify(path)
    try:
        return pq.read_table(path, columns=columns, partitioning=None)
    except (pa.ArrowException, OSError, ValueError, KeyError) as problem:
        raise unreadable(path, problem) from problem


def verify(path: Path) -> None:
    """Raises FileProblem where the file does not hold what was written.

    Ours carry a checksum of the whole file; of a foreign one every page is read, against the
    checksums that it may have.
    """
    try:
        sound = whole_file.is_sound(path)
        if sound is None and FileName.parse(path.name) is None:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for group in range(file.num_row_groups):
                    file.read_row_group(group)
            return
    except (pa.ArrowException, OSError, ValueError) as problem:
        raise unreadable(path, problem) from problem
    if not sound:
        raise unreadable(path, ValueError("its checksum is wrong"))


def unreadable(path: Path, problem: Exception) -> FileProblem:
    first_line = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
    return FileProblem(
        f"{path} cannot be read as Parquet ({first_line}). Restore it from a copy, or move it out "
        "of the data folder to go on without its rows."
    )


def make_folder(folder: Path) -> None:
    """The folder with its parents, durable, for the owner's eyes only."""
    missing = [p for p in (folder, *folder.parents) if not p.exists()]
    for place in reversed(missing):
        place.mkdir(mode=0o700, exist_ok=True)
        sync_folder(place.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in the folder outlive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_leftovers(folder: Path, day: date, *, source: str) -> None:
    """Delete what a crash left half written; the caller is the only one who writes this source."""
    for path in partition(folder, day).glob(f"_{source}-*.tmp"):
        path.unlink(missing_ok=True)
