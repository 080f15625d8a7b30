"""`run --report`: a report is left, and only what stands out is said."""

import fcntl
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from tests.builders import clock, log_row, report, write_folder, write_pieces
from tests.processes import command
from tests.reconcile.plivo_log.fake_plivo import ACCOUNT, TOKEN, FakeLog, serving

# A run counts the last thirty days back from now, so that now is not left out of it.
START = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=18)


@pytest.fixture
def plivo() -> Iterator[str]:
    """A Plivo whose log is empty: what is on disk stays all there is."""
    with serving(FakeLog([])) as plivo:
        yield plivo.url


def run(folder: Path, url: str, *arguments: str) -> CompletedProcess[str]:
    done = command(
        "reconcile", "run", *arguments,
        settings={"DATA_DIR": str(folder), "PLIVO_AUTH_ID": ACCOUNT, "PLIVO_AUTH_TOKEN": TOKEN,
                  "PLIVO_API_URL": url, "LOG_REQUESTS_PER_MINUTE": "6000"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout
    return done


def traffic(folder: Path, *, falls: bool) -> Path:
    """Twelve days of one route, 60 messages a day; in the last five half of them get lost."""
    reports: list[dict[str, Any]] = []
    for day in range(12):
        for number in range(60):
            at = START + timedelta(days=day, minutes=number)
            lost = number % 2 == 0 if falls and day >= 7 else number % 20 == 0
            reports.append(
                report(
                    f"m{day}-{number}", "undelivered" if lost else "delivered", mcc="621",
                    mnc="30", to_number="2348030000001", received_at=at + timedelta(seconds=9),
                    message_time=clock(at), sent_time=clock(at),
                    delivery_report_time=clock(at + timedelta(seconds=8)),
                    error_code="80" if lost else None,
                )
            )  # fmt: skip
    last = START + timedelta(days=15)
    reports.append(report("last", "queued", received_at=last, message_time=clock(last)))
    write_pieces(folder, "reports", reports, 3)
    return folder


def test_where_nothing_stands_out_a_page_is_left_and_nothing_is_said(
    tmp_path: Path, plivo: str
) -> None:
    """So that cron mails nothing."""
    folder = write_folder(tmp_path / "data", log=[log_row("m1")], reports=[report("m1")])
    page = tmp_path / "delivery.html"
    done = run(folder, plivo, "--report", "html", "--output", str(page), "--since", "1h")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert page.read_text().startswith("<!doctype html>")


def test_what_stands_out_is_the_body_of_a_mail(tmp_path: Path, plivo: str) -> None:
    """With when, what to do and a command to copy; the page tells the rest; exit 1."""
    folder = traffic(tmp_path / "data", falls=True)
    page = tmp_path / "delivery.html"
    done = run(folder, plivo, "--report", "html", "--output", str(page), "--since", "1h")
    assert done.returncode == 1, done.stderr
    first = done.stdout.splitlines()[0]
    assert "confirmed (" in first
    assert "fell from 95" in done.stdout
    assert f"since {START + timedelta(days=7):%Y-%m-%d}" in done.stdout
    assert "python -m reconcile messages --where" in done.stdout
    assert done.stdout.splitlines()[-1] == f"The whole report: {page}"
    prose = [line for line in done.stdout.splitlines() if "python -m" not in line]
    assert all(len(line) <= 78 for line in prose if str(page) not in line)
    assert page.exists()


SLOW = [pytest.param(form, marks=pytest.mark.slow) for form in ("md", "excel-csv")]


@pytest.mark.parametrize("form", ["table", "csv", "json", "parquet", *SLOW])
def test_every_format_can_be_left(tmp_path: Path, plivo: str, form: str) -> None:
    """The same bytes as `report` of the same days gives."""
    folder, left = traffic(tmp_path / "data", falls=False), tmp_path / "left"
    run(folder, plivo, "--report", form, "--output", str(left), "--since", "1h")
    asked = ["--format", form, "--output", str(tmp_path / "asked"), "--since", "30d"]
    done = command("reconcile", "report", *asked, settings={"DATA_DIR": str(folder)})
    assert done.returncode == 0, done.stderr
    assert left.read_bytes() == (tmp_path / "asked").read_bytes()


def test_a_report_is_left_while_another_run_is_at_work(tmp_path: Path, plivo: str) -> None:
    """Of what is here, and 75 says that nothing was read."""
    folder = traffic(tmp_path / "data", falls=False)
    (folder / "state").mkdir()
    lock = os.open(folder / "state" / "run.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = run(folder, plivo, "--report", "csv", "--output", str(tmp_path / "rates.csv"))
    os.close(lock)
    assert "the report is of what is here" in done.stderr
    assert done.returncode in (1, 75)
    assert (tmp_path / "rates.csv").exists()


def test_report_and_output_go_together(tmp_path: Path, plivo: str) -> None:
    for arguments in (["--report", "html"], ["--output", "x"]):
        done = run(tmp_path, plivo, *arguments)
        assert done.returncode == 2
        assert "--report html --output delivery.html" in done.stderr


def test_quiet_says_nothing_where_all_is_well(tmp_path: Path, plivo: str) -> None:
    done = run(tmp_path / "data", plivo, "--quiet", "--since", "1h")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
