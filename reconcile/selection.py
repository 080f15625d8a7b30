"""[pure] What is asked for: times, zones and break-downs as people write them."""

import difflib
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from receiver import setting_values

_AGE = re.compile(r"([0-9]{1,6})([mhdw])")
_WELL_KNOWN = (
    "UTC",
    "America/Los_Angeles", "America/Denver", "America/Chicago", "America/New_York",
    "America/Sao_Paulo", "Europe/London", "Europe/Berlin", "Asia/Dubai", "Asia/Karachi",
    "Asia/Kolkata", "Asia/Kathmandu", "Asia/Dhaka", "Asia/Singapore", "Asia/Tokyo",
    "Australia/Sydney",
)  # fmt: skip
_MOST_NAMED = 80
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}

# A break-down -> the SQL that yields it from `counted_messages`.
DIMENSIONS = {
    "day": "cast(local_time as date)",
    # the instant at which the local hour began, so that an hour that a clock change repeats
    # stays two
    "hour": (
        "timestamp_micros(unix_micros(message_time) - unix_micros(local_time) "
        "+ unix_micros(date_trunc('hour', local_time)))"
    ),
    "week": "cast(date_trunc('week', local_time) as date)",  # its Monday
    "month": "cast(date_trunc('month', local_time) as date)",  # its first day
    "weekday": (
        "cast(mod(cast(unix_micros(date_trunc('day', local_time)) / 86400000000 as bigint) + 3, 7)"
        " + 1 as int)"
    ),
    "hour_of_day": "cast(hour(local_time) as int)",
    "country": "country",
    "carrier": "carrier",
    "mcc": "mcc",
    "mnc": "mnc",
    "from_number": "from_number",
    "type": "type",
    "account": "account",
    "campaign": "campaign",
    "tag": "tag",
    "error_code": "error_code",
    "outcome": "outcome",
    "match": "match",
    "parts": "parts_expected",
    "units": "units",
    "powerpack_uuid": "powerpack_uuid",
}


class WrongQuestion(Exception):
    """What was asked for does not exist; the message says what does."""


def moment(text: str, *, now: datetime | None, zone: tzinfo = UTC) -> datetime:
    """A day (its start in the zone), a timestamp, or an age before now, as UTC.

    Raises WrongQuestion.
    """
    if match := _AGE.fullmatch(text.strip()):
        if now is None:
            raise WrongQuestion(f"'{text}' needs data to count back from; there is none yet")
        try:
            return now - timedelta(**{_UNITS[match[2]]: int(match[1])})
        except OverflowError:
            raise WrongQuestion(f"'{text}' is before all time; write 7d or 36h") from None
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip()):
            return datetime.combine(date.fromisoformat(text.strip()), time(), zone).astimezone(UTC)
        instant = datetime.fromisoformat(text.strip())
        return (instant if instant.tzinfo else instant.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongQuestion(
            f"'{text}' is no time; write 2026-03-01, 2026-03-01T12:00:00Z, 7d or 36h"
        ) from None


def time_zone(name: str) -> ZoneInfo:
    """Raises WrongQuestion for a zone that nobody keeps."""
    try:
        return setting_values.zone(name)
    except ValueError as allowed:
        raise WrongQuestion(f"'{name}' is no time zone; write {allowed}") from None


def zones_at(ahead: timedelta, at: datetime) -> str:
    """Zones that people know by name and that were then so far ahead of UTC."""
    names = [name for name in _WELL_KNOWN if at.astimezone(ZoneInfo(name)).utcoffset() == ahead]
    hours, rest = divmod(ahead, timedelta(hours=1))
    if not names and not rest:
        return f"Etc/GMT{-hours:+d}"
    return " or ".join(names) or f"one that is {ahead / timedelta(minutes=1):+.0f} minutes from UTC"


def dimensions(text: str) -> tuple[str, ...]:
    """The break-downs of `--by a,b`; `none` is none. Raises WrongQuestion with the nearest."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names == ("none",):
        return ()
    for name in names:
        if name not in DIMENSIONS:
            raise WrongQuestion(f"--by {name} does not exist{nearest(name, DIMENSIONS)}")
    if len(set(names)) < len(names):
        raise WrongQuestion(f"--by {text} names a break-down twice")
    return names


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint what may have been meant."""
    known = list(words)
    close = difflib.get_close_matches(word, known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; there are {', '.join(known)}" if len(known) <= _MOST_NAMED else ""
