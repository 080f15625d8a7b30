"""[pure] What the text of a setting may be, and what it means.

Each function takes the text, trimmed, and raises ValueError with what is allowed.
"""

import contextlib
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

# What a machine's zone files hold beside zones that everybody knows by that name.
_NO_ZONES = re.compile(r"localtime|posixrules|(posix|right)/.*")


@dataclass(frozen=True, slots=True)
class Token:
    """An auth token and, where known, the account that it belongs to."""

    secret: str = field(repr=False)
    account: str | None = None


def text(value: str) -> str:
    return value


def optional(value: str) -> str | None:
    return value or None


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in allowed:
            raise ValueError(" or ".join(allowed))
        return value

    return parse


def whole(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return parse


def memory(value: str) -> int:
    """In MiB."""
    found = re.fullmatch(r"([0-9]{1,6}) ?(MB|GB)", value, re.IGNORECASE)
    megabytes = int(found[1]) * (1024 if found[2].upper() == "GB" else 1) if found else 0
    if not 1024 <= megabytes <= 1024 * 1024:
        raise ValueError("1GB or more, such as 2GB or 1500MB")
    return megabytes


def seconds(value: str) -> float:
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", value) or float(value) <= 0:
        raise ValueError("seconds above 0, such as 60 or 0.5")
    return float(value)


def zone(name: str) -> ZoneInfo:
    """Raises ValueError for a zone that nobody keeps under that name."""
    with contextlib.suppress(ZoneInfoNotFoundError, ValueError, OSError):
        if not _NO_ZONES.fullmatch(name):
            return ZoneInfo(name)
    raise ValueError("a time zone such as UTC, Europe/Berlin, America/New_York or Asia/Kolkata")


def zone_name(value: str) -> str:
    return zone(value).key


def base_url(value: str) -> str | None:
    """The address without a trailing slash: what Plivo signs is this + path + query."""
    if not value:
        return None
    parts = urlsplit(value)
    if (
        parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s?#@]", value)
    ):  # fmt: skip
        raise ValueError(
            "http(s)://host[:port][/path] without query, such as https://sms.example.org"
        )
    # whoever signs writes the scheme in lower case, whatever was typed
    return (parts.scheme + value[len(parts.scheme) :]).rstrip("/")


def handler_url(value: str) -> str | None:
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s#@]", value):
        raise ValueError(
            "http(s)://host[:port][/path][?query], such as https://app.example.org/plivo"
        )
    return value


def spark_master(value: str) -> str:
    known = r"local(\[(\*|[1-9][0-9]{0,3})\])?|yarn|(spark|k8s)://\S+"
    if not re.fullmatch(known, value):
        raise ValueError("local[*], local[4], spark://host:7077, yarn or k8s://…")
    return value


def archive_url(value: str) -> str | None:
    if not value:
        return None
    if not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9!_.*'()=-]+)*/?", value):
        raise ValueError("s3://bucket or s3://bucket/prefix")
    return value.rstrip("/")


def path_secret(value: str) -> str | None:
    if not value:
        return None
    if not re.fullmatch(r"[A-Za-z0-9_~.-]{8,200}", value) or value in (".", ".."):
        raise ValueError("8 to 200 characters of A-Z a-z 0-9 - _ ~ .")
    return value


def address(value: str) -> str | None:
    if not value:
        return None
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("the IP address of one proxy, such as 127.0.0.1") from None


def tokens(value: str) -> tuple[Token, ...]:
    tokens = []
    for entry in filter(None, (part.strip() for part in value.split(","))):
        account, colon, secret = entry.rpartition(":")
        if colon and not (account and secret):
            raise ValueError("comma-separated, each TOKEN or SA…:TOKEN")
        tokens.append(Token(secret, account or None))
    return tuple(tokens)
