"""[pure] Rates by a break-down as a table that fits from 80 columns on."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from reconcile.rate_report import RateReport
from reconcile.rate_rows import Row
from reconcile.rendering import cells
from reconcile.rendering.sparkline import Scale, bar, scale, sparkline
from reconcile.trends import OF_TIME, Trends

FEW_MESSAGES = 30
WIDE = 110
_NARROW_DAYS = 8  # of a sparkline, where there is little room
_COUNTS = {
    "sent": "submitted", "failed": "failed", "deliv.": "delivered", "undel.": "undelivered",
    "no rec.": "unconfirmed", "open": "open",
}  # fmt: skip


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
    wide, keys = width >= WIDE, report.question.by
    course = _course(trends, wide=wide)
    counts = _counts(keys, course, wide=wide)
    table = new_table(show_footer=len(report.rows) + report.left_out > 1)
    total = report.total or {}
    for position, key in enumerate(keys):
        most = None if wide or len(keys) == 1 else 12
        footer = "total" if position == 0 else ""
        table.add_column(key, footer=footer, no_wrap=True, overflow="ellipsis", max_width=most)
    heads = _heads(report, counts, wide=wide)
    for title, footer in zip(heads, _figures(total, counts, wide=wide), strict=True):
        number_column(table, title, footer)
    bars = wide and len(keys) == 1 and keys[0] in OF_TIME
    most = max((row["submitted"] for row in report.rows), default=0)
    if course or bars:
        table.add_column("by day" if course else "volume", no_wrap=True)
    for row in report.rows:
        names = [cells.key(row[key]) for key in keys]
        line = [course.of(tuple(row[key] for key in keys))] if course else []
        line += [bar(row["submitted"], most)] if bars else []
        table.add_row(*map(Text, (*names, *_figures(row, counts, wide=wide), *line)))
    if report.others is not None:
        names = [f"{report.left_out:,} others", *[""] * (len(keys) - 1)]
        table.add_row(*map(Text, (*names, *_figures(report.others, counts, wide=wide))))
    return _heading(report, course), table


def new_table(*, show_footer: bool = False) -> Table:
    return Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, show_footer=show_footer)


def number_column(table: Table, title: str, footer: str = "") -> None:
    width = max(len(title), len(footer))  # what the rows are about gives way, not the numbers
    table.add_column(title, justify="right", footer=footer, no_wrap=True, min_width=width)


def _course(trends: Trends | None, *, wide: bool) -> _Course | None:
    if trends is None:
        return None
    days = len(trends.days) if wide else min(len(trends.days), _NARROW_DAYS)
    among = scale(rates[-days:] for rates in trends.rates.values())
    return _Course(trends, days, among) if among else None


def _counts(keys: tuple[str, ...], course: _Course | None, *, wide: bool) -> dict[str, str]:
    """Titles and columns; where there is little room, not those that the others tell."""
    left_out = set()
    if not wide:
        left_out |= {"deliv."} if course else set()
        left_out |= {"failed", "open"} if len(keys) > 1 else set()
    return {title: name for title, name in _COUNTS.items() if title not in left_out}


def _heads(report: RateReport, counts: dict[str, str], *, wide: bool) -> list[str]:
    more = ["interval (confirmed)", "p50 s", "p95 s", "amount"] if wide else []
    return [*counts, report.formula.name, "receipts", *more]


def _figures(row: Row, counts: dict[str, str], *, wide: bool) -> Iterator[str]:
    yield from (cells.count(row.get(name)) for name in counts.values())
    few = "*" if 0 < row.get("submitted", 0) < FEW_MESSAGES else ""
    yield cells.percent(row.get("headline_rate")) + few
    yield cells.percent(row.get("receipt_coverage"))
    if wide:
        yield cells.confirmed_interval(row)
        yield cells.seconds(row.get("sent_to_receipt_p50"))
        yield cells.seconds(row.get("sent_to_receipt_p95"))
        yield str(row.get("total_amount") or "–")


def _heading(report: RateReport, course: _Course | None) -> str:
    parts = [f"By {', '.join(report.question.by)}"]
    if report.question.top:
        left_out = report.left_out
        parts.append(f"the {len(report.rows)} largest" if left_out else "the largest first")
    if course:
        parts.append(str(course))
    few = any(row["submitted"] < FEW_MESSAGES for row in report.rows)
    return ", ".join(parts) + (f" (* fewer than {FEW_MESSAGES} messages)" if few else "")
