"""[pure] A row of the record as a chart wants it: the headline rate, its interval, texts beside."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from reconcile.formulas import Formula
from reconcile.overview.record import Overview
from reconcile.rate_rows import Row
from reconcile.rendering import cells

FEW = 30
"""Below so many messages a rate is no more than a hint."""

MOST_NUMBERED = 6
"""So many findings, those that cost most, are told first and numbered on the time axis."""


@dataclass(frozen=True, slots=True)
class Headline:
    """How a row's headline rate is written, and what is counted."""

    formula: Formula
    counted: str = "messages"

    def of(self, row: Row) -> dict[str, Any]:
        """`rate`, `low`, `high`, and `rate_text`, `interval`, `counts` as words."""
        low, high = row["headline_rate_low"], row["headline_rate_high"]
        above, below = row["headline_rate_numerator"], row["headline_rate_denominator"]
        return {
            "rate": row["headline_rate"], "low": low, "high": high,
            "rate_text": cells.percent(row["headline_rate"]),
            "interval": cells.interval(low, high),
            "counts": f"{above:,} of {below:,}",
        }  # fmt: skip


def headline(overview: Overview) -> Headline:
    report = overview.report
    return Headline(report.formula, "units" if report.question.by_units else "messages")


def lost(row: Mapping[str, Any]) -> int:
    """Failed before the carrier or undelivered behind it."""
    return int(row["failed"] + row["undelivered"])


def route(row: Mapping[str, Any], names: Mapping[str, str] | None = None) -> str:
    """'NG · MTN'; unknown where it is not known."""
    country = row["country"]
    shown = (names or {}).get(country, country) if country else "unknown country"
    return f"{shown} · {row['carrier'] or 'unknown carrier'}"


@dataclass(frozen=True, slots=True)
class Clock:
    """The time axis of an overview. It shows the clock of the zone asked for, as if it were UTC."""

    step: str
    zone: str

    def start(self, key: date | datetime) -> str:
        if isinstance(key, datetime):
            return self.instant(key)
        return f"{key.isoformat()}T00:00:00Z"

    def end(self, key: date | datetime) -> str:
        """When the step that begins with this key is over."""
        if isinstance(key, datetime):  # of the clock: one that is set back shows an hour twice
            shown = datetime.fromisoformat(self.instant(key)) + timedelta(hours=1)
            return f"{shown:%Y-%m-%dT%H:%M:%SZ}"
        days = {"day": 1, "week": 7}.get(self.step)
        if days is None:  # a month
            return self.start((key.replace(day=28) + timedelta(days=4)).replace(day=1))
        return self.start(key + timedelta(days=days))

    def middle(self, key: date | datetime) -> str:
        first, last = (datetime.fromisoformat(at) for at in (self.start(key), self.end(key)))
        return f"{first + (last - first) / 2:%Y-%m-%dT%H:%M:%SZ}"

    def instant(self, at: datetime) -> str:
        local = at.replace(tzinfo=at.tzinfo or UTC).astimezone(ZoneInfo(self.zone))
        return local.strftime("%Y-%m-%dT%H:%M:%SZ")

    def words(self, key: date | datetime) -> str:
        """'Mon 2 Mar 2026', '2 Mar 2026 14:00', 'week of 2 Mar 2026', 'March 2026'."""
        if isinstance(key, datetime):
            local = key.replace(tzinfo=key.tzinfo or UTC).astimezone(ZoneInfo(self.zone))
            twice = local.replace(fold=1 - local.fold).utcoffset() != local.utcoffset()
            return f"{local.day} {local:%b %Y %H:%M}{f' {local:%Z}' if twice else ''}"
        if self.step == "month":
            return f"{key:%B %Y}"
        return f"{'week of' if self.step == 'week' else f'{key:%a}'} {key.day} {key:%b %Y}"


def clock(overview: Overview) -> Clock:
    return Clock(overview.step, overview.report.question.zone)


def at(moment: datetime, overview: Overview) -> str:
    """'22 Mar 2026', with the clock where it is not midnight, in the zone asked for."""
    local = moment.astimezone(ZoneInfo(overview.report.question.zone))
    time = "" if (local.hour, local.minute) == (0, 0) else f"{local: %H:%M}"
    return f"{local.day} {local:%b %Y}{time}"


def days(first: datetime, last: datetime, overview: Overview) -> str:
    """'2 – 15 Mar 2026', '28 Feb – 2 Mar 2026', '2 Mar 2026', in the zone asked for."""
    zone = ZoneInfo(overview.report.question.zone)
    begins, ends = first.astimezone(zone), last.astimezone(zone)
    until = f"{ends.day} {ends:%b %Y}"
    if begins.date() == ends.date():
        return until
    if begins.year != ends.year:
        return f"{begins.day} {begins:%b %Y} – {until}"
    return f"{begins.day}{f'{begins: %b}' if begins.month != ends.month else ''} – {until}"
