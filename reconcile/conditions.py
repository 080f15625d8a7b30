"""[pure] `--where country=US,match=log_missing`: which messages are meant.

    name=value    that value, whatever its case; an empty one, or `unknown`, means none
    name!=value   any other, none included
    name>value    of numbers and times, likewise name<value
    name="value"  exactly this text: carrier="unknown" is a carrier of that name

Commas part conditions, all of which must hold; of equalities with the same name one is enough.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from reconcile import stages
from reconcile.columns import MESSAGES
from reconcile.selection import DIMENSIONS, WrongQuestion, nearest

# What a number of the report or of its audit counts, as columns of `counted_messages`.
FINDINGS = {
    "fate": (
        "case letter when 'F' then 'failed' when 'Q' then 'queued' when 'D' then 'delivered' "
        "when 'U' then 'undelivered' when 'X' then 'unconfirmed' else 'open' end"
    ),
    "captured": (
        "case when window_read and final_parts > 0 then final_parts_reported = final_parts end"
    ),
    "negative_receipt": (
        "letter in ('D', 'U') and (coalesce(final_at < sent_at, false) or "
        "coalesce(final_at < message_time and coalesce(clock_shift_minutes, 0) = 0, false))"
    ),
}
FINDINGS["unknown_state"] = " or ".join(
    f"({side} is not null and {side} not in (select word from states))"
    for side in ("state", "report_state", "log_state")
)
_BOOLEANS = ("captured", "negative_receipt", "unknown_state")
_CLOSED = {
    "fate": ("failed", "queued", "delivered", "undelivered", "unconfirmed", "open"),
    "outcome": ("failed", "undelivered", "delivered", "unconfirmed", "pending"),
    "direction": ("outbound", "inbound"),
    "weekday": tuple("1234567"),
}
_WEEKDAYS = {
    name: str(number)
    for number, name in enumerate(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), start=1)
}
_TOO_LARGE = Decimal(10) ** 18
_HEAD = r"\s*[a-z_]+\s*(?:!=|=|>|<)"
_ONE = re.compile(r"\s*([a-z_]+)\s*(!=|=|>|<)(.*)", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_NEXT = re.compile(rf",(?={_HEAD})")
_PIECE = re.compile(rf"({_HEAD}\s*{_QUOTED.pattern}\s*|.*?)(?:\Z|{_NEXT.pattern})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Condition:
    """One `name operator value`; the value as it was written, None for none.

    Where it must not be shown, `shown` stands in its place. `exact`: the case counts, too.
    """

    name: str
    operator: str
    value: str | None
    shown: str | None = None
    exact: bool = False

    def __str__(self) -> str:
        """As `parse` reads it back."""
        value = "" if self.value is None else _written(self.shown or self.value, exact=self.exact)
        return f"{self.name}{self.operator}{value}"


def columns() -> dict[str, str]:
    """What messages can be asked for, and the SQL that yields it from `counted_messages`."""
    plain = {name: name for name in MESSAGES.names}
    return {**plain, **DIMENSIONS, **FINDINGS}


def parse(texts: Iterable[str]) -> tuple[Condition, ...]:
    """Raises WrongQuestion with the nearest that exist."""
    pieces = (piece[1] for text in texts for piece in _PIECE.finditer(text))
    return tuple(_parsed(piece) for piece in pieces if piece.strip())


def _parsed(text: str) -> Condition:
    match = _ONE.fullmatch(text)
    if not match:
        raise WrongQuestion(
            f"--where {text.strip()} is no condition; write country=US, error_code!=30 or "
            "duplicate_reports>0"
        )
    name, operator, value = match[1], match[2], match[3].strip()
    if name not in columns():
        raise WrongQuestion(f"--where {name} does not exist{nearest(name, columns())}")
    if name == "hour":
        raise WrongQuestion("--where hour does not exist; use --since and --until, or hour_of_day")
    quoted = _QUOTED.fullmatch(value)
    none = value in ("", "unknown")
    value = quoted[1].replace('""', '"') if quoted else value
    if name == "weekday":
        value = _WEEKDAYS.get(value.lower()[:3], value)
    if name == "day" and operator in "><":
        raise WrongQuestion("--where day: of days only = and !=; use --since and --until")
    # what can only be written in quotes is meant as if it had been
    exact = not none and (bool(quoted) or _written(value, exact=False) != value)
    condition = Condition(name, operator, None if none else value, exact=exact)
    _check(condition)
    return condition


def _written(value: str, *, exact: bool) -> str:
    """A value so that it is read as itself: in quotes where it would mean something else."""
    plain = value == value.strip() and value not in ("", "unknown")
    if plain and not exact and '"' not in value and not _NEXT.search(value):
        return value
    return '"' + value.replace('"', '""') + '"'


def _check(condition: Condition) -> None:
    value, words = condition.value, allowed(condition.name)
    if condition.operator in "><":
        if _kind(condition.name) not in ("number", "time") or value is None:
            raise WrongQuestion(f"--where {condition}: only numbers and times are more or less")
    elif value is not None and words and value.lower() not in words:
        raise WrongQuestion(f"--where {condition} does not exist{nearest(value, words)}")
    if value is not None:
        _typed(condition)


def allowed(name: str) -> tuple[str, ...]:
    """All values that there are; empty where there is no end of them."""
    if name == "match":
        return tuple(stages.meaning("matches")["word"].to_pylist())
    return ("true", "false") if _kind(name) == "boolean" else _CLOSED.get(name, ())


def sql(conditions: Sequence[Condition]) -> tuple[str, dict[str, Any]]:
    """The condition over `counted_messages`, and the parameters that it names."""
    parameters: dict[str, Any] = {}
    either: dict[str, list[str]] = {}
    every: list[str] = []
    for number, condition in enumerate(conditions):
        expression = columns()[condition.name]
        name = f"value_{number}"
        if condition.value is None:
            term = f"({expression}) is null"
        else:
            parameters[name] = _typed(condition)
            shown, given = expression, f"${name}"
            if _kind(condition.name) not in ("number", "time"):
                shown = f"cast({expression} as string)"
                if not condition.exact:
                    shown, given = f"lower({shown})", f"lower({given})"
            sign = condition.operator.removeprefix("!")
            term = f"coalesce({shown} {sign} {given}, false)"
        if condition.operator == "=":
            either.setdefault(condition.name, []).append(term)
        else:
            every.append(f"not {term}" if condition.operator == "!=" else term)
    every += [f"({' or '.join(terms)})" for terms in either.values()]
    return " and ".join(every) or "true", parameters


def _kind(name: str) -> str:
    if name in _BOOLEANS:
        return "boolean"
    column = {"parts": "parts_expected"}.get(name, name)
    if name in ("hour_of_day", "weekday"):
        return "number"
    if column not in MESSAGES.names:
        return "text"
    kind = MESSAGES.field(column).type
    if pa.types.is_boolean(kind):
        return "boolean"
    if pa.types.is_timestamp(kind):
        return "time"
    return "number" if pa.types.is_integer(kind) or pa.types.is_decimal(kind) else "text"


def _typed(condition: Condition) -> Any:
    """The value as the engine compares it. Raises WrongQuestion."""
    value = condition.value or ""
    kind = _kind(condition.name)
    try:
        if kind == "number":
            number = Decimal(value)
            if not number.is_finite() or abs(number) >= _TOO_LARGE:
                raise ValueError  # noqa: TRY301  told below
            return number
        if kind == "time":
            moment = datetime.fromisoformat(value)
            return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None)
    except (InvalidOperation, ValueError, OverflowError):
        wanted = "a number" if kind == "number" else "a time such as 2026-03-01T12:00:00Z"
        raise WrongQuestion(f"--where {condition}: {value!r} is not {wanted}") from None
    return value
