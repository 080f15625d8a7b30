"""What people meet at the command line: one clear line, the right exit code, nothing lost."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

import pyarrow.parquet as pq
import pytest

from reconcile.locks import holding
from tests.builders import NOON, clock, log_row, report, window, write_folder
from tests.processes import ROOT, command, environment
from tests.reconcile.plivo_log.fake_plivo import ACCOUNT, TOKEN, FakeLog, serving, traffic

CREDENTIALS = {"PLIVO_AUTH_ID": "MAXXXXXXXXXXXXXXXXXX", "PLIVO_AUTH_TOKEN": "t"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two delivered, one undelivered and one failed message of one day."""
    return write_folder(
        tmp_path / "data",
        reports=[
            report("m1", "delivered", sequence=3, mcc="310", mnc="410", query="tag=otp"),
            report("m2", "delivered", to_number="447400123456"),
            report("m3", "undelivered", error_code="30"),
        ],
        log=[
            log_row("m1"),
            log_row("m2", to_number="447400123456"),
            log_row("m3", "undelivered", error_code="30"),
            log_row("m4", "failed", error_code="040"),
        ],
        windows=[window()],
    )  # fmt: skip


def run(folder: Path, *arguments: str, **settings: str) -> CompletedProcess[str]:
    done = command("reconcile", *arguments, settings={"DATA_DIR": str(folder), **settings})
    assert "Traceback" not in done.stderr + done.stdout
    return done


def test_an_empty_folder_is_no_error_and_says_how_to_get_data(tmp_path: Path) -> None:
    done = run(tmp_path / "nothing", "report")
    assert done.returncode == 0
    assert "make demo" in done.stderr
    assert "reconcile run" in done.stderr


def test_an_empty_result_has_all_columns(tmp_path: Path) -> None:
    header = run(tmp_path, "report", "--format", "csv").stdout.splitlines()
    assert len(header) == 1
    assert header[0].startswith("day,submitted,failed,queued,handed_over,delivered,undelivered,")
    assert header[0].endswith("within_10s,within_60s,within_5min,negative_receipts")


def test_no_messages_in_the_asked_days_says_what_there_is(folder: Path) -> None:
    done = run(folder, "report", "--since", "2020-01-01", "--until", "2020-01-02")
    assert done.returncode == 0
    assert "2026-03-01" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["report", "--by", "contry"], "country"),
        (["report", "--by", "day,day"], "twice"),
        (["report", "--formula", "strickt"], "strict"),
        (["report", "--since", "yesterday"], "2026-03-01"),
        (["report", "--since", "2026-03-02", "--until", "2026-03-01"], "not before"),
        (["report", "--tz", "Mars/Olympus"], "Europe/Berlin"),
        (["report", "--tz", "localtime"], "Europe/Berlin"),
        (["report", "--format", "docx"], "csv"),
        (["report", "--fail-under", "95"], "0.95"),
        (["pull", "--max-requests", "0"], "above 0"),
        (["frobnicate"], "report"),
    ],
)
def test_wrong_usage_is_answered_with_what_would_be_right(
    tmp_path: Path, arguments: list[str], hint: str
) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == 2
    assert hint in done.stderr


def test_missing_credentials_stop_a_run_before_anything_is_asked(tmp_path: Path) -> None:
    done = run(tmp_path, "run")
    assert done.returncode == 2
    assert "PLIVO_AUTH_ID" in done.stderr


def test_a_wrong_setting_is_named_with_what_is_allowed(tmp_path: Path) -> None:
    done = run(tmp_path, "report", LOG_REQUESTS_PER_MINUTE="many")
    assert done.returncode == 2
    assert "LOG_REQUESTS_PER_MINUTE is 'many'; allowed: a whole number" in done.stderr


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    done = run(tmp_path, "report", RECEIVER_PATH_SECRET="geheim!")
    assert done.returncode == 2
    assert "RECEIVER_PATH_SECRET is ***" in done.stderr
    assert "geheim" not in done.stderr


def test_plivo_out_of_reach_is_for_later(tmp_path: Path) -> None:
    """Port 9 refuses at once; the retries end within a minute."""
    done = run(tmp_path, "pull", "--max-requests", "1", **CREDENTIALS,
               PLIVO_API_URL="http://127.0.0.1:9")  # fmt: skip
    assert done.returncode in (3, 75)


