"""A reader who never sleeps: the whole of `reports/`, again and again, beside sealing."""

import threading
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from receiver import day_files


class PollingReader:
    """Reads until the context ends; then `doubled` and `unreadable` say what should not have been.

    A file's content never changes, so each is read once; which of them count is asked every time.
    """

    def __init__(self, data_dir: Path, *, every_seconds: float = 0.005) -> None:
        self._folder = data_dir / "reports"
        self._every_seconds = every_seconds
        self._held: dict[Path, list[str]] = {}
        self._live: set[Path] = set()
        self._seen: Counter[str] = Counter()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read_on, name="polling reader")
        self.doubled: set[str] = set()
        self.vanished: set[str] = set()
        self.unreadable: list[str] = []
        self.polls = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.poll()

    def _read_on(self) -> None:
        while not self._stop.wait(self._every_seconds):
            self.poll()

    def poll(self) -> None:
        live = set(day_files.live_files(self._folder))
        for path in live - self._held.keys():
            if not self._read(path):
                return  # the listing was already old; the next one is not
        entering, leaving = live - self._live, self._live - live
        for path in entering:
            self._seen.update(self._held[path])
        before = {uuid for path in leaving for uuid in self._held[path]}
        for path in leaving:
            self._seen.subtract(self._held[path])
        self.doubled |= {
            uuid for path in entering for uuid in self._held[path] if self._seen[uuid] > 1
        }
        self.vanished |= {uuid for uuid in before if not self._seen[uuid]}
        self._live = live
        self.polls += 1

    def _read(self, path: Path) -> bool:
        try:
            self._held[path] = day_files.read(path, ["message_uuid"])["message_uuid"].to_pylist()
        except day_files.FileProblem as problem:
            if path in day_files.live_files(self._folder):
                self.unreadable.append(str(problem))
                self._held[path] = []
            return False
        return True
