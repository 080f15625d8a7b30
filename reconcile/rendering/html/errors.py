"""[pure] Why messages fail: each error with its meaning, whose fault it is and what to do."""

from dataclasses import dataclass
from datetime import datetime

from reconcile.charts.rows import at as day
from reconcile.overview.record import ErrorRow, Overview
from reconcile.rendering.html.answers import FAULTS, amount
from reconcile.rendering.html.tables import Cell

_RETRIES = {"no": "fails again", "later": "may pass later", "after_fix": "after mending the cause",
            "perhaps": "worth one try", "never": "forbidden by the recipient",
            "unknown": "unknown"}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCells:
    """A row: the code, its texts, and counts to sort by."""

    code: Cell
    name: str
    meaning: str
    advice: str
    fault: Cell
    retry: Cell
    lost: Cell
    undelivered: int
    failed: int
    spent: Cell
    seen: Cell


def table(overview: Overview) -> list[ErrorCells]:
    most = max((row.undelivered + row.failed for row in overview.errors), default=0)
    return [_cells(row, most, overview) for row in overview.errors]


def _cells(row: ErrorRow, most: int, overview: Overview) -> ErrorCells:
    lost = row.undelivered + row.failed
    code = row.code or "none"
    return ErrorCells(
        code=Cell(text=code, order=int(code) if code.isdecimal() else code),
        name=row.name, meaning=row.meaning, advice=row.advice,
        fault=Cell(text=FAULTS.get(row.fault, row.fault), order=row.fault),
        retry=Cell(text=_RETRIES.get(row.retry, row.retry), order=row.retry),
        lost=Cell(text=f"{lost:,}", order=lost, bar=lost / most if most else None),
        undelivered=row.undelivered, failed=row.failed,
        spent=Cell(text=amount(row.amount), order=float(row.amount or 0)),
        seen=Cell(text=_span(row.first_at, row.last_at, overview), order=str(row.last_at or "")),
    )  # fmt: skip


def _span(first: datetime | None, last: datetime | None, overview: Overview) -> str:
    if first is None or last is None:
        return "–"
    return f"{day(first, overview)} – {day(last, overview)}"
