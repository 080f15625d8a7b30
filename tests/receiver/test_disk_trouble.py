"""Disks that fill up, go away, change under the receiver or fail: no 200 for nothing."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from receiver import alive, journal_file, sealing
from receiver.journal import Journal
from receiver.journal_file import NotDurable
from tests import processes
from tests.processes import Process, wait_until
from tests.receiver.making import named
from tests.receiver.sending import SETTINGS, post, send
from tests.receiver.serving import log_of, messages_of, serving, start, stored

LATE = {"SEAL_SECONDS": "3600"}
AT_ONCE = {"SEAL_SECONDS": "0.1"}
TRY_AGAIN = 75

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fails where the file BROKEN exists and the synced file's name ends in SUFFIX. */
static int broken(int fd) {
    char link[64], name[4096];
    const char *flag = getenv("BROKEN"), *suffix = getenv("SUFFIX");
    if (!flag || !suffix || access(flag, F_OK)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, name, sizeof name - 1);
    if (n < 0) return 0;
    name[n] = 0;
    size_t s = strlen(suffix);
    return (size_t)n >= s && !strcmp(name + n - s, suffix);
}
int fsync(int fd) {
    if (broken(fd)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
int fdatasync(int fd) {
    if (broken(fd)) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
"""


class Sender:
    """Posts reports one by one and keeps the books."""

    def __init__(self, receiver: Process) -> None:
        self._receiver = receiver
        self._sent = 0
        self.acked: list[str] = []

    def post(self, size: int = 0) -> int:
        """The answer to one more report of about that many bytes."""
        self._sent += 1
        uuid = f"m{self._sent}"
        status = post(self._receiver.url, MessageUUID=uuid, Text="x" * size).status
        if status == 200:
            self.acked.append(uuid)
        return status

    def ready(self) -> int:
        return send(self._receiver.url, "GET", "/readyz").status

    def why_not_ready(self) -> str:
        answer = send(self._receiver.url, "GET", "/readyz")
        assert answer.status == 503
        return answer.text


def assert_stored_once(data_dir: Path, acked: list[str]) -> None:
    times = Counter(row["message_uuid"] for row in stored(data_dir))
    assert [uuid for uuid in acked if times[uuid] != 1] == []
    assert max(times.values(), default=1) == 1


def assert_no_trace(data_dir: Path) -> None:
    said = log_of(data_dir).read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said[-3000:]


def mount(*arguments: str | Path) -> None:
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("this user may not mount")


def unmount(place: Path) -> None:
    """Now, whoever still has files open there."""
    subprocess.run(["umount", "--lazy", str(place)], capture_output=True, check=False)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def small_disk(data_dir: Path) -> Iterator[Path]:
    """A data folder on a disk of its own, of 3 MiB."""
    data_dir.mkdir()
    mount("-t", "tmpfs", "-o", "size=3m", "tmpfs", data_dir)
    yield data_dir
    unmount(data_dir)


def remove(data_dir: Path) -> None:
    """The whole folder, once the receiver has written its first heartbeat there."""
    wait_until((data_dir / "reports" / alive.NAME).exists)
    shutil.rmtree(data_dir)


def fill(disk: Path) -> Path:
    """Take all the space that is left; the file that has it."""
    filler = disk / "somebody-elses"
    with filler.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            while True:
                try:
                    if file.write(b"x" * size) < size:
                        break
                except OSError:
                    break
    return filler


@pytest.mark.parametrize("rhythm", [LATE, AT_ONCE], ids=["unsealed", "sealing"])
def test_a_full_disk_is_503_until_there_is_space_again(
    small_disk: Path, rhythm: dict[str, str]
) -> None:
    """The process stays up, says why it is not ready, and goes on by itself."""
    with serving(small_disk, **rhythm) as receiver:
        sender = Sender(receiver)
        for _ in range(3):
            assert sender.post(1000) == 200
            filler = fill(small_disk)
            wait_until(lambda: sender.post(30_000) == 503)
            wait_until(lambda: sender.ready() == 503)
            assert "not ready: " in sender.why_not_ready()
            assert send(receiver.url, "GET", "/healthz").status == 200
            filler.unlink()
            wait_until(lambda: sender.post() == 200)
            assert sender.ready() == 200
        assert receiver.stop() == 0
    assert_no_trace(small_disk)
    sealing.seal_all(small_disk)
    assert_stored_once(small_disk, sender.acked)


def test_a_disk_that_the_journal_itself_filled_loses_nothing(small_disk: Path) -> None:
    """Sealing has no room either; both go on when there is some."""
    filler = small_disk / "somebody-elses"
    filler.write_bytes(b"x" * 2_000_000)
    with serving(small_disk, SEAL_SECONDS="0.3") as receiver:
        sender = Sender(receiver)
        wait_until(lambda: sender.post(60_000) == 503)
        filler.unlink()
        wait_until(lambda: sender.post(100) == 200)
    assert_no_trace(small_disk)
    sealing.seal_all(small_disk)
    assert_stored_once(small_disk, sender.acked)


