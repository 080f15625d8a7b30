"""[I/O] The rate report: rates by any break-down, the total, and the collection audit.

Counts come from the engine, quotients from `formulas`; nothing else is computed here.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from receiver import alive, day_files
from receiver.config import Settings
from reconcile import formulas, selection
from reconcile.columns import MESSAGES
from reconcile.deriving import window_table
from reconcile.engine import Engine
from reconcile.formulas import Formula, Rate
from reconcile.merging import Merged
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window
from reconcile.rate_rows import VALUE_COLUMNS, Row, letters_of, row_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the messages: a half-open time, break-downs, a headline, a zone for days."""

    since: datetime | None = None
    until: datetime | None = None
    by: tuple[str, ...] = ("day",)
    formula: str = "confirmed"
    by_units: bool = False
    zone: str = "UTC"
    as_of: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RateReport:
    """The answer, ready to be shown: `rows` by the question's keys, `total` over all of them."""

    question: Question
    formula: Formula
    as_of: datetime | None
    rows: list[Row]
    total: Row | None
    headline: Rate
    audit: dict[str, Any]
    messages_folder: Path
    key_types: dict[str, pa.DataType] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        return [*self.question.by, *(name for name, _ in VALUE_COLUMNS)]

    def table(self) -> pa.Table:
        """The rows with the same columns and types whatever they hold."""
        schema = pa.schema(
            [*((key, self.key_types[key]) for key in self.question.by), *VALUE_COLUMNS]
        )
        return pa.Table.from_pylist(self.rows, schema=schema)


def rate_report(settings: Settings, question: Question, merged: Merged) -> RateReport:
    """Answer the question from `messages/` as merged. Raises WrongQuestion, FileProblem."""
    formula = formula_named(question.formula)
    as_of = question.as_of or merged.as_of
    files = day_files.live_files(settings.data_dir / "messages")
    with Engine() as engine:
        engine.read("messages", files, MESSAGES)
        engine.keep("asked", asked_table(question, as_of, settings))
        engine.run(["counted_messages"])
        counted = _counts(engine, question.by)
        total = _counts(engine, ()).to_pylist()[0]
        windows = ledger.read(settings.data_dir / "log")
        audit = _audit(engine, windows, as_of)
        audit["outages"] = _outages(settings.data_dir / "reports", question, as_of)
    return RateReport(
        question=question,
        formula=formula,
        as_of=as_of,
        rows=[row_of(counts, question.by, formula) for counts in counted.to_pylist()]
        if total["messages"] else [],
        total=row_of(total, (), formula) if total["messages"] else None,
        headline=formulas.rate(formula.numerator, formula.denominator, *letters_of(total)),
        audit=audit,
        messages_folder=settings.data_dir / "messages",
        key_types={key: _key_type(counted.schema.field(key).type) for key in question.by},
    )  # fmt: skip


def formula_named(name: str) -> Formula:
    """Raises WrongQuestion with the names that exist."""
    try:
        return formulas.HEADLINES[name]
    except KeyError:
        hint = selection.nearest(name, formulas.HEADLINES)
        raise selection.WrongQuestion(f"--formula {name} does not exist{hint}") from None


def asked_table(question: Question, as_of: datetime | None, settings: Settings) -> pa.Table:
    """The question as the stage `counted_messages` reads it."""
    time = pa.timestamp("us", tz="UTC")
    horizon = timedelta(hours=settings.receipt_horizon_hours) // timedelta(microseconds=1)
    return pa.table(
        {
            "since": pa.array([question.since], time),
            "until": pa.array([question.until], time),
            "as_of": pa.array([as_of], time),
            "horizon_micros": pa.array([horizon], pa.int64()),
            "zone": pa.array([question.zone], pa.string()),
            "by_units": pa.array([question.by_units], pa.bool_()),
        }
    )


def _counts(engine: Engine, by: tuple[str, ...]) -> pa.Table:
    return engine.run_counts({key: selection.DIMENSIONS[key] for key in by})


def _audit(engine: Engine, windows: list[Window], as_of: datetime | None) -> dict[str, Any]:
    engine.run(["audit", "unknown_states"])
    audit = engine.query("select * from audit").to_pylist()[0]
    captured, capturable = audit.pop("captured"), audit.pop("capturable")
    audit.pop("messages")
    oldest = engine.query(
        "select min(message_time) as oldest from messages where direction = 'outbound'"
    ).to_pylist()[0]["oldest"]
    return {
        "capture_rate": captured / capturable if capturable else None,
        "capture_rate_numerator": captured,
        "capture_rate_denominator": capturable,
        "never_reported": audit.pop("never_reported"),
        "match": _pairs(engine, "select m.word, count(*) as messages from counted_messages as c "
                        "inner join matches as m on m.word = c.match "
                        "group by m.word, m.place order by m.place"),
        **audit,
        "unknown_states": _pairs(engine, "select word, messages from unknown_states order by word"),
        "seconds_not_read": _seconds_not_read(oldest, as_of, windows),
    }  # fmt: skip


def _outages(reports: Path, question: Question, as_of: datetime | None) -> list[dict[str, Any]]:
    """When no receiver was alive for longer than Plivo retries, within the time asked for."""
    if as_of is None:
        return []
    return [
        {
            "from": _written(gap.from_at),
            "until": _written(gap.until_at),
            "seconds": (gap.until_at - gap.from_at).total_seconds(),
        }
        for gap in alive.gaps(reports, until=as_of)
        if (question.since is None or gap.until_at > question.since)
        and (question.until is None or gap.from_at < question.until)
    ]


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _pairs(engine: Engine, sql: str) -> dict[str, int]:
    return {row["word"]: row["messages"] for row in engine.query(sql).to_pylist()}


def _seconds_not_read(
    oldest: datetime | None, as_of: datetime | None, windows: list[Window]
) -> float:
    """Seconds between the oldest message and now that lie in no window that was read."""
    if oldest is None or as_of is None:
        return 0.0
    start = oldest.replace(tzinfo=UTC)
    read = timedelta()
    for interval in window_table(windows).to_pylist():
        shared = min(interval["until_at"], as_of) - max(interval["from_at"], start)
        read += max(shared, timedelta())
    return max(as_of - start - read, timedelta()).total_seconds()


def _key_type(found: pa.DataType) -> pa.DataType:
    return pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(found) else found
