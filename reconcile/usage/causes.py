"""[pure] Why a cell differs: only what the numbers themselves bear out, else "cause unknown".

What explains many cells at once is tried first, then what shows within the cells of one day, then
what shows in the cell alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

from reconcile.usage.comparison import Cell, Comparison, Key
from reconcile.usage.hypotheses import Cause, borne_out
from reconcile.usage.reading import Gap
from reconcile.usage.zones import OtherZone

UNKNOWN = Cause("unknown", "cause unknown")
EXPORT_OLDER = Cause(
    "state_moving",
    "the export is older than what is on disk: messages under way in it have moved on since",
)
DISK_OLDER = Cause(
    "state_moving",
    "what is on disk is older than the export: messages have moved on since (python -m reconcile "
    "run)",
)

_FINAL_RANK = 4
_UNKNOWN_WORD_RANK = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known beside the numbers: unread days, the zones that fit, the ranks of states."""

    gaps: Mapping[date, Gap] = field(default_factory=dict)
    other_zone: OtherZone | None = None
    ranks: Mapping[str, int] = field(default_factory=dict)


def causes(comparison: Comparison, evidence: Evidence) -> dict[Key, Cause]:
    """A cause for each differing cell."""
    found = (
        _without_country(comparison)
        | _moved(comparison, evidence.ranks)
        | _everywhere(comparison, evidence)
    )
    return {
        cell.key: found.get(cell.key) or _of_cell(comparison, cell, evidence)
        for cell in comparison.differing
    }


# --- Many cells at once -----------------------------------------------------------------------


def _everywhere(comparison: Comparison, evidence: Evidence) -> dict[Key, Cause]:
    found: dict[Key, Cause] = {}
    if zone := evidence.other_zone:
        cause = _zone_cause(zone.names)
        found = {cell.key: cause for cell in comparison.differing if cell.day in zone.days}
    left = [
        cell
        for cell in comparison.differing
        if cell.key not in found
        and (difference := comparison.difference(cell))
        and (difference > 0 or cell.day not in evidence.gaps)  # rather what was not read
    ]
    if left and (explained := borne_out(comparison, left)):
        cause, cells = explained
        found |= {cell.key: cause for cell in cells}
    return found


def _zone_cause(names: Sequence[str]) -> Cause:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    also = f" (likewise with {', '.join(names[1:3])}{more})" if len(names) > 1 else ""
    return Cause(
        "time_zone",
        f"the file's days are those of another time zone: with --tz {names[0]} each has the same "
        f"number{also}",
    )


# --- The cells of one day ---------------------------------------------------------------------


def _moved(comparison: Comparison, ranks: Mapping[str, int]) -> dict[Key, Cause]:
    """Equal over all states, but further on one side: one of the two was read earlier."""
    if "state" not in comparison.keys:
        return {}
    place = comparison.keys.index("state")
    found: dict[Key, Cause] = {}
    for cells in _alike_but_for(comparison, place):
        off = [
            (ranks.get(str(cell.key[place] or ""), _UNKNOWN_WORD_RANK), comparison.difference(cell))
            for cell in cells
        ]
        if _only_forward(off):
            found |= {cell.key: EXPORT_OLDER for cell in cells}
        elif _only_forward([(rank, -difference) for rank, difference in off]):
            found |= {cell.key: DISK_OLDER for cell in cells}
    return found


def _only_forward(off: Sequence[tuple[int, int]]) -> bool:
    """Whether ours comes of theirs by messages moving from lower ranks to higher ones alone."""
    if not any(d for _, d in off) or any(d < 0 for rank, d in off if rank == _FINAL_RANK):
        return False
    under_way = 0
    for _, pairs in groupby(sorted(off), key=lambda pair: pair[0]):
        under_way -= sum(difference for _, difference in pairs)
        if under_way < 0:
            return False
    return under_way == 0


def _without_country(comparison: Comparison) -> dict[Key, Cause]:
    """Equal over all countries, and what is missing in some has none."""
    if "country" not in comparison.keys:
        return {}
    place = comparison.keys.index("country")
    found: dict[Key, Cause] = {}
    for cells in _alike_but_for(comparison, place):
        off = {cell.key[place]: comparison.difference(cell) for cell in cells}
        nowhere = off.pop(None, 0)
        if (
            nowhere
            and sum(off.values()) == -nowhere
            and all(d * nowhere <= 0 for d in off.values())
        ):
            whose = "our messages" if nowhere > 0 else "the file's messages"
            cause = Cause("country", f"{abs(nowhere):,} of {whose} are of no known country")
            found |= {cell.key: cause for cell in cells}
    return found


def _alike_but_for(comparison: Comparison, place: int) -> list[list[Cell]]:
    """Cells grouped by their keys without one."""
    groups: dict[Key, list[Cell]] = {}
    for cell in comparison.cells:
        groups.setdefault(cell.key[:place] + cell.key[place + 1 :], []).append(cell)
    return list(groups.values())


# --- One cell ---------------------------------------------------------------------------------


def _of_cell(comparison: Comparison, cell: Cell, evidence: Evidence) -> Cause:
    difference = comparison.difference(cell)
    gap = evidence.gaps.get(cell.day)
    if difference < 0 and gap:
        return _not_read(cell.day, gap)
    if difference > 0 and comparison.counted == "messages":
        if cell.ours("only_reported") == difference:
            return _only_reported(difference, gap)
        if name := _never_named(comparison, cell):
            return Cause(
                "not_in_file",
                f"the file has no line for {name} on any day; was the export filtered?",
            )
    if comparison.differs(cell) == ("spend",) and (unpriced := cell.ours("unpriced")):
        return Cause(
            "no_amount",
            f"of {unpriced:,} messages no amount is on disk yet (python -m reconcile run)",
        )
    return UNKNOWN


def _only_reported(messages: int, gap: Gap | None) -> Cause:
    log = (
        "the message log of that day is not wholly read" if gap
        else "the message log of that day, though read, does not hold them"
    )  # fmt: skip
    return Cause("only_reported", f"{messages:,} are known from delivery reports only; {log}")


def _never_named(comparison: Comparison, cell: Cell) -> str | None:
    """The country or state of the cell that no line of the file names."""
    for name, value in zip(comparison.keys[1:], cell.key[1:], strict=True):
        named = {getattr(line, name) for line in comparison.total.lines}
        if value is not None and value not in named:
            return str(value)
    return None


def _not_read(day: date, gap: Gap) -> Cause:
    if gap.unread_hours:
        text = (
            f"{_long(gap.unread_hours)} of {day} are not read from the message log yet (python -m "
            "reconcile run); what was never reported is unknown until then"
        )
    else:
        text = (
            f"of {_long(gap.counted_hours)} of {day} the message log was only counted, not listed "
            "(python -m reconcile pull --again)"
        )
    return Cause("not_read", text)


def _long(hours: float) -> str:
    return f"{hours:,.1f} hours" if hours >= 1 else f"{hours * 60:,.1f} minutes"
