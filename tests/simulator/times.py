"""Pure: the ways Plivo writes a moment, and the one way the truth does."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_FILTER = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d{1,6})?)?")


def callback_time(at: datetime) -> str:
    """UTC without a suffix, always six decimals."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")


def log_time(at: datetime, zone: tzinfo) -> str:
    """The account's local time with its offset, six decimals or none."""
    return at.astimezone(zone).isoformat(sep=" ")


def short_log_time(at: datetime, zone: tzinfo) -> str:
    """As `log_time`, with the trailing zeros of the fraction dropped."""
    # plivo-python's fixture prints "18:28:51.94772+05:30": five decimals.
    written = log_time(at, zone)
    if "." not in written:
        return written
    return written[:26].rstrip("0") + written[26:]


def parse_filter_time(written: str) -> datetime:
    """A UTC moment without suffix, as the message_time filters take it; else ValueError."""
    if not _FILTER.fullmatch(written):
        raise ValueError(f"{written!r} is not YYYY-MM-DD HH:MM[:ss[.uuuuuu]]")
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


def iso(at: datetime) -> str:
    """ISO-8601 UTC with microseconds and a Z."""
    plain = at.astimezone(UTC).replace(tzinfo=None)
    return plain.isoformat(timespec="microseconds") + "Z"


def iso_or_none(at: datetime | None) -> str | None:
    """`iso` of a moment that may be missing."""
    return None if at is None else iso(at)


def parse_iso(written: str) -> datetime:
    """An ISO-8601 moment; without an offset it is UTC."""
    at = datetime.fromisoformat(written)
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def seconds(count: float) -> timedelta:
    """A length of virtual time."""
    return timedelta(seconds=count)
