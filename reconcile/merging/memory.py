"""[I/O] What the last merge found and wrote, in `state/merge/`: it changes no number.

`memory.json` is written last and names the other files, which are never changed; what it does not
name is swept away by the next merge. Where it was made by other rules, or cannot be read, or one of
these files is not as it was written, nothing is remembered.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from receiver import day_files
from reconcile.merging import read_times
from reconcile.merging.batches import Batch, Home, Mark
from reconcile.merging.read_times import ReadTimes

_NAME = "memory.json"
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Unit:
    """What a day's messages were derived from, and the days that this concerns.

    `rows` and `checksum` are of all rows at home there; `coverage` says how the log was read on
    these days. `spread`: how far apart the parts of a message are, at most. `wanderers`: a file of
    its messages that stand in other days' files.
    """

    rows: int
    checksum: int
    coverage: str
    days: tuple[date, ...]
    spread: timedelta = timedelta(0)
    wanderers: str | None = None

    def as_told(self, now: "Unit") -> bool:
        return (self.rows, self.checksum, self.coverage) == (now.rows, now.checksum, now.coverage)

    def to_be_done(self) -> "Unit":
        """As it is no more: the next merge derives it."""
        return replace(self, rows=-1)


@dataclass(frozen=True, slots=True)
class DayFile:
    """A file as it was written. Open messages keep their outcome while `after` < now <= `until`."""

    mark: Mark
    rows: int
    after: datetime | None
    until: datetime | None


@dataclass(slots=True)
class Memory:
    rules: str
    read: ReadTimes = field(default_factory=lambda: ReadTimes({}))
    batches: list[Batch] = field(default_factory=list)
    units: dict[date, Unit] = field(default_factory=dict)  # of those who stay at home
    anchors: dict[date, Unit] = field(default_factory=dict)  # of travellers
    files: dict[date, DayFile] = field(default_factory=dict)
    travellers: str | None = None


def read(shelf: Path, rules: str) -> Memory | None:
    """None where nothing is remembered by these rules."""
    try:
        said = json.loads((shelf / _NAME).read_bytes())
        if said["rules"] != rules or said["copies"] != _marks(shelf, said["copies"]):
            return None
        return Memory(
            rules,
            read_times.from_said(said["read"]),
            [_batch(each) for each in said["batches"]],
            {date.fromisoformat(day): _unit(each) for day, each in said["units"].items()},
            {date.fromisoformat(day): _unit(each) for day, each in said["anchors"].items()},
            {date.fromisoformat(day): _file(each) for day, each in said["files"].items()},
            said["travellers"],
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write(shelf: Path, memory: Memory) -> None:
    """Durable when this returns; then what it does not name goes."""
    day_files.make_folder(shelf)
    content = {
        "rules": memory.rules,
        "read": memory.read.said(),
        "batches": [_batch_said(batch) for batch in memory.batches],
        "units": {str(day): _unit_said(unit) for day, unit in memory.units.items()},
        "anchors": {str(day): _unit_said(unit) for day, unit in memory.anchors.items()},
        "files": {
            str(day): [file.mark, file.rows, _said(file.after), _said(file.until)]
            for day, file in memory.files.items()
        },
        "travellers": memory.travellers,
        "copies": _marks(shelf, named(memory)),
    }
    day_files.write_bytes(shelf / _NAME, json.dumps(content).encode())
    kept = {_NAME, *named(memory)}
    for path in shelf.iterdir():
        if path.name not in kept and path.is_file():
            path.unlink(missing_ok=True)


def named(memory: Memory) -> list[str]:
    """The names of all files that it needs."""
    names = [memory.travellers] if memory.travellers else []
    for batch in memory.batches:
        names.append(batch.keys_file(Path()).name)
        if batch.strays:
            names.append(batch.strays_file(Path()).name)
    units = (*memory.units.values(), *memory.anchors.values())
    return [*names, *(unit.wanderers for unit in units if unit.wanderers)]


def _marks(shelf: Path, names: Iterable[str]) -> dict[str, Mark]:
    """Raises OSError where one is gone."""
    found = {name: (shelf / name).stat() for name in names}
    return {name: [status.st_size, status.st_mtime_ns] for name, status in found.items()}


def _batch_said(batch: Batch) -> dict[str, Any]:
    return {
        "name": batch.name,
        "folder": batch.folder,
        "day": str(batch.day),
        "files": batch.files,
        "homes": {str(day): [home.rows, home.checksum] for day, home in batch.homes.items()},
        "latest": _said(batch.latest),
        "accounts": batch.accounts,
        "nameless": batch.nameless,
    }


def _batch(said: dict[str, Any]) -> Batch:
    homes = {date.fromisoformat(day): Home(*home) for day, home in said["homes"].items()}
    return Batch(
        said["name"], said["folder"], date.fromisoformat(said["day"]), said["files"], homes,
        _moment(said["latest"]), said["accounts"], said["nameless"],
    )  # fmt: skip


def _unit_said(unit: Unit) -> dict[str, Any]:
    return {
        "rows": unit.rows,
        "checksum": unit.checksum,
        "coverage": unit.coverage,
        "days": [str(day) for day in unit.days],
        "spread_micros": unit.spread // MICROSECOND,
        "wanderers": unit.wanderers,
    }


def _unit(said: dict[str, Any]) -> Unit:
    days = tuple(date.fromisoformat(day) for day in said["days"])
    return Unit(
        said["rows"], said["checksum"], said["coverage"], days,
        said["spread_micros"] * MICROSECOND, said["wanderers"],
    )  # fmt: skip


def _file(said: list[Any]) -> DayFile:
    mark, rows, after, until = said
    return DayFile(mark, rows, _moment(after), _moment(until))


def _said(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _moment(said: str | None) -> datetime | None:
    return datetime.fromisoformat(said) if said else None
