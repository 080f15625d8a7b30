"""Every table of the overview against a slow and obvious count of the same messages."""

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from receiver import config
from reconcile.columns import MESSAGES
from reconcile.counted_messages import Question
from reconcile.merging import Merged
from reconcile.overview.overview import overview
from reconcile.overview.record import Overview
from tests.reconcile import oracle_rates
from tests.reconcile.nasty import HORIZON, Row, windows
from tests.reconcile.oracle_rates import letter
from tests.reconcile.test_rates_equal_the_oracle import AS_OF, messages

ZONES = ("UTC", "Asia/Kolkata", "America/New_York")
UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))


@st.composite
def detailed(draw: st.DrawFn) -> Row:
    """A message with what the tables of an overview are by; sometimes months away."""
    row = draw(messages())
    away = timedelta(days=draw(st.sampled_from((0, 0, -1, -6, -200))))
    times = ("message_time", "sent_at", "final_at", "last_sign_at")
    moved = {name: row[name] + away for name in times if row[name] is not None}
    lost = row["outcome"] in ("failed", "undelivered")
    return row | moved | {
        "carrier": draw(st.sampled_from((None, "A", "B, C=D"))),
        "from_number": draw(st.sampled_from((None, "1415", "ACME"))),
        "tag": draw(st.sampled_from((None, None, "otp"))),
        "parts_expected": draw(st.sampled_from((1, 1, 2))),
        "error_code": draw(st.sampled_from((None, "30", "77"))) if lost else None,
    }  # fmt: skip


def told(
    held: Sequence[Row],
    ledger: Sequence[Row] = (),
    *,
    as_of: datetime | None = AS_OF,
    **asked: Any,
) -> Overview:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for day in {row["message_time"].date() for row in held}:
            place = folder / "messages" / f"date={day}"
            place.mkdir(parents=True)
            rows = [row for row in held if row["message_time"].date() == day]
            pq.write_table(pa.Table.from_pylist(rows, schema=MESSAGES), place / "messages.parquet")
        (folder / "log").mkdir()
        lines = "".join(json.dumps(line) + "\n" for line in ledger)
        (folder / "log" / "_windows.jsonl").write_text(lines, encoding="utf-8")
        known = config.load({"DATA_DIR": name}, environment={})
        return overview(known, Question(**asked), Merged(as_of, len(held), 0))


