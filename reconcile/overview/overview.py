"""[I/O] The whole picture of one question, in one session of the engine.

Every scan of `messages/` reads only the columns that it needs, and ends in as many rows as there
are groups; nothing here grows with the messages.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from receiver.config import Settings
from reconcile import counted_messages, rate_report, selection
from reconcile.counted_messages import Question
from reconcile.engine import Engine
from reconcile.merging import Merged
from reconcile.overview import breakdowns, receipt_times, surroundings, time_steps
from reconcile.overview.change import change, spans
from reconcile.overview.record import Overview
from reconcile.plivo_log.coverage import Span
from reconcile.rate_rows import nothing_counted, row_of


def overview(settings: Settings, question: Question, merged: Merged) -> Overview:
    """Answer the question with everything that a page tells; its `by` and `top` do not matter.

    Raises WrongQuestion, FileProblem.
    """
    rate_report.check(question)
    as_of = question.as_of or merged.as_of
    horizon = timedelta(hours=settings.receipt_horizon_hours)
    formula = rate_report.formula_named(question.formula)
    zone = selection.time_zone(question.zone)
    with Engine() as engine:
        hints = counted_messages.select(engine, settings, question, as_of)
        sent = _sent(engine)
        step = time_steps.step_for(*((sent and (sent.from_at, sent.until_at)) or (None, None)))
        question = replace(question, by=(step,), top=None, as_of=as_of)
        report = rate_report.answer(engine, settings, question, merged, hints)
        matches, provisional = breakdowns.by_time_and_match(engine, step)
        empty = row_of(nothing_counted(), (), formula)
        split = receipt_times.cohorts(*_settled_days(sent, as_of, horizon, zone))
        waits = receipt_times.waits(engine, split)
        drawn: dict[str, Any] = {
            "by_country": breakdowns.worst_first(
                breakdowns.by_keys(engine, ("country",), formula), ("country",)
            ),
            "routes": breakdowns.worst_first(
                breakdowns.by_keys(engine, ("country", "carrier"), formula),
                ("country", "carrier"),
                breakdowns.MOST_ROUTES,
            ),
            "by_sender": breakdowns.worst_of_many(
                engine, "from_number", formula, breakdowns.MOST_SENDERS
            ),
            "by_tag": breakdowns.by_tag(engine, formula),
            "errors": breakdowns.errors(engine),
            "by_week_hour": breakdowns.by_keys(engine, ("weekday", "hour_of_day"), formula),
            "by_parts": breakdowns.by_keys(engine, ("parts",), formula),
        }
        changed = change(engine, settings, question, spans(question, sent, as_of, horizon), formula)
    return Overview(
        report=report,
        step=step,
        by_time=breakdowns.by_time(report.rows, step, provisional, empty),
        by_time_and_match=matches,
        change=changed,
        findings=[],
        receipt_times=receipt_times.histogram(waits),
        maturity=receipt_times.maturity(waits),
        bands=surroundings.bands(settings, _shown(question, sent, as_of), as_of),
        sources=surroundings.sources(settings.data_dir),
        versions=surroundings.versions(),
        **drawn,
    )


def _sent(engine: Engine) -> Span | None:
    """From the first message asked for to the last."""
    found = engine.query(
        "select min(message_time) as first, max(message_time) as last from counted_messages"
    ).to_pylist()[0]
    if found["first"] is None:
        return None
    return Span(found["first"].replace(tzinfo=UTC), found["last"].replace(tzinfo=UTC))


def _settled_days(
    sent: Span | None, as_of: datetime | None, horizon: timedelta, zone: Any
) -> tuple[date | None, date | None]:
    """The first local day of these messages, and the last that ended a horizon ago."""
    if sent is None or as_of is None:
        return None, None
    settled = (as_of - horizon).astimezone(zone).date() - timedelta(days=1)
    return sent.from_at.astimezone(zone).date(), min(settled, sent.until_at.astimezone(zone).date())


def _shown(question: Question, sent: Span | None, as_of: datetime | None) -> Span | None:
    """The time asked for, as far as there is anything to tell."""
    if sent is None or as_of is None:
        return None
    from_at = question.since or sent.from_at
    until_at = question.until or max(as_of, sent.until_at)
    return Span(from_at, until_at) if from_at < until_at else None
