"""[I/O] Whether a name still stands for the file that was opened under it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Place:
    """Which files and volumes the journal's names stood for when it was opened."""

    files: tuple[tuple[int, int], ...]
    volumes: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> Self:
        folder = path.parent
        return cls(_identities(path), (folder.stat().st_dev, folder.parent.stat().st_dev))

    def holds(self, path: Path) -> bool:
        """The names still stand for the open files."""
        try:
            return _identities(path) == self.files
        except OSError:
            return False

    def is_there(self, path: Path) -> bool:
        """The volume is where it was, so that the journal can be made anew on it."""
        journal_volume, data_volume = self.volumes
        folder = path.parent
        try:
            if folder.exists():
                return folder.stat().st_dev == journal_volume
            return folder.parent.stat().st_dev == data_volume == journal_volume
        except OSError:
            return False


def _identities(path: Path) -> tuple[tuple[int, int], ...]:
    """Raises OSError where one is missing."""
    found = [path.stat(), path.with_name(f"{path.name}-wal").stat()]
    return tuple((status.st_dev, status.st_ino) for status in found)
