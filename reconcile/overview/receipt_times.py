"""[I/O] How long receipts take: a histogram, and how complete messages of an age are."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from reconcile import stages
from reconcile.engine import Engine
from reconcile.overview.record import MaturityPoint, TimeBin

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
# About as far from each other on a logarithmic axis, and what a clock shows.
EDGES = (
    0, 1, 2, 5, 10, 20, 30, _MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 20 * _MINUTE,
    30 * _MINUTE, _HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY, 2 * _DAY, 3 * _DAY,
    7 * _DAY,
)  # fmt: skip
MOST_COHORTS = 4


@dataclass(frozen=True, slots=True)
class Cohort:
    """Messages of these local days, both included."""

    first_day: date
    last_day: date

    def __str__(self) -> str:
        if self.first_day == self.last_day:
            return str(self.first_day)
        return f"{self.first_day} … {self.last_day}"


@dataclass(frozen=True, slots=True)
class Waits:
    """Messages handed over, by cohort, wait and age, as the stage `receipt_times` counts them."""

    cohorts: Sequence[Cohort]
    groups: Sequence[dict[str, Any]]


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


def waits(engine: Engine, split: Sequence[Cohort]) -> Waits:
    sql = stages.text("receipt_times").format(
        cohort=_case("cast(local_time as date)",
                     [f"< cast('{c.last_day + timedelta(days=1)}' as date)" for c in split])
        if split else "cast(0 as int)",
        below=_case("waited", [f"< {edge}" for edge in EDGES]),
        within=_case("waited", [f"<= {edge}" for edge in EDGES]),
        reached=_case("age", [f"< {edge}" for edge in EDGES]),
    )  # fmt: skip
    return Waits(split, engine.query(sql).to_pylist())


def histogram(waits: Waits) -> list[TimeBin]:
    """From the first bin that has a receipt to the last one; empty without receipts."""
    counts = {letter: [0] * (len(EDGES) + 1) for letter in "DU"}
    for group in waits.groups:
        if group["below"] is not None:
            counts[group["letter"]][group["below"]] += group["messages"]
    borders = [None, *map(float, EDGES), None]
    bins = [
        TimeBin(from_seconds=low, until_seconds=high, delivered=delivered, undelivered=undelivered)
        for low, high, delivered, undelivered in zip(
            borders[:-1], borders[1:], counts["D"], counts["U"], strict=True
        )
    ]
    filled = [place for place, bin_ in enumerate(bins) if bin_.delivered or bin_.undelivered]
    return bins[filled[0] : filled[-1] + 1] if filled else []


def maturity(waits: Waits) -> list[MaturityPoint]:
    """Points at the ages that at least one message has reached, by cohort."""
    points = _curve("all", waits.groups)
    for number, cohort in enumerate(waits.cohorts):
        points += _curve(str(cohort), [g for g in waits.groups if g["cohort"] == number])
    return points


def _curve(name: str, groups: Sequence[dict[str, Any]]) -> list[MaturityPoint]:
    points = []
    for place, age in enumerate(EDGES):
        old = [group for group in groups if group["reached"] > place]
        handed_over = sum(group["messages"] for group in old)
        if age == 0 or not handed_over:
            continue
        receipts = sum(
            g["messages"] for g in old if g["within"] is not None and g["within"] <= place
        )
        points.append(
            MaturityPoint(cohort=name, age_seconds=float(age), receipts=receipts,
                          handed_over=handed_over, share=receipts / handed_over)
        )  # fmt: skip
    return points


def _case(expression: str, conditions: Sequence[str]) -> str:
    """The number of the first condition that holds, counted from 0; null stays null."""
    whens = " ".join(f"when {expression} {one} then {n}" for n, one in enumerate(conditions))
    return f"case {whens} when {expression} is not null then {len(conditions)} end"
