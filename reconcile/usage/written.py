"""[pure] Numbers, dates and countries as a spreadsheet may have them → values.

How the console writes dates is not documented, so every common way is read, and none is guessed:
03/04/2026 has two readings until some line of the same file has a number above 12.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

# How "nothing" is written; NA is not among them, being Namibia.
_NOTHING = {"", "-", "–", "n/a", "null", "none", "unknown", "(blank)", "(none)"}

_COUNT = re.compile(r"([0-9]{1,12}|[0-9]{1,3}(?:[, ][0-9]{3}){1,3})(?:\.0{1,2})?")
_MONEY = re.compile(
    r"(-?)(?:USD|\$)? ?(-?)((?:[0-9]{1,12}|[0-9]{1,3}(?:[, ][0-9]{3}){1,3})(?:\.[0-9]{1,12})?"
    r"|\.[0-9]{1,12})(?:[eE]([+-]?[0-9]))?(?: ?USD)?"
)
_TIME_AFTER = (
    r"(?:[T ,]+[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r" ?(?:[AaPp][Mm])? ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})" + _TIME_AFTER)
_NAMED = re.compile(r"([0-9]{1,2})[- ]([A-Za-z]{3,9})[- ,]+([0-9]{4})" + _TIME_AFTER)
_YEAR_LAST = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})" + _TIME_AFTER)
_HOUR = re.compile(r"(?:.*[T ])?([0-9]{1,2})(?::[0-9]{2}){0,2}(?:Z|\+00:00)?")
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september",
           "october", "november", "december")  # fmt: skip
_YEARS = range(2010, 2101)  # Plivo was founded in 2011
_MONTHS_IN_A_YEAR = 12


class Unreadable(ValueError):
    """The text is not what its column holds; the message says what would be."""


@dataclass(frozen=True, slots=True)
class EitherDate:
    """A date whose first two numbers may be month and day, or day and month."""

    first: int
    second: int
    year: int

    def __str__(self) -> str:
        return f"{self.first:02}/{self.second:02}/{self.year}"


def word(text: str) -> str | None:
    """The text, or None for what stands for nothing."""
    return None if text.strip().casefold() in _NOTHING else text.strip()


def count(text: str) -> int:
    """A whole number, with thousands separators or without. Raises Unreadable."""
    found = _COUNT.fullmatch(_tidy(text))
    if not found:
        raise Unreadable(f"'{text}' is no whole number such as 1,234")
    return int(re.sub("[, ]", "", found[1]))


def money(text: str) -> Decimal:
    """An amount, exact, with the places it was written with. Raises Unreadable."""
    found = _MONEY.fullmatch(_tidy(text))
    if not found:
        raise Unreadable(f"'{text}' is no amount such as 1,234.50")
    amount = Decimal(re.sub("[, ]", "", found[3])).scaleb(int(found[4] or 0))
    return -amount if found[1] or found[2] else amount


def hour(text: str) -> int:
    """The hour of the day, 0 to 23. Raises Unreadable."""
    found = _HOUR.fullmatch(_tidy(text))
    if not found or int(found[1]) > 23:
        raise Unreadable(f"'{text}' is no hour from 0 to 23")
    return int(found[1])


def day(text: str) -> date | EitherDate:
    """The day as written, whatever time or zone stands after it. Raises Unreadable."""
    tidy = _tidy(text)
    try:
        if found := _YEAR_FIRST.fullmatch(tidy):
            return _date(int(found[1]), int(found[2]), int(found[3]))
        if found := _NAMED.fullmatch(tidy):
            return _date(int(found[3]), _month(found[2]), int(found[1]))
        if found := _YEAR_LAST.fullmatch(tidy):
            return _either(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        pass
    raise Unreadable(f"'{text}' is no date such as 2026-03-01 or 01-Mar-2026")


def month_first(dates: Sequence[EitherDate]) -> bool | None:
    """Whether MM/DD is what all of them are; None where they leave it open.

    Raises Unreadable where they contradict each other.
    """
    month_above = next((d for d in dates if d.first > _MONTHS_IN_A_YEAR), None)
    day_above = next((d for d in dates if d.second > _MONTHS_IN_A_YEAR), None)
    if month_above and day_above:
        raise Unreadable(f"{month_above} can only be DD/MM, {day_above} only MM/DD")
    if month_above or day_above:
        return day_above is not None
    return True if all(d.first == d.second for d in dates) else None


def settled(either: EitherDate, *, month_first: bool) -> date:
    """Raises Unreadable for a day that no calendar has."""
    month, number = (either.first, either.second) if month_first else (either.second, either.first)
    try:
        return _date(either.year, month, number)
    except ValueError:
        raise Unreadable(f"{either} is no date") from None


def country_key(name: str) -> str:
    """What is left of a country's name when it is compared: neither case, accents nor signs."""
    plain = unicodedata.normalize("NFKD", name.replace("&", " and ")).casefold()
    words = re.sub(r"[^a-z0-9 ]", "", re.sub(r"[\s,./()-]+", " ", plain)).split()
    return "".join(words[1:] if words[:1] == ["the"] else words)


def _tidy(text: str) -> str:
    return re.sub(r"[\s\u00a0\u202f]+", " ", text).strip()


def _date(year: int, month: int, number: int) -> date:
    if year not in _YEARS:
        raise ValueError(year)
    return date(year, month, number)


def _either(first: int, second: int, year: int) -> EitherDate:
    if not 1 <= min(first, second) <= _MONTHS_IN_A_YEAR or max(first, second) > 31:
        raise ValueError(first, second)
    _date(year, 1, 1)
    return EitherDate(first, second, year)


def _month(name: str) -> int:
    for number, month in enumerate(_MONTHS, start=1):
        if month.startswith(name.casefold()) or (month, name.casefold()) == ("september", "sept"):
            return number
    raise ValueError(name)
