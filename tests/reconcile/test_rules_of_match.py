"""How reports and log are held against each other: the whole table, and what surrounds it."""

from typing import Any

import pytest

from tests.builders import NOON, at, log_row, report, window
from tests.reconcile.reckoning import Reckon

REPORTS = {"final": "delivered", "open": "sent"}
LOGS = {"same": "delivered", "other": "undelivered", "open": "sent"}


@pytest.mark.parametrize(
    ("reported", "logged", "match"),
    [
        ("final", "same", "agree"),
        ("final", "other", "status_differs"),
        ("final", "open", "log_behind"),
        ("open", "same", "report_missing"),
        ("open", "other", "report_missing"),
        ("open", "open", "open"),
        (None, "same", "report_missing"),
        (None, "open", "open"),
    ],
)
def test_with_a_log_row(reckon: Reckon, reported: str | None, logged: str, match: str) -> None:
    rows = [log_row(state=LOGS[logged])]
    rows += [report(status=REPORTS[reported])] if reported else []
    assert reckon(*rows, windows=[window()])["match"] == match


@pytest.mark.parametrize(
    ("reported", "read", "match"),
    [
        ("final", "listed", "log_missing"),
        ("final", "counted", "counted"),
        ("final", None, "not_pulled"),
        ("open", "listed", "log_missing"),
        ("open", "counted", "open"),
        ("open", None, "not_pulled"),
    ],
)
def test_without_a_log_row(reckon: Reckon, reported: str, read: str | None, match: str) -> None:
    windows = [window(how=read)] if read else []
    assert reckon(report(status=REPORTS[reported]), windows=windows)["match"] == match


@pytest.mark.parametrize("logged", [None, "", "received"])
def test_a_log_row_of_no_or_an_unknown_state_is_not_final(
    reckon: Reckon, logged: str | None
) -> None:
    assert reckon(report(status="delivered"), log_row(state=logged))["match"] == "log_behind"


def test_delivered_and_read_agree(reckon: Reckon) -> None:
    assert reckon(report(status="read"), log_row(state="delivered"))["match"] == "agree"


def test_a_report_without_a_status_is_a_report_that_is_not_final(reckon: Reckon) -> None:
    assert reckon(report(status=None), log_row(state="delivered"))["match"] == "report_missing"
    assert reckon(report(status=None), windows=[window()])["match"] == "log_missing"


def test_report_and_log_are_compared_by_their_own_winners(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", sequence=3),
        report(status="undelivered", sequence=4),
        log_row(state="delivered"),
    )
    assert row["match"] == "status_differs"


def test_where_windows_overlap_listed_counts(reckon: Reckon) -> None:
    windows = [window(how="listed"), window("11:00:00", "13:00:00", "counted")]
    assert reckon(report(), windows=windows)["match"] == "log_missing"
    assert reckon(report(), windows=windows[::-1])["match"] == "log_missing"


def test_a_window_holds_its_first_moment_and_not_its_last(reckon: Reckon) -> None:
    assert reckon(report(), windows=[window("12:00:00", "13:00:00")])["match"] == "log_missing"
    assert reckon(report(), windows=[window("11:00:00", "12:00:00")])["match"] == "not_pulled"


@pytest.mark.parametrize("status", ["delivered", "sent"])
def test_a_guessed_time_never_makes_a_log_row_missing(reckon: Reckon, status: str) -> None:
    guessed = report(status=status, message_time=None, received_at=NOON)
    assert reckon(guessed, windows=[window()])["match"] == "not_pulled"


def test_queued_time_is_no_guess(reckon: Reckon) -> None:
    queued = report(message_time=None, queued_time="2026-03-01 12:00:00")
    assert reckon(queued, windows=[window()])["match"] == "log_missing"


def test_an_imported_window_says_nothing_about_rows_that_it_lacks(reckon: Reckon) -> None:
    row = reckon(report(), windows=[window(how="imported")])
    assert (row["match"], row["window_read"]) == ("not_pulled", True)


WORST_FIRST: dict[str, list[dict[str, Any]]] = {
    "status_differs": [{"status": "delivered"}, {"state": "failed"}],
    "report_missing": [{"state": "failed"}],
    "log_missing": [{"status": "sent", "message_time": "2026-03-01 12:00:00"}],
    "log_behind": [{"status": "delivered"}, {"state": "sent"}],
    "not_pulled": [{"status": "sent", "message_time": "2026-03-01 20:00:00"}],
    "open": [{"status": "sent"}, {"state": "sent"}],
    "counted": [{"status": "delivered", "message_time": "2026-03-01 16:00:00"}],
    "agree": [{"status": "delivered"}, {"state": "delivered"}],
}
WINDOWS = [window("11:00:00", "13:00:00"), window("15:00:00", "17:00:00", "counted")]
PAIRS = [(worse, better) for i, worse in enumerate(WORST_FIRST) for better in [*WORST_FIRST][i:]]


def rows_of(uuid: str, match: str) -> list[dict[str, Any]]:
    """A part of the message `m` that matches like this."""
    parent = {"parent_message_uuid": "m"}
    return [
        report(uuid, **(parent | given)) if "status" in given else log_row(uuid, **parent, **given)
        for given in WORST_FIRST[match]
    ]


@pytest.mark.parametrize(("worse", "better"), PAIRS)
def test_a_message_has_the_worst_match_of_its_parts(
    reckon: Reckon, worse: str, better: str
) -> None:
    rows = rows_of("p1", better) + rows_of("p2", worse)
    assert reckon(*rows, windows=WINDOWS)["match"] == worse


def test_the_log_row_of_one_part_is_not_that_of_another(reckon: Reckon) -> None:
    rows = [report("p1", parent_message_uuid="m"), report("p2", parent_message_uuid="m")]
    row = reckon(*rows, log_row("p1"), windows=[window()])
    assert (row["match"], row["message_time"]) == ("log_missing", at("12:00:00"))


def test_a_message_was_read_where_the_windows_of_all_its_parts_were(reckon: Reckon) -> None:
    late = report("p2", parent_message_uuid="m", message_time="2026-03-01 20:00:00")
    parts = [report("p1", parent_message_uuid="m"), late]
    assert not reckon(*parts, windows=WINDOWS)["window_read"]
    assert reckon(*parts, windows=[window()])["window_read"]
