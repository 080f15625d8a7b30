"""[I/O] Sealed files into the archive, each verified there, and old ones dropped here.

    1. send      what the store lacks or has otherwise; what is damaged here is never sent
    2. verify    read back from the store: the SHA-256 is that of the file here
    3. tidy up   there: what a verified file supersedes
    4. drop      here, on request: old days, each file read back once more, a note in its place

Whatever kills it, the next ship finds out from store and folder what is left to do. That a file
was verified is remembered in `state/shipped.json`; without that memory it is read back again.
"""

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from pathlib import Path

from receiver import day_files, steps
from receiver.archive import away
from receiver.archive.away import Note
from receiver.archive.memory import Memory
from receiver.archive.object_store import ArchiveError, NotAsShipped, ObjectStore
from receiver.day_files import FileName, FileProblem


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder to ship: its daily files, and beside them one that is only appended to.

    What is derived is made anew at will: what is gone here goes there, too.
    """

    name: str
    appended: str | None = None
    derived: bool = False


@dataclass(slots=True)
class Shipped:
    """What one ship came to. `ready`: verified there just now, old enough to be dropped here."""

    sent: int = 0
    sent_bytes: int = 0
    there_already: int = 0
    removed_there: int = 0
    dropped: int = 0
    dropped_bytes: int = 0
    ready: list[tuple[Path, Note]] = field(default_factory=list)
    problems: list[Exception] = field(default_factory=list)


class Shipment:
    """One ship from this data folder. The caller holds `away.nobody_ships`."""

    def __init__(self, data_dir: Path, store: ObjectStore) -> None:
        self._data_dir = data_dir
        self._store = store
        self._memory = Memory(data_dir / "state" / "shipped.json", store.url)
        self.done = Shipped()

    def ship(self, folder: Folder, *, drop_before: date | None = None) -> None:
        """Copy and verify; one damaged file keeps no other back. Raises ArchiveError, OSError."""
        place = self._data_dir / folder.name
        # Taken before the rows are listed, sent after them: it never speaks of rows not there.
        appended = _whole_lines(place / folder.appended) if folder.appended else b""
        there = self._store.sizes(folder.name)
        try:
            live = day_files.live_files(place)
            trusted = {self._name(path) for path in live if self._is_there(path, there)}
            self._memory.keep(folder.name, trusted)
        finally:
            self._memory.write()
        if folder.appended and appended and len(trusted) == len(live):
            self._send_appended(f"{folder.name}/{folder.appended}", appended)
        self._tidy_up(folder, there, trusted)
        if drop_before is not None:
            self._find_ready(place, trusted, drop_before)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._data_dir).as_posix()

    def _is_there(self, path: Path, there: dict[str, int]) -> bool:
        """The archive has this very file, if need be since now."""
        name = self._name(path)
        try:
            if day_files.is_away(path):
                return self._still(path, name, there)
            return self._ensure(path, name, there)
        except FileNotFoundError:
            return False  # compacted, merged or removed since it was listed
        except (FileProblem, NotAsShipped) as problem:
            self.done.problems.append(problem)
            return False

    def _still(self, path: Path, name: str, there: dict[str, int]) -> bool:
        if there.get(name) != away.read(path).size:
            raise NotAsShipped(f"{self._store.url}/{name} lives only there, and is not as shipped")
        return True

    def _ensure(self, path: Path, name: str, there: dict[str, int]) -> bool:
        with path.open("rb") as file:
            status = _mark(os.fstat(file.fileno()))
            if self._memory.knows(name, status) and there.get(name) == status[0]:
                self.done.there_already += 1
                return True
            day_files.verify(path)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            if there.get(name) == status[0] and self._store.digest(name) == sha256:
                self.done.there_already += 1
            else:
                file.seek(0)
                self._store.put(name, file)
                steps.reached("file sent")
                self._confirm(name, sha256)
                self.done.sent += 1
                self.done.sent_bytes += status[0]
        if _mark(path.stat()) == status:  # else it was replaced meanwhile, and is sent next time
            self._memory.add(name, status, sha256)
        steps.reached("file verified there")
        return True

    def _confirm(self, name: str, sha256: str) -> None:
        if self._store.digest(name) != sha256:
            raise ArchiveError(
                f"{self._store.url}/{name} did not read back as sent; the file here is untouched. "
                "Does another data folder ship to the same place? Else try again."
            )

    def _send_appended(self, name: str, content: bytes) -> None:
        sha256 = hashlib.sha256(content).hexdigest()
        if self._store.digest(name) != sha256:
            self._store.put(name, BytesIO(content))
            self._confirm(name, sha256)

    def _tidy_up(self, folder: Folder, there: Iterable[str], trusted: set[str]) -> None:
        """Nothing goes there but what a verified file covers, and derived days that are gone."""
        by_day: dict[str, list[FileName]] = {}
        for day, file_name in map(_parsed, trusted):
            by_day.setdefault(day, []).extend([file_name] if file_name else [])
        whole = folder.derived and (self._data_dir / folder.name / "_merge.json").exists()
        for name in sorted(set(there) - trusted):
            day, narrow = _parsed(name)
            is_covered = narrow and any(wide.covers(narrow) for wide in by_day.get(day, ()))
            here = self._data_dir / name
            is_gone = whole and name.endswith(".parquet") and not here.exists()
            if is_covered or is_gone:
                self._store.remove(name)
                steps.reached("superseded file removed there")
                self.done.removed_there += 1

    def _find_ready(self, place: Path, trusted: set[str], drop_before: date) -> None:
        """Files of old days of which nothing is left to compact, read back from the store now."""
        for day in day_files.days(place):
            if day >= drop_before or day_files.superseded_files_of(place, day):
                continue
            for path in day_files.live_files_of(place, day):
                name = FileName.parse(path.name)
                ours = name is not None and _is_continuous(name)
                if ours and path.exists() and self._name(path) in trusted:
                    self._ready(path)

    def _ready(self, path: Path) -> None:
        name = self._name(path)
        with path.open("rb") as file:
            status = _mark(os.fstat(file.fileno()))
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if self._store.digest(name) != sha256:
            day_files.verify(path)  # is it the file here that is damaged?
            self._memory.forget(name)
            raise ArchiveError(
                f"{self._store.url}/{name} is not the file that lies here; nothing was dropped. "
                "Ship again: it will be sent anew."
            )
        note = Note(f"{self._store.url}/{name}", status[0], status[1], sha256)
        self.done.ready.append((path, note))

    def drop(self, allowed: Callable[[Path], bool]) -> None:
        """Drop what is ready and allowed; the caller holds the lock of who writes the folder."""
        for path, note in self.done.ready:
            if allowed(path) and away.drop(path, note):
                self.done.dropped += 1
                self.done.dropped_bytes += note.size


def _parsed(name: str) -> tuple[str, FileName | None]:
    """The day's folder, and what the file's own name says."""
    day, _, last = name.rpartition("/")
    return day, FileName.parse(last)


def _is_continuous(name: FileName) -> bool:
    """Written by a journal or by pulls; imports are found again by their names and stay here."""
    return len(name.source) == 16 and set(name.source) <= set("0123456789abcdef")


def _mark(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _whole_lines(path: Path) -> bytes:
    """Without a line that is being written."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b""
    return content[: content.rfind(b"\n") + 1]