def test_a_receiver_stopped_on_a_full_disk_does_not_claim_to_have_sealed(small_disk: Path) -> None:
    """What it acknowledged is in the journal, and the next sealing has it."""
    with serving(small_disk, **LATE) as receiver:
        sender = Sender(receiver)
        assert sender.post(20_000) == 200
        filler = fill(small_disk)
        assert receiver.stop() == 0
        assert "all that was accepted is in" not in messages_of(receiver)
        assert "stay in the journal" in messages_of(receiver)
    assert_no_trace(small_disk)
    filler.unlink()
    sealing.seal_all(small_disk)
    assert_stored_once(small_disk, sender.acked)


def test_a_full_disk_at_the_start_is_one_line_and_try_again(small_disk: Path) -> None:
    """75: nothing is wrong with the settings."""
    fill(small_disk)
    done = subprocess.run(
        [sys.executable, "-m", "receiver", "serve"], cwd=processes.ROOT, timeout=20, check=False,
        env=processes.environment({**SETTINGS, "DATA_DIR": str(small_disk)}),
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (TRY_AGAIN, 1)


@pytest.mark.parametrize("folder", ["reports", "journal"])
def test_a_folder_that_became_read_only_keeps_reports_in_the_journal(
    data_dir: Path, folder: str
) -> None:
    """Sealing fails and says so; what is answered 200 is on disk all the same."""
    place = data_dir / folder
    with serving(data_dir, **AT_ONCE) as receiver:
        sender = Sender(receiver)
        assert sender.post() == 200
        mount("--bind", place, place)
        mount("-o", "remount,bind,ro", place)
        try:
            wait_until(lambda: "sealing failed" in messages_of(receiver))
            assert {sender.post(), sender.post()} <= {200, 503}
            done = processes.command("receiver", "seal", settings={"DATA_DIR": str(data_dir)})
            assert (done.returncode, len(done.stderr.splitlines())) == (TRY_AGAIN, 1)
        finally:
            unmount(place)
        wait_until(lambda: sender.post() == 200)
    assert_no_trace(data_dir)
    assert_stored_once(data_dir, sender.acked)


def test_a_data_folder_that_was_removed_and_made_again_holds_what_was_acknowledged(
    data_dir: Path,
) -> None:
    """The open file still had it; while the folder was away nobody got a 200."""
    with serving(data_dir, **LATE) as receiver:
        sender = Sender(receiver)
        assert {sender.post() for _ in range(5)} == {200}
        remove(data_dir)
        assert {sender.post() for _ in range(3)} == {503}
        assert str(data_dir) in sender.why_not_ready()
        assert not data_dir.exists()
        data_dir.mkdir()
        assert {sender.post() for _ in range(5)} == {200}
        assert sender.ready() == 200
    assert_no_trace(data_dir)
    assert len(sender.acked) == 10
    assert_stored_once(data_dir, sender.acked)


def test_a_refused_request_does_not_make_a_data_folder_that_went_away(data_dir: Path) -> None:
    """Where a volume is gone, nothing may come to lie under its name."""
    with serving(data_dir, **AT_ONCE) as receiver:
        sender = Sender(receiver)
        remove(data_dir)
        assert send(receiver.url, body=b"MessageUUID=forged").status == 403
        assert send(receiver.url, "GET", "/metrics").status == 200
        assert {sender.post() for _ in range(20)} == {503}
        assert not data_dir.exists()


def test_a_receiver_stopped_without_its_data_folder_does_not_claim_to_have_sealed(
    data_dir: Path,
) -> None:
    """Whoever reads its last line must not think that all is well."""
    with serving(data_dir, **LATE) as receiver:
        assert Sender(receiver).post() == 200
        remove(data_dir)
        receiver.stop()
        assert "all that was accepted is in" not in messages_of(receiver)
    assert_no_trace(data_dir)


def test_a_journal_folder_removed_again_and_again_under_load_loses_nothing(data_dir: Path) -> None:
    """Sealing runs beside it."""
    with serving(data_dir, **AT_ONCE) as receiver:
        sender = Sender(receiver)
        for _ in range(8):
            statuses = {sender.post() for _ in range(10)}
            assert statuses <= {200, 503}
            shutil.rmtree(data_dir / "journal", ignore_errors=True)
            wait_until(lambda: sender.post() == 200)
        assert sender.ready() == 200
    assert_no_trace(data_dir)
    assert_stored_once(data_dir, sender.acked)


def _empty_file(journal: Path) -> None:
    journal.unlink()
    journal.touch()


def _copy_of_itself(journal: Path) -> None:
    copy = journal.with_name("_copy")
    shutil.copy(journal, copy)
    copy.replace(journal)


def _foreign_database(journal: Path) -> None:
    journal.unlink()
    connection = sqlite3.connect(journal)
    connection.execute("create table t (a)")
    connection.close()


@pytest.mark.parametrize("replace", [_empty_file, _copy_of_itself, _foreign_database])
def test_a_replaced_journal_is_503_until_it_is_taken_away(data_dir: Path, replace: Any) -> None:
    """Then the receiver writes its own anew, with all that it had acknowledged."""
    with serving(data_dir, **AT_ONCE) as receiver:
        sender = Sender(receiver)
        assert {sender.post() for _ in range(3)} == {200}
        (journal,) = journal_file.journals(data_dir / "journal")
        replace(journal)
        assert {sender.post() for _ in range(3)} == {503}
        assert journal.name in sender.why_not_ready()
        for path in data_dir.glob("journal/*.sqlite*"):
            path.unlink()
        assert {sender.post() for _ in range(3)} == {200}
    assert_no_trace(data_dir)
    assert_stored_once(data_dir, sender.acked)


@pytest.mark.parametrize("rhythm", [LATE, AT_ONCE], ids=["unsealed", "sealing"])
def test_a_removed_wal_file_loses_nothing_that_was_acknowledged(
    data_dir: Path, rhythm: dict[str, str]
) -> None:
    """The last commits are in it alone."""
    with serving(data_dir, **rhythm) as receiver:
        sender = Sender(receiver)
        assert {sender.post() for _ in range(3)} == {200}
        (journal,) = journal_file.journals(data_dir / "journal")
        journal.with_name(f"{journal.name}-wal").unlink()
        assert {sender.post() for _ in range(3)} <= {200, 503}
        receiver.stop()
    assert_no_trace(data_dir)
    sealing.seal_all(data_dir)
    assert_stored_once(data_dir, sender.acked)


def test_a_volume_that_went_away_is_waited_for(data_dir: Path, tmp_path: Path) -> None:
    """Nothing is written into the empty folder under its name; when it is back, all is there."""
    volume = tmp_path / "volume"
    volume.mkdir()
    data_dir.mkdir()
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", volume)
    try:
        mount("--bind", volume, data_dir)
        with serving(data_dir, **LATE) as receiver:
            sender = Sender(receiver)
            assert {sender.post() for _ in range(3)} == {200}
            unmount(data_dir)
            assert list(data_dir.iterdir()) == []
            assert {sender.post() for _ in range(3)} == {503}
            assert list(data_dir.iterdir()) == []
            mount("--bind", volume, data_dir)
            wait_until(lambda: sender.post() == 200)
            assert sender.ready() == 200
        assert_no_trace(data_dir)
        assert_stored_once(data_dir, sender.acked)
    finally:
        unmount(data_dir)
        unmount(volume)


class FailingSync:
    """A connection whose next commit fails to reach the disk."""

    def __init__(self, connection: sqlite3.Connection, code: int) -> None:
        self._connection = connection
        self._code = code

    def execute(self, sql: str, *given: Any) -> Any:
        if sql == "commit":
            problem = sqlite3.OperationalError("disk I/O error")
            problem.sqlite_errorcode = self._code
            raise problem
        return self._connection.execute(sql, *given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC])
