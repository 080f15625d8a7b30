"""[pure] When a share that was steady fell, if it did.

A series of steps has many stretches, and a folder many series: the worst of them looks bad by
chance alone. So a stretch must stand out further the more there were to choose from, and further
where the steps of a series scatter more than coins would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import log

from reconcile import formulas
from reconcile.formulas import Rate

# Falls found where nothing fell, in all series of one kind of a folder together.
FALSE_ALARMS = 0.01
LEAST = 30  # known on both sides, below which nothing is said
LEAST_LOST = 10


@dataclass(frozen=True, slots=True)
class Series:
    """Of `total` messages in each step, `good` were; steps in order, none left out."""

    good: Sequence[int]
    total: Sequence[int]

    @property
    def lost(self) -> int:
        return sum(self.total) - sum(self.good)


@dataclass(frozen=True, slots=True)
class Fall:
    """From step `first` to before `end` the share was lower than in all steps before."""

    first: int
    end: int
    before: Rate
    during: Rate
    excess: int  # lost beyond what the share before would have lost


def fall(series: Series, *, rivals: int, least_points: float) -> Fall | None:
    """The stretch that stands out most, where it does so among as many `rivals` (series).

    None where intervals touch, where the fall is less than so many points (as a share), or where
    hardly anything was lost.
    """
    steps = len(series.total)
    if steps < 2 or series.lost < LEAST_LOST:
        return None
    goods, totals = ([0, *accumulate(each)] for each in (series.good, series.total))
    found = _worst(goods, totals)
    if found is None:
        return None
    first, end, strength = found
    needed = 2 * log(max(rivals, 1) * steps * steps / 2 / FALSE_ALARMS)
    if strength / _scatter(series, first, end) < needed:
        return None
    before = _rate(goods[first], totals[first])
    during = _rate(goods[end] - goods[first], totals[end] - totals[first])
    if before.value is None or during.value is None or not formulas.apart(before, during):
        return None
    excess = round(during.denominator * (before.value - during.value))
    if before.value - during.value < least_points or excess < LEAST_LOST:
        return None
    return Fall(first, end, before, during, excess)


def _worst(goods: Sequence[int], totals: Sequence[int]) -> tuple[int, int, float] | None:
    """The stretch in which a lower share of its own is likeliest, and by how much (G)."""
    steps, good, total = len(totals) - 1, goods[-1], totals[-1]
    whole = _likelihood(good, total)
    worst = None
    for first in range(1, steps):
        if totals[first] < LEAST:
            continue
        for end in range(first + 1, steps + 1):
            inside, held = totals[end] - totals[first], goods[end] - goods[first]
            if inside < LEAST or held * total >= good * inside:
                continue
            strength = 2 * (
                _likelihood(held, inside) + _likelihood(good - held, total - inside) - whole
            )
            if worst is None or strength > worst[2]:
                worst = (first, end, strength)
    return worst


def _likelihood(good: int, total: int) -> float:
    """The logarithm of how likely these are at their own share."""
    bad = total - good
    return (good * log(good / total) if good else 0.0) + (bad * log(bad / total) if bad else 0.0)


def _scatter(series: Series, first: int, end: int) -> float:
    """By how much the steps vary beyond what counting alone does; 1 where they do not."""
    chi_square, freedom = 0.0, -2
    for within in (range(first, end), [*range(first), *range(end, len(series.total))]):
        total = sum(series.total[n] for n in within)
        share = sum(series.good[n] for n in within) / total
        for n in within:
            if series.total[n]:
                freedom += 1
                if 0 < share < 1:
                    expected = series.total[n] * share
                    chi_square += (series.good[n] - expected) ** 2 / (expected * (1 - share))
    return max(1.0, chi_square / freedom) if freedom > 0 else 1.0


def _rate(good: int, total: int) -> Rate:
    return formulas.rate("D", "H", {"D": good, "H": total}, {"D": good, "H": total})
