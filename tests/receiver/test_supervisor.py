"""Several receiver processes on one port, and a socket that outlives every restart."""

import http.client
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import pytest

from receiver import journal_file
from tests import processes
from tests.processes import children, wait_until
from tests.receiver.sending import PATH, SETTINGS, post, raw_headers, send, signed
from tests.receiver.serving import log_of, messages_of, serving, start, stored

TWO = {"RECEIVER_PROCESSES": "2", "SEAL_SECONDS": "3600"}
# What systemd does: descriptor 3, and the process id of whoever is meant.
TAKE_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); "
    "os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
    "os.execv(sys.executable, [sys.executable, '-m', 'receiver', 'serve'])"
)


class Posters:
    """Post one report after the other, each on a connection of its own, until the context ends."""

    def __init__(self, url: str, *, threads: int = 4) -> None:
        self.acked: list[str] = []
        self.refused: list[int] = []
        self.failed: list[str] = []
        self._url = url
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._post, args=(n,)) for n in range(threads)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def post_more(self, reports: int) -> None:
        """Return when that many more have been acknowledged."""
        enough = len(self.acked) + reports
        wait_until(lambda: len(self.acked) >= enough, seconds=20)

    def _post(self, thread: int) -> None:
        for number in range(1_000_000):
            if self._stop.is_set():
                return
            uuid = f"{thread}-{number}"
            try:
                status = post(self._url, MessageUUID=uuid).status
            except (OSError, http.client.HTTPException) as problem:
                self.failed.append(repr(problem))
                continue
            if status == 200:
                self.acked.append(uuid)
            else:
                self.refused.append(status)


def rows_of_journals(data_dir: Path) -> list[int]:
    """How many reports lie in each."""
    counts = []
    for path in journal_file.journals(data_dir / "journal"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            counts.append(connection.execute("select count(*) from callbacks").fetchone()[0])
    return counts


def accepted(url: str) -> float:
    found = re.search(
        r'receiver_accepted_total\{kind="delivery_report"\} (\S+)',
        send(url, "GET", "/metrics").text,
    )
    assert found is not None
    return float(found[1])


def assert_stored_once(data_dir: Path, acked: list[str]) -> None:
    times = Counter(row["message_uuid"] for row in stored(data_dir))
    assert [uuid for uuid in acked if times[uuid] != 1] == []
    assert max(times.values(), default=1) == 1


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_both_processes_serve_each_from_a_journal_of_its_own(data_dir: Path) -> None:
    """One port; neither waits for the other's commits."""
    with serving(data_dir, **TWO) as receiver, Posters(receiver.url) as posters:
        wait_until(lambda: len(journal_file.journals(data_dir / "journal")) == 2)
        wait_until(lambda: all(rows_of_journals(data_dir)))
        assert len(children(receiver.process.pid)) == 2
        posters.post_more(50)
    assert (posters.refused, posters.failed) == ([], [])
    assert_stored_once(data_dir, posters.acked)


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]
)
def test_a_signal_ends_all_processes_with_0_and_everything_sealed(
    data_dir: Path, number: signal.Signals
) -> None:
    """Within ten seconds, though reports are still coming in."""
    receiver = start(data_dir, **TWO)
    with Posters(receiver.url) as posters:
        posters.post_more(100)
        workers = children(receiver.process.pid)
        asked_at = time.monotonic()
        receiver.process.send_signal(number)
        assert receiver.process.wait(15) == 0
        assert time.monotonic() - asked_at < 10
        assert [pid for pid in workers if Path(f"/proc/{pid}").exists()] == []
    receiver.stop()
    assert set(posters.refused) <= {503}
    assert sum(rows_of_journals(data_dir)) == 0
    assert_stored_once(data_dir, posters.acked)
    assert "Traceback" not in messages_of(receiver)


def test_a_killed_process_is_started_again_while_the_other_answers(data_dir: Path) -> None:
    """Only what was in its hands gets no answer; nothing acknowledged is lost."""
    with serving(data_dir, **TWO) as receiver:
        with Posters(receiver.url) as posters:
            posters.post_more(50)
            for _ in range(2):
                before = children(receiver.process.pid)
                os.kill(before[0], signal.SIGKILL)
                posters.post_more(20)
                wait_until(
                    lambda gone=before[0]: (  # type: ignore[misc]
                        len(now := children(receiver.process.pid)) == 2 and gone not in now
                    )
                )
                posters.post_more(50)
        assert posters.refused == []
        assert len(posters.failed) <= 2 * 4
        wait_until(lambda: len(children(receiver.process.pid)) == 2)
    assert_stored_once(data_dir, posters.acked)
    assert "starting another" in messages_of(receiver)


def test_when_all_processes_are_killed_callers_wait_and_are_answered(data_dir: Path) -> None:
    """The port stays open; its queue holds who comes meanwhile."""
    with serving(data_dir, **TWO) as receiver:
        assert post(receiver.url, MessageUUID="before").status == 200
        for pid in children(receiver.process.pid):
            os.kill(pid, signal.SIGKILL)
        assert post(receiver.url, MessageUUID="after").status == 200
        assert accepted(receiver.url) == 2
    assert_stored_once(data_dir, ["before", "after"])


