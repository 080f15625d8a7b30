"""Callbacks name no zone: what if theirs is not UTC?"""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests import processes
from tests.builders import NOON, at, clock, log_row, report, window, write_folder
from tests.reconcile.reckoning import Reckon

KOLKATA = timedelta(hours=5, minutes=30)


def ahead(by: timedelta, uuid: str = "m1", **given: Any) -> dict[str, Any]:
    """A delivered report whose every time runs ahead of UTC."""
    times: dict[str, datetime] = {
        "message_time": NOON, "sent_time": at("12:00:01"), "delivery_report_time": at("12:00:05"),
    }  # fmt: skip
    return report(uuid, **{name: clock(time + by) for name, time in times.items()}, **given)


@pytest.mark.parametrize(
    ("by", "minutes"),
    [
        (timedelta(), 0),
        (timedelta(seconds=1.9), 0),
        (timedelta(seconds=30), None),  # late, not elsewhere
        (timedelta(minutes=7), None),
        (KOLKATA, 330),
        (KOLKATA - timedelta(seconds=1), 330),
        (timedelta(hours=-7), -420),
        (timedelta(hours=14), 840),
        (timedelta(hours=15), None),
    ],
)
def test_a_shift_by_whole_quarters_of_an_hour_is_known(
    reckon: Reckon, by: timedelta, minutes: int | None
) -> None:
    assert reckon(ahead(by), log_row())["clock_shift_minutes"] == minutes


def test_without_a_time_on_both_sides_there_is_no_shift_to_see(reckon: Reckon) -> None:
    assert reckon(ahead(KOLKATA))["clock_shift_minutes"] is None
    assert reckon(log_row())["clock_shift_minutes"] is None


def test_clocks_of_different_zones_do_not_decide_between_two_ends(reckon: Reckon) -> None:
    """The report's clock is later only because it runs ahead: then the log's word counts."""
    logged = log_row(state="undelivered", message_updated_time=at("12:00:10"))
    assert reckon(ahead(KOLKATA), logged)["state"] == "undelivered"
    later = report(delivery_report_time=clock(at("12:00:20")))
    assert reckon(later, logged)["state"] == "delivered"


def test_the_setting_brings_both_clocks_together(reckon: Reckon) -> None:
    found = reckon(ahead(KOLKATA), log_row(), callback_zone="Asia/Kolkata")
    assert found["clock_shift_minutes"] == 0
    assert found["sent_at"] == at("12:00:01")
    assert found["final_at"] == at("12:00:05")


def test_summer_time_is_that_of_the_day(reckon: Reckon) -> None:
    winter = reckon(report(message_time="2026-01-10 12:00:00"), callback_zone="Europe/Berlin")
    summer = reckon(report(message_time="2026-07-10 12:00:00"), callback_zone="Europe/Berlin")
    assert winter["message_time"] == at("2026-01-10T11:00:00")
    assert summer["message_time"] == at("2026-07-10T10:00:00")


def fill(data_dir: Path, shifted: int, straight: int) -> dict[str, str]:
    numbers = range(shifted + straight)
    write_folder(
        data_dir,
        reports=[ahead(KOLKATA if n < shifted else timedelta(), f"m{n}") for n in numbers],
        log=[log_row(f"m{n}") for n in numbers],
        windows=[window()],
    )
    return {"DATA_DIR": str(data_dir)}


def test_the_report_names_the_shift_and_the_setting_that_mends_it(tmp_path: Path) -> None:
    settings = fill(tmp_path, shifted=3, straight=1)
    said = processes.command("reconcile", "report", settings=settings)
    assert said.returncode == 0
    assert "5:30 h ahead" in said.stderr
    assert "CALLBACK_TIME_ZONE" in said.stderr
    assert "Asia/Kolkata" in said.stderr
    assert "3 of 4 messages" in said.stderr
    mended = {**settings, "CALLBACK_TIME_ZONE": "Asia/Kolkata"}
    assert "-330 minutes" in processes.command("reconcile", "report", settings=mended).stdout


@pytest.mark.slow
def test_the_zone_that_is_named_is_that_of_the_messages_season(tmp_path: Path) -> None:
    """And what is set already is taken into account."""
    reports = [report("m1", message_time="2026-01-10 13:00:00")]
    log = [
        log_row("m1", message_time=at("2026-01-10T12:00:00"), pulled_at=at("2026-06-01T00:00:00"))
    ]
    write_folder(tmp_path, reports=reports, log=log, windows=[window()])
    settings = {"DATA_DIR": str(tmp_path)}
    said = processes.command("reconcile", "report", settings=settings).stderr
    assert "Europe/Berlin" in said
    assert "London" not in said
    wrong = {**settings, "CALLBACK_TIME_ZONE": "Asia/Kolkata"}
    assert "Europe/Berlin" in processes.command("reconcile", "report", settings=wrong).stderr


def test_a_few_odd_messages_are_counted_but_no_alarm(tmp_path: Path) -> None:
    settings = fill(tmp_path, shifted=1, straight=3)
    said = processes.command("reconcile", "report", settings=settings)
    assert "CALLBACK_TIME_ZONE" not in said.stderr
    assert "+330 minutes" in said.stdout


def test_times_across_two_clocks_are_left_out(tmp_path: Path) -> None:
    import reconcile  # noqa: PLC0415

    fill(tmp_path, shifted=1, straight=1)
    row = reconcile.rates(by="none", data_dir=tmp_path).iloc[0]
    assert row["message_to_receipt_p99"] == pytest.approx(5.0)
    assert row["sent_to_receipt_p99"] == pytest.approx(4.0)


def test_a_zone_that_nobody_keeps_is_refused(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path), "CALLBACK_TIME_ZONE": "Asia/Calcuta"}
    said = processes.command("reconcile", "report", settings=settings)
    assert said.returncode == 2
    assert "CALLBACK_TIME_ZONE is 'Asia/Calcuta'; allowed: a time zone" in said.stderr
