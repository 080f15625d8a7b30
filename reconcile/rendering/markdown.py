"""[pure] The rate report as Markdown: headline, table and audit, short enough for a ticket."""

import re
from collections.abc import Iterable, Sequence

import pyarrow as pa

from reconcile.overview.record import Finding, Overview
from reconcile.rate_report import RateReport
from reconcile.rate_rows import Row
from reconcile.rendering import audit_lines, cells, flat, standing_out

_MOST_FINDINGS = 5

_COUNTS = {
    "submitted": "sent", "failed": "failed", "delivered": "delivered",
    "undelivered": "undelivered", "unconfirmed": "no receipt", "open": "open",
}  # fmt: skip
_SPECIAL = re.compile(r"[\\`*|~]|\](?=[(\[:])|\b_|_\b|&(?=#|[A-Za-z]+;)|<")
_ENTITIES = {"<": "&lt;", "&": "&amp;"}


def as_markdown(report: RateReport, overview: Overview | None = None) -> bytes:
    """The figures as the terminal shows them, what stands out first; the rows make the total."""
    lines = [*_headline(report), ""]
    if overview and overview.change:
        lines += [escaped(standing_out.change_line(overview.change)).capitalize(), ""]
    if overview and overview.findings:
        lines += [*(_finding(finding) for finding in overview.findings[:_MOST_FINDINGS]), ""]
    if report.total is not None:
        lines += [*_table(report, report.total), ""]
    audit = [f"{figure} {words}" for figure, words in audit_lines.lines(report)]
    lines.append("Audit: " + (escaped("; ".join(audit)) or "nothing to tell"))
    return ("\n".join(lines) + "\n").encode()


def rows_as_markdown(table: pa.Table) -> bytes:
    """Any table; a value as in CSV."""
    rows = (
        ["" if value is None else str(flat.plain(value)) for value in row.values()]
        for row in table.to_pylist()
    )
    heads = [(name, "---") for name in table.column_names]
    return ("\n".join(_lines(heads, rows)) + "\n").encode()


def escaped(text: str) -> str:
    """What Markdown would take for its own signs, shown as it is, on one line."""
    shown = _SPECIAL.sub(lambda sign: _ENTITIES.get(sign[0], f"\\{sign[0]}"), text)
    return cells.plain(" ".join(shown.split()))


def _finding(finding: Finding) -> str:
    facts = standing_out.facts(finding)
    title = f"- **{escaped(finding.title)}**" + (f" ({facts})" if facts else "")
    command = standing_out.command(finding)
    code = "" if command is None or "`" in command else f" `{command}`"
    return f"{title}. {escaped(finding.detail)} → {escaped(finding.advice)}{code}"


def _headline(report: RateReport) -> list[str]:
    rate, total = report.headline, report.total or {}
    interval = f", 95 % interval {cells.interval(rate.low, rate.high)}"
    of = f"{rate.numerator:,} of {rate.denominator:,}"
    about = [cells.span(report), *map(str, report.question.where)]
    about += ["weighed by units"] if report.question.by_units else []
    capture = cells.percent(report.audit["capture_rate"])
    coverage = cells.percent(total.get("receipt_coverage"))
    said = [f"Receipt coverage {coverage}, capture rate {capture}", *map(escaped, about)]
    return [
        f"**{cells.percent(rate.value)} {report.formula.name}** = {report.formula}: {of}"
        + (interval if rate.value is not None else ""),
        "",
        " · ".join([*said, f"as of {cells.moment(report.as_of)}"]),
    ]


def _table(report: RateReport, total: Row) -> Iterable[str]:
    keys = report.question.by
    heads = [(key, "---") for key in keys] or [("", "---")]
    heads += [(words, "---:") for words in _COUNTS.values()]
    heads += [(report.formula.name, "---:"), ("receipts", "---:")]
    named: list[tuple[list[str], Row]] = [
        ([cells.key(row[key]) for key in keys], row) for row in report.rows if keys
    ]
    blank = [""] * (len(keys) - 1)
    if report.others is not None:
        named.append(([f"{report.left_out:,} others", *blank], report.others))
    named.append((["total", *blank], total))
    return _lines(heads, ([*names, *_figures(row)] for names, row in named))


def _figures(row: Row) -> list[str]:
    counts = [cells.count(row[name]) for name in _COUNTS]
    return [*counts, cells.percent(row["headline_rate"]), cells.percent(row["receipt_coverage"])]


def _lines(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    yield "| " + " | ".join(name for name, _ in heads) + " |"
    yield "| " + " | ".join(rule for _, rule in heads) + " |"
    for row in rows:
        yield "| " + " | ".join(map(escaped, row)) + " |"
