"""[I/O] How the headline of each group went, day by day: what a sparkline is drawn from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from receiver.config import Settings
from reconcile import counted_messages, selection, tallies
from reconcile.engines.choice import engine_of
from reconcile.rate_report import RateReport
from reconcile.rate_rows import row_of

MOST_DAYS = 30
MOST_GROUPS = 500  # more are not read as a table
FEW_MESSAGES = 10  # of a day: a rate of fewer says nothing

OF_TIME = frozenset({"hour", "day", "week", "month", "weekday", "hour_of_day"})

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Trends:
    """Of each group a rate per day, the last day last; None where a day has too few messages."""

    days: list[date]
    rates: Mapping[Key, list[float | None]]


def trends(settings: Settings, report: RateReport) -> Trends | None:
    """Over the last days of a report by anything but time; None where there is no course to show.

    Raises FileProblem.
    """
    keys = report.question.by
    if not keys or OF_TIME & set(keys) or not 0 < len(report.rows) + report.left_out <= MOST_GROUPS:
        return None
    with engine_of(settings) as engine:
        counted_messages.select(engine, settings, report.question, report.as_of)
        by = {key: selection.DIMENSIONS[key] for key in (*keys, "day")}
        tallies.take(engine, "by_day", by)
        counted = tallies.counts(engine, "by_day", by).to_pylist()
    untimed = dict.fromkeys(tallies.PERCENTILES)
    rows = [row_of(counts | untimed, tuple(by), report.formula) for counts in counted]
    days = _last_days({row["day"] for row in rows})
    if len(days) < 3:
        return None
    places = {day: place for place, day in enumerate(days)}
    rates: dict[Key, list[float | None]] = {
        tuple(row[key] for key in keys): [None] * len(days) for row in report.rows
    }
    for row in rows:
        group = tuple(row[key] for key in keys)
        if group in rates and row["day"] in places and row["submitted"] >= FEW_MESSAGES:
            rates[group][places[row["day"]]] = row["headline_rate"]
    return Trends(days, rates)


def _last_days(found: set[date]) -> list[date]:
    """Every day from the first to the last found, those without a message too, at most so many."""
    last = max(found)
    many = min((last - min(found)).days + 1, MOST_DAYS)
    return [last - timedelta(days=before) for before in reversed(range(many))]
