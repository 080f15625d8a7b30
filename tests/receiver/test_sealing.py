"""From the journal into Parquet: each report exactly once, wherever the process dies."""

import contextlib
import fcntl
import os
import subprocess
import sys
from datetime import timedelta
from http.client import HTTPException
from pathlib import Path
from time import monotonic

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from receiver import day_files, sealing
from receiver.columns import REPORTS
from receiver.day_files import FileProblem
from tests import processes
from tests.processes import ROOT, wait_until
from tests.receiver.faulty import STEPS
from tests.receiver.making import BEFORE_MIDNIGHT, callback, named, put
from tests.receiver.polling import PollingReader
from tests.receiver.sending import post
from tests.receiver.serving import messages_of, seal, serving, start, stored, stored_uuids

NEXT_DAY = BEFORE_MIDNIGHT + timedelta(days=1)
OF_SEALING = [step for step in STEPS if step not in ("day compacted", "superseded file removed")]


def seal_and_die(data_dir: Path, die_at: str) -> int:
    """`seal` in a process that dies there; its exit code."""
    return subprocess.run(
        [
            sys.executable, "-m", "tests.receiver.faulty", "--die-at", die_at,
            "--clear-rows", "3", "--", "seal",
        ],
        cwd=ROOT, env=processes.environment({"DATA_DIR": str(data_dir)}), check=False,
        capture_output=True, timeout=60,
    ).returncode  # fmt: skip


@pytest.mark.parametrize(
    "die_at",
    [
        "seal planned:1", "file written:1", "file renamed:1", "file written:2", "file renamed:2",
        "files verified:1", "rows cleared:1", "rows cleared:2", "journal cleared:1",
    ],
)  # fmt: skip
def test_a_sealing_that_dies_is_carried_out_by_the_next(tmp_path: Path, die_at: str) -> None:
    """Killed at any step, started again: each report once, for a reader at any time at most once.

    The reports are of two days, and more than one step of clearing takes away.
    """
    first, second = [f"a{n}" for n in range(5)], [f"b{n}" for n in range(5)]
    put(tmp_path, *named(*first), *named(*second, at=NEXT_DAY))
    with PollingReader(tmp_path) as reader:
        assert seal_and_die(tmp_path, die_at) == -9
        sealing.seal_all(tmp_path)
    assert stored_uuids(tmp_path) == sorted([*first, *second])
    assert (reader.doubled, reader.vanished, reader.unreadable) == (set(), set(), [])
    assert sealing.seal_all(tmp_path).reports == 0


@pytest.mark.parametrize("step", OF_SEALING)
def test_a_receiver_that_dies_while_it_serves_loses_nothing(tmp_path: Path, step: str) -> None:
    """What it had said 200 to is stored once after the next start, whatever it was doing."""
    data_dir = tmp_path / "data"
    times = 12 if step == "batch committed" else 2
    receiver = start(
        data_dir, "--die-at", f"{step}:{times}", "--", module="tests.receiver.faulty",
        SEAL_SECONDS="0.05",
    )  # fmt: skip
    acked = []
    with PollingReader(data_dir) as reader:
        for number in range(100_000):
            try:
                assert post(receiver.url, MessageUUID=str(number)).status == 200
            except (OSError, HTTPException):
                break
            acked.append(str(number))
        assert receiver.process.wait(10) == -9
        receiver.kill()
        with serving(data_dir, SEAL_SECONDS="0.05"):
            wait_until(lambda: set(acked) <= set(stored_uuids(data_dir)))
    held = stored_uuids(data_dir)
    assert set(acked) <= set(held) <= {*acked, str(len(acked))}
    assert len(held) == len(set(held))
    assert (reader.doubled, reader.vanished, reader.unreadable) == (set(), set(), [])


def test_what_is_sealed_leaves_the_journal(tmp_path: Path) -> None:
    """It does not grow for ever, and a second sealing finds nothing."""
    put(tmp_path, *named("a", "b"))
    done = sealing.seal_all(tmp_path)
    assert (done.reports, done.files) == (2, 1)
    done = sealing.seal_all(tmp_path)
    assert (done.reports, done.files) == (0, 0)
    assert len(day_files.live_files(tmp_path / "reports")) == 1


def test_sealing_without_a_folder_is_nothing_to_do(tmp_path: Path) -> None:
    """Before the first start; no folder is made by asking."""
    assert seal(tmp_path / "data") == "sealed 0 reports into 0 files\n"
    assert not (tmp_path / "data").exists()


