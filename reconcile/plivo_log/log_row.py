"""[pure] The JSON of one row of the message log → its typed columns.

A value that is not what its column holds becomes null there, is named in `untyped`, and stays in
`record`. Missing, null and empty are the same: Plivo writes all three for "nothing".
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from reconcile.columns import LOG, MONEY, UTC_TIME

# Spellings met in Plivo's own documentation, SDKs and command line; the first one given counts.
_SPELLINGS = {
    "from_number": ("from_number", "from"),
    "to_number": ("to_number", "to"),
    "conversation_expiration_timestamp": (
        "conversation_expiration_timestamp",
        "conversation_expiry_timestamp",
        "conversation_expiry_time",
    ),
}
_OURS = ("message_uuid", "pulled_at", "record", "account")

# "2017-05-22 21:36:14+05:30", "…51.94772+05:30": offset of the account's zone, trailing zeros
# dropped. What an account in UTC prints is not documented, so Z and no offset mean UTC.
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?)"
    r"(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_MONEY = re.compile(r"-?[0-9]{1,13}(\.[0-9]{1,20})?")
_WHOLE = re.compile(r"-?[0-9]{1,10}")
_ACCOUNT = re.compile(r"/v1/Account/([A-Za-z0-9]{20})/.*")
_FIVE_PLACES = Decimal("0.00001")
_INT32 = range(-(2**31), 2**31)
_LONGEST_INTEGER = 40


class Untyped(ValueError):
    """The value is not what its column holds."""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number that is not a plain integer, as written: a float would not be exact."""

    text: str


@dataclass(frozen=True, slots=True)
class LogRow:
    """One row as received, and the columns it fills; `account` where the row says it."""

    message_uuid: str | None
    record: str
    columns: Mapping[str, Any]
    untyped: tuple[str, ...] = ()
    account: str | None = None

    @property
    def message_time(self) -> datetime | None:
        at: datetime | None = self.columns["message_time"]
        return at


def _integer(text: str) -> int | Number:
    # Python refuses to read integers of thousands of digits; one must not spoil its page.
    return int(text) if len(text) <= _LONGEST_INTEGER else Number(text)


DECODER = json.JSONDecoder(parse_float=Number, parse_int=_integer, parse_constant=Number)


def read_row(record: str) -> LogRow:
    """Raises ValueError where the text is not a JSON object."""
    fields = DECODER.decode(record)
    if not isinstance(fields, dict):
        raise ValueError("a row that is no JSON object")  # noqa: TRY004  broken text, not a bug
    columns, untyped = typed({name: _given(fields, name) for name in _READERS})
    uri = _ACCOUNT.fullmatch(columns["resource_uri"] or "")
    return LogRow(_key(fields), record, columns, untyped, uri[1] if uri else None)


def typed(values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The columns that the values named after them fill, and the names of those not understood."""
    columns: dict[str, Any] = {}
    untyped = []
    for name, value in values.items():
        try:
            columns[name] = _READERS[name](value)
        except Untyped:
            columns[name] = None
            untyped.append(name)
    return columns, tuple(untyped)


def _given(fields: Mapping[str, Any], name: str) -> Any:
    for spelling in _SPELLINGS.get(name, (name,)):
        value = fields.get(spelling)
        if value is not None and value != "":
            return value
    return None


def _key(fields: Mapping[str, Any]) -> str | None:
    try:
        return as_text(_given(fields, "message_uuid"))
    except Untyped:
        return None


def as_text(value: Any) -> str | None:
    """Error codes and MCCs are strings in some answers, integers in others."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if value is not None and not isinstance(value, str):
        raise Untyped
    if value and not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
        raise Untyped  # half a surrogate pair: JSON can write it, UTF-8 and Parquet cannot
    return value


def as_switch_text(value: Any) -> str | None:
    """`log` is documented as boolean and as `true`, `false`, `content_only`, `number_only`."""
    return str(value).lower() if isinstance(value, bool) else as_text(value)


def as_time(value: Any) -> datetime | None:
    """An aware moment in UTC."""
    if value is None:
        return None
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if not match:
        raise Untyped
    try:
        at = datetime.fromisoformat(f"{match[1]}T{match[2]}{match[3] or 'Z'}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Untyped from None


def as_money(value: Any) -> Decimal | None:
    """An amount that fits decimal(18,5) exactly, with five places."""
    if value is None:
        return None
    text = value.text if isinstance(value, Number) else value
    if isinstance(value, int) and not isinstance(value, bool):
        text = str(value)
    if not isinstance(text, str) or not _MONEY.fullmatch(text):
        raise Untyped
    amount = Decimal(text)
    if amount != (rounded := amount.quantize(_FIVE_PLACES)):
        raise Untyped
    return rounded


def as_whole(value: Any) -> int | None:
    """An integer of 32 bits, or one written as a string (one SDK has units so)."""
    if value is None:
        return None
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value not in _INT32:
        raise Untyped
    return value


def as_flag(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if value not in ("true", "false"):
        raise Untyped
    return bool(value == "true")


_BY_TYPE: dict[Any, Callable[[Any], Any]] = {
    pa.string(): as_text,
    UTC_TIME: as_time,
    MONEY: as_money,
    pa.int32(): as_whole,
    pa.bool_(): as_flag,
}
_READERS: dict[str, Callable[[Any], Any]] = {
    column.name: _BY_TYPE[column.type] for column in LOG if column.name not in _OURS
} | {"log": as_switch_text}
