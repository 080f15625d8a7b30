"""[I/O] The messages that a question is about, each with what it counts as."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from receiver import day_files
from receiver.config import Settings
from reconcile import conditions, selection
from reconcile.columns import MESSAGES, UTC_TIME
from reconcile.conditions import Condition
from reconcile.engines.engine import Engine
from reconcile.redaction import Redaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the messages: a half-open time, conditions, break-downs, a headline, a zone.

    With `top` only the groups of the most messages are rows, largest first.
    """

    since: datetime | None = None
    until: datetime | None = None
    where: tuple[Condition, ...] = ()
    by: tuple[str, ...] = ("day",)
    top: int | None = None
    formula: str = "confirmed"
    by_units: bool = False
    zone: str = "UTC"
    as_of: datetime | None = None
    redaction: Redaction | None = None  # of the numbers that are shown; conditions see them


def select(
    engine: Engine, settings: Settings, question: Question, as_of: datetime | None
) -> list[str]:
    """Make them readable as `counted_messages`; hints at values that no message has.

    Raises FileProblem, selection.WrongQuestion.
    """
    engine.read("messages", day_files.live_files(settings.data_dir / "messages"), MESSAGES)
    engine.keep("asked", _asked(question, as_of, settings))
    in_time, moments = _in_time(question)
    engine.define("counted_messages", in_time, moments)
    hints = _hints(engine, question.where)
    hidden = question.redaction.in_sql() if question.redaction else None
    if question.where or hidden:
        condition, values = conditions.sql(question.where)
        engine.define(
            "counted_messages", f"{in_time} and {condition}", moments | values, instead=hidden
        )
    return hints


def _in_time(question: Question) -> tuple[str, dict[str, datetime]]:
    """As constants, which let an engine pass over the files of other days."""
    borders = {"since": (">=", question.since), "until": ("<", question.until)}
    terms = [f"message_time {sign} ${name}" for name, (sign, at) in borders.items() if at]
    moments = {
        name: at.astimezone(UTC).replace(tzinfo=None) for name, (_, at) in borders.items() if at
    }
    return " and ".join(terms) or "true", moments


def _asked(question: Question, as_of: datetime | None, settings: Settings) -> pa.Table:
    horizon = timedelta(hours=settings.receipt_horizon_hours) // timedelta(microseconds=1)
    asked_for = any(condition.name == "direction" for condition in question.where)
    return pa.table(
        {
            "as_of": pa.array([as_of], UTC_TIME),
            "horizon_micros": pa.array([horizon], pa.int64()),
            "zone": pa.array([question.zone], pa.string()),
            "by_units": pa.array([question.by_units], pa.bool_()),
            "direction": pa.array([None if asked_for else "outbound"], pa.string()),
        }
    )


def _hints(engine: Engine, where: Sequence[Condition]) -> list[str]:
    """Of values that may be anything, those that no message has."""
    hints = []
    for condition in where:
        if (
            condition.value is None
            or condition.operator != "="
            or conditions.allowed(condition.name)
        ):
            continue
        one, parameters = conditions.sql([condition])
        any_has_it = engine.query(
            f"select count(*) as n from counted_messages where {one}", parameters
        )["n"].to_pylist()[0]
        if not any_has_it:
            expression = conditions.columns()[condition.name]
            found = engine.query(
                f"select distinct cast({expression} as string) as word from counted_messages"
            )["word"].to_pylist()
            words = sorted(word for word in found if word is not None)
            near = selection.nearest(condition.value, words)
            hints.append(f"no message has {condition}{'' if condition.shown else near}")
    return hints
