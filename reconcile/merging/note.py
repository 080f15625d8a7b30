"""[I/O] `messages/_merge.json`: what `messages/` was made from, and what came of it."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from receiver import day_files


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to. `as_of` is None while there is nothing on disk.

    `reports_without_uuid` name no message: they are kept, and in none.
    """

    as_of: datetime | None
    messages: int
    days_written: int
    reports_without_uuid: int = 0


@dataclass(frozen=True, slots=True)
class Note:
    """`_merge.json`: what `messages/` was made from, and what it was then."""

    path: Path
    fingerprint: str

    def read(self) -> Merged | None:
        """The last merge, where it was of these very inputs."""
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            if said["fingerprint"] != self.fingerprint or said["files"] != self._files():
                return None
            as_of = said["as_of"] and datetime.fromisoformat(said["as_of"])
            return Merged(
                as_of or None, int(said["messages"]), 0, int(said["reports_without_uuid"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # no note or a broken one: merge again

    def write(self, merged: Merged) -> None:
        day_files.make_folder(self.path.parent)
        day_files.write_bytes(
            self.path,
            json.dumps(
                {
                    "fingerprint": self.fingerprint,
                    "as_of": merged.as_of and merged.as_of.isoformat(),
                    "messages": merged.messages,
                    "reports_without_uuid": merged.reports_without_uuid,
                    "files": self._files(),
                }
            ).encode(),
        )

    def _files(self) -> dict[str, list[int]]:
        """Whatever was taken away or changed since is made anew."""
        found = {}
        for path in day_files.live_files(self.path.parent):
            status = path.stat()
            found[f"{path.parent.name}/{path.name}"] = [status.st_size, status.st_mtime_ns]
        return found

    def remove(self) -> None:
        if self.path.exists():
            day_files.remove(self.path)
