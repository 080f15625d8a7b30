"""[I/O] The whole picture of one question, in one session of the engine.

Every scan of `messages/` reads only the columns that it needs, and ends in as many rows as there
are groups; nothing here grows with the messages.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from receiver.config import Settings
from reconcile import counted_messages, rate_report, selection, stages
from reconcile.counted_messages import Question
from reconcile.engines.choice import engine_of
from reconcile.engines.engine import Engine
from reconcile.merging import Merged
from reconcile.overview import (
    breakdowns,
    evidence,
    findings,
    receipt_times,
    surroundings,
    telling,
    time_steps,
)
from reconcile.overview.change import change, spans
from reconcile.overview.evidence import Evidence
from reconcile.overview.record import Finding, Overview
from reconcile.overview.untrusted import untrusted
from reconcile.plivo_log.coverage import Span
from reconcile.rate_rows import Row, nothing_counted, row_of

_FIRST = datetime(1970, 1, 1, tzinfo=UTC)  # no message is older: what is asked as of then is empty


def overview(settings: Settings, question: Question, merged: Merged) -> Overview:
    """Answer the question with everything that a page tells; its `by` and `top` do not matter.

    Raises WrongQuestion, FileProblem.
    """
    rate_report.check(question)
    as_of = question.as_of or merged.as_of
    if as_of is not None:
        as_of = max(as_of, _FIRST)
    horizon = timedelta(hours=settings.receipt_horizon_hours)
    formula = rate_report.formula_named(question.formula)
    zone = selection.time_zone(question.zone)
    meanings = {row["code"]: row for row in stages.meaning("error_codes").to_pylist()}
    with engine_of(settings) as engine:
        hints = counted_messages.select(engine, settings, question, as_of)
        sent = _sent(engine)
        step = time_steps.step_for(sent)
        question = replace(question, by=(step,), top=None, as_of=as_of)
        breakdowns.take(engine, step)
        split = receipt_times.cohorts(*_settled_days(sent, as_of, horizon, zone))
        receipt_times.take(engine, step, split)
        by_step = breakdowns.timed(engine, (step,), step)
        report = rate_report.answer(
            engine, settings, question, merged, counted=by_step,
            total=breakdowns.timed(engine, (), step), hints=hints,
        )  # fmt: skip
        empty = row_of(nothing_counted(), (), formula)
        tables: dict[str, Any] = {
            "by_time": breakdowns.by_time(by_step, step, formula, empty),
            "by_time_and_match": breakdowns.by_time_and_match(engine, step),
            "by_country": breakdowns.by_route(engine, ("country",), step, formula),
            "routes": breakdowns.by_route(engine, ("country", "carrier"), step, formula),
            "by_sender": breakdowns.worst_of_many(
                engine, "from_number", formula, breakdowns.MOST_SENDERS
            ),
            "by_tag": breakdowns.by_tag(engine, formula),
            "errors": breakdowns.errors(engine),
            "receipt_times": receipt_times.histogram(engine),
            "by_week_hour": breakdowns.by_week_hour(engine, formula),
            "by_parts": breakdowns.by_parts(engine, formula),
            "maturity": receipt_times.maturity(engine, split),
        }
        found = findings.findings(
            _evidence(engine, settings, tables["by_time"], step, question), meanings
        )
        changed = change(engine, settings, question, spans(question, sent, as_of, horizon), formula)
    bands = surroundings.bands(settings, _shown(question, sent, as_of), as_of)
    doubts = untrusted(report.audit, bands, as_of)
    return Overview(
        report=report,
        step=step,
        change=changed,
        findings=_narrowed([*found, *doubts], question),
        bands=bands,
        sources=surroundings.sources(settings),
        versions=surroundings.versions(settings.engine),
        **tables,
    )


def _narrowed(found: list[Finding], question: Question) -> list[Finding]:
    """What was asked for holds for the messages of a finding, too, where it says nothing of it."""

    def where(finding: Finding) -> str:
        asked = [str(c) for c in question.where if f"{c.name}=" not in finding.where]
        return ",".join([finding.where, *asked, *telling.time(question.since, question.until)])

    return [replace(finding, where=where(finding)) for finding in found]


def _evidence(
    engine: Engine, settings: Settings, by_time: list[Row], step: str, question: Question
) -> Evidence:
    """Of the steps that ended a horizon before now, each with those between."""
    zone, as_of = selection.time_zone(question.zone), question.as_of
    starts = [row["step"] for row in by_time]
    if as_of is None or not starts:
        return evidence.gather(engine, step, {}, [], [])
    borders = [
        time_steps.starts_at(moment, zone)
        for moment in [*starts, time_steps.after(starts[-1], step)]
    ]
    until = as_of - timedelta(hours=settings.receipt_horizon_hours)
    settled = [moment for moment, end in zip(starts, borders[1:], strict=True) if end <= until]
    return evidence.gather(
        engine,
        step,
        {moment: place for place, moment in enumerate(settled)},
        borders[: len(settled) + 1],
        surroundings.outages(settings, Span(borders[0], max(as_of, borders[-1])), as_of),
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
