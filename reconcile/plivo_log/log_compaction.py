"""[I/O] Many readings of a day become one file: every row stays, only the files are fewer.

A window that is read five times makes five files, and a pull that flushes often makes more. Once a
day has so many, they are written as one, which supersedes them by its name; they stay for a grace
period. The caller holds the lock of the data folder.
"""

import re
from datetime import date
from pathlib import Path

import pyarrow as pa

from receiver import day_files
from receiver.day_files import FileName

MOST_FILES = 8


def compact(folder: Path) -> int:
    """Compact each day of `log/` that has more than so many files; how many days.

    Raises FileProblem, OSError.
    """
    return sum(_compact(folder, day) for day in day_files.days(folder))


def _compact(folder: Path, day: date) -> int:
    day_files.remove_superseded(folder, day)
    by_source: dict[str, list[tuple[Path, FileName]]] = {}
    live = day_files.live_files_of(folder, day)
    if any(map(day_files.is_away, live)):
        return 0  # a wider name would cover rows that it does not hold
    for path in live:
        name = FileName.parse(path.name)
        if name is not None and re.fullmatch("[0-9a-f]{16}", name.source):
            by_source.setdefault(name.source, []).append((path, name))
    many = [files for files in by_source.values() if len(files) > MOST_FILES]
    for files in many:
        _merge(day_files.partition(folder, day), files)
    return bool(many)


def _merge(place: Path, files: list[tuple[Path, FileName]]) -> None:
    """Numbers of one source never cross within a day, so the wide name covers just these."""
    names = [name for _, name in files]
    tables = [day_files.read(path) for path, _ in files]
    whole = pa.concat_tables(tables, promote_options="default").sort_by(
        [("message_uuid", "ascending"), ("pulled_at", "ascending"), ("record", "ascending")]
    )
    wide = FileName(names[0].source, min(n.first for n in names), max(n.last for n in names))
    path = place / str(wide)
    day_files.write(whole, path)
    if day_files.read(path).num_rows != whole.num_rows:
        path.unlink()
        raise day_files.FileProblem(f"{path} did not read back as written; the disk may be failing")
