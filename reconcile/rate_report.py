"""[I/O] The rate report: rates by any break-down, the total, and the collection audit.

Counts come from the engine, quotients from `formulas`; nothing else is computed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from receiver import alive, day_files
from receiver.config import Settings
from reconcile import formulas, selection
from reconcile.columns import MESSAGES
from reconcile.engine import Engine
from reconcile.formulas import Formula, Rate
from reconcile.merging import Merged, window_table
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window

_LETTERS = {
    "N": "submitted", "F": "failed", "Q": "queued", "D": "delivered", "U": "undelivered",
    "X": "unconfirmed", "O": "open",
}  # fmt: skip
_PERCENTILES = tuple(
    f"{since}_to_receipt_p{share}" for since in ("sent", "message") for share in (50, 90, 95, 99)
)
_WITHIN = ("within_10s", "within_60s", "within_5min")
_MONEY = pa.decimal128(38, 5)

Row = dict[str, Any]


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


def _value_columns() -> list[tuple[str, pa.DataType]]:
    whole, share = pa.int64(), pa.float64()
    columns = [
        (name, whole)
        for name in ("submitted", "failed", "queued", "handed_over", "delivered", "undelivered",
                     "unconfirmed", "open")
    ]  # fmt: skip
    for name in formulas.COLUMN_RATES:
        columns += [(name, share), (f"{name}_numerator", whole), (f"{name}_denominator", whole),
                    (f"{name}_low", share), (f"{name}_high", share)]  # fmt: skip
    columns.append(("headline_rate", share))
    columns += [
        (name, _MONEY)
        for name in ("total_amount", "amount_per_message", "amount_per_delivered",
                     "amount_undelivered", "carrier_fees")
    ]  # fmt: skip
    columns += [(name, share) for name in (*_PERCENTILES, *_WITHIN)]
    return [*columns, ("negative_receipts", whole)]


VALUE_COLUMNS = _value_columns()


def rate_report(settings: Settings, question: Question, merged: Merged) -> RateReport:
    """Answer the question from `messages/` as merged. Raises WrongQuestion, FileProblem."""
    formula = formula_named(question.formula)
    as_of = question.as_of or merged.as_of
    files = day_files.live_files(settings.data_dir / "messages")
    with Engine() as engine:
        engine.read("messages", files, MESSAGES)
        engine.keep("asked", _asked(question, as_of, settings))
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
        rows=[_row(counts, question.by, formula) for counts in counted.to_pylist()]
        if total["submitted"] else [],
        total=_row(total, (), formula) if total["submitted"] else None,
        headline=formulas.rate(formula.numerator, formula.denominator, *_letters(total)),
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


def _asked(question: Question, as_of: datetime | None, settings: Settings) -> pa.Table:
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


def _row(counts: Mapping[str, Any], by: tuple[str, ...], formula: Formula) -> Row:
    weighted, messages = _letters(counts)
    row: Row = {key: _key(counts[key]) for key in by}
    row |= {name: weighted[letter] for letter, name in _LETTERS.items() if letter in "NFQ"}
    row["handed_over"] = weighted["H"]
    row |= {name: weighted[letter] for letter, name in _LETTERS.items() if letter in "DUXO"}
    for name, (above, below) in formulas.COLUMN_RATES.items():
        rate = formulas.rate(above, below, weighted, messages)
        row |= {name: rate.value, f"{name}_numerator": rate.numerator,
                f"{name}_denominator": rate.denominator, f"{name}_low": rate.low,
                f"{name}_high": rate.high}  # fmt: skip
    row["headline_rate"] = formulas.rate(
        formula.numerator, formula.denominator, weighted, messages
    ).value
    row |= _cost(counts, messages)
    row |= {name: counts[name] for name in _PERCENTILES}
    row |= {name: counts[name] / messages["H"] if messages["H"] else None for name in _WITHIN}
    row["negative_receipts"] = counts["negative_receipts"]
    return row


def _letters(counts: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """The counts by letter: weighted as asked, and in messages."""
    weighted = {letter: counts[name] for letter, name in _LETTERS.items()}
    messages = {
        letter: counts["messages" if letter == "N" else f"messages_{name}"]
        for letter, name in _LETTERS.items()
    }
    for letters in (weighted, messages):
        letters["H"] = letters["N"] - letters["F"] - letters["Q"]
        letters["R"] = counts["unreceipted_us_ca"]
    return weighted, messages


def _cost(counts: Mapping[str, Any], messages: Mapping[str, int]) -> Row:
    total: Decimal | None = counts["total_amount"]
    undelivered = counts["amount_undelivered"]
    return {
        "total_amount": total,
        "amount_per_message": formulas.quotient(total, messages["N"]),
        "amount_per_delivered": formulas.quotient(total, messages["D"]),
        "amount_undelivered": Decimal("0.00000")
        if undelivered is None and total is not None and not messages["U"] else undelivered,
        "carrier_fees": counts["carrier_fees"],
    }  # fmt: skip


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


def _key(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _key_type(found: pa.DataType) -> pa.DataType:
    return pa.timestamp("us", tz="UTC") if pa.types.is_timestamp(found) else found
