"""`reconcile forget`: log and messages without some rows, and a word on what else knows them."""

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess

from receiver import day_files
from tests.builders import log_row, report, window, write_folder
from tests.processes import command

THEM, OTHER = "14155550100", "447400123456"


def run(folder: Path, *arguments: str, program: str = "reconcile") -> CompletedProcess[str]:
    done = command(program, *arguments, settings={"DATA_DIR": str(folder)})
    assert "Traceback" not in done.stderr + done.stdout
    return done


def uuids(folder: Path, name: str) -> list[str]:
    rows = [row for path in day_files.live_files(folder / name)
            for row in day_files.read(path).to_pylist()]  # fmt: skip
    return sorted(row["message_uuid"] for row in rows)


def test_log_rows_of_a_number_are_gone_and_the_messages_too(tmp_path: Path) -> None:
    """Whatever way it is written; nobody else is touched."""
    folder = write_folder(
        tmp_path, windows=[window()],
        log=[log_row("m1"), log_row("m2", to_number=f"+{THEM}"), log_row("m3", to_number=OTHER)],
    )  # fmt: skip
    assert run(folder, "merge").returncode == 0
    done = run(folder, "forget", "--number", "+1 (415) 555-0100")
    assert (done.returncode, done.stderr) == (0, "")
    assert "forgot 2 log rows in 2 files" in done.stdout
    assert uuids(folder, "log") == uuids(folder, "messages") == ["m3"]
    for path in folder.rglob("*.parquet"):
        assert THEM.encode() not in path.read_bytes()


def test_messages_that_reports_still_know_are_named(tmp_path: Path) -> None:
    """With the command that takes them out, after which nothing is left."""
    folder = write_folder(
        tmp_path, windows=[window()], log=[log_row("m1")],
        reports=[report("m1"), report("m2", to_number=OTHER)],
    )  # fmt: skip
    done = run(folder, "forget", "--number", THEM)
    assert "1 such messages are still known by their delivery reports" in done.stderr
    assert "python -m receiver forget" in done.stderr
    assert run(folder, "forget", "--number", THEM, program="receiver").returncode == 0
    done = run(folder, "forget", "--number", THEM)
    assert (done.returncode, done.stderr) == (0, "")
    assert uuids(folder, "messages") == ["m2"]


def test_messages_older_than_some_days_are_gone(tmp_path: Path) -> None:
    """By the time of the message; a row without any time stays."""
    now = datetime.now(UTC).replace(microsecond=0)
    rows = [
        log_row("old", message_time=now - timedelta(days=401)),
        log_row("young", message_time=now - timedelta(days=399)),
        log_row("timeless", message_time=None),
    ]
    folder = write_folder(tmp_path, log=rows)
    assert "forgot 1 log rows" in run(folder, "forget", "--older-than", "400d").stdout
    assert uuids(folder, "log") == ["timeless", "young"]


def test_a_run_at_work_is_waited_for_another_time(tmp_path: Path) -> None:
    """Two that write `log/` at once would undo each other."""
    folder = write_folder(tmp_path, log=[log_row("m1")])
    (folder / "state").mkdir()
    lock = os.open(folder / "state" / "run.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = run(folder, "forget", "--number", THEM)
    os.close(lock)
    assert done.returncode == 75
    assert uuids(folder, "log") == ["m1"]


def test_what_to_forget_must_be_said(tmp_path: Path) -> None:
    assert run(tmp_path, "forget").returncode == 2
    assert run(tmp_path, "forget", "--number", "+").returncode == 2
    assert run(tmp_path, "forget", "--older-than", "soon").returncode == 2
