"""[pure] Rates by a break-down as a table that fits from 80 columns on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from reconcile.rate_report import RateReport
from reconcile.rate_rows import Row
from reconcile.rendering import cells
from reconcile.rendering.sparkline import Scale, bar, scale, sparkline
from reconcile.trends import MOST_DAYS, OF_TIME, Trends

FEW_MESSAGES = 30
SOME_ROOM, PLENTY = 110, 150  # columns of a terminal
_LONGEST_NAME = 48  # of what a row is about; its numbers never give way
_FEW_DAYS = 8  # of a sparkline, where there is little room
_COUNTS = {
    "sent": "submitted", "failed": "failed", "deliv.": "delivered", "undel.": "undelivered",
    "no rec.": "unconfirmed", "open": "open",
}  # fmt: skip

Columns = dict[str, Callable[[Row], str]]


@dataclass(frozen=True, slots=True)
class _Course:
    """The sparklines of a table, all on one scale."""

    trends: Trends
    days: int
    among: Scale

    def of(self, key: tuple[object, ...]) -> str:
        return sparkline(self.trends.rates[key][-self.days :], self.among)

    def __str__(self) -> str:
        """What a bar stands for, to be said once."""
        low, high = self.among
        return f"last {self.days} days, ▁ {cells.percent(low)} █ {cells.percent(high)}"


def rate_table(report: RateReport, trends: Trends | None, width: int) -> tuple[str, Table]:
    """Its heading, and a row for each group, for the others and for the total."""
    keys, course = report.question.by, _course(trends, width)
    columns = _columns(report, width, course)
    table = new_table(show_footer=len(report.rows) + report.left_out > 1)
    for position, key in enumerate(keys):
        alone = _LONGEST_NAME if width >= SOME_ROOM else _LONGEST_NAME // 2
        most = alone if len(keys) == 1 else None if width >= PLENTY else 12
        footer = "total" if position == 0 else ""
        table.add_column(key, footer=footer, no_wrap=True, overflow="ellipsis", max_width=most)
    for title, shown in columns.items():
        number_column(table, title, shown(report.total or {}))
    most_sent = max((row["submitted"] for row in report.rows), default=0)
    bars = width >= PLENTY and len(keys) == 1 and keys[0] in OF_TIME
    if course or bars:
        least = max(course.days, len("by day")) if course else None
        table.add_column("by day" if course else "volume", no_wrap=True, min_width=least)
    for row in report.rows:
        names = [cells.key(row[key]) for key in keys]
        line = [course.of(tuple(row[key] for key in keys))] if course else []
        line += [bar(row["submitted"], most_sent)] if bars else []
        table.add_row(*map(Text, (*names, *(shown(row) for shown in columns.values()), *line)))
    if report.others is not None:
        names = [f"{report.left_out:,} others", *[""] * (len(keys) - 1)]
        figures = [shown(report.others) for shown in columns.values()]
        table.add_row(*map(Text, (*names, *figures)))
    return _heading(report, course), table


def new_table(*, show_footer: bool = False) -> Table:
    return Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, show_footer=show_footer)


def number_column(table: Table, title: str, footer: str = "") -> None:
    width = max(len(title), len(footer))  # what the rows are about gives way, not the numbers
    table.add_column(title, justify="right", footer=footer, no_wrap=True, min_width=width)


def _course(trends: Trends | None, width: int) -> _Course | None:
    if trends is None:
        return None
    days = min(len(trends.days), MOST_DAYS if width >= PLENTY else _FEW_DAYS)
    among = scale(rates[-days:] for rates in trends.rates.values())
    return _Course(trends, days, among) if among else None


def _columns(report: RateReport, width: int, course: _Course | None) -> Columns:
    """Titles, and what they show of a row; with little room, not what the others tell."""
    left_out = set()
    if width < PLENTY:
        left_out |= {"deliv."} if course else set()
        left_out |= {"failed", "open"} if len(report.question.by) > 1 else set()
    counts = {title: name for title, name in _COUNTS.items() if title not in left_out}
    columns: Columns = {title: partial(_count, name) for title, name in counts.items()}
    columns |= {
        report.formula.name: _headline,
        "receipts": lambda row: cells.percent(row.get("receipt_coverage")),
    }
    if width >= SOME_ROOM:
        interval = "95 % interval" if report.formula.name == "confirmed" else "of confirmed"
        columns[interval] = cells.confirmed_interval
        columns["p95 s"] = lambda row: cells.seconds(row.get("sent_to_receipt_p95"))
    if width >= PLENTY:
        columns["p50 s"] = lambda row: cells.seconds(row.get("sent_to_receipt_p50"))
        columns["amount"] = lambda row: cells.value(row.get("total_amount"))
    return columns


def _count(name: str, row: Row) -> str:
    return cells.count(row.get(name))


def _headline(row: Row) -> str:
    few = "*" if 0 < row.get("submitted", 0) < FEW_MESSAGES else ""
    return cells.percent(row.get("headline_rate")) + few


def _heading(report: RateReport, course: _Course | None) -> str:
    parts = [f"By {', '.join(report.question.by)}"]
    if report.question.top:
        left_out = report.left_out
        parts.append(f"the {len(report.rows)} largest" if left_out else "the largest first")
    if course:
        parts.append(str(course))
    few = any(row["submitted"] < FEW_MESSAGES for row in report.rows)
    return ", ".join(parts) + (f" (* fewer than {FEW_MESSAGES} messages)" if few else "")
