"""[pure] The console's "Usage Summary" export: CSV text → lines that can be compared.

Its columns are those that were ticked when it was exported, so any subset may be there; a date and
a count have to be. What cannot be read is named by line, and nothing is compared then.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from reconcile.usage import sheet, written
from reconcile.usage.sheet import NotASummary, Record
from reconcile.usage.written import EitherDate, Unreadable

_SHOWN = 5  # so many unreadable lines are named


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Outbound messages as one line of the file counts them; None where it has no such column."""

    number: int
    day: date
    hour: int | None = None
    country: str | None = None
    state: str | None = None
    subaccount: str | None = None
    messages: int | None = None
    units: int | None = None
    spend: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The lines of a file, and which of our columns it has."""

    columns: frozenset[str]
    lines: tuple[Line, ...]

    @property
    def first_day(self) -> date:
        return min(line.day for line in self.lines)

    @property
    def last_day(self) -> date:
        return max(line.day for line in self.lines)


def summary(text: str, countries: Mapping[str, str]) -> Summary:
    """`countries` takes a `written.country_key` to ISO-2. Raises NotASummary."""
    records = sheet.outbound(text)
    lines: list[tuple[Line, EitherDate | None]] = []
    problems = []
    for record in records:
        try:
            lines.append(_line(record, countries))
        except Unreadable as problem:
            problems.append(f"line {record.number}: {problem}")
    if problems:
        more = f"\nand {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise NotASummary(
            "\n".join(problems[:_SHOWN]) + more + "\nMend these lines, or export the file again."
        )
    return Summary(columns=frozenset(records[0].texts), lines=tuple(_dated(lines)))


def _line(record: Record, countries: Mapping[str, str]) -> tuple[Line, EitherDate | None]:
    """The line, and its date where only the whole file settles it. Raises Unreadable."""
    has = record.texts
    found = written.day(has["day"])
    either = found if isinstance(found, EitherDate) else None
    line = Line(
        number=record.number,
        day=date.min if isinstance(found, EitherDate) else found,
        hour=written.hour(has["hour"]) if "hour" in has else None,
        country=_country(has.get("country", ""), countries),
        state=written.word(has.get("state", "").casefold()),
        subaccount=written.word(has.get("subaccount", "")),
        messages=written.count(has["messages"]) if "messages" in has else None,
        units=written.count(has["units"]) if "units" in has else None,
        spend=written.money(has["spend"]) if "spend" in has else None,
    )
    return line, either


def _country(text: str, countries: Mapping[str, str]) -> str | None:
    if written.word(text) is None:
        return None
    try:
        return countries[written.country_key(text)]
    except KeyError:
        raise Unreadable(
            f"'{text}' is no country known here; write its two letters, such as US"
        ) from None


def _dated(lines: list[tuple[Line, EitherDate | None]]) -> list[Line]:
    month_first = _month_first([(line.number, either) for line, either in lines if either])
    dated = []
    for line, either in lines:
        try:
            day = written.settled(either, month_first=month_first) if either else line.day
        except Unreadable as problem:
            raise NotASummary(f"line {line.number}: {problem}; mend that line") from problem
        dated.append(replace(line, day=day))
    return dated


def _month_first(dates: list[tuple[int, EitherDate]]) -> bool:
    try:
        found = written.month_first([either for _, either in dates])
    except Unreadable as problem:
        raise NotASummary(f"the file mixes two kinds of dates: {problem}; mend them") from problem
    if found is not None:
        return found
    number, either = next((n, e) for n, e in dates if e.first != e.second)
    readings = [written.settled(either, month_first=first) for first in (True, False)]
    raise NotASummary(
        f"line {number}: {either} may be MM/DD ({readings[0]}) or DD/MM ({readings[1]}), and no "
        "line of the file settles it; write dates as YYYY-MM-DD, or export a time that holds a "
        "day after the 12th"
    )
