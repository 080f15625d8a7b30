"""Rates and audit of any messages: the rate report against a second reading."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver import config
from reconcile.columns import MESSAGES
from reconcile.counted_messages import Question
from reconcile.merging import Merged
from reconcile.rate_report import RateReport, rate_report
from tests.reconcile import oracle_rates
from tests.reconcile.nasty import HORIZON, MIDNIGHT, MOMENTS, Row, moments, windows
from tests.reconcile.oracle import WORST_FIRST

SECONDS = (-5, 0, 0.5, 9.999999, 10, 10.000001, 59, 60, 300, 301, 86400)
MONEY = ("0.00000", "0.00001", "0.00250", "1.23456")
STATES = {
    "failed": ("failed", "rejected"),
    "undelivered": ("undelivered",),
    "delivered": ("delivered", "read"),
    "pending": ("queued", "sent", "accepted", "delivered", None),
    "unconfirmed": ("queued", "sent", "enroute", None),
}
AS_OF = MIDNIGHT + HORIZON
money = st.sampled_from((None, *(Decimal(text) for text in MONEY)))
counts = st.sampled_from((0, 0, 0, 1, 3))


@st.composite
def messages(draw: st.DrawFn) -> Row:
    """A message that might stand in `messages/`; what rates do not read is left out."""
    outcome = draw(st.sampled_from((*STATES, "delivered", "delivered")))
    state = draw(st.sampled_from(STATES[outcome]))
    begun = draw(moments)
    sent_at = draw(st.none() | st.sampled_from(SECONDS).map(lambda s: begun + timedelta(seconds=s)))
    waited = timedelta(seconds=draw(st.sampled_from(SECONDS)))
    final_parts = draw(st.integers(0, 2))
    row: Row = dict.fromkeys(MESSAGES.names)
    inbound = draw(st.integers(0, 9)) == 0
    return row | {
        "message_uuid": str(draw(st.uuids())),
        "direction": "inbound" if inbound else "outbound",
        "country": draw(st.sampled_from((None, "US", "CA", "GB"))),
        "message_time": begun,
        "sent_at": sent_at,
        "final_at": draw(st.sampled_from((None, (sent_at or begun) + waited))),
        "state": state,
        "outcome": None if inbound else outcome,
        "units": draw(st.sampled_from((None, 0, 1, 1, 3))),
        "total_amount": draw(money),
        "carrier_fees": draw(money),
        "match": None if inbound else draw(st.sampled_from(WORST_FIRST)),
        "report_state": draw(st.sampled_from((state, None, "accepted"))),
        "log_state": draw(st.sampled_from((state, None, "deleted"))),
        "last_sign_at": begun,
        "clock_shift_minutes": draw(st.sampled_from((None, 0, 0, 330, -420))),
        "final_parts": final_parts,
        "final_parts_reported": draw(st.integers(0, final_parts)),
        **{name: draw(counts) for name in ("duplicate_reports", "out_of_order_reports",
                                           "state_changes", "untyped_values")},
        **{name: draw(st.booleans()) for name in ("guessed_time", "never_reported",
                                                  "window_read")},
    }  # fmt: skip


@contextmanager
def asked(held: list[Row], ledger: list[Row]) -> Iterator[Any]:
    """How to ask the rate report about these messages."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = folder / "messages" / "date=2026-03-01"
        place.mkdir(parents=True)
        table = pa.Table.from_pylist(held, schema=MESSAGES)
        pq.write_table(table, place / "messages.parquet")
        (folder / "log").mkdir()
        lines = "".join(json.dumps(line) + "\n" for line in ledger)
        (folder / "log" / "_windows.jsonl").write_text(lines, encoding="utf-8")
        merged = Merged(AS_OF, len(held), 0)
        known = config.load({"DATA_DIR": name}, environment={})

        def ask(**question: Any) -> RateReport:
            return rate_report(known, Question(**question), merged)

        yield ask


def compare(found: Row, expected: Row) -> None:
    for name, value in expected.items():
        if isinstance(value, float):
            assert found[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        else:
            assert found[name] == value, name


def check(held: list[Row], ledger: list[Row], formula: str, *, by_units: bool) -> None:
    with asked(held, ledger) as ask:
        report = ask(by=("country",), formula=formula, by_units=by_units)
    outbound = [m for m in held if m["direction"] == "outbound"]
    how: dict[str, Any] = {"as_of": AS_OF, "formula": formula, "by_units": by_units}
    countries = sorted({m["country"] for m in outbound}, key=lambda c: (c is None, c or ""))
    assert [row["country"] for row in report.rows] == countries
    for row in report.rows:
        group = [m for m in outbound if m["country"] == row["country"]]
        compare(row, oracle_rates.rates(group, **how))
    if report.total is not None:
        compare(report.total, oracle_rates.rates(held, **how))
    assert (report.total is None) == (not outbound)
    compare(report.audit, oracle_rates.audit(held, ledger, as_of=AS_OF))
    invariants(report)


def invariants(report: RateReport) -> None:
    """N = F + Q + H, H = D + U + X + O; groups sum to the total; rates in their order."""
    rows = [*report.rows, *([report.total] if report.total else [])]
    for row in rows:
        assert row["submitted"] == row["failed"] + row["queued"] + row["handed_over"]
        known = row["delivered"] + row["undelivered"]
        assert row["handed_over"] == known + row["unconfirmed"] + row["open"]
        strict, confirmed, lenient = (
            row[name] for name in ("strict_rate", "confirmed_rate", "lenient_rate")
        )
        if strict is None:
            continue
        assert strict <= lenient
        assert confirmed is None or strict <= confirmed
        assert confirmed is None or row["open"] or confirmed <= lenient
    for name in ("submitted", "failed", "queued", "handed_over", "delivered", "undelivered",
                 "unconfirmed", "open", "negative_receipts"):  # fmt: skip
        assert sum(row[name] for row in report.rows) == (report.total or {name: 0})[name]
    for name in ("total_amount", "carrier_fees"):
        spent = [row[name] for row in report.rows if row[name] is not None]
        assert (sum(spent, Decimal(0)) if spent else None) == (report.total or {name: None})[name]


some = st.lists(messages(), max_size=14, unique_by=lambda row: str(row["message_uuid"]))
formulas = st.sampled_from((*oracle_rates.FORMULAS, "plivo-us"))
UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(UNHURRIED, max_examples=20)
@given(held=some, ledger=windows(), formula=formulas, by_units=st.booleans())
def test_any_messages_give_the_same_rates_and_audit(
    held: list[Row], ledger: list[Row], formula: str, *, by_units: bool
) -> None:
    check(held, ledger, formula, by_units=by_units)


@pytest.mark.slow
@settings(UNHURRIED, max_examples=600)
@given(held=some, ledger=windows(), formula=formulas, by_units=st.booleans())
def test_very_many_messages_give_the_same_rates_and_audit(
    held: list[Row], ledger: list[Row], formula: str, *, by_units: bool
) -> None:
    check(held, ledger, formula, by_units=by_units)


@settings(UNHURRIED, max_examples=10)
@given(held=some, since=st.sampled_from(MOMENTS), until=st.sampled_from(MOMENTS))
def test_since_and_until_select_by_the_messages_time(
    held: list[Row], since: datetime, until: datetime
) -> None:
    with asked(held, []) as ask:
        report = ask(by=(), since=since, until=until)
    chosen = [
        m for m in held
        if since <= m["message_time"] < until and m["direction"] == "outbound"
    ]  # fmt: skip
    assert (report.total or {"submitted": 0})["submitted"] == len(chosen)
