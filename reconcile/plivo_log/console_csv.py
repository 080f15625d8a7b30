"""[pure] The message log as Plivo's console exports it: CSV → log rows.

A cell that means nothing here, or is not what its column holds, stays in `record`. A line that is
no row never stops the others.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from reconcile.plivo_log import console_columns, console_times
from reconcile.plivo_log.console_columns import IMPORTED, SUBACCOUNT, TOTAL_CHARGE, NotAnExport
from reconcile.plivo_log.console_times import Clock, NoTime, UnclearDates
from reconcile.plivo_log.log_row import LogRow, typed

# These differ from row to row. The other cells have few values between them, typed once each.
_KEYS = ("message_uuid", "message_time")
_NUMBERS = ("from_number", "to_number")
_ACCOUNT = re.compile(r"[MS]A[A-Za-z0-9]+")
_as_json = json.JSONEncoder(ensure_ascii=False).encode

Lines = Callable[[], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the file writes its rows: a name for each cell, the places of fields, and the times."""

    names: tuple[str, ...]
    uuid: int
    time: int
    numbers: Mapping[str, int]
    others: Mapping[str, int]
    clock: Clock


@dataclass(frozen=True, slots=True)
class Exported:
    """A row of the log; `repeated_time`: the first of two moments that its time may mean."""

    row: LogRow
    repeated_time: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Lines that are no row."""

    first_line: int
    last_line: int
    why: str

    def __str__(self) -> str:
        if self.last_line > self.first_line:
            return f"lines {self.first_line}–{self.last_line}: {self.why}"
        return f"line {self.first_line}: {self.why}"


class _Record(NamedTuple):
    first_line: int
    last_line: int
    cells: Sequence[str]
    broken: str = ""


@dataclass(frozen=True, slots=True)
class _Typed:
    columns: Mapping[str, Any]
    untyped: tuple[str, ...]
    account: str | None


class _NoRow(ValueError):
    """Why the cells are no row."""


def layout(lines: Lines, zone: ZoneInfo) -> Layout:
    """Reads all lines, for the order of day and month. Raises NotAnExport."""
    records = _records(lines())
    header = next(records, _Record(1, 1, ()))
    names, places = console_columns.names(header.cells), console_columns.places(header.cells)
    time = places["message_time"]
    texts = (record.cells[time] for record in records if len(record.cells) == len(names))
    try:
        clock = Clock(zone, console_times.day_first(texts))
    except UnclearDates as unclear:
        raise NotAnExport(str(unclear)) from unclear
    return Layout(
        names=names,
        uuid=places["message_uuid"],
        time=time,
        numbers={field: place for field, place in places.items() if field in _NUMBERS},
        others={f: place for f, place in places.items() if f not in (*_KEYS, *_NUMBERS)},
        clock=clock,
    )


def rows(lines: Lines, found: Layout) -> Iterator[Exported | Refused]:
    """Each row, or the lines that are none, in the order of the file."""
    records = _records(lines())
    next(records)
    for record in records:
        try:
            yield _row(record, found)
        except (_NoRow, NoTime) as problem:
            yield Refused(record.first_line, record.last_line, str(problem))


def _row(record: _Record, found: Layout) -> Exported:
    if record.broken:
        raise _NoRow(record.broken)
    cells = record.cells
    if len(cells) != len(found.names):
        raise _NoRow(f"{len(cells)} columns where the first line has {len(found.names)}")
    uuid = cells[found.uuid].strip()
    if not uuid:
        raise _NoRow("no message UUID")
    moment = found.clock.read(cells[found.time])
    numbers, _ = typed({name: cells[at].strip() or None for name, at in found.numbers.items()})
    others = _typed(tuple(found.others), tuple(map(cells.__getitem__, found.others.values())))
    whole = dict(zip(found.names, cells, strict=True))
    whole[IMPORTED] = f"console export, times in {found.clock.zone.key}"
    columns = {**others.columns, **numbers, "message_time": moment.at}
    row = LogRow(uuid, _as_json(whole), columns, others.untyped, others.account)
    return Exported(row, moment.repeated)


@lru_cache(maxsize=10_000)
def _typed(names: tuple[str, ...], cells: tuple[str, ...]) -> _Typed:
    given: dict[str, Any] = {
        name: text for name, cell in zip(names, cells, strict=True) if (text := cell.strip())
    }
    subaccount = given.pop(SUBACCOUNT, "")
    charged = given.pop(TOTAL_CHARGE, None)
    columns, untyped = typed({"total_amount": charged, **given})
    if charged:
        columns |= _apart(columns)
    return _Typed(columns, untyped, subaccount if _ACCOUNT.fullmatch(subaccount) else None)


def _apart(columns: Mapping[str, Any]) -> dict[str, Any]:
    """The amount without carrier fees, and these; nothing where the figures do not show it.

    The console's total has them inside (docs, "Reporting"), the API's amount has not.
    """
    names = ("units", "total_rate", "carrier_fees_rate", "total_amount")
    units, rate, fee, total = (columns.get(name) for name in names)
    if units is None or rate is None or fee is None or total != units * (rate + fee):
        return {}
    return {"total_amount": units * rate, "carrier_fees": units * fee}


def _records(lines: Iterable[str]) -> Iterator[_Record]:
    """Blank lines left out."""
    reader = csv.reader(lines)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as broken:  # a quote that never ends; the next line is read afresh
            yield _Record(first, reader.line_num, (), f"no CSV ({broken})")
            continue
        if len(cells) > 1 or "".join(cells).strip():
            yield _Record(first, reader.line_num, cells)