def test_that_something_is_tried_again_is_said_at_once_and_once_even_into_a_pipe(
    tmp_path: Path,
) -> None:
    done = run(tmp_path, "pull", "--max-requests", "3", **CREDENTIALS,
               PLIVO_API_URL="http://127.0.0.1:9")  # fmt: skip
    assert done.returncode == 3
    assert done.stderr.splitlines() == [
        (
            "reconcile: no whole answer from http://127.0.0.1:9 (no answer (ConnectionError)); "
            "trying again, for up to 60 seconds a request"
        )
    ]


def test_on_a_terminal_a_pull_says_how_far_it_is_and_how_long_it_will_take(tmp_path: Path) -> None:
    log = FakeLog(traffic(400, until=datetime.now(UTC) - timedelta(hours=1), every=60))
    with serving(log) as plivo:
        said = on_a_terminal(
            "pull", "--since", "1d",
            settings={"DATA_DIR": str(tmp_path), "PLIVO_API_URL": plivo.url,
                      "PLIVO_AUTH_ID": ACCOUNT, "PLIVO_AUTH_TOKEN": TOKEN,
                      "LOG_REQUESTS_PER_MINUTE": "100"},
        )  # fmt: skip
    lines = re.findall(r"\r\x1b\[K(reading the log: [^\r\n]*)", said)
    assert re.fullmatch(
        r"reading the log: window 0 of [12], 20 rows, 1 request, about \d+ min left …", lines[0]
    )
    assert len(lines) >= 20


