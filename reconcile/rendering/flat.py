"""[pure] The rate report as CSV, JSON, Markdown: the same columns and names in each."""

import csv
import io
import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq

from reconcile.rate_report import RateReport


def as_csv(report: RateReport) -> str:
    """A header, then a line per row; empty where there is no value, rates unrounded."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(report.columns)
    for row in report.rows:
        writer.writerow(["" if row[c] is None else plain(row[c]) for c in report.columns])
    return out.getvalue()


def as_json(report: RateReport) -> str:
    """Rates unrounded, money as strings, times ISO-8601 UTC, days YYYY-MM-DD."""
    document = {
        "rows": [{c: plain(row[c]) for c in report.columns} for row in report.rows],
        "total": report.total and {name: plain(value) for name, value in report.total.items()},
        "audit": report.audit,
        "formula": {
            "name": report.formula.name,
            "numerator": report.formula.numerator,
            "denominator": report.formula.denominator,
            "hides": report.formula.hides,
        },
        "as_of": plain(report.as_of),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_parquet(report: RateReport) -> bytes:
    """The rows with their types: rates float64, money decimal, times UTC."""
    out = io.BytesIO()
    pq.write_table(report.table(), out, compression="zstd")
    return out.getvalue()


def as_markdown(report: RateReport) -> str:
    """The counts and rates as a table for tickets and chat."""
    columns = [*report.question.by, "submitted", "handed_over", "delivered", "undelivered",
               "unconfirmed", "headline_rate", "receipt_coverage"]  # fmt: skip
    lines = [
        f"Delivery rates, headline {report.formula.name} = {report.formula}",
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "|".join("---" if c in report.question.by else "---:" for c in columns) + "|",
    ]
    total = [{**report.total, **dict.fromkeys(report.question.by)}] if report.total else []
    for row in [*report.rows, *(total if report.question.by else [])]:
        cells = [_cell(row[c]) for c in columns]
        if total and row is total[0]:
            cells[0] = "total"
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def plain(value: Any) -> Any:
    """As JSON and CSV write it: times ISO-8601 UTC, money as text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.1%}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(plain(value)).replace("|", "\\|").replace("<", "&lt;")