def test_a_failed_sync_is_never_tried_again(data_dir: Path, code: int) -> None:
    """The kernel may have dropped the pages: what follows is refused, whatever the disk says."""
    fatal: list[bool] = []
    before, failed, after = named("before", "failed", "after")
    with Journal(data_dir / "journal", on_fatal=lambda: fatal.append(True)) as journal:
        journal.append(before)
        sound = journal._connection
        journal._connection = FailingSync(sound, code)  # type: ignore[assignment]
        with pytest.raises(NotDurable):
            journal.append(failed)
        assert fatal
        journal._connection = sound
        with pytest.raises(NotDurable, match="a restart is needed"):
            journal.append(after)
        with pytest.raises(NotDurable, match="a restart is needed"):
            journal.probe()
    sealing.seal_all(data_dir)
    assert_stored_once(data_dir, ["before"])


def test_what_waits_while_a_sync_fails_is_refused_too(data_dir: Path) -> None:
    """Its commit might go through, on a disk that nobody can trust any more."""
    fatal: list[bool] = []
    before, failed, *waiting = named("before", "failed", "waiting-1", "waiting-2")
    with Journal(data_dir / "journal", on_fatal=lambda: fatal.append(True)) as journal:
        journal.append(before)
        connection = HeldCommit(journal._connection)
        journal._connection = connection  # type: ignore[assignment]
        with ThreadPoolExecutor() as senders:
            first = senders.submit(journal.append, failed)
            assert connection.reached.wait(10)
            others = [senders.submit(journal.append, callback) for callback in waiting]
            wait_until(lambda: journal._waiting._handed_over.qsize() == len(others))
            connection.go_on.set()
            problems = [answer.exception(timeout=10) for answer in (first, *others)]
    assert [type(problem) for problem in problems] == [NotDurable] * 3
    assert fatal == [True]
    sealing.seal_all(data_dir)
    assert_stored_once(data_dir, ["before"])


