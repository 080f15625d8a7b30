"""[pure] How the log was read, of each account: remembered, and compared with how it is now."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from reconcile import deriving
from reconcile.plivo_log.coverage import HOWS, Interval, Span, without

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ReadTimes:
    """The times that were read of each account's log, disjoint; no account is ''."""

    by_account: Mapping[str, Sequence[Interval]]

    def on(self, days: Iterable[date]) -> str:
        """How the log was read on these days, in a form that can be compared."""
        borders = [_borders(day) for day in sorted(days)]
        told = []
        for account, intervals in sorted(self.by_account.items()):
            for interval in intervals:
                spans = [
                    (max(interval.from_at, start), min(interval.until_at, end))
                    for start, end in borders
                ]
                told += [
                    f"{account} {since.isoformat()} {until.isoformat()} {interval.how}"
                    for since, until in spans
                    if since < until
                ]
        return deriving.digest(told)

    def other_than(self, before: "ReadTimes") -> list[Span]:
        """When any account's log, of those known then, was read otherwise than before."""
        found: set[Span] = set()
        for account, intervals in before.by_account.items():
            now = self.by_account.get(account, ())
            for how in HOWS:
                then_so, now_so = _read(intervals, how), _read(now, how)
                no_more, new = then_so - now_so, now_so - then_so
                found |= {*without(no_more, new), *without(new, no_more)}
        return sorted(found)

    def said(self) -> dict[str, list[list[str]]]:
        """As JSON can hold it."""
        return {
            account: [[i.from_at.isoformat(), i.until_at.isoformat(), i.how] for i in intervals]
            for account, intervals in self.by_account.items()
        }


def from_said(said: Mapping[str, Sequence[Sequence[Any]]]) -> ReadTimes:
    """Raises ValueError, TypeError for what `said` did not give."""
    return ReadTimes(
        {
            account: [
                Interval(datetime.fromisoformat(since), datetime.fromisoformat(until), how)
                for since, until, how in intervals
            ]
            for account, intervals in said.items()
        }
    )


def _read(intervals: Iterable[Interval], how: str) -> set[Span]:
    return {Span(each.from_at, each.until_at) for each in intervals if each.how == how}


def _borders(day: date) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    end = start + _DAY if day < date.max else datetime.max.replace(tzinfo=UTC)
    return start, end
