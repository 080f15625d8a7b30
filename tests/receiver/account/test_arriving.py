"""What comes in is seen once, wherever it lies by then."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

import pytest

from receiver import compaction, config, day_files, sealing
from receiver.account import arriving
from receiver.account.arriving import Arrivals
from receiver.archive import fetching
from receiver.callback import Callback
from receiver.journal import Journal
from tests.object_store import Bucket
from tests.processes import command

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = count()


def callback(uuid: str) -> Callback:
    at = NOON + timedelta(seconds=next(_numbers))
    body = urlencode({"MessageUUID": uuid, "Status": "sent"}).encode()
    return Callback(received_at=at, kind="delivery_report", http_method="POST", body=body,
                    query=b"tag=otp")  # fmt: skip


def arrivals_of(data_dir: Path, **given: str) -> Arrivals:
    return Arrivals(config.load({"DATA_DIR": str(data_dir), **given}, environment={}))


def seen(arrivals: Arrivals) -> list[str]:
    return [row["message_uuid"] for row in arrivals.new()]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal") as journal:
        yield journal


def test_what_was_there_before_is_not_shown(journal: Journal, tmp_path: Path) -> None:
    journal.append(callback("before"))
    with arrivals_of(tmp_path) as arrivals:
        assert seen(arrivals) == []
        journal.append(callback("after"))
        assert seen(arrivals) == ["after"]
        assert seen(arrivals) == []


def test_a_report_that_was_sealed_meanwhile_is_found_in_its_file(
    journal: Journal, tmp_path: Path
) -> None:
    with arrivals_of(tmp_path) as arrivals:
        journal.append(callback("a"))
        assert seen(arrivals) == ["a"]
        journal.append(callback("b"))
        sealing.seal_all(tmp_path)
        journal.append(callback("c"))
        sealing.seal_all(tmp_path)
        journal.append(callback("d"))
        assert seen(arrivals) == ["b", "c", "d"]
        sealing.seal_all(tmp_path)
        assert seen(arrivals) == []


def test_journal_and_file_give_the_same_row(journal: Journal, tmp_path: Path) -> None:
    with arrivals_of(tmp_path) as early, arrivals_of(tmp_path) as late:
        journal.append(callback("a"))
        [from_journal] = early.new()
        sealing.seal_all(tmp_path)
        [from_file] = late.new()
    assert {k: v for k, v in from_file.items() if v is not None} == {
        k: v for k, v in from_journal.items() if v is not None
    }


def test_a_compacted_day_is_read_as_well(journal: Journal, tmp_path: Path) -> None:
    with arrivals_of(tmp_path) as arrivals:
        for uuid in "abc":
            journal.append(callback(uuid))
            sealing.seal_all(tmp_path)
        compaction.compact_finished_days(tmp_path, today=NOON.date() + timedelta(days=2))
        assert seen(arrivals) == ["a", "b", "c"]


def test_a_journal_that_is_new_is_read_from_its_beginning(tmp_path: Path) -> None:
    with arrivals_of(tmp_path) as arrivals:
        assert not arrivals.anybody_writes
        assert seen(arrivals) == []
        with Journal(tmp_path / "journal") as one, Journal(tmp_path / "journal") as two:
            one.append(callback("a"))
            two.append(callback("b"))
            one.append(callback("c"))
            assert seen(arrivals) == ["a", "b", "c"]
        assert arrivals.anybody_writes


def test_many_come_in_batches_and_none_twice(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arriving, "_BATCH", 3)
    with arrivals_of(tmp_path) as arrivals:
        for uuid in "abcde":
            journal.append(callback(uuid))
        sealing.seal_all(tmp_path)
        for uuid in "fgh":
            journal.append(callback(uuid))
        batches = [seen(arrivals) for _ in range(4)]
    assert batches == [["a", "b", "c"], ["d", "e", "f"], ["g", "h"], []]


def test_what_was_dropped_before_it_was_seen_is_fetched(
    journal: Journal, tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watcher on a machine that slept for a month."""
    for name, value in bucket.settings.items():
        monkeypatch.setenv(name, value)
    journal.append(callback("before"))
    sealing.seal_all(tmp_path)
    with arrivals_of(tmp_path, **bucket.archive) as arrivals:
        journal.append(callback("while asleep"))
        done = command(
            "receiver", "ship", "--drop-older-than", "30d",
            settings={"DATA_DIR": str(tmp_path), **bucket.settings},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        earlier, later = day_files.live_files(tmp_path / "reports")
        assert day_files.is_away(later)
        journal.append(callback("awake"))
        assert seen(arrivals) == ["while asleep", "awake"]
        assert not fetching.place_of_copy(tmp_path, earlier).exists()  # nobody asked for it


def test_a_watcher_keeps_nobody_from_sealing_and_leaving(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal") as journal, arrivals_of(tmp_path) as arrivals:
        journal.append(callback("a"))
        assert seen(arrivals) == ["a"]
        assert sealing.seal_all(tmp_path).whole
    with Journal(tmp_path / "journal") as journal:
        journal.append(callback("b"))
        assert journal.is_safe()


def test_a_journal_that_was_removed_and_written_anew_is_read_on(
    journal: Journal, tmp_path: Path
) -> None:
    with arrivals_of(tmp_path) as arrivals:
        journal.append(callback("a"))
        assert seen(arrivals) == ["a"]
        for path in (tmp_path / "journal").iterdir():
            path.unlink()
        assert seen(arrivals) == []
        journal.append(callback("b"))
        assert seen(arrivals) == ["b"]


def test_each_is_seen_once_while_others_write_seal_and_compact(tmp_path: Path) -> None:
    many = 150
    ended = threading.Event()

    def receive() -> None:
        with Journal(tmp_path / "journal") as journal:
            for n in range(many):
                journal.append(callback(f"{n:05d}"))
        ended.set()

    def seal() -> None:
        while not ended.is_set():
            sealing.seal_all(tmp_path)
            compaction.compact_finished_days(tmp_path, today=NOON.date() + timedelta(days=9))

    found: list[str] = []
    with arrivals_of(tmp_path) as arrivals:
        threads = [threading.Thread(target=work) for work in (receive, seal)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            found += seen(arrivals)
        found += seen(arrivals)
    assert found == [f"{n:05d}" for n in range(many)]
