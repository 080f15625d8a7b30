"""[pure] Why messages fail: each error with its meaning, whose fault it is and what to do."""

from dataclasses import dataclass
from datetime import datetime

from reconcile.charts import rows
from reconcile.overview.record import ErrorRow, Overview
from reconcile.rendering.html.answers import FAULTS
from reconcile.rendering.html.tables import Cell, amount

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


def _cells(error: ErrorRow, most: int, overview: Overview) -> ErrorCells:
    fault = "unknown" if error.fault == "unknown" else FAULTS.get(error.fault, error.fault)
    lost = error.undelivered + error.failed
    code, seen = error.code or "none", _span(error.first_at, error.last_at, overview)
    return ErrorCells(
        code=Cell(text=code, order=int(code) if code.isdecimal() else code),
        name=error.name, meaning=error.meaning, advice=error.advice,
        fault=Cell(text=fault, order=error.fault),
        retry=Cell(text=_RETRIES.get(error.retry, error.retry), order=error.retry),
        lost=Cell(text=f"{lost:,}", order=lost, bar=lost / most if most else None),
        undelivered=error.undelivered, failed=error.failed,
        spent=Cell(text=amount(error.amount), order=float(error.amount or 0)),
        seen=Cell(text=seen, order=str(error.last_at or "")),
    )  # fmt: skip


def _span(first: datetime | None, last: datetime | None, overview: Overview) -> str:
    if first is None or last is None:
        return "–"
    return rows.days(first, last, overview)
