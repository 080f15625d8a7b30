"""`explain` at the command line: whole and readable at 80 columns, and the same as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import at, clock, log_row, report, window, write_folder
from tests.reconcile.test_commands import run

LONG = "8f0e2c1a-9d3b-4c5e-8f6a-0123456789a{}"


def part_of(i: int, status: str, **given: Any) -> dict[str, Any]:
    told = {"parent_message_uuid": LONG.format(1), "part_info": f"{i} of 3", "units": 1}
    return report(LONG.format(i), status, **told, **given)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A message of each kind that people ask about."""
    return write_folder(
        tmp_path_factory.mktemp("explained"),
        reports=[
            report("fine", "sent", sequence=2, received_at=at("12:00:03"), report_id="r1"),
            report("fine", "delivered", sequence=3, received_at=at("12:00:06"),
                   delivery_report_time=clock(at("12:00:05")), mcc="310", report_id="r2"),
            part_of(1, "delivered", sequence=3),
            part_of(2, "sent", sequence=2, received_at=at("12:00:02")),
            part_of(2, "undelivered", sequence=3, error_code="30"),
            report("differs", "delivered", delivery_report_time=clock(at("12:00:05"))),
            report("late", "delivered", sequence=3, received_at=at("12:00:03"), units="three"),
            report("late", "sent", sequence=2, received_at=at("12:00:05")),
            report("late", "sent", sequence=2, received_at=at("12:00:06")),
            report("inbound", None, kind="message"),
            report(None, "queued", parent_message_uuid="late", report_id="lost"),
        ],
        log=[
            log_row("fine", "sent", pulled_at=at("12:30:00")),
            log_row("fine", pulled_at=at("2026-03-02T12:00:05")),
            log_row(LONG.format(1)),
            log_row(LONG.format(2), "sent"),
            log_row("differs", "undelivered", message_updated_time=at("12:00:09")),
            log_row("inbound", "received", message_direction="inbound"),
        ],
        windows=[window()],
    )  # fmt: skip


def shown(folder: Path, uuid: str) -> dict[str, Any]:
    done = run(folder, "explain", uuid, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize("uuid", ["fine", LONG.format(2), "differs", "late", "inbound"])
def test_every_story_fits_into_80_columns(folder: Path, uuid: str) -> None:
    done = run(folder, "explain", uuid, COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "…" not in done.stdout, "nothing is cut off"


def test_the_table_tells_who_wins_and_who_loses_and_why(folder: Path) -> None:
    told = " ".join(run(folder, "explain", "fine").stdout.split())
    assert "delivered – the log wins: both are final and say the same" in told
    assert "wins: final, #1 is not" in told
    assert "loses: not final" in told
    assert "wins: latest reading" in told
    assert "loses: older reading" in told
    assert "MCC 310 of report #2" in told


def test_what_is_odd_about_a_report_stands_beside_it(folder: Path) -> None:
    told = " ".join(run(folder, "explain", "late").stdout.split())
    assert "out of order: came after #1" in told
    assert "copy of #2" in told
    assert "not understood: units 'three'" in told
    assert "Message log: nothing on disk" in told
    assert "Counted nowhere: report lost" in told


def test_a_part_leads_to_its_whole_message(folder: Path) -> None:
    document = shown(folder, LONG.format(2))
    assert document["message"]["message_uuid"] == LONG.format(1)
    assert [part["part_number"] for part in document["parts"]] == [1, 2]


def test_the_names_in_json_are_those_that_programs_rely_on(folder: Path) -> None:
    document = shown(folder, "fine")
    assert set(document) == {"message", "parts", "unplaced_reports", "linked_messages", "as_of",
                             "horizon_hours"}  # fmt: skip
    assert set(document["message"]["why"]) == {"outcome", "match", "parts_expected", "country",
                                               "carrier", "message_time"}  # fmt: skip
    (part,) = document["parts"]
    assert {"verdict", "match", "values", "state", "reports", "log_rows"} < set(part)
    assert set(part["verdict"]) == {"side", "rule", "why", "report_clock", "log_clock"}
    assert set(part["match"]) == {"word", "meaning", "why", "window"}
    assert set(part["values"]["from"]["mcc"]) == {"side", "number", "column"}
    for row in (*part["reports"], *part["log_rows"]):
        assert {"number", "place", "verdict", "rule", "why", "state", "untyped"} < set(row)


def test_json_writes_times_with_a_z_and_money_as_text(folder: Path) -> None:
    document = shown(folder, "fine")
    (part,) = document["parts"]
    assert document["as_of"] == "2026-03-02T12:00:05Z"
    assert document["horizon_hours"] == 72
    assert part["reports"][0]["clock"] == "2026-03-01T12:00:05Z"
    assert (part["total_amount"], part["units"]) == ("0.00250", 1)
    assert part["match"]["window"]["from"] == "2026-03-01T00:00:00Z"


def test_json_keeps_the_texts_as_they_were_received(folder: Path) -> None:
    (part,) = shown(folder, "fine")["parts"]
    assert json.loads(part["log_rows"][0]["record"])["message_uuid"] == "fine"
    assert {"body", "query"} < set(part["reports"][0])


def test_an_unknown_uuid_prints_no_json(folder: Path) -> None:
    done = run(folder, "explain", "nobody", "--format", "json")
    assert (done.returncode, done.stdout) == (1, "")
