"""[pure] Rows as CSV, JSON and Parquet: the same columns and names in each."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from reconcile import formulas
from reconcile.rate_report import RateReport


def as_csv(report: RateReport) -> bytes:
    """A header, then a line per row; empty where there is no value, rates unrounded."""
    return _csv(report.columns, report.rows)


def as_json(report: RateReport) -> bytes:
    """Rates unrounded, money as strings, times ISO-8601 UTC, days YYYY-MM-DD."""
    document = {
        "rows": [{c: plain(row[c]) for c in report.columns} for row in report.rows],
        "others": report.others and {name: plain(value) for name, value in report.others.items()},
        "total": report.total and {name: plain(value) for name, value in report.total.items()},
        "audit": report.audit,
        "formula": {
            "name": report.formula.name,
            "numerator": report.formula.numerator,
            "denominator": report.formula.denominator,
            "hides": report.formula.hides,
        },
        "formulas": {
            name: {
                "formula": str(formulas.HEADLINES[name]),
                "rate": rate.value,
                "numerator": rate.numerator,
                "denominator": rate.denominator,
                "low": rate.low,
                "high": rate.high,
                "hides": formulas.HEADLINES[name].hides,
            }
            for name, rate in report.by_formula.items()
        },
        "weighed_by": "units" if report.question.by_units else "messages",
        "where": [str(condition) for condition in report.question.where],
        "as_of": plain(report.as_of),
    }
    return _json(document)


def as_parquet(report: RateReport) -> bytes:
    """The rows with their types: rates float64, money decimal, times UTC."""
    return rows_as_parquet(report.table())


def rows_as_csv(table: pa.Table) -> bytes:
    return _csv(table.column_names, table.to_pylist())


def rows_as_json(table: pa.Table) -> bytes:
    """`{"rows": […]}` with the values as in the rate report."""
    rows = [{c: plain(value) for c, value in row.items()} for row in table.to_pylist()]
    return _json({"rows": rows})


def rows_as_parquet(table: pa.Table) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd")
    return out.getvalue()


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if row[c] is None else plain(row[c]) for c in columns])
    return out.getvalue().encode()


def plain(value: Any) -> Any:
    """As JSON and CSV write it: times ISO-8601 UTC, money as text."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
