"""[I/O] How long receipts take: a histogram, and how complete messages of an age are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from reconcile import selection, stages
from reconcile.engines.engine import Engine
from reconcile.overview.record import MaturityPoint, TimeBin

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# About as far from each other on a logarithmic axis, and what a clock shows.
EDGES = (
    0, 1, 2, 5, 10, 20, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE,
    30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 3 * _DAY,
    7 * _DAY,
)  # fmt: skip
MOST_COHORTS = 4
TABLE = "receipt_times"


@dataclass(frozen=True, slots=True)
class Cohort:
    """Messages of these local days, both included."""

    first_day: date
    last_day: date

    def __str__(self) -> str:
        if self.first_day == self.last_day:
            return str(self.first_day)
        return f"{self.first_day} … {self.last_day}"


def cohorts(first_day: date | None, last_settled_day: date | None) -> list[Cohort]:
    """Up to four equal stretches of whole settled days; the last ones may be a day longer."""
    if first_day is None or last_settled_day is None or last_settled_day < first_day:
        return []
    days = (last_settled_day - first_day).days + 1
    number = min(MOST_COHORTS, days)
    if number < 2:
        return []  # the same as all
    borders = [first_day + timedelta(days=days * n // number) for n in range(number + 1)]
    return [Cohort(low, high - timedelta(days=1)) for low, high in pairwise(borders)]


def take(engine: Engine, step: str, split: Sequence[Cohort]) -> None:
    """One scan for `TABLE`, from which the rest is summed."""
    sql = stages.text(TABLE).format(
        step=selection.DIMENSIONS[step],
        cohort=_places("cast(local_time as date)", [f"cast('{c.last_day}' as date)"
                       for c in split], "<=") if split else "cast(0 as int)",
        below=_places("waited", [str(edge * 1_000_000) for edge in EDGES]),
        # most have reached them all
        reached=f"case when age >= {EDGES[-1] * 1_000_000} then {len(EDGES)} else "
        + _places("age", [str(edge * 1_000_000) for edge in EDGES]) + " end",
    )  # fmt: skip
    engine.keep_answer(TABLE, sql)


def histogram(engine: Engine) -> list[TimeBin]:
    """From the first bin that has a receipt to the last one; empty without receipts."""
    found = engine.query(
        "select below, "
        "cast(coalesce(sum(case when letter = 'D' then messages end), 0) as bigint) as delivered, "
        "cast(coalesce(sum(case when letter = 'U' then messages end), 0) as bigint) as undelivered "
        f"from {TABLE} where below is not null group by below order by below"
    ).to_pylist()
    known = {row.pop("below"): row for row in found}
    nothing = {"delivered": 0, "undelivered": 0}
    borders = [None, *map(float, EDGES), None]
    return [
        TimeBin(from_seconds=borders[place], until_seconds=borders[place + 1],
                **known.get(place, nothing))
        for place in range(min(known, default=0), max(known, default=-1) + 1)
    ]  # fmt: skip


def maturity(engine: Engine, split: Sequence[Cohort]) -> list[MaturityPoint]:
    """Points at the ages that at least one message has reached, by cohort."""
    groups = engine.query(
        "select cohort, below, reached, cast(sum(messages) as bigint) as messages "
        f"from {TABLE} group by cohort, below, reached"
    ).to_pylist()
    points = _curve("all", groups)
    for number, cohort in enumerate(split):
        points += _curve(str(cohort), [g for g in groups if g["cohort"] == number])
    return points


def _curve(name: str, groups: Sequence[dict[str, Any]]) -> list[MaturityPoint]:
    points = []
    for place, age in enumerate(EDGES):
        old = [group for group in groups if group["reached"] > place]
        handed_over = sum(group["messages"] for group in old)
        if age == 0 or not handed_over:
            continue
        receipts = sum(g["messages"] for g in old if g["below"] is not None and g["below"] <= place)
        points.append(
            MaturityPoint(cohort=name, age_seconds=float(age), receipts=receipts,
                          handed_over=handed_over, share=receipts / handed_over)
        )  # fmt: skip
    return points


def _places(expression: str, edges: Sequence[str], sign: str = "<") -> str:
    """The number of the first edge that it is below, counted from 0; null stays null."""
    whens = " ".join(f"when {expression} {sign} {edge} then {n}" for n, edge in enumerate(edges))
    return f"case {whens} when {expression} is not null then {len(edges)} end"
