"""[pure] A value as people read it."""

from datetime import datetime
from typing import Any

from reconcile.rate_report import RateReport
from reconcile.rate_rows import Row


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.1f}%"


def moment(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC") if at else "never"


def plain(text: str) -> str:
    """Text from outside, its invisible signs written out: none may move a terminal's cursor."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def key(value: Any) -> str:
    """`unknown` where there is none; a value of that very name in quotes, as `--where` takes it."""
    if value is None or value == "unknown":
        return "unknown" if value is None else '"unknown"'
    return value.strftime("%Y-%m-%d %H:%M") if isinstance(value, datetime) else plain(str(value))


def value(value: Any) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return "–" if value is None else plain(str(value))


def count(value: int | None) -> str:
    return f"{value or 0:,}"


def seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.1f}"


def interval(low: float | None, high: float | None) -> str:
    return "–" if low is None or high is None else f"{low * 100:.1f}–{high * 100:.1f}%"


def confirmed_interval(row: Row | dict[str, Any]) -> str:
    return interval(row.get("confirmed_rate_low"), row.get("confirmed_rate_high"))


def counted(number: int, noun: str) -> str:
    """1 message, 2,000 messages."""
    return f"{number:,} {nouns(number, noun)}"


def nouns(number: int, noun: str) -> str:
    return noun if number == 1 else f"{noun}s"


def span(report: RateReport) -> str:
    """The time that was asked for, in words."""
    since, until = report.question.since, report.question.until
    if since is None and until is None:
        return "all that is on disk"
    first = moment(since) if since else "the beginning"
    return f"{first} to {moment(until) if until else 'now'}"
