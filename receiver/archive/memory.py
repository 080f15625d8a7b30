"""[I/O] `state/shipped.json`: what was verified in the archive. May be deleted: it is read back."""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from receiver import day_files

log = logging.getLogger("receiver")

_REMEMBER_EVERY = 50  # files; a kill costs no more than reading these back


class Memory:
    """Which files were verified in which archive, and how they looked here then."""

    def __init__(self, path: Path, url: str) -> None:
        self._path = path
        self._url = url
        self._unwritten = 0
        self._known: dict[str, Sequence[object]] = {}
        try:
            said = json.loads(path.read_bytes())
            if said["url"] == url:
                self._known = dict(said["files"])
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError) as broken:
            log.warning("%s is damaged (%s): everything is read back again", path, broken)

    def knows(self, name: str, mark: list[int]) -> bool:
        return list(self._known.get(name, ()))[:3] == mark

    def add(self, name: str, mark: list[int], sha256: str) -> None:
        self._known[name] = [*mark, sha256]
        self._unwritten += 1
        if self._unwritten >= _REMEMBER_EVERY:
            self.write()

    def keep(self, folder: str, names: set[str]) -> None:
        """Of this folder only these."""
        gone = [n for n in self._known if n.startswith(f"{folder}/") and n not in names]
        for name in gone:
            del self._known[name]
        self._unwritten += len(gone)

    def forget(self, name: str) -> None:
        self._known.pop(name, None)
        self._unwritten += 1
        self.write()

    def write(self) -> None:
        if self._unwritten:
            content = {"url": self._url, "files": self._known}
            day_files.write_bytes(self._path, json.dumps(content).encode())
            self._unwritten = 0
