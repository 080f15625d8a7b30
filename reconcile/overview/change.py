"""[I/O] The headline beside that of the time before it, both settled."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from receiver.config import Settings
from reconcile import counted_messages, formulas, tallies
from reconcile.counted_messages import Question
from reconcile.engines.engine import Engine
from reconcile.formulas import Formula, Rate
from reconcile.overview.record import Change
from reconcile.plivo_log.coverage import Span
from reconcile.rate_rows import letters_of

_LONGEST = timedelta(days=7)
_SHORTEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Spans:
    """Two spans of equal length, the later one behind the earlier one."""

    before_from: datetime
    now_from: datetime
    now_until: datetime


def spans(
    question: Question, messages: Span | None, as_of: datetime | None, horizon: timedelta
) -> Spans | None:
    """What is asked for, as far as it is settled, and as much time before it.

    Without `since` the last seven settled days; half of the settled time where that is less.
    None where hardly anything is settled.
    """
    if messages is None or as_of is None:
        return None
    until = min(as_of - horizon, question.until or as_of)
    length = (
        until - question.since
        if question.since is not None
        else min(_LONGEST, (until - messages.from_at) / 2)
    )
    if length < _SHORTEST:
        return None
    try:
        return Spans(until - 2 * length, until - length, until)
    except OverflowError:
        return None  # since the year 1


def change(
    engine: Engine,
    settings: Settings,
    question: Question,
    asked: Spans | None,
    formula: Formula,
) -> Change | None:
    """None where one of the spans has no rate. Selects other messages than before.

    The question's as_of counts.
    """
    if asked is None:
        return None
    both = replace(question, since=asked.before_from, until=asked.now_until)
    counted_messages.select(engine, settings, both, question.as_of)
    moment = asked.now_from.astimezone(UTC).replace(tzinfo=None)
    key = f"message_time >= cast('{moment}' as timestamp)"
    tallies.take(engine, "spans", {"now": key})
    counted = {row["now"]: row for row in tallies.counts(engine, "spans", ("now",)).to_pylist()}
    if True not in counted or False not in counted:
        return None
    now, before = (
        formulas.rate(formula.numerator, formula.denominator, *letters_of(counted[which]))
        for which in (True, False)
    )
    return _between(now, before, asked)


def _between(now: Rate, before: Rate, asked: Spans) -> Change | None:
    if now.value is None or before.value is None:
        return None
    return Change(
        now=now,
        before=before,
        now_from=asked.now_from,
        now_until=asked.now_until,
        before_from=asked.before_from,
        points=now.value - before.value,
        clear=formulas.apart(now, before),
    )