class HeldCommit:
    """A connection whose next commit waits, and then fails to reach the disk."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def execute(self, sql: str, *given: Any) -> Any:
        if sql == "commit" and not self.reached.is_set():
            self.reached.set()
            self.go_on.wait(10)
            problem = sqlite3.OperationalError("disk I/O error")
            problem.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
            raise problem
        return self._connection.execute(sql, *given)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_another_error_of_the_disk_passes(data_dir: Path) -> None:
    """A write that failed was not acknowledged; the next may go well."""
    fatal: list[bool] = []
    before, failed, after = named("before", "failed", "after")
    with Journal(data_dir / "journal", on_fatal=lambda: fatal.append(True)) as journal:
        journal.append(before)
        sound = journal._connection
        journal._connection = FailingSync(sound, sqlite3.SQLITE_IOERR_WRITE)  # type: ignore[assignment]
        with pytest.raises(NotDurable):
            journal.append(failed)
        journal._connection = sound
        journal.append(after)
    assert not fatal
    sealing.seal_all(data_dir)
    assert_stored_once(data_dir, ["before", "after"])


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that makes syncs fail on demand."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    place = tmp_path_factory.mktemp("shim")
    (place / "sync.c").write_text(SHIM)
    library = place / "sync.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-o", library, place / "sync.c", "-ldl"], check=True
    )
    return library


@pytest.mark.parametrize("suffix", ["-wal", ".sqlite"])
def test_a_disk_that_fails_to_sync_ends_the_receiver_with_75(
    data_dir: Path, shim: Path, suffix: str
) -> None:
    """503, the reason in one line, and a new start finds all that was acknowledged."""
    broken = data_dir.with_name("broken")
    faults = {"LD_PRELOAD": str(shim), "BROKEN": str(broken), "SUFFIX": suffix, **LATE}
    receiver = start(data_dir, **faults)
    sender = Sender(receiver)
    try:
        assert {sender.post() for _ in range(5)} == {200}
        broken.touch()
        with suppress(OSError):  # it may have ended already
            for _ in range(200):  # a checkpoint comes after some 4 MiB
                if sender.post(60_000) == 503:
                    break
        assert receiver.process.wait(10) == TRY_AGAIN
    finally:
        receiver.stop()
    said = messages_of(receiver)
    assert "failed to sync" in said.splitlines()[-1]
    assert_no_trace(data_dir)
    broken.unlink()
    with serving(data_dir, **AT_ONCE) as receiver:
        assert post(receiver.url, MessageUUID="after").status == 200
    assert_stored_once(data_dir, [*sender.acked, "after"])


def test_parquet_that_fails_to_sync_stays_in_the_journal(data_dir: Path, shim: Path) -> None:
    """Reports are taken all the while, and sealed when the disk is well."""
    broken = data_dir.with_name("broken")
    faults = {"LD_PRELOAD": str(shim), "BROKEN": str(broken), "SUFFIX": ".tmp", **AT_ONCE}
    with serving(data_dir, **faults) as receiver:
        sender = Sender(receiver)
        broken.touch()
        assert sender.post() == 200
        wait_until(lambda: "sealing failed" in messages_of(receiver))
        assert sender.post() == 200
        assert stored(data_dir) == []
        broken.unlink()
        wait_until(lambda: len(stored(data_dir)) == 2)
    assert_no_trace(data_dir)
    assert_stored_once(data_dir, sender.acked)


def test_no_file_can_be_opened_any_more(data_dir: Path) -> None:
    """Newcomers wait, without a spinning loop or a traceback each time, and are answered."""
    with serving(data_dir, **AT_ONCE) as receiver, ThreadPoolExecutor() as others:
        sender = Sender(receiver)
        assert sender.post() == 200
        pid = receiver.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, hard))  # all of these are open
        newcomer = others.submit(sender.post)
        wait_until(lambda: "newcomers wait: Too many open files" in messages_of(receiver))
        busy_before = processor_seconds(pid)
        with pytest.raises(TimeoutError):
            newcomer.result(1)
        assert processor_seconds(pid) - busy_before < 0.5
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        assert newcomer.result(10) == 200
    assert messages_of(receiver).count("newcomers wait") < 10
    assert_no_trace(data_dir)
    assert_stored_once(data_dir, sender.acked)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
