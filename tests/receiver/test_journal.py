"""What the journal has taken is on disk; what it cannot vouch for it refuses by name."""

import os
import queue
import resource
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from receiver import journal_file, sealing, steps
from receiver.journal import Journal
from receiver.journal_file import DamagedJournal, JournalError, NotDurable
from tests import processes
from tests.processes import Process, wait_until
from tests.receiver.making import BEFORE_MIDNIGHT, callback, named, put
from tests.receiver.sending import PATH, SETTINGS, post, send, signed
from tests.receiver.serving import messages_of, serving, start, stored, stored_uuids

UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


def rows_on_disk(journal: Path) -> int:
    """What another process would find, opened as it lies there."""
    connection = sqlite3.connect(f"file:{journal}?mode=ro", uri=True)
    try:
        return int(connection.execute("select count(*) from callbacks").fetchone()[0])
    finally:
        connection.close()


def numbers(data_dir: Path) -> list[int]:
    return [int(str(row["report_id"]).rpartition("-")[2]) for row in stored(data_dir)]


def test_append_returns_when_the_callback_is_committed(tmp_path: Path) -> None:
    """A second reader finds it at once."""
    with Journal(tmp_path / "journal") as journal:
        for number in range(1, 6):
            journal.append(callback())
            assert rows_on_disk(journal.path) == number


def test_a_report_is_on_disk_before_the_200(tmp_path: Path) -> None:
    """Killed in the moment of the answer, it is still there."""
    receiver = start(tmp_path / "data", SEAL_SECONDS="3600")
    for number in range(3):
        assert post(receiver.url, MessageUUID=f"m{number}").status == 200
    receiver.kill()
    (journal,) = (tmp_path / "data" / "journal").glob("*.sqlite")
    assert rows_on_disk(journal) == 3


def test_the_answer_waits_for_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the commit is through, nobody has been told yet; a death here has promised nothing."""
    told = threading.Event()
    found: list[tuple[int, bool]] = []
    with Journal(tmp_path / "journal") as journal, monkeypatch.context() as patched:
        patched.setattr(
            steps,
            "reached",
            lambda _: found.append((rows_on_disk(journal.path), told.is_set())),
        )
        journal.append(callback())
        told.set()
    assert found == [(1, False)]


def test_the_journal_syncs_at_every_commit(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: SQLite's own promise of durability is asked for."""
    with Journal(tmp_path / "journal") as journal:
        connection = journal._connection
        assert connection.execute("pragma journal_mode").fetchone() == ("wal",)
        assert connection.execute("pragma synchronous").fetchone() == (2,)


