"""`forget`: what is not to be kept is gone from every file, and nothing else is."""

import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from receiver import compaction, day_files, quarantine, sealing
from receiver.callback import Callback
from receiver.journal import Journal
from receiver.quarantine import Quarantine, Refusal
from tests import processes
from tests.receiver.serving import stored

THEM, US, OTHER = "14155550100", "18445550100", "447400123456"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def callback(uuid: str, to: str, at: datetime = NOON) -> Callback:
    body = urlencode({"MessageUUID": uuid, "Status": "sent", "From": US, "To": to})
    return Callback(received_at=at, kind="delivery_report", http_method="POST",
                    body=body.encode(), query=b"")  # fmt: skip


def receive(data_dir: Path, *callbacks: Callback) -> None:
    """Each sealed into a file of its own."""
    with Journal(data_dir / "journal") as journal:
        for one in callbacks:
            journal.append(one)
            sealing.seal_all(data_dir)


def forget(data_dir: Path, *asked: str, code: int = 0) -> str:
    done = processes.command("receiver", "forget", *asked, settings={"DATA_DIR": str(data_dir)})
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def uuids(data_dir: Path) -> list[str]:
    return sorted(row["message_uuid"] for row in stored(data_dir))


def test_reports_of_a_number_are_gone_and_no_others(tmp_path: Path) -> None:
    receive(tmp_path, callback("a", THEM), callback("b", OTHER), callback("c", f"+{THEM}"))
    assert "forgot 2 reports in 2 files" in forget(tmp_path, "--number", "+1 (415) 555-0100")
    assert uuids(tmp_path) == ["b"]
    assert not any(THEM.encode() in p.read_bytes() for p in tmp_path.glob("reports/*/*.parquet"))


def test_what_waits_in_the_journal_is_forgotten_too(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal:
        journal.append(callback("a", THEM))
    assert "forgot 1 reports" in forget(tmp_path, "--number", THEM)
    assert uuids(tmp_path) == []


def test_the_sender_counts_like_the_receiver(tmp_path: Path) -> None:
    receive(tmp_path, callback("a", THEM))
    assert "forgot 1 reports" in forget(tmp_path, "--number", US)


def test_a_compacted_day_stays_compacted_and_its_narrow_files_forget_too(tmp_path: Path) -> None:
    receive(tmp_path, callback("a", THEM), callback("b", OTHER), callback("c", THEM))
    assert compaction.compact_finished_days(tmp_path, today=date(2026, 3, 5)) == 1
    assert "forgot 2 reports in 1 files" in forget(tmp_path, "--number", THEM)
    assert len(day_files.live_files(tmp_path / "reports")) == 1
    assert uuids(tmp_path) == ["b"]
    assert not any(THEM.encode() in p.read_bytes() for p in tmp_path.glob("reports/*/*.parquet"))
    compaction.compact_finished_days(tmp_path, today=date(2026, 3, 5))
    assert uuids(tmp_path) == ["b"]


def test_what_comes_after_is_sealed_and_compacted_as_ever(tmp_path: Path) -> None:
    receive(tmp_path, callback("a", THEM))
    forget(tmp_path, "--number", THEM)
    receive(tmp_path, callback("d", THEM), callback("e", OTHER))
    compaction.compact_finished_days(tmp_path, today=date(2026, 3, 5))
    assert uuids(tmp_path) == ["d", "e"]


def test_by_age_it_is_the_reception_that_counts(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    receive(tmp_path, callback("old", OTHER, now - timedelta(days=401)),
            callback("young", OTHER, now - timedelta(days=399)))  # fmt: skip
    assert "forgot 1 reports" in forget(tmp_path, "--older-than", "400d")
    assert uuids(tmp_path) == ["young"]


def test_refused_requests_are_forgotten_too(tmp_path: Path) -> None:
    refused = Quarantine(tmp_path / "quarantine", not_kept=lambda: None)
    for to in (THEM, OTHER):
        one = callback("x", to)
        refused.put(Refusal(received_at=NOON, kind="delivery_report", http_method="POST", path="/",
                            query=b"", body=one.body, headers={}, reason="no match"))  # fmt: skip
    refused.close()
    assert "1 refused requests" in forget(tmp_path, "--number", THEM)
    assert THEM.encode() not in (tmp_path / "quarantine" / "refused.sqlite").read_bytes()
    assert quarantine.forget(tmp_path / "quarantine", lambda *_: True) == 1


def test_files_of_another_host_forget_as_well(tmp_path: Path) -> None:
    receive(tmp_path / "other", callback("a", THEM), callback("b", OTHER))
    (tmp_path / "here").mkdir()
    (tmp_path / "other" / "reports").rename(tmp_path / "here" / "reports")
    assert "forgot 1 reports" in forget(tmp_path / "here", "--number", THEM)
    assert uuids(tmp_path / "here") == ["b"]


def test_stopped_half_way_the_same_command_does_the_rest(tmp_path: Path) -> None:
    receive(tmp_path, *(callback(f"m{n}", THEM if n % 2 else OTHER) for n in range(6)))
    script = (
        "import os, signal\n"
        "from receiver import __main__ as receiver, day_files\n"
        "real, left = day_files.write, [2]\n"
        "def write(table, path):\n"
        "    left[0] -= 1\n"
        "    real(table, path)\n"
        "    if not left[0]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "day_files.write = write\n"
        f"receiver.main(['forget', '--number', '{THEM}'])\n"
    )
    killed = subprocess.run([sys.executable, "-c", script], cwd=processes.ROOT, check=False,
                            env=processes.environment({"DATA_DIR": str(tmp_path)}))  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert len(uuids(tmp_path)) == 4
    assert "forgot 1 reports" in forget(tmp_path, "--number", THEM)
    assert uuids(tmp_path) == ["m0", "m2", "m4"]


@pytest.mark.parametrize(
    "asked", [(), ("--number", "+"), ("--number", "1"), ("--older-than", "400"),
              ("--older-than", "0d"), ("--number", THEM, "--older-than", "1d")],
)  # fmt: skip
def test_what_is_not_clear_forgets_nothing(tmp_path: Path, asked: tuple[str, ...]) -> None:
    receive(tmp_path, callback("a", THEM))
    assert "Traceback" not in forget(tmp_path, *asked, code=2)
    assert uuids(tmp_path) == ["a"]


def test_files_stay_for_the_owners_eyes_only(tmp_path: Path) -> None:
    receive(tmp_path, callback("a", THEM), callback("b", OTHER))
    forget(tmp_path, "--number", THEM)
    for path in tmp_path.glob("reports/*/*.parquet"):
        assert path.stat().st_mode & 0o077 == 0
