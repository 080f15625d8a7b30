"""What each value of a row becomes, and that nothing is lost when it cannot be typed."""

import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.columns import LOG
from reconcile.plivo_log.log_row import LogRow, read_row


def typed(**fields: Any) -> LogRow:
    return read_row(json.dumps({"message_uuid": "a", **fields}))


def utc(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2017-05-22 21:36:14+05:30", utc(2017, 5, 22, 16, 6, 14)),
        ("2024-08-21 18:28:51.94772+05:30", utc(2024, 8, 21, 12, 58, 51, 947720)),
        ("2021-07-13T13:04:06.799021-04:00", utc(2021, 7, 13, 17, 4, 6, 799021)),
        ("2021-07-13 13:04:06.7Z", utc(2021, 7, 13, 13, 4, 6, 700000)),
        ("2021-07-13 13:04:06", utc(2021, 7, 13, 13, 4, 6)),
        ("2021-01-01 00:00:00+05:30", utc(2020, 12, 31, 18, 30)),
    ],
)
def test_times_become_utc_whatever_zone_the_account_is_in(written: str, at: datetime) -> None:
    assert typed(message_time=written).message_time == at


@pytest.mark.parametrize(
    "written",
    [
        "yesterday", "2021-02-30 00:00:00", "2021-07-13", "2021-07-13 13:04", "1626180000",
        "2021-07-13 13:04:06.1234567", "2021-07-13 24:00:01", "0001-01-01 00:00:00+05:30",
        "2021-07-13 13:04:06+5:30", "२०२१-07-13 13:04:06", 1626180000, True, [], {},
    ],
)  # fmt: skip
def test_what_is_no_time_is_null_and_named(written: object) -> None:
    row = typed(message_time=written)
    assert row.message_time is None
    assert row.untyped == ("message_time",)
    assert json.loads(row.record)["message_time"] == written


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001
def test_every_moment_survives_every_zone(naive: datetime, offset: int) -> None:
    at = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert typed(message_time=at.isoformat(sep=" ")).message_time == at


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ('"0.00250"', "0.00250"), ('"0.0025"', "0.00250"), ('"0"', "0.00000"), ("3", "3.00000"),
        ("0.0025", "0.00250"), ('"-0.00350"', "-0.00350"), ('"0.0025000"', "0.00250"),
        ('"9999999999999.99999"', "9999999999999.99999"),
    ],
)  # fmt: skip
def test_money_is_exact_to_five_places(written: str, amount: str) -> None:
    row = read_row(f'{{"message_uuid": "a", "total_amount": {written}}}')
    assert row.columns["total_amount"] == Decimal(amount)
    assert row.columns["total_amount"].as_tuple().exponent == -5


@pytest.mark.parametrize(
    "written",
    [
        '"NaN"', "NaN", "Infinity", '"1e3"', "1e3", '"0.000001"', "0.000001", '"10000000000000"',
        '"$1"', '"1,5"', '" 1"', "true", "[]", '"' + "9" * 5000 + '"', "9" * 5000, "1e999999999999",
    ],
)  # fmt: skip
def test_an_amount_that_would_not_be_exact_is_null_and_named(written: str) -> None:
    row = read_row(f'{{"message_uuid": "a", "total_amount": {written}}}')
    assert row.columns["total_amount"] is None
    assert row.untyped == ("total_amount",)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("error_code", 30, "30"),
        ("error_code", "000", "000"),
        ("mcc", 312, "312"),
        ("mnc", "06", "06"),
        ("units", 3, 3),
        ("units", "3", 3),
        ("is_domestic", True, True),
        ("is_domestic", "false", False),
        ("log", True, "true"),
        ("log", "content_only", "content_only"),
    ],
)
def test_types_that_differ_between_plivos_own_sources_are_one(
    name: str, value: object, expected: object
) -> None:
    row = typed(**{name: value})
    assert row.columns[name] == expected
    assert row.untyped == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("error_code", True), ("error_code", 1.5), ("error_code", ["30"]), ("units", 1.0),
        ("units", True), ("units", "one"), ("units", 2**31), ("is_domestic", "yes"),
        ("is_domestic", 1), ("to_number", {"a": 1}), ("error_message", "\ud83d"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_type_is_null_and_named(name: str, value: object) -> None:
    row = typed(**{name: value})
    assert row.columns[name] is None
    assert row.untyped == (name,)


def test_missing_null_and_empty_are_the_same_and_not_untyped() -> None:
    row = typed(message_time="", units=None, total_amount="", destination_network="")
    assert row.untyped == ()
    assert all(value is None for value in row.columns.values())


def test_numbers_are_found_under_either_name() -> None:
    assert typed(**{"from": "1", "to": "2"}).columns["from_number"] == "1"
    assert typed(**{"from": "1", "from_number": "3"}).columns["from_number"] == "3"
    assert typed(to="2").columns["to_number"] == "2"


@pytest.mark.parametrize("spelling", ["expiration_timestamp", "expiry_timestamp", "expiry_time"])
def test_the_end_of_a_conversation_is_found_under_its_three_names(spelling: str) -> None:
    row = typed(**{f"conversation_{spelling}": "2023-08-03 23:02:00+05:30"})
    assert row.columns["conversation_expiration_timestamp"] == utc(2023, 8, 3, 17, 32)


@pytest.mark.parametrize("uuid", [None, "", True, [], {"a": 1}, "\udc00"])
def test_a_row_without_a_usable_key_has_none(uuid: object) -> None:
    assert typed(message_uuid=uuid).message_uuid is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(LOG.names), JSON))
def test_whatever_a_row_says_it_can_be_stored(fields: dict[str, Any]) -> None:
    row = read_row(json.dumps(fields))
    stored = {**row.columns, "message_uuid": "a", "record": row.record}
    table = pa.Table.from_pylist([stored], schema=LOG)
    assert table["record"].to_pylist() == [row.record]
    named = {name for name in row.columns if fields.get(name) not in (None, "")}
    assert {name for name in named if row.columns[name] is None} == set(row.untyped)