def test_callbacks_from_many_threads_are_all_there_once(tmp_path: Path) -> None:
    """They share commits; none is lost or doubled."""
    with Journal(tmp_path / "journal") as journal:

        def append_all(thread: int) -> None:
            for one in named(*_uuids(thread)):
                journal.append(one)

        threads = [threading.Thread(target=append_all, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    sealing.seal_all(tmp_path)
    assert stored_uuids(tmp_path) == sorted(uuid for n in range(8) for uuid in _uuids(n))
    assert numbers(tmp_path) == list(range(1, 8 * 50 + 1))


def _uuids(thread: int) -> list[str]:
    return [f"{thread}-{number}" for number in range(50)]


def test_what_is_appended_together_is_one_commit(tmp_path: Path) -> None:
    """And told once that commit is through; what other threads append is not held back for it."""
    batches: list[int] = []
    told: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    with Journal(tmp_path / "journal", on_batch=batches.append) as journal:
        with journal.together(), ThreadPoolExecutor() as elsewhere:
            for _ in range(20):
                journal.append_then(callback(), told.put)
            elsewhere.submit(journal.append, callback()).result(10)
            assert (rows_on_disk(journal.path), told.qsize()) == (1, 0)
        assert [told.get(timeout=10) for _ in range(20)] == [None] * 20
        assert rows_on_disk(journal.path) == 21
    assert batches == [1, 20]


def test_what_is_appended_together_is_written_even_if_it_ends_with_a_mistake(
    tmp_path: Path,
) -> None:
    told: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    with Journal(tmp_path / "journal") as journal:
        with suppress(OSError), journal.together():
            journal.append_then(callback(), told.put)
            raise OSError
        assert told.get(timeout=10) is None
        journal.append_then(callback(), told.put)  # held back no more
        assert told.get(timeout=10) is None


def test_very_many_appended_together_are_begun_with_before_the_last(tmp_path: Path) -> None:
    """The disk works beside whoever appends."""
    told: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
    with Journal(tmp_path / "journal") as journal:
        with journal.together():
            for _ in range(100):
                journal.append_then(callback(), told.put)
            assert told.get(timeout=10) is None
        assert [told.get(timeout=10) for _ in range(99)] == [None] * 99


def test_pages_move_into_the_file_now_and_then_not_at_each_commit(tmp_path: Path) -> None:
    """The write-ahead log begins anew at its old size: it does not grow, and syncs quickly."""
    with Journal(tmp_path / "journal") as journal:
        log = journal.path.with_name(f"{journal.path.name}-wal")

        def append(times: int) -> int:
            """How often the file itself was written meanwhile."""
            moved = set()
            for _ in range(times):
                journal.append(callback(body=b"x" * 60_000))
                journal.probe()  # the writer has done all that follows a commit
                moved.add(journal.path.stat().st_mtime_ns)
            return len(moved) - 1

        assert append(90) == 1
        size = log.stat().st_size
        assert 1 < append(200) < 10
        assert log.stat().st_size < 1.1 * size


def test_a_probe_leaves_no_report(tmp_path: Path) -> None:
    """However often somebody asks whether we are ready."""
    with Journal(tmp_path / "journal") as journal:
        for _ in range(20):
            journal.probe()
        assert rows_on_disk(journal.path) == 0
    assert sealing.seal_all(tmp_path).reports == 0


def test_a_closed_journal_takes_nothing(tmp_path: Path) -> None:
    """And says why."""
    journal = Journal(tmp_path / "journal")
    journal.close()
    with pytest.raises(NotDurable, match="shutting down"):
        journal.append(callback())
    journal.close()


def test_the_journal_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    """Its reports are there, its numbers go on."""
    data_dir = tmp_path / "data"
    for number in range(3):
        receiver = start(data_dir, SEAL_SECONDS="3600")
        assert post(receiver.url, MessageUUID=f"m{number}").status == 200
        receiver.kill()
    assert len(list((data_dir / "journal").glob("*.sqlite"))) == 1
    sealing.seal_all(data_dir)
    assert stored_uuids(data_dir) == ["m0", "m1", "m2"]
    assert numbers(data_dir) == [1, 2, 3]


def test_numbers_never_start_anew(tmp_path: Path) -> None:
    """Not after sealing has emptied the journal, not after a new start."""
    for uuid in ("a", "b", "c"):
        put(tmp_path, *named(uuid))
        sealing.seal_all(tmp_path)
    assert numbers(tmp_path) == [1, 2, 3]


def test_two_receivers_on_one_folder_have_a_journal_each(tmp_path: Path) -> None:
    """Neither waits for the other, and each seals what both have taken."""
    data_dir = tmp_path / "data"
    with (
        serving(data_dir, SEAL_SECONDS="3600") as one,
        serving(data_dir, SEAL_SECONDS="3600") as other,
    ):
        for number in range(10):
            assert post(one.url, MessageUUID=f"one-{number}").status == 200
            assert post(other.url, MessageUUID=f"other-{number}").status == 200
        assert len(list((data_dir / "journal").glob("*.sqlite"))) == 2
        sealing.seal_all(data_dir)
        assert len(stored_uuids(data_dir)) == len(set(stored_uuids(data_dir))) == 20
    assert len(stored_uuids(data_dir)) == 20


def test_many_receivers_started_at_once_never_share_a_journal(tmp_path: Path) -> None:
    """However they race for the folder."""
    journals: list[Journal] = []
    problems: list[Exception] = []

    def open_one() -> None:
        try:
            journals.append(Journal(tmp_path / "journal"))
        except (JournalError, OSError) as problem:
            problems.append(problem)

    threads = [threading.Thread(target=open_one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert len({journal.path for journal in journals}) == 8
    for journal in journals:
        journal.append(callback(b"MessageUUID=m1"))
        journal.close()
    assert sealing.seal_all(tmp_path).reports == 8


def _settled(journal: Path) -> None:
    """All of it in the one file."""
    connection = sqlite3.connect(journal)
    connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()


def _flip_a_bit_of_a_body(journal: Path) -> None:
    content = bytearray(journal.read_bytes())
    content[content.index(b"MessageUUID=flipped") + 13] ^= 1
    journal.write_bytes(content)


def _hide_a_row(journal: Path) -> None:
    """One cell fewer in the header of the page that holds the rows."""
    content = bytearray(journal.read_bytes())
    page = content.index(b"MessageUUID=flipped") // 4096 * 4096
    cells = int.from_bytes(content[page + 3 : page + 5])
    content[page + 3 : page + 5] = (cells - 1).to_bytes(2)
    journal.write_bytes(content)


def _delete_a_row(journal: Path) -> None:
    connection = sqlite3.connect(journal)
    connection.execute("delete from callbacks where number = 2")
    connection.commit()
    connection.close()


def _replace(content: bytes) -> Callable[[Path], None]:
    def replace(journal: Path) -> None:
        journal.write_bytes(content)

    return replace


def _foreign_database(journal: Path) -> None:
    journal.unlink()
    connection = sqlite3.connect(journal)
    connection.execute("create table something (else_ text)")
    connection.commit()
    connection.close()


def _truncate(share: float) -> Callable[[Path], None]:
    def truncate(journal: Path) -> None:
        os.truncate(journal, int(journal.stat().st_size * share) // 4096 * 4096)

    return truncate


DAMAGES: dict[str, Callable[[Path], None]] = {
    "a flipped bit in a body": _flip_a_bit_of_a_body,
    "a row that its page hides": _hide_a_row,
    "a row that is gone": _delete_a_row,
    "cut to nothing": _truncate(0),
    "cut in half": _truncate(0.5),
    "cut by a page": _truncate(0.99),
    "zeros": _replace(bytes(32768)),
    "a text file": _replace(b"these are notes\n" * 1000),
    "a foreign database": _foreign_database,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    """Nothing is sealed from it, nothing of it changes, and the message says what to do."""
    journal = put(tmp_path, *named("a", "flipped", "c"))
    _settled(journal)
    DAMAGES[damage](journal)
    before = journal.read_bytes()
    with pytest.raises(DamagedJournal) as refusal:
        sealing.seal_all(tmp_path)
    assert str(journal) in str(refusal.value)
    assert "Move it" in str(refusal.value)
    assert stored(tmp_path) == []
    if damage == "a flipped bit in a body":  # found only when it is read, after the plan
        assert rows_on_disk(journal) == 3
    else:
        assert journal.read_bytes() == before


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "a flipped bit in a body"])
def test_a_receiver_never_starts_empty_on_a_damaged_journal(tmp_path: Path, damage: str) -> None:
    """It would give the same numbers again."""
    journal = put(tmp_path, *named("a", "flipped", "c"))
    _settled(journal)
    DAMAGES[damage](journal)
    with pytest.raises(DamagedJournal):
        Journal(tmp_path / "journal")


def test_a_damaged_journal_ends_the_commands_with_2_and_one_line(tmp_path: Path) -> None:
    """No traceback."""
    journal = put(tmp_path / "data", *named("a"))
    _settled(journal)
    os.truncate(journal, 4096)
    settings = {**SETTINGS, "DATA_DIR": str(tmp_path / "data")}
    for command in ("seal", "serve"):
        done = processes.command("receiver", command, settings=settings)
        assert done.returncode == 2
        assert str(journal) in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_the_log_beside_a_journal_cut_to_nothing_is_left_alone(tmp_path: Path) -> None:
    """It holds the rows that can still be saved."""
    data_dir = tmp_path / "data"
    receiver = start(data_dir, SEAL_SECONDS="3600")
    assert post(receiver.url, MessageUUID="m1").status == 200
    receiver.kill()
    (journal,) = (data_dir / "journal").glob("*.sqlite")
    wal = journal.with_name(journal.name + "-wal")
    before = wal.read_bytes()
    os.truncate(journal, 0)
    with pytest.raises(DamagedJournal):
        sealing.seal_all(data_dir)
    assert wal.read_bytes() == before


@pytest.mark.parametrize("loss", ["-wal", ".sqlite"])
def test_a_journal_that_lost_acknowledged_rows_is_refused(tmp_path: Path, loss: str) -> None:
    """Its last commits are in the -wal file beside it; without it the journal looks whole."""
    data_dir = tmp_path / "data"
    receiver = start(data_dir, SEAL_SECONDS="3600")
    (journal,) = (data_dir / "journal").glob("*.sqlite")
    _settled(journal)
    older = journal.read_bytes()
    assert post(receiver.url, MessageUUID="m1").status == 200
    receiver.kill()
    wal = journal.with_name(journal.name + "-wal")
    wal.unlink()
    if loss == ".sqlite":
        journal.write_bytes(older)
    with pytest.raises(DamagedJournal, match=journal.name):
        sealing.seal_all(data_dir)


def test_a_copy_under_another_name_is_refused(tmp_path: Path) -> None:
    """It would seal the same reports a second time; the right name is told."""
    journal = put(tmp_path, *named("a"))
    for name in ("0copy", "zcopy"):
        copy = journal.with_name(f"{name}.sqlite")
        shutil.copy(journal, copy)
        with pytest.raises(DamagedJournal, match=f"copy of journal {journal.stem}"):
            sealing.seal_all(tmp_path)
        assert stored_uuids(tmp_path) == ["a"], "the journal itself is sealed all the same"
        copy.unlink()


def test_a_damaged_journal_keeps_no_other_from_being_sealed(tmp_path: Path) -> None:
    """Wherever its name stands in the order."""
    journal = put(tmp_path, *named("a"))
    for name in ("0", "z"):
        journal.with_name(f"{name}.sqlite").write_bytes(b"no database at all")
    with pytest.raises(DamagedJournal):
        sealing.seal_all(tmp_path)
    assert stored_uuids(tmp_path) == ["a"]


def test_a_journal_restored_from_an_older_copy_loses_nothing(tmp_path: Path) -> None:
    """It would give numbers a second time; what comes now gets other ones."""
    data_dir = tmp_path / "data"
    put(data_dir, *named("a"))
    shutil.copytree(data_dir / "journal", tmp_path / "older")
    put(data_dir, *named("b"))
    sealing.seal_all(data_dir)
    shutil.rmtree(data_dir / "journal")
    shutil.copytree(tmp_path / "older", data_dir / "journal")
    put(data_dir, *named("c"))
    sealing.seal_all(data_dir)
    assert stored_uuids(data_dir) == ["a", "b", "c"]
    assert len({row["report_id"] for row in stored(data_dir)}) == 3


def test_an_older_copy_that_grew_before_its_files_came_back_is_not_cleared(tmp_path: Path) -> None:
    """Two reports under one number: neither is thrown away, somebody has to look."""
    data_dir = tmp_path / "data"
    put(data_dir, *named("a"))
    shutil.copytree(data_dir / "journal", tmp_path / "older")
    put(data_dir, *named("b"))
    sealing.seal_all(data_dir)
    shutil.move(data_dir / "reports", tmp_path / "reports")
    shutil.rmtree(data_dir / "journal")
    shutil.copytree(tmp_path / "older", data_dir / "journal")
    journal = put(data_dir, *named("c"))
    shutil.move(tmp_path / "reports", data_dir / "reports")
    with pytest.raises(Exception, match=journal.stem):
        sealing.seal_all(data_dir)
    assert stored_uuids(data_dir) == ["a", "b"]
    assert rows_on_disk(journal) == 2


@contextmanager
def full_disk(process: Process, most_bytes: int) -> Iterator[None]:
    """No file of this process can grow beyond; then all is well again."""
    pid = process.process.pid
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, UNLIMITED)


def test_a_full_disk_is_503_and_passes(tmp_path: Path) -> None:
    """Plivo tries again; once there is room, reports are taken and sealed as before."""
    data_dir = tmp_path / "data"
    receiver = start(data_dir, SEAL_SECONDS="0.1")
    acked = []
    with full_disk(receiver, 500_000):
        for number in range(200):
            body = f"MessageUUID={number}&Text={'x' * 60_000}".encode()
            answer = send(receiver.url, "POST", PATH, body, signed(PATH, body))
            if answer.status != 200:
                break
            acked.append(str(number))
        assert answer.status == 503
        wait_until(lambda: send(receiver.url, "GET", "/readyz").status in (200, 503))
    wait_until(lambda: post(receiver.url, MessageUUID="after").status == 200)
    wait_until(lambda: "after" in stored_uuids(data_dir))
    assert receiver.stop() == 0
    assert set(acked) <= set(stored_uuids(data_dir))
    assert "Traceback" not in messages_of(receiver)


def test_where_nothing_can_be_written_it_is_not_ready(tmp_path: Path) -> None:
    """Nothing acknowledged, nothing lost, nothing crashed; and ready again afterwards."""
    data_dir = tmp_path / "data"
    with serving(data_dir, SEAL_SECONDS="0.1") as receiver:
        assert post(receiver.url, MessageUUID="before").status == 200
        with full_disk(receiver, 1):
            assert post(receiver.url, MessageUUID="meanwhile").status == 503
            assert send(receiver.url, "GET", "/readyz").status == 503
            assert send(receiver.url, "GET", "/healthz").status == 200
        assert send(receiver.url, "GET", "/readyz").status == 200
        assert post(receiver.url, MessageUUID="after").status == 200
    assert set(stored_uuids(data_dir)) >= {"before", "after"}


def test_a_folder_that_goes_away_is_never_a_200_for_nothing(tmp_path: Path) -> None:
    """Reports that came after it are stored in a new one, or refused with 503."""
    data_dir = tmp_path / "data"
    with serving(data_dir, SEAL_SECONDS="3600") as receiver:
        assert post(receiver.url, MessageUUID="before").status == 200
        shutil.rmtree(data_dir)
        gone = post(receiver.url, MessageUUID="gone").status
        data_dir.mkdir()
        back = post(receiver.url, MessageUUID="back").status
    held = stored_uuids(data_dir)
    assert gone == 503 or "gone" in held
    assert back == 503 or "back" in held


def test_a_removed_journal_is_written_anew_with_all_it_held(tmp_path: Path) -> None:
    """The open file still has it."""
    data_dir = tmp_path / "data"
    with serving(data_dir, SEAL_SECONDS="3600") as receiver:
        assert post(receiver.url, MessageUUID="before").status == 200
        shutil.rmtree(data_dir / "journal")
        wait_until(lambda: post(receiver.url, MessageUUID="after").status == 200)
    assert set(stored_uuids(data_dir)) == {"before", "after"}


def test_times_are_kept_to_the_microsecond(tmp_path: Path) -> None:
    """Also those before 1970 and far ahead: a clock may be wrong."""
    moments = [
        BEFORE_MIDNIGHT,
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
        datetime(2262, 4, 11, 12, tzinfo=UTC) + timedelta(microseconds=7),
    ]
    put(tmp_path, *(callback(at=moment) for moment in moments))
    sealing.seal_all(tmp_path)
    assert sorted(row["received_at"] for row in stored(tmp_path)) == sorted(moments)


def test_the_number_acknowledged_is_never_ahead_of_the_journal(tmp_path: Path) -> None:
    """It is written after the commit, and only then."""
    with Journal(tmp_path / "journal") as journal:
        for number in range(1, 4):
            journal.append(callback())
            assert journal_file.read_acked(journal.path) == number == rows_on_disk(journal.path)
