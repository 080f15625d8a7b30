"""[pure] Times as a console export writes them → moments in UTC.

In which zone the console writes, and in which order day and month, is not documented. An offset
beside the time counts, else the zone that is asked for; the order is what the whole file shows,
and never guessed.
"""

import re
from calendar import month_name
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

_TIME = re.compile(
    r"""(?:(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})
          |(?P<one>\d{1,2})[-/.](?P<two>\d{1,2})[-/.](?P<year_2>\d{4})
          |(?P<day_3>\d{1,2})[ -](?P<word_3>[a-z]{3,9})[ ,-]+(?P<year_3>\d{4})
          |(?P<word_4>[a-z]{3,9})[ ](?P<day_4>\d{1,2})[ ,]+(?P<year_4>\d{4}))
        [T ,]+(?P<hour>\d{1,2}):(?P<minute>\d{2})
        (?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?
        [ ]?(?P<half>[ap]m)?
        [ ]?(?P<offset>Z|UTC|GMT|[+-]\d{2}:?\d{2})?""",
    re.ASCII | re.IGNORECASE | re.VERBOSE,
)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MOST_SHOWN = 40
_YEARS = range(2000, 3000)  # others are slips of whoever wrote the file


class NoTime(ValueError):
    """The text is not a moment; the message says why."""


class UnclearDates(ValueError):
    """The file does not tell whether days or months come first; the message has both readings."""


@dataclass(frozen=True, slots=True)
class Moment:
    """`repeated`: the clock shows this time twice, as summer time ends; the first one is meant."""

    at: datetime
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """How a file writes its times. `day_first` is None where it has no dates like 03/04/2026."""

    zone: ZoneInfo
    day_first: bool | None = None

    def read(self, text: str) -> Moment:
        """Raises NoTime."""
        match = _TIME.fullmatch(text.strip())
        if not match:
            raise NoTime(f"{_shown(text)} is no time" if text.strip() else "no time")
        try:
            local = self._local(match)
            if match["offset"]:
                return Moment(local.replace(tzinfo=_offset(match["offset"])).astimezone(UTC))
            return self._in_zone(local)
        except NoTime:
            raise
        except (ValueError, OverflowError):
            raise NoTime(f"{_shown(text)} is no time") from None

    def _local(self, match: re.Match[str]) -> datetime:
        """Raises ValueError."""
        day = self._day(match)
        if day.year not in _YEARS:
            raise ValueError("no year of a message")
        hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
        if match["half"]:
            if not 1 <= hour <= 12:
                raise ValueError("not on a clock of 12 hours")
            hour = hour % 12 + (12 if match["half"].lower() == "pm" else 0)
        micros = int((match["fraction"] or "0").ljust(6, "0")[:6])
        return datetime(day.year, day.month, day.day, hour, minute, second, micros)  # noqa: DTZ001

    def _day(self, match: re.Match[str]) -> date:
        if match["year"]:
            return date(int(match["year"]), int(match["month"]), int(match["day"]))
        if match["one"]:
            day, month = (match["one"], match["two"])[:: 1 if self.day_first else -1]
            return date(int(match["year_2"]), int(month), int(day))
        word = (match["word_3"] or match["word_4"])[:3].lower()
        year, day = match["year_3"] or match["year_4"], match["day_3"] or match["day_4"]
        return date(int(year), _MONTHS.index(word) + 1, int(day))

    def _in_zone(self, local: datetime) -> Moment:
        if self.zone.key == "UTC":
            return Moment(local.replace(tzinfo=UTC))
        first = local.replace(tzinfo=self.zone)
        before, after = first.utcoffset(), first.replace(fold=1).utcoffset()
        if before == after or before is None or after is None:
            return Moment(first.astimezone(UTC))
        if before < after:
            raise NoTime(f"{local} does not exist in {self.zone.key}: its clocks skip that time")
        return Moment(first.astimezone(UTC), repeated=True)


def day_first(texts: Iterable[str]) -> bool | None:
    """Whether 03/04/2026 is 3 April, by the dates beside it; None where there are none such.

    Raises UnclearDates.
    """
    unclear, shows_day, shows_month = "", "", ""
    for text in texts:
        match = _TIME.fullmatch(text.strip())
        if not match or not match["one"]:
            continue
        one, two = int(match["one"]), int(match["two"])
        if one > 12 >= two:
            shows_day = shows_day or text
        elif two > 12 >= one:
            shows_month = shows_month or text
        elif one != two and min(one, two) >= 1 and max(one, two) <= 12:
            unclear = unclear or text
    if shows_day and shows_month:
        raise UnclearDates(
            f"{_shown(shows_day)} has the day first, {_shown(shows_month)} the month; let all "
            "dates be written one way, or as 2026-03-04"
        )
    if unclear and not shows_day and not shows_month:
        raise UnclearDates(_both_readings(unclear))
    return bool(shows_day) if shows_day or shows_month else None


def _both_readings(text: str) -> str:
    one, two, year = map(int, re.findall(r"\d+", text)[:3])
    return (
        f"{_shown(text)} may be {one} {month_name[two]} or {two} {month_name[one]} {year}, and no "
        "date of the file has a day after the 12th to tell. Take an export that has one, or write "
        "the dates as 2026-03-04"
    )


def _offset(text: str) -> timezone:
    if text[0] not in "+-":
        return UTC
    ahead = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-ahead if text[0] == "-" else ahead)


def _shown(text: str) -> str:
    """Of a foreign file, so shortened and without signs that would move a terminal's cursor."""
    return ascii(text.strip()[:_MOST_SHOWN])
