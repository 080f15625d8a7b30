"""[pure] A figure of the page: a chart, the same as a table, and the words around them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from reconcile.charts.palette import RATE_CLASSES
from reconcile.rendering.html.tables import Table

Legend = list[tuple[str, str]]  # colour, meaning


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`says` is told in any case; `lead` tells how to read the charts, where there are some.

    Without a chart its table stands open, or words alone say it.

    `least_width`: a chart that would be too small on a phone scrolls instead.
    """

    name: str
    title: str
    says: str = ""
    lead: str = ""
    charts: Sequence[tuple[str, Any]] = ()
    legend: Sequence[tuple[str, str]] = ()
    table: Table | None = None
    note: str = ""
    least_width: int = 0

    @property
    def drawn(self) -> list[tuple[str, Any]]:
        return [(name, chart) for name, chart in self.charts if chart is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    name: str
    title: str
    short: str
    figures: Sequence[Figure]


def rate_legend() -> Legend:
    said = [f"below {RATE_CLASSES[0]:.0%}"]
    said += [f"{low * 100:.0f}–{high:.0%}" for low, high in pairwise(RATE_CLASSES)]
    said.append(f"{RATE_CLASSES[-1]:.0%} and more")
    return [(f"rates-{place}", words) for place, words in enumerate(said)]
