"""[I/O] The messages behind a number: those that fulfil conditions, one row each."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from receiver.config import Settings
from reconcile import conditions, counted_messages
from reconcile.columns import MESSAGES, UTC_TIME
from reconcile.counted_messages import Question
from reconcile.engines.choice import engine_of
from reconcile.merging import Merged
from reconcile.selection import WrongQuestion, nearest

SHORT = ("message_uuid", "message_time", "outcome", "match")  # fit into 80 columns
LONG = (*SHORT, "error_code", "country", "carrier", "to_number")
WHOLE = (*MESSAGES.names, *conditions.FINDINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageList:
    """Messages by time and UUID, at most `limit` of the `count` that there are."""

    table: pa.Table
    count: int
    hints: list[str]


def message_list(
    settings: Settings,
    question: Question,
    merged: Merged,
    *,
    columns: Sequence[str] = WHOLE,
    limit: int | None = None,
) -> MessageList:
    """Outbound messages, or with `direction=inbound` the others. Raises WrongQuestion, FileProblem.

    Times are UTC, money decimal; `fate`, `captured` and `negative_receipt` say what a message
    counts as in a rate report of the same moment.
    """
    known = conditions.columns()
    chosen = ", ".join(f"{known[name]} as {name}" for name in columns)
    with engine_of(settings) as engine:
        hints = counted_messages.select(engine, settings, question, question.as_of or merged.as_of)
        (counted,) = engine.query("select count(*) as n from counted_messages")["n"].to_pylist()
        found = engine.query(
            f"select {chosen} from counted_messages order by message_time, message_uuid"
            + ("" if limit is None else f" limit {limit}")
        )
    return MessageList(table=_in_utc(found), count=counted, hints=hints)


def columns_named(text: str) -> tuple[str, ...]:
    """The columns of `--columns a,b`, or `all`. Raises WrongQuestion with the nearest."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if names == ("all",):
        return WHOLE
    if not names or len(set(names)) < len(names):
        raise WrongQuestion(f"--columns {text} names no column, or one twice; write a,b or all")
    for name in names:
        if name not in conditions.columns():
            raise WrongQuestion(
                f"--columns {name} does not exist{nearest(name, conditions.columns())}"
            )
    return names


def _in_utc(table: pa.Table) -> pa.Table:
    schema = pa.schema(
        [(f.name, UTC_TIME if pa.types.is_timestamp(f.type) else f.type) for f in table.schema]
    )
    return table.cast(schema)
