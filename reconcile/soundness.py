"""[I/O] Whether the files that are about to be counted still hold what was written.

DuckDB does not look at the page checksums of Parquet: a flipped bit becomes another number, and
nobody notices. So each file is read once with its checksums, and remembered by name, size and time
of change. The memory changes no number and may be deleted.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from receiver import day_files

_NAME = "sound_files.json"


def verify(files: Iterable[Path], state: Path) -> None:
    """Read every file that was not seen like this before. Raises FileProblem naming it."""
    known = _remembered(state / _NAME)
    seen = {name: mark for name, mark in known.items() if Path(name).exists()}
    for path in files:
        status = path.stat()
        mark = [status.st_size, status.st_mtime_ns, status.st_ino]
        if known.get(str(path)) != mark:
            day_files.verify(path)
        seen[str(path)] = mark
    if seen != known:
        day_files.write_bytes(state / _NAME, json.dumps(seen).encode())


def _remembered(path: Path) -> dict[str, list[int]]:
    try:
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
