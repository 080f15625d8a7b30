"""[I/O] The rate report as people read it in a terminal: tables that fit from 80 columns on."""

import io
import os
import sys

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconcile import formulas
from reconcile.rate_report import RateReport
from reconcile.rate_rows import Row
from reconcile.rendering import audit_lines, cells

FEW_MESSAGES = 30
_WIDE = 110


def render(
    console: Console, report: RateReport, *more: RateReport, error_names: dict[str, str]
) -> None:
    """Headline, the asked break-down, further ones, and whether the numbers can be trusted."""
    console.print(_headline(report))
    if report.total is None:
        return
    for section in (report, *more):
        if section.question.by == ("error_code",):
            console.print(_errors(section, error_names))
        elif section.rows and section.question.by:
            console.print(_rates(section, console.width))
    if more:
        console.print(_formulas(report, wide=console.width >= _WIDE))
        console.print(_receipts_and_cost(report.total, len(report.audit["accounts"])))
    console.print(_audit(report))
    console.print(f"Messages: {report.messages_folder}", style="dim", soft_wrap=True)


def console(*, width: int | None = None) -> Console:
    """Plain where it is piped, 100 columns wide there; NO_COLOR is respected."""
    piped = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 100
    return Console(width=width or piped, highlight=False, markup=False, emoji=False)


def as_text(report: RateReport, *more: RateReport, error_names: dict[str, str]) -> str:
    """The same as plain text."""
    out = io.StringIO()
    render(
        Console(file=out, width=100, highlight=False, markup=False, emoji=False),
        report,
        *more,
        error_names=error_names,
    )
    return out.getvalue()


def _headline(report: RateReport) -> RenderableType:
    rate, formula, total = report.headline, report.formula, report.total or {}
    captured = report.audit["capture_rate_numerator"]
    capturable = report.audit["capture_rate_denominator"]
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_row(
        Text(cells.percent(rate.value), style="bold"),
        f"{formula.name} = {formula}   {rate.numerator:,} of {rate.denominator:,}"
        + (
            f"   95 % interval {cells.interval(rate.low, rate.high)}"
            if rate.value is not None
            else ""
        ),
    )
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
        *(f" · {condition}" for condition in report.question.where),
        f" · {_span(report)} · as of {cells.moment(report.as_of)}",
    )
    return Group(title, "", table)


def _rates(report: RateReport, width: int) -> RenderableType:
    keys = report.question.by
    wide = width >= _WIDE
    table = new_table(show_footer=len(report.rows) > 1)
    footer = report.total or {}
    for position, key in enumerate(keys):
        footer_text = "total" if position == 0 else ""
        most = None if wide or len(keys) == 1 else 12
        table.add_column(key, footer=footer_text, no_wrap=True, overflow="ellipsis", max_width=most)
    columns = [("sent", "submitted"), ("failed", "failed"), ("deliv.", "delivered"),
               ("undel.", "undelivered"), ("no rec.", "unconfirmed"), ("open", "open")]  # fmt: skip
    if len(keys) > 1 and not wide:  # room for what the rows are about
        columns = [pair for pair in columns if pair[1] not in ("failed", "open")]
    for title, name in columns:
        _number(table, title, cells.count(footer.get(name)))
    _number(table, report.formula.name, cells.percent(footer.get("headline_rate")))
    _number(table, "receipts", cells.percent(footer.get("receipt_coverage")))
    if wide:
        _number(table, "interval (confirmed)", cells.confirmed_interval(footer))
        _number(table, "p50 s", cells.seconds(footer.get("sent_to_receipt_p50")))
        _number(table, "p95 s", cells.seconds(footer.get("sent_to_receipt_p95")))
        _number(table, "amount", str(footer.get("total_amount") or "–"))
    for row in report.rows:
        mark = "*" if row["submitted"] < FEW_MESSAGES else ""
        texts = [
            *(cells.key(row[key]) for key in keys),
            *(cells.count(row[name]) for _, name in columns),
        ]
        texts += [
            cells.percent(row["headline_rate"]) + mark,
            cells.percent(row["receipt_coverage"]),
        ]
        if wide:
            texts += [cells.confirmed_interval(row), cells.seconds(row["sent_to_receipt_p50"]),
                      cells.seconds(row["sent_to_receipt_p95"]),
                      str(row["total_amount"] or "–")]  # fmt: skip
        table.add_row(*map(Text, texts))
    few_somewhere = any(row["submitted"] < FEW_MESSAGES for row in report.rows)
    note = f" (* fewer than {FEW_MESSAGES} messages)" if few_somewhere else ""
    top = f", the {len(report.rows)} largest" if report.question.top else ""
    return _section(f"By {', '.join(keys)}{top}{note}", table)


def _formulas(report: RateReport, *, wide: bool) -> RenderableType:
    table = new_table()
    table.add_column("formula")
    _number(table, "rate")
    _number(table, "of", "")
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
    for name, words in (("sent", "from hand-over"), ("message", "from message_time")):
        seconds = "  ".join(
            f"p{share} {cells.seconds(total[f'{name}_to_receipt_p{share}'])}"
            for share in (50, 90, 95, 99)
        )
        table.add_row("seconds", f"{seconds}   to the receipt, {words}")
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


def _errors(report: RateReport, names: dict[str, str]) -> RenderableType:
    rows = [row for row in report.rows if row["failed"] or row["undelivered"]]
    table = new_table()
    table.add_column("code")
    _number(table, "undelivered")
    _number(table, "failed")
    _number(table, "spent")
    table.add_column("meaning", overflow="fold")
    for row in sorted(rows, key=lambda row: -row["failed"] - row["undelivered"]):
        code = row["error_code"]
        meaning = names.get(code, "not in our table") if code else "no code given"
        table.add_row(
            cells.key(code),
            cells.count(row["undelivered"]),
            cells.count(row["failed"]),
            cells.value(row["amount_undelivered"]),
            meaning,
        )
    return _section("Why messages fail", table) if rows else Text()


def _audit(report: RateReport) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    for figure, words in audit_lines.lines(report):
        table.add_row(figure, Text(words))
    return _section("Collection audit", table)


def new_table(*, show_footer: bool = False) -> Table:
    return Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, show_footer=show_footer)


def _number(table: Table, title: str, footer: str = "") -> None:
    width = max(len(title), len(footer))  # what the rows are about gives way, not the numbers
    table.add_column(title, justify="right", footer=footer, no_wrap=True, min_width=width)


def _section(title: str, body: RenderableType) -> RenderableType:
    return Group("", Text(title, style="bold"), Padding(body, (0, 0, 0, 1)))


def _span(report: RateReport) -> str:
    question = report.question
    if question.since is None and question.until is None:
        return "all that is on disk"
    since = cells.moment(question.since) if question.since else "the beginning"
    return f"{since} to {cells.moment(question.until) if question.until else 'now'}"
