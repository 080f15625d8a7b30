"""When a message that was sent has ended, and how a report reads."""

import csv
from pathlib import Path
from typing import Any

import pytest

from receiver.account import endings
from receiver.account.endings import Endings
from receiver.account.report_line import line, tag
from tests.builders import report

STATES = Path(endings.__file__).parents[2] / "reconcile" / "stages" / "tables" / "states.csv"


def test_the_final_states_are_those_of_the_table_of_states() -> None:
    with STATES.open(encoding="utf-8") as file:
        final = {row["word"] for row in csv.DictReader(file) if row["final"] == "true"}
    assert final == endings.FINAL


def test_a_message_is_open_until_a_final_report() -> None:
    one = Endings(["m1"])
    assert one.still_open == {"m1": None}
    for status in ("queued", "sent"):
        assert one.take(report("m1", status))
        assert one.still_open == {"m1": status}
    assert one.take(report("m1", "undelivered"))
    assert one.still_open == {}
    assert not one.all_arrived


def test_a_late_report_opens_nothing_again() -> None:
    one = Endings(["m1"])
    one.take(report("m1", "delivered"))
    one.take(report("m1", "queued"))
    assert one.all_arrived


def test_reports_of_others_are_left_alone() -> None:
    one = Endings(["m1"])
    assert not one.take(report("m2", "delivered"))
    assert not one.take(report(None, "delivered"))
    assert not one.take(report("m1", None, kind="message"))


def test_a_message_in_parts_ends_with_its_last_part() -> None:
    one = Endings(["m1"])
    for number, part in enumerate(("m1", "m1b", "m1c"), start=1):
        assert not one.all_arrived
        one.take(
            report(part, "delivered", parent_message_uuid="m1", part_info=f"{number} of 3", units=1)
        )
    assert one.all_arrived


@pytest.mark.parametrize("part_info", ["1 of 1", "1 of 3", None])
def test_one_uuid_with_as_many_units_stands_for_all_parts(part_info: str | None) -> None:
    one = Endings(["m1"])
    one.take(report("m1", "delivered", parent_message_uuid="m1", part_info=part_info, units=3))
    assert one.all_arrived


def test_a_report_reads_as_in_plivos_guide() -> None:
    row = report("m1", "delivered", from_number="1111111111", to_number="3333333333")
    assert line(row) == (
        "From: 1111111111, To: 3333333333, Status: delivered, MessageUUID: m1"
    )  # fmt: skip
    assert line(report("m1", "failed", error_code="50")).endswith("MessageUUID: m1, ErrorCode: 50")
    assert line(report("m1", "delivered", error_code="000")).endswith("MessageUUID: m1")
    assert "Status: received" in line(report("m1", None, kind="message"))
    assert line(report(None, None, from_number=None, to_number=None))


def test_a_report_cannot_play_tricks_on_a_terminal() -> None:
    shown = line(report("m1", "sent\x1b[2J\n\u202e"))
    assert shown.isprintable()
    assert "sent\\x1b[2J\\x0a\\x202e" in shown


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"query": "tag=otp"}, "otp"),
        ({"query": "x=1&tag=a&tag=b+c"}, "b c"),
        ({"query": "untag=otp"}, None),
        ({"query": "tag="}, None),
        ({}, None),
        ({"http_method": "GET", "body": "Status=sent&tag=otp"}, "otp"),
        ({"body": "tag=not-ours"}, None),
    ],
)
def test_the_tag_is_that_of_our_own_url(given: dict[str, Any], found: str | None) -> None:
    assert tag(report(**given)) == found