def test_a_large_journal_is_sealed_in_several_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many rows at a time as fit into memory."""
    monkeypatch.setattr(sealing, "SEAL_ROWS", 3)
    monkeypatch.setattr(sealing, "_CLEAR_ROWS", 2)
    put(tmp_path, *named(*map(str, range(10))))
    assert sealing.seal_all(tmp_path) == sealing.Sealed(10, 4)
    assert stored_uuids(tmp_path) == sorted(map(str, range(10)))


def test_a_clock_that_steps_back_changes_nothing_but_the_day(tmp_path: Path) -> None:
    """Reports of yesterday after those of today: each in its day, each once."""
    put(tmp_path, *named("a", at=NEXT_DAY), *named("b"), *named("c", at=NEXT_DAY))
    sealing.seal_all(tmp_path)
    put(tmp_path, *named("d"))
    sealing.seal_all(tmp_path)
    by_day = {
        str(day): sorted(
            uuid
            for path in day_files.live_files_of(tmp_path / "reports", day)
            for uuid in day_files.read(path)["message_uuid"].to_pylist()
        )
        for day in day_files.days(tmp_path / "reports")
    }
    assert by_day == {"2026-02-28": ["b", "d"], "2026-03-01": ["a", "c"]}


def test_a_file_that_is_there_but_holds_something_else_is_named(tmp_path: Path) -> None:
    """Nothing is overwritten, nothing is cleared."""
    journal = put(tmp_path, *named("a"))
    name = day_files.FileName(journal.stem, 1, 1)
    path = tmp_path / "reports" / "date=2026-02-28" / str(name)
    path.parent.mkdir(parents=True)
    row = {"report_id": f"{journal.stem}-{1:016d}", "received_at": BEFORE_MIDNIGHT}
    pq.write_table(pa.Table.from_pylist([row], schema=REPORTS), path)
    before = path.read_bytes()
    for _ in range(2):
        with pytest.raises(FileProblem) as problem:
            sealing.seal_all(tmp_path)
        assert str(path) in str(problem.value)
    assert path.read_bytes() == before
    path.unlink()
    assert sealing.seal_all(tmp_path).reports == 1


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all" * 100])
def test_a_file_that_is_there_but_broken_is_named(tmp_path: Path, content: bytes) -> None:
    """And once it is out of the way, it is written again."""
    journal = put(tmp_path, *named("a"))
    path = tmp_path / "reports" / "date=2026-02-28" / str(day_files.FileName(journal.stem, 1, 1))
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(FileProblem, match=path.name):
        sealing.seal_all(tmp_path)
    path.unlink()
    assert sealing.seal_all(tmp_path).reports == 1
    assert stored_uuids(tmp_path) == ["a"]


def test_a_flipped_bit_in_a_sealed_file_is_noticed(tmp_path: Path) -> None:
    """Its pages carry checksums: a reader names the file, and never reads other values."""
    put(tmp_path, callback(b"MessageUUID=m1&Text=" + b"abcdefgh" * 500))
    sealing.seal_all(tmp_path)
    (path,) = day_files.live_files(tmp_path / "reports")
    whole, rows = path.read_bytes(), stored(tmp_path)
    pages = range(4, len(whole) - int.from_bytes(whole[-8:-4], "little") - 8)
    named = 0
    for at in pages[::97]:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        try:
            assert stored(tmp_path) == rows
        except FileProblem:
            named += 1
    assert named > 0, "but not in its statistics, which nobody guards"


@pytest.mark.parametrize("place", ["column name", "anywhere"])
def test_a_flipped_bit_in_a_footer_is_a_problem_with_a_name(tmp_path: Path, place: str) -> None:
    """The footer has no checksum; whatever it says then, no other error comes out."""
    put(tmp_path, *named("m1"))
    sealing.seal_all(tmp_path)
    (path,) = day_files.live_files(tmp_path / "reports")
    whole = path.read_bytes()
    footer = len(whole) - int.from_bytes(whole[-8:-4], "little") - 8
    spots = [whole.index(b"requester_ip", footer) + 2]
    for at in spots if place == "column name" else range(footer, len(whole), 23):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        with contextlib.suppress(FileProblem):
            day_files.read(path)


def test_a_file_with_other_columns_is_named_and_stops_nothing(tmp_path: Path) -> None:
    """The sealing after it has been taken away is a good one."""
    data_dir = tmp_path / "data"
    journal = put(data_dir, *named("a"))
    path = data_dir / "reports" / "date=2026-02-28" / str(day_files.FileName(journal.stem, 1, 1))
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"x": [1]}), path)
    with pytest.raises(FileProblem, match=path.name):
        sealing.seal_all(data_dir)
    with serving(data_dir, SEAL_SECONDS="0.05") as receiver:
        wait_until(lambda: path.name in messages_of(receiver))
        path.unlink()
        wait_until(lambda: stored_uuids(data_dir) == ["a"])
    assert "Traceback" not in messages_of(receiver)


def test_what_a_crash_left_half_written_is_removed(tmp_path: Path) -> None:
    """By the next receiver; nobody ever read it."""
    data_dir = tmp_path / "data"
    put(data_dir, *named("a"))
    assert seal_and_die(data_dir, "file written:1") == -9
    assert list(data_dir.glob("reports/*/_*"))
    with serving(data_dir, SEAL_SECONDS="0.05"):
        wait_until(lambda: not list(data_dir.glob("reports/*/_*")))
    assert stored_uuids(data_dir) == ["a"]


def test_two_sealings_at_once_seal_each_report_once(tmp_path: Path) -> None:
    """A second one waits for the first, or finds nothing left."""
    put(tmp_path, *named(*map(str, range(200))))
    command = [sys.executable, "-m", "receiver", "seal"]
    environment = processes.environment({"DATA_DIR": str(tmp_path)})
    running = [
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sum(int(line.split()[1]) for line in said) == 200
    assert stored_uuids(tmp_path) == sorted(map(str, range(200)))


def test_a_sealing_elsewhere_that_hangs_holds_up_no_exit(tmp_path: Path) -> None:
    """SIGTERM ends within 10 s; the reports are in the journal, for whoever seals next."""
    data_dir = tmp_path / "data"
    receiver = start(data_dir, SEAL_SECONDS="0.05")
    assert post(receiver.url, MessageUUID="m1").status == 200
    wait_until(lambda: stored_uuids(data_dir) == ["m1"])
    (journal,) = (data_dir / "journal").glob("*.sqlite")
    lock = os.open(journal.with_suffix(".seal"), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    assert post(receiver.url, MessageUUID="m2").status == 200
    began = monotonic()
    assert receiver.stop(timeout=10) == 0
    assert monotonic() - began < 10
    os.close(lock)
    sealing.seal_all(data_dir)
    assert stored_uuids(data_dir) == ["m1", "m2"]


def test_the_last_sealing_leaves_nothing_behind(tmp_path: Path) -> None:
    """Not even when the signal comes in the midst of another one."""
    for number in range(4):
        data_dir = tmp_path / str(number)
        receiver = start(data_dir, SEAL_SECONDS="0.01")
        for which in range(30):
            assert post(receiver.url, MessageUUID=f"m{which}").status == 200
        assert receiver.stop() == 0, messages_of(receiver)
        assert len(stored(data_dir)) == 30, messages_of(receiver)


def test_a_sealing_that_fails_is_said_and_tried_again(tmp_path: Path) -> None:
    """Reports are taken all the while, and sealed once the trouble is over."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "reports").write_text("a file where a folder should be")
    with serving(data_dir, SEAL_SECONDS="0.05") as receiver:
        assert post(receiver.url, MessageUUID="m1").status == 200
        wait_until(lambda: "sealing failed" in messages_of(receiver))
        assert post(receiver.url, MessageUUID="m2").status == 200
        (data_dir / "reports").unlink()
        wait_until(lambda: stored_uuids(data_dir) == ["m1", "m2"])
    assert "Traceback" not in messages_of(receiver)


def test_a_last_sealing_that_fails_is_not_called_a_success(tmp_path: Path) -> None:
    """Nothing says that all is in `reports/` when it is not."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    (data_dir / "reports").write_text("a file where a folder should be")
    with serving(data_dir, SEAL_SECONDS="3600") as receiver:
        assert post(receiver.url, MessageUUID="m1").status == 200
    assert "all that was accepted is in" not in messages_of(receiver)
    (data_dir / "reports").unlink()
    sealing.seal_all(data_dir)
    assert [row["message_uuid"] for row in stored(data_dir)] == ["m1"]