def test_the_figures_add_up_over_all_processes(data_dir: Path) -> None:
    """Whichever process is asked; and one that was killed still counts."""
    with serving(data_dir, **TWO) as receiver:
        with Posters(receiver.url) as posters:
            wait_until(lambda: len(rows_of_journals(data_dir)) == 2)
            wait_until(lambda: all(rows_of_journals(data_dir)))
        acked = len(posters.acked)
        assert {accepted(receiver.url) for _ in range(20)} == {float(acked)}
        text = send(receiver.url, "GET", "/metrics").text
        assert f"receiver_journal_rows {float(acked)}" in text
        assert "receiver_in_flight 0.0" in text
        assert "pid=" not in text
        before = children(receiver.process.pid)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: len(children(receiver.process.pid)) == 2)
        assert post(receiver.url, MessageUUID="one-more").status == 200
        assert {accepted(receiver.url) for _ in range(10)} == {float(acked + 1)}
        assert "receiver_in_flight 0.0" in send(receiver.url, "GET", "/metrics").text
    assert_stored_once(data_dir, [*posters.acked, "one-more"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RECEIVER_PROCESSES", "0"), ("RECEIVER_PROCESSES", "65"), ("PUBLIC_URL", ""),
        ("RECEIVER_HOST", "no.such.host.invalid"), ("DATA_DIR", "/dev/null"),
    ],
)  # fmt: skip
def test_a_wrong_setting_ends_it_at_once_with_2(data_dir: Path, name: str, value: str) -> None:
    """No process is left behind, and it says what is wrong."""
    done = _serve(**{"DATA_DIR": str(data_dir), **TWO, name: value})
    assert done.returncode == 2
    assert name in done.stderr
    assert "Traceback" not in done.stderr


def test_a_process_that_cannot_start_ends_all_with_its_code(data_dir: Path) -> None:
    """A full disk passes: 75, as with a single process."""
    limits = ["prlimit", "--fsize=16384"]
    codes = {
        number: _serve(*limits, DATA_DIR=str(data_dir), RECEIVER_PROCESSES=number).returncode
        for number in ("1", "2")
    }
    assert codes == {"1": 75, "2": 75}


def _serve(*before: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`serve` where it ought to refuse: it has a few seconds to do so."""
    return subprocess.run(
        [*before, sys.executable, "-m", "receiver", "serve"],
        cwd=processes.ROOT, env=processes.environment({**SETTINGS, **settings}),
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The socket that systemd keeps."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        yield listener


@contextmanager
def handed_down(
    listener: socket.socket, data_dir: Path, **settings: str
) -> Iterator["subprocess.Popen[str]"]:
    """A receiver on that socket, stopped at the end."""
    descriptor = listener.fileno()
    whole = {**SETTINGS, "DATA_DIR": str(data_dir), **settings}
    with log_of(data_dir).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", TAKE_OVER, str(descriptor)],
            cwd=processes.ROOT, env=processes.environment(whole), pass_fds=(descriptor,),
            stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
        )  # fmt: skip
    with process:
        assert process.stdout is not None
        said = process.stdout.readline()
        try:
            assert f"listening on {_url(listener)}" in said
            yield process
        finally:
            process.terminate()
            process.wait(15)


def _url(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("number", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_restart_on_a_handed_down_socket_is_noticed_by_nobody(
    listener: socket.socket, data_dir: Path, number: str
) -> None:
    """No connection is refused, no request fails, all are stored once."""
    with Posters(_url(listener), threads=8) as posters:
        for _ in range(3):
            with handed_down(
                listener, data_dir, RECEIVER_PROCESSES=number, SEAL_SECONDS="0.2"
            ) as receiver:
                posters.post_more(100)
            assert receiver.returncode == 0
        with handed_down(listener, data_dir, RECEIVER_PROCESSES=number):
            posters.post_more(100)
            posters.stop()
    assert (posters.refused, posters.failed) == ([], [])
    assert_stored_once(data_dir, posters.acked)


def test_a_request_that_was_half_sent_when_the_signal_came_is_answered(
    listener: socket.socket, data_dir: Path
) -> None:
    """The sender is in the middle of it; there are seconds left."""
    body = b"MessageUUID=half"
    headers = {"Host": "x", "Content-Length": str(len(body)), "Expect": "100-continue"}
    head = f"POST {PATH} HTTP/1.1\r\n".encode() + raw_headers({**headers, **signed(PATH, body)})
    parts = urlsplit(_url(listener))
    with (
        handed_down(listener, data_dir) as receiver,
        socket.create_connection((parts.hostname, parts.port), timeout=20) as line,
    ):
        line.sendall(head + b"\r\n")
        assert line.recv(1024).startswith(b"HTTP/1.1 100")
        receiver.terminate()
        wait_until(lambda: _catches_nothing_more(receiver.pid))
        line.sendall(body)
        assert line.recv(1024).startswith(b"HTTP/1.1 200")
    assert_stored_once(data_dir, ["half"])


def _catches_nothing_more(pid: int) -> bool:
    """Whether no signal waits for the process: SIGTERM has been taken."""
    status = Path(f"/proc/{pid}/status").read_text()
    pending = re.findall(r"^(?:SigPnd|ShdPnd):\s*([0-9a-f]+)", status, re.MULTILINE)
    return not any(int(mask, 16) for mask in pending)


def test_a_descriptor_meant_for_another_process_is_left_alone(data_dir: Path) -> None:
    """LISTEN_FDS with somebody else's LISTEN_PID: it listens where it was told to."""
    with serving(data_dir, LISTEN_FDS="1", LISTEN_PID="1") as receiver:
        assert send(receiver.url, "GET", "/healthz").status == 200


def test_a_supervisor_that_was_killed_leaves_no_process_behind(data_dir: Path) -> None:
    """Else they would hold the port against the next start."""
    receiver = start(data_dir, **TWO)
    workers = children(receiver.process.pid)
    try:
        receiver.kill()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    finally:
        for pid in workers:
            if Path(f"/proc/{pid}").exists():
                os.kill(pid, signal.SIGTERM)
