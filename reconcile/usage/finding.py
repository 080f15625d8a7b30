"""[pure] The answer as rows, a total and one sentence."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from reconcile.usage.comparison import READINGS, Cell, Comparison, Key
from reconcile.usage.hypotheses import Cause

Row = dict[str, Any]

_HARDLY = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Ready to be shown: a row per cell, the total of all, and whether all are equal."""

    keys: tuple[str, ...]
    measures: tuple[str, ...]
    zone: str
    rows: list[Row]
    total: Row
    equal: bool
    sentence: str


def finding(
    comparison: Comparison, causes: Mapping[Key, Cause], *, days: tuple[date, date], zone: str
) -> Finding:
    """`causes` holds one for each cell that differs, and no other."""
    total = _row(comparison, comparison.total) | {
        "spend_is": comparison.spend_is,
        "cells": len(comparison.cells),
        "differing_cells": len(causes),
    }
    return Finding(
        keys=comparison.keys,
        measures=comparison.measures,
        zone=zone,
        rows=[
            dict(zip(comparison.keys, cell.key, strict=True))
            | _row(comparison, cell)
            | _why(causes.get(cell.key))
            for cell in comparison.cells
        ],
        total=total,
        equal=not causes,
        sentence=_sentence(comparison, causes, _span(*days)),
    )


def _row(comparison: Comparison, cell: Cell) -> Row:
    """Both sides of every measure; null where the file has no such column."""
    row: Row = {}
    for measure, ours in (("messages", "messages"), ("units", "units"),
                          ("spend", comparison.reading)):  # fmt: skip
        there = measure in comparison.measures
        theirs = cell.theirs(measure) if there else None
        row[f"their_{measure}"] = theirs
        if measure != "spend":
            row[f"our_{measure}"] = cell.ours(ours)
        else:
            row["our_total_amount"] = cell.ours(READINGS[0])
            row["our_carrier_fees"] = cell.ours(READINGS[1]) - cell.ours(READINGS[0])
        row[f"{measure}_difference"] = cell.ours(ours) - theirs if there else None
    return row


def _why(cause: Cause | None) -> Row:
    return {
        "equal": cause is None,
        "cause": cause.name if cause else None,
        "because": cause.text if cause else None,
    }


def _span(first: date, last: date) -> str:
    return f"on {first}" if first == last else f"from {first} to {last}"


def _sentence(comparison: Comparison, causes: Mapping[Key, Cause], span: str) -> str:
    noun = comparison.counted
    theirs, ours = (side(noun) for side in (comparison.total.theirs, comparison.total.ours))
    because = _because(comparison, causes)
    between = sum(abs(comparison.difference(cell)) for cell in comparison.cells) // 2
    if not causes:
        said = f"Equal: {_number(theirs, noun)} on both sides {span}"
    elif theirs != ours:
        said = (
            f"Differs by {_number(abs(ours - theirs), noun)}{_share(abs(ours - theirs), theirs)}: "
            f"Plivo counts {theirs:,}, on disk are {ours:,} {span}, {because}"
        )
    elif between:
        said = (
            f"Differs by {_number(between, noun)}{_share(between, theirs)} between cells, while "
            f"both count {theirs:,} in all {span}, {because}"
        )
    else:
        which = {m for cell in comparison.cells for m in comparison.differs(cell)}
        said = (
            f"The number of {noun} is equal ({theirs:,} {span}), but {' and '.join(sorted(which))} "
            f"differ in {len(causes):,} of {len(comparison.cells):,} cells, {because}"
        )
    return said + _spend(comparison) + "."


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun if number != 1 else noun[:-1]}"


def _share(part: int, whole: int) -> str:
    if not whole:
        return ""
    return f" ({part / whole:.1%})" if part / whole >= _HARDLY else " (under 0.1%)"


def _because(comparison: Comparison, causes: Mapping[Key, Cause]) -> str:
    """The cause that most of the difference has, told by its largest cell."""
    weights: Counter[str] = Counter()
    largest: dict[str, tuple[int, str]] = {}
    for cell in comparison.cells:
        if cause := causes.get(cell.key):
            size = abs(comparison.difference(cell))
            weights[cause.name] += size
            if cause.name not in largest or size > largest[cause.name][0]:
                largest[cause.name] = size, cause.text
    if not weights:
        return ""
    name = weights.most_common(1)[0][0]
    if name == "unknown":
        return "cause unknown" if len(weights) == 1 else "for the most part cause unknown"
    more = len({cause.text for cause in causes.values() if cause.name == name}) - 1
    likewise = f", and {more:,} more of this kind" if more else ""
    return ("" if len(weights) == 1 else "mostly ") + f"because {largest[name][1]}{likewise}"


def _spend(comparison: Comparison) -> str:
    if not comparison.spend_can_be_told:
        return ""
    if comparison.spend_is is None:
        return f"; Plivo's spend fits neither our {READINGS[0]} nor our {READINGS[1]}"
    without = comparison.total.ours(READINGS[0]) == comparison.total.ours(READINGS[1])
    alike = " (there are no carrier fees that could tell)" if without else ""
    return f"; Plivo's spend is our {comparison.spend_is}{alike}"
