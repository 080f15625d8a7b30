"""[pure] A value as people read it."""

from datetime import datetime
from typing import Any

from reconcile.rate_rows import Row


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f}%"


def moment(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "never"


def key(value: Any) -> str:
    if value is None:
        return "unknown"
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) else str(value)


def value(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "–" if value is None else str(value)


def count(value: int | None) -> str:
    return f"{value or 0:,}"


def seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"


def interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low * 100:.1f}–{high * 100:.1f}%"


def confirmed_interval(row: Row | dict[str, Any]) -> str:
    return interval(row.get("confirmed_rate_low"), row.get("confirmed_rate_high"))