def step_of(moment: datetime, step: str, zone: str) -> date | datetime:
    local = moment.astimezone(ZoneInfo(zone))
    if step == "hour":
        return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    day = local.date()
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def compare(row: Row, group: Iterable[Row], *, clocks: str = "") -> None:
    """The row counts this group; of percentiles those since these clocks, to half a percent."""
    for name, value in oracle_rates.rates(group, as_of=AS_OF).items():
        if name.partition("_to_receipt_")[1]:
            if value is not None and name.startswith(tuple(clocks.split())):
                assert row[name] == pytest.approx(value, rel=0.005, abs=0.005), name
            else:
                assert row[name] is None
        elif isinstance(value, float):
            assert row[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
        else:
            assert row[name] == value, name


def grouped(rows: list[Row], ours: list[Row], *keys: str, clocks: str = "") -> None:
    """The rows are of all groups of these columns, each once."""
    columns = {"parts": "parts_expected"}
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for message in ours:
        place = tuple(message[columns.get(key, key)] for key in keys)
        groups.setdefault(place, []).append(message)
    assert Counter(tuple(row[key] for key in keys) for row in rows) == Counter(list(groups))
    for row in rows:
        compare(row, groups[tuple(row[key] for key in keys)], clocks=clocks)


@settings(UNHURRIED, max_examples=14)
@given(
    held=st.lists(detailed(), max_size=14, unique_by=lambda row: str(row["message_uuid"])),
    ledger=windows(),
    zone=st.sampled_from(ZONES),
)
def test_every_table_counts_the_same_messages(
    held: list[Row], ledger: list[Row], zone: str
) -> None:
    found = told(held, ledger, zone=zone)
    ours = [m for m in held if m["direction"] == "outbound"]
    for row in found.report.rows + ([found.report.total] if found.report.total else []):
        assert row["submitted"] > 0
    if found.report.total is not None:
        compare(found.report.total, ours, clocks="sent message")
    grouped(found.by_country, ours, "country", clocks="sent")
    grouped(found.routes, ours, "country", "carrier", clocks="sent")
    grouped(found.by_sender, ours, "from_number")
    grouped(found.by_parts, ours, "parts")
    tagged = any(m["tag"] for m in ours)
    grouped(found.by_tag, ours if tagged else [], "tag")
    local = [(m, m["message_time"].astimezone(ZoneInfo(zone))) for m in ours]
    grouped(
        found.by_week_hour,
        [m | {"weekday": at.isoweekday(), "hour_of_day": at.hour} for m, at in local],
        "weekday",
        "hour_of_day",
    )
    by_time(found, ours, zone)
    errors(found, ours)
    receipts(found, ours)


def by_time(found: Overview, ours: list[Row], zone: str) -> None:
    for row in found.by_time:
        group = [m for m in ours if step_of(m["message_time"], found.step, zone) == row["step"]]
        compare(row, group, clocks="sent message")
        unsettled = any(
            m["outcome"] in ("pending", "unconfirmed") and AS_OF - m["last_sign_at"] <= HORIZON
            for m in group
        )
        assert row["provisional"] == unsettled
    assert sum(row["submitted"] for row in found.by_time) == len(ours)
    assert [row["step"] for row in found.by_time] == sorted({r["step"] for r in found.by_time})
    matches = Counter((step_of(m["message_time"], found.step, zone), m["match"]) for m in ours)
    assert matches == {(r["step"], r["match"]): r["messages"] for r in found.by_time_and_match}


def errors(found: Overview, ours: list[Row]) -> None:
    lost = [(letter(m, AS_OF, HORIZON), m) for m in ours]
    lost = [(fate, m) for fate, m in lost if fate in "FU"]
    assert {row.code for row in found.errors} == {m["error_code"] for _, m in lost}
    for row in found.errors:
        group = [(fate, m) for fate, m in lost if m["error_code"] == row.code]
        assert row.failed == sum(fate == "F" for fate, _ in group)
        assert row.undelivered == sum(fate == "U" for fate, _ in group)
        spent = [m["total_amount"] for _, m in group if m["total_amount"] is not None]
        assert row.amount == (sum(spent, Decimal(0)) if spent else None)
        times = [m["message_time"] for _, m in group]
        assert (row.first_at, row.last_at) == (min(times), max(times))


def receipts(found: Overview, ours: list[Row]) -> None:
    handed = [(letter(m, AS_OF, HORIZON), m) for m in ours]
    handed = [(fate, m) for fate, m in handed if fate in "DUXO" and m["sent_at"]]
    waited = [
        (fate, (m["final_at"] - m["sent_at"]).total_seconds())
        for fate, m in handed if fate in "DU" and m["final_at"]
    ]  # fmt: skip
    assert sum(b.delivered + b.undelivered for b in found.receipt_times) == len(waited)
    for bin_ in found.receipt_times:
        low = -1e99 if bin_.from_seconds is None else bin_.from_seconds
        high = 1e99 if bin_.until_seconds is None else bin_.until_seconds
        inside = Counter(fate for fate, seconds in waited if low <= seconds < high)
        assert (bin_.delivered, bin_.undelivered) == (inside["D"], inside["U"])
    for point in found.maturity:
        if point.cohort != "all":
            continue
        age = timedelta(seconds=point.age_seconds)
        old = [(fate, m) for fate, m in handed if AS_OF - m["sent_at"] >= age]
        come = [m for fate, m in old if fate in "DU" and m["final_at"]]
        assert point.handed_over == len(old)
        assert point.receipts == sum(m["final_at"] - m["sent_at"] < age for m in come)


def message(number: int, at: datetime, **differing: Any) -> Row:
    """A delivered message of five seconds."""
    return dict.fromkeys(MESSAGES.names) | {
        "message_uuid": f"m{number}", "direction": "outbound", "country": "US", "carrier": "A",
        "message_time": at, "sent_at": at, "final_at": at + timedelta(seconds=5),
        "last_sign_at": at, "state": "delivered", "outcome": "delivered", "match": "agree",
        "parts_expected": 1, "final_parts": 1, "final_parts_reported": 1, "window_read": True,
    } | differing  # fmt: skip


def test_an_empty_folder_gives_an_empty_overview() -> None:
    found = told([], as_of=None)
    tables = (found.by_time, found.routes, found.by_tag, found.errors, found.maturity, found.bands,
              found.receipt_times, found.findings, found.by_time_and_match)  # fmt: skip
    assert not any(tables)
    assert found.report.total is None
    assert found.change is None
    assert [source.rows for source in found.sources] == [0, 0, 0]


def test_one_message_is_one_row_of_each() -> None:
    found = told([message(1, AS_OF - timedelta(days=5))])
    assert found.step == "hour"
    assert [len(t) for t in (found.by_time, found.routes, found.by_sender, found.by_parts)] == [
        1
    ] * 4
    assert found.receipt_times[0].delivered == 1
    assert found.by_tag == []
    assert found.sources[2].rows == 1


def test_a_year_is_told_by_weeks_and_empty_ones_are_rows_of_zero() -> None:
    held = [message(n, AS_OF - timedelta(days=days)) for n, days in enumerate((365, 300, 4))]
    found = told(held)
    assert found.step == "week"
    assert len(found.by_time) in (52, 53)
    assert sum(row["submitted"] == 0 for row in found.by_time) == len(found.by_time) - 3
    empty = next(row for row in found.by_time if not row["submitted"])
    assert empty["confirmed_rate"] is None
    assert empty.keys() == found.by_time[0].keys()


def test_two_hundred_countries_are_all_there_the_most_lost_first() -> None:
    held = [message(n, AS_OF - timedelta(days=5), country=f"C{n}") for n in range(200)]
    lost = held[77] | {"outcome": "undelivered", "state": "undelivered"}
    found = told([*held[:77], lost, *held[78:]])
    assert len(found.by_country) == 200
    assert found.by_country[0]["country"] == "C77"


def test_the_headline_is_held_against_as_much_time_before() -> None:
    def sent(day: int, delivered: int) -> list[Row]:
        bad = {"outcome": "undelivered", "state": "undelivered"}
        start = AS_OF - timedelta(days=day)
        return [
            message(day * 1000 + n, start, **({} if n < delivered else bad)) for n in range(100)
        ]

    held = [*sent(14, 95), *sent(6, 50)]
    found = told(held, since=AS_OF - timedelta(days=10))
    assert found.change is not None
    assert (found.change.now.numerator, found.change.before.numerator) == (50, 95)
    assert found.change.now_from == AS_OF - timedelta(days=10)
    assert found.change.now_until == AS_OF - HORIZON
    assert found.change.before_from == AS_OF - timedelta(days=17)
    assert found.change.points == pytest.approx(-0.45)
    assert found.change.clear


def test_a_question_narrows_every_table_and_the_conditions_of_findings() -> None:
    start = AS_OF - timedelta(days=20)
    bad = {"outcome": "undelivered", "state": "undelivered", "error_code": "30"}
    held = [
        message(n, start + timedelta(hours=n / 4), **(bad if n > 900 and n % 2 else {}))
        for n in range(1600)
    ]
    held += [row | {"message_uuid": f"x{n}", "country": "GB"} for n, row in enumerate(held[:50])]
    found = told(held, where=_where("country=US"))
    assert {row["country"] for row in found.routes} == {"US"}
    fallen = [finding for finding in found.findings if finding.kind == "route_fell"]
    assert [finding.since for finding in fallen] == [(start + timedelta(hours=225)).replace(hour=0)]


def _where(text: str) -> Any:
    from reconcile import conditions  # noqa: PLC0415

    return conditions.parse([text])


def test_the_same_folder_gives_the_same_overview() -> None:
    held = [message(n, AS_OF - timedelta(hours=n), country=f"C{n % 7}") for n in range(300)]
    one, other = told(held), told(held)
    folder = Path()  # each lay in its own
    assert replace(one, report=replace(one.report, messages_folder=folder)) == replace(
        other, report=replace(other.report, messages_folder=folder)
    )
