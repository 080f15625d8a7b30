"""[I/O] Dropped files at hand again: fetched once into `state/fetched/`, checked, kept there.

A fetched file has the SHA-256 and the time of change of the one that was dropped. The folder may
be deleted at any time when nothing reads; what is needed again is fetched again.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from receiver import day_files
from receiver.archive import away, object_store
from receiver.archive.object_store import NotAsShipped
from receiver.config import Settings


@contextmanager
def at_hand(settings: Settings, files: Sequence[Path]) -> Iterator[tuple[Path, ...]]:
    """The same files, each where it can be read; none is dropped before the body ends.

    Raises ArchiveError, SettingError, FileProblem.
    """
    with away.reading(settings.data_dir):
        yield tuple(fetched(settings, path) if day_files.is_away(path) else path for path in files)


def fetched(settings: Settings, path: Path) -> Path:
    """A copy of this dropped file. Raises as `at_hand`."""
    note = away.read(path)
    copy = place_of_copy(settings.data_dir, path)
    if copy.exists() and away.mark(copy) == (note.size, note.mtime_ns):
        return copy
    store = object_store.of_settings(settings, needed_for=f"{path.name} lives only in {note.url}")
    name = path.relative_to(settings.data_dir).as_posix()
    day_files.make_folder(copy.parent)
    half = copy.with_name(f"_{copy.name}.{os.getpid()}.tmp")
    try:
        digest = hashlib.sha256()
        with half.open("wb") as file:

            def take(chunk: bytes) -> None:
                digest.update(chunk)
                file.write(chunk)

            store.get(name, take)
        if digest.hexdigest() != note.sha256:
            raise NotAsShipped(f"{store.url}/{name} is not what was shipped")
        os.utime(half, ns=(note.mtime_ns, note.mtime_ns))
        day_files.put_in_place(half, copy)
    except FileNotFoundError as problem:
        raise NotAsShipped(
            f"{store.url}/{name} is not there (it was shipped as {note.url})"
        ) from problem
    finally:
        half.unlink(missing_ok=True)
    return copy


def remove_copies(data_dir: Path, folder: str) -> None:
    """Of all that was fetched of this folder. Raises ArchiveDown while an engine reads."""
    copies = data_dir / "state" / "fetched" / folder
    if copies.exists():
        with away.nobody_reads(data_dir):
            shutil.rmtree(copies)


def place_of_copy(data_dir: Path, path: Path) -> Path:
    return data_dir / "state" / "fetched" / path.relative_to(data_dir)
