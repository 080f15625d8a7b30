"""[I/O] The rate report as people read it in a terminal, from 80 columns on."""

import io
import os
import sys
from dataclasses import dataclass
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconcile import formulas
from reconcile.overview.record import Change, ErrorRow, Finding, Overview
from reconcile.rate_report import RateReport
from reconcile.rate_rows import Row
from reconcile.rendering import audit_lines, cells, standing_out
from reconcile.rendering.rate_table import SOME_ROOM, new_table, number_column, rate_table
from reconcile.trends import Trends

_MOST_FINDINGS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a terminal is to show: the report asked for, and around it what nobody asked."""

    report: RateReport
    trends: Trends | None = None
    overview: Overview | None = None
    by_country: tuple[RateReport, Trends | None] | None = None


def render(console: Console, told: Told) -> None:
    """Headline, what stands out, break-downs, and whether the numbers can be trusted."""
    report, overview = told.report, told.overview
    console.print(_headline(report, overview.change if overview else None))
    if report.total is None:
        return
    if overview and overview.findings:
        _findings(console, overview.findings)
    for section, trends in filter(None, ((report, told.trends), told.by_country)):
        if section.rows and section.question.by:
            console.print(_section(*rate_table(section, trends, console.width)))
    if overview:
        console.print(_errors(overview.errors))
        console.print(_formulas(report, wide=console.width >= SOME_ROOM))
        console.print(_receipts_and_cost(report.total, len(report.audit["accounts"])))
    console.print(_audit(report))
    console.print(f"Messages: {report.messages_folder}", style="dim", soft_wrap=True)


def console(*, width: int | None = None, file: TextIO | None = None) -> Console:
    """Plain where it is piped or a file, 100 columns wide there; NO_COLOR is respected."""
    terminal = file is None and (sys.stdout.isatty() or "COLUMNS" in os.environ)
    given = width or (None if terminal and os.environ.get("COLUMNS") != "0" else 100)
    return Console(width=given, file=file, highlight=False, markup=False, emoji=False)


def as_text(told: Told) -> str:
    """The same as plain text."""
    out = io.StringIO()
    render(console(file=out), told)
    return out.getvalue()


def _headline(report: RateReport, change: Change | None) -> RenderableType:
    rate, formula, total = report.headline, report.formula, report.total or {}
    captured = report.audit["capture_rate_numerator"]
    capturable = report.audit["capture_rate_denominator"]
    interval = f"   95 % interval {cells.interval(rate.low, rate.high)}"
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_row(
        Text(cells.percent(rate.value), style="bold"),
        f"{formula.name} = {formula}   {rate.numerator:,} of {rate.denominator:,}"
        + (interval if rate.value is not None else ""),
    )
    if change is not None:
        style = ("bold green" if change.points > 0 else "bold red") if change.clear else ""
        mark = ("▲" if change.points > 0 else "▼") if change.clear else ""
        table.add_row(Text(mark, style=style), Text(standing_out.change_line(change), style=style))
    table.add_row("", Text(f"hides {formula.hides}", style="dim"))
    table.add_row(
        cells.percent(total.get("receipt_coverage")),
        f"receipt coverage = (D + U) / H   {total.get('receipt_coverage_numerator', 0):,} "
        f"of {total.get('receipt_coverage_denominator', 0):,}",
    )
    table.add_row(
        cells.percent(report.audit["capture_rate"]),
        f"capture rate: ended messages whose end was reported   {captured:,} of {capturable:,}",
    )
    title = Text.assemble(
        ("Delivery rates", "bold"),
        " · weighed by units" if report.question.by_units else "",
        *(f" · {cells.plain(str(condition))}" for condition in report.question.where),
        f" · {cells.span(report)} · as of {cells.moment(report.as_of)}",
    )
    return Group(title, "", table)


def _findings(console: Console, findings: list[Finding]) -> None:
    """The worst ones; a command stands on a line of its own and is never broken."""
    console.print(_section("What stands out", Text(end="")))
    for number, finding in enumerate(findings[:_MOST_FINDINGS], 1):
        title = Text.assemble(
            (cells.plain(finding.title), "bold"), f"  {standing_out.facts(finding)}"
        )
        grid = Table.grid(padding=(0, 1))
        grid.add_column(justify="right", min_width=3)
        grid.add_column(overflow="fold")
        grid.add_row(f"{number}", title)
        grid.add_row("", Text(finding.detail, style="dim"))
        grid.add_row("→", Text(finding.advice))
        console.print(grid)
        if command := standing_out.command(finding):
            console.print(f"    {cells.plain(command)}", style="dim", soft_wrap=True)
    if len(findings) > _MOST_FINDINGS:
        console.print(f"    and {len(findings) - _MOST_FINDINGS} more", style="dim")


def _formulas(report: RateReport, *, wide: bool) -> RenderableType:
    table = new_table()
    table.add_column("formula")
    number_column(table, "rate")
    number_column(table, "of", "")
    if wide:
        table.add_column("hides", overflow="fold", style="dim")
    for name, rate in report.by_formula.items():
        formula = formulas.HEADLINES[name]
        table.add_row(
            f"{name} = {formula}",
            cells.percent(rate.value),
            f"{rate.numerator:,} / {rate.denominator:,}",
            *([formula.hides] if wide else []),
        )
    return _section("The same messages by other formulas (letters: README)", table)


def _receipts_and_cost(total: Row, accounts: int) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for name, words in (("sent", "hand-over to receipt"), ("message", "message_time to receipt")):
        seconds = "  ".join(
            f"p{share} {cells.seconds(total[f'{name}_to_receipt_p{share}'])}"
            for share in (50, 90, 95, 99)
        )
        table.add_row("seconds", f"{seconds}   {words}")
    within = "  ".join(
        f"{words} {cells.percent(total[name])}"
        for name, words in (
            ("within_10s", "10 s"), ("within_60s", "60 s"), ("within_5min", "5 min"),
        )
    )  # fmt: skip
    table.add_row("within", f"{within}   of all handed over")
    for name, words in (
        ("total_amount", "spent, carrier fees apart"),
        ("amount_per_message", "per message"),
        ("amount_per_delivered", "per delivered message"),
        ("amount_undelivered", "on undelivered ones"),
        ("carrier_fees", "carrier fees"),
    ):
        if total[name] is not None:
            table.add_row(str(total[name]), words)
    if accounts > 1:
        table.add_row("", f"sums over {accounts} accounts: where currencies differ, --by account")
    return _section("Time to receipt and cost", table)


def _errors(errors: list[ErrorRow]) -> RenderableType:
    if not errors:
        return Text(end="")
    table = new_table()
    table.add_column("code")
    number_column(table, "undelivered")
    number_column(table, "failed")
    number_column(table, "spent")
    table.add_column("meaning", overflow="fold")
    for row in errors:
        table.add_row(
            Text(row.code or "none"),
            cells.count(row.undelivered),
            cells.count(row.failed),
            cells.value(row.amount),
            Text(row.name),
        )
    return _section("Why messages fail", table)


def _audit(report: RateReport) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for figure, words in audit_lines.lines(report):
        table.add_row(figure, Text(words))
    return _section("Collection audit", table)


def _section(title: str, body: RenderableType) -> RenderableType:
    return Group("", Text(title, style="bold"), Padding(body, (0, 0, 0, 1)))
