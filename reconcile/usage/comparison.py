"""[pure] Their lines beside our messages, cell by cell; a difference is ours less theirs.

A cell is a day, and a country and a state where the file has them. Spend is compared with both
sums that it may be – with carrier fees and without – because Plivo's documents contradict each
other; the one that fits more cells is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from reconcile.usage.summary import Line, Summary

Key = tuple[date | str | None, ...]
Reading = Literal["total_amount", "total_amount + carrier_fees"]

READINGS: tuple[Reading, Reading] = ("total_amount", "total_amount + carrier_fees")
_OUR_PLACES = 5
_KEYS = ("day", "country", "state")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Our outbound messages of one day, country, state and account."""

    day: date
    country: str | None = None
    state: str | None = None
    account: str | None = None
    messages: int
    units: int = 0
    parts: int = 0
    total_amount: Decimal = Decimal("0.00000")
    carrier_fees: Decimal = Decimal("0.00000")
    only_reported: int = 0
    unpriced: int = 0


@dataclass(frozen=True, slots=True)
class Cell:
    """What both sides hold under one key."""

    key: Key
    lines: tuple[Line, ...]
    groups: tuple[Group, ...]

    @property
    def day(self) -> date:
        return self.lines[0].day if self.lines else self.groups[0].day

    def theirs(self, measure: str) -> Any:
        """Their sum of `messages`, `units` or `spend`."""
        start = Decimal(0) if measure == "spend" else 0
        return sum((getattr(line, measure) for line in self.lines), start)

    def ours(self, measure: str) -> Any:
        """Our sum of `messages`, `units`, `parts` … or of a reading of spend."""
        if measure in READINGS:
            return sum((_spent(group, measure) for group in self.groups), Decimal("0.00000"))
        return sum(getattr(group, measure) for group in self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All cells of the file's days, sorted; `total` is the cell of everything."""

    keys: tuple[str, ...]
    measures: tuple[str, ...]
    reading: Reading
    step: Decimal
    cells: tuple[Cell, ...]
    total: Cell

    @property
    def counted(self) -> str:
        """What a difference is counted in."""
        return self.measures[0]

    def difference(self, cell: Cell) -> int:
        return int(cell.ours(self.counted) - cell.theirs(self.counted))

    def differs(self, cell: Cell) -> tuple[str, ...]:
        """The measures that differ in this cell."""
        found = [m for m in self.measures if m != "spend" and cell.ours(m) != cell.theirs(m)]
        if "spend" in self.measures and not _fits(cell, self.reading, self.step):
            found.append("spend")
        return tuple(found)

    @property
    def spend_is(self) -> Reading | None:
        """The reading that fits wherever both count the same; None where it does not."""
        alike = self._alike_and_spent
        fits = all(_fits(cell, self.reading, self.step) for cell in alike)
        return self.reading if alike and fits else None

    @property
    def spend_can_be_told(self) -> bool:
        return bool(self._alike_and_spent)

    @property
    def _alike_and_spent(self) -> list[Cell]:
        if "spend" not in self.measures:
            return []
        return [
            cell
            for cell in self.cells
            if not {"messages", "units"} & {*self.differs(cell)}
            and (cell.theirs("spend") or cell.ours(self.reading))
        ]

    @property
    def differing(self) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if self.differs(cell))


def compare(summary: Summary, groups: Sequence[Group]) -> Comparison:
    """Groups of other days than the file's are left aside."""
    keys = tuple(name for name in _KEYS if name in summary.columns)
    held = [g for g in groups if summary.first_day <= g.day <= summary.last_day]
    cells = _cells(keys, summary.lines, held)
    places = max((_places(line.spend) for line in summary.lines if line.spend is not None),
                 default=0)  # fmt: skip
    step = Decimal(1).scaleb(-places) if places < _OUR_PLACES else Decimal(0)
    return Comparison(
        keys=keys,
        measures=tuple(m for m in ("messages", "units", "spend") if m in summary.columns),
        reading=_reading(cells, step),
        step=step,
        cells=cells,
        total=Cell((), summary.lines, tuple(held)),
    )


def _cells(
    keys: tuple[str, ...], lines: Sequence[Line], groups: Sequence[Group]
) -> tuple[Cell, ...]:
    theirs: dict[Key, list[Line]] = {}
    ours: dict[Key, list[Group]] = {}
    for line in lines:
        theirs.setdefault(tuple(getattr(line, name) for name in keys), []).append(line)
    for group in groups:
        ours.setdefault(tuple(getattr(group, name) for name in keys), []).append(group)
    return tuple(
        Cell(key, tuple(theirs.get(key, ())), tuple(ours.get(key, ())))
        for key in sorted({*theirs, *ours}, key=_nulls_last)
    )


def _nulls_last(key: Key) -> list[tuple[bool, str]]:
    return [(value is None, str(value)) for value in key]


def _places(amount: Decimal) -> int:
    exponent = amount.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _reading(cells: Sequence[Cell], step: Decimal) -> Reading:
    def fit(reading: Reading) -> tuple[int, Decimal]:
        off = sum((abs(c.ours(reading) - c.theirs("spend")) for c in cells if _priced(c)),
                  Decimal(0))  # fmt: skip
        return sum(_fits(cell, reading, step) for cell in cells if _priced(cell)), -off

    return max(READINGS, key=fit)  # the first where both fit alike


def _priced(cell: Cell) -> bool:
    return all(line.spend is not None for line in cell.lines)


def _fits(cell: Cell, reading: Reading, step: Decimal) -> bool:
    """Each of their lines may be rounded by half a step."""
    return bool(abs(cell.ours(reading) - cell.theirs("spend")) <= step / 2 * len(cell.lines))


def _spent(group: Group, reading: str) -> Decimal:
    fees = group.carrier_fees if reading == READINGS[1] else Decimal(0)
    return group.total_amount + fees