def on_a_terminal(*arguments: str, settings: Mapping[str, str]) -> str:
    """What a command of ours writes to stderr where that is a terminal."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "reconcile", *arguments], cwd=ROOT, env=environment(settings),
        stdout=subprocess.DEVNULL, stderr=its,
    )  # fmt: skip
    os.close(its)
    said = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while piece := os.read(ours, 65_536):
            said += piece
    os.close(ours)
    assert process.wait() == 0
    return said.decode()


def test_a_uuid_that_nobody_knows_is_a_finding(folder: Path) -> None:
    done = run(folder, "explain", "nobody")
    assert done.returncode == 1
    assert "--fetch nobody" in done.stderr


@pytest.mark.parametrize("name", ["reports", "log"])
def test_a_file_that_is_no_parquet_is_named_and_nothing_is_lost(folder: Path, name: str) -> None:
    wrong = folder / name / "date=2026-03-01" / "zero.parquet"
    wrong.write_bytes(b"")
    done = run(folder, "report")
    assert done.returncode == 2
    assert str(wrong) in done.stderr
    assert "Move it" in done.stderr or "move it" in done.stderr
    wrong.unlink()
    assert run(folder, "report").returncode == 0


def test_a_parquet_file_of_something_else_is_named(folder: Path) -> None:
    other = folder / "reports" / "date=2026-03-01" / "other.parquet"
    pq.write_table(pq.read_table(next((folder / "log").rglob("*.parquet"))), other)
    done = run(folder, "report")
    assert done.returncode == 2
    assert str(other) in done.stderr
    assert "report_id" in done.stderr


def test_files_of_other_kinds_are_left_alone(folder: Path) -> None:
    (folder / "reports" / "notes.txt").write_text("mine")
    (folder / "reports" / "date=2026-03-01" / "_half.parquet.tmp").write_text("torn")
    (folder / "log" / "date=2026-03-01" / ".hidden.parquet").write_text("hidden")
    assert run(folder, "report").returncode == 0


def test_a_broken_ledger_names_file_and_line(folder: Path) -> None:
    path = folder / "log" / "_windows.jsonl"
    path.write_text("nonsense\n" + path.read_text())
    done = run(folder, "report")
    assert done.returncode == 2
    assert f"{path}, line 1" in done.stderr


def test_rates_are_the_same_in_every_format(folder: Path) -> None:
    by = ["--by", "country"]
    rows = json.loads(run(folder, "report", *by, "--format", "json").stdout)["rows"]
    lines = list(csv.DictReader(io.StringIO(run(folder, "report", *by, "--format", "csv").stdout)))
    target = folder / "rates.parquet"
    assert run(folder, "report", *by, "--format", "parquet", "--output", str(target)).stdout == ""
    table = pq.read_table(target)
    assert [row["country"] for row in rows] == ["GB", "US"]
    assert [row["confirmed_rate"] for row in rows] == [1.0, 0.5]
    assert [float(line["confirmed_rate"]) for line in lines] == [1.0, 0.5]
    assert table["confirmed_rate"].to_pylist() == [1.0, 0.5]
    assert list(rows[0]) == list(lines[0]) == table.column_names
    assert [row["total_amount"] for row in rows] == ["0.00250", "0.00750"]
    shown = run(folder, "report", *by, "--format", "md").stdout
    assert "| GB | 1 | 0 | 1 | 0 | 0 | 0 | 100.0% | 100.0% |" in shown


def test_the_exit_code_judges_the_total(folder: Path) -> None:
    assert run(folder, "report", "--fail-under", "0.6").returncode == 0
    assert run(folder, "report", "--fail-under", "0.7").returncode == 1
    nothing = run(folder, "report", "--fail-under", "0.1", "--since", "2030-01-01")
    assert nothing.returncode == 1, "no rate is a finding too"


def test_a_pipe_gets_plain_text_and_no_progress(folder: Path) -> None:
    done = run(folder, "report", COLUMNS="80")
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    *lines, where = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert where.endswith("messages"), "a path is never broken"


def test_output_is_written_whole_or_not_at_all(folder: Path) -> None:
    target = folder / "no" / "such"
    (folder / "no").write_text("a file where a folder would have to be")
    done = run(folder, "report", "--format", "csv", "--output", str(target))
    assert done.returncode == 2
    assert str(target) in done.stderr or str(target.parent) in done.stderr


def test_a_run_that_another_one_holds_off_is_for_later(tmp_path: Path) -> None:
    with holding(tmp_path / "state" / "run.lock", wait_seconds=0, what="run"):
        assert run(tmp_path, "run", **CREDENTIALS).returncode == 75


def test_days_are_those_of_the_zone_that_was_asked_for(tmp_path: Path) -> None:
    late = NOON.replace(hour=23, minute=30)
    write_folder(tmp_path, reports=[report(message_time=clock(late), received_at=late)])

    def days(zone: str) -> list[str]:
        shown = run(tmp_path, "report", "--format", "json", "--tz", zone).stdout
        return [row["day"] for row in json.loads(shown)["rows"]]

    assert days("UTC") == ["2026-03-01"]
    assert days("Europe/Berlin") == ["2026-03-02"]


def test_as_of_moves_the_horizon_and_hides_nothing(tmp_path: Path) -> None:
    write_folder(tmp_path, reports=[report("m1", "sent", sent_time=clock(NOON))])

    def letters(as_of: str) -> tuple[int, int]:
        shown = run(tmp_path, "report", "--by", "none", "--format", "json", "--as-of", as_of)
        (row,) = json.loads(shown.stdout)["rows"]
        return row["open"], row["unconfirmed"]

    horizon = NOON + timedelta(hours=72)
    assert letters(horizon.isoformat()) == (1, 0)
    assert letters((horizon + timedelta(seconds=1)).isoformat()) == (0, 1)
    assert letters("2020-01-01") == (1, 0)


@pytest.mark.parametrize(
    "asked",
    [
        ("--since", "0001-01-01T00:00:00+05:00"), ("--until", "9999-12-31T23:59:59-05:00"),
        ("--until", "9999-12-31T23:59:59", "--tz", "America/New_York"),
        ("--as-of", "0001-01-01T00:00:00+01:00"),
    ],
)  # fmt: skip
def test_times_beyond_all_calendars_are_refused(tmp_path: Path, asked: tuple[str, ...]) -> None:
    done = command("reconcile", "report", *asked, settings={"DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert "is no time" in done.stderr
    assert "Traceback" not in done.stderr


def test_whatever_is_in_names_and_values_is_shown_as_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "a[/x] [bold]b :smile:"
    write_folder(folder, log=[log_row("m1", "undelivered", error_code="[/y]")])
    done = command("reconcile", "report", settings={"DATA_DIR": str(folder)})
    assert done.returncode == 0, done.stderr
    assert str(folder) in done.stdout
    assert "[/y]" in done.stdout


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    done = command("reconcile", "explain", "\udcff", settings={"DATA_DIR": str(tmp_path)})
    assert done.returncode == 2
    assert "not UTF-8" in done.stderr


def test_reports_that_name_no_message_are_counted(tmp_path: Path) -> None:
    write_folder(tmp_path, reports=[report(None), report(" "), report("m1")])
    settings = {"DATA_DIR": str(tmp_path)}
    for _ in range(2):  # merged, and read again
        done = command("reconcile", "report", "--format", "json", settings=settings)
        assert json.loads(done.stdout)["audit"]["reports_without_uuid"] == 2


def test_falling_under_the_share_is_said(tmp_path: Path) -> None:
    write_folder(tmp_path, reports=[report("m1"), report("m2", "undelivered")])
    asked = ("report", "--fail-under", "0.9")
    done = command("reconcile", *asked, settings={"DATA_DIR": str(tmp_path)})
    assert done.returncode == 1
    assert "confirmed is 50.0%, below --fail-under 90.0%" in done.stderr
