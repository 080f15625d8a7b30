"""An answer that is held leaves when it is settled, in order, once, whatever happens meanwhile."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from receiver import channel
from receiver.web_server import WebServer
from receiver.webhook import HOLD_ANSWER, Settle
from tests.processes import wait_until

Application = Callable[[dict[str, Any], Callable[..., Any]], list[bytes]]


@dataclass
class Held:
    """The application under test, and what it was asked."""

    asked: list[str] = field(default_factory=list)
    settles: dict[str, Settle] = field(default_factory=dict)
    while_running: Callable[[str, Settle], None] = lambda _path, _settle: None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        path = environ["PATH_INFO"]
        if path != "/free":
            self.settles[path] = environ[HOLD_ANSWER]()
            self.while_running(path, self.settles[path])
        self.asked.append(path)
        body = f"answer to {path}".encode()
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [body]

    def settle(self, path: str, problem: Exception | None = None) -> None:
        wait_until(lambda: path in self.asked)
        self.settles[path](problem)


@contextmanager
def serving(
    application: Application,
    *,
    quick: bool = True,
    together: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Iterator[socket.socket]:
    """A real server on a real socket, in a thread; in the end it stops by itself."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        server = WebServer(
            application, listener, threads=1, is_quick=lambda _: quick, together=together
        )
        thread = threading.Thread(target=server.run, kwargs={"finish_seconds": 3})
        thread.start()
        try:
            yield listener
        finally:
            server.stop()
            thread.join()


def connect(listener: socket.socket) -> socket.socket:
    return socket.create_connection(listener.getsockname(), timeout=5)


def ask(line: socket.socket, *paths: str) -> None:
    line.sendall(b"".join(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % p.encode() for p in paths))


def answers(line: socket.socket, expected: int) -> list[str]:
    """Status code and last line of each answer, in their order on the line."""
    came = b""
    while came.count(b"HTTP/1.1 ") < expected or not came.endswith(
        (b"/a", b"/b", b"/c", b"server)")
    ):
        came += (piece := line.recv(65536))
        if not piece:
            break
    found = came.decode().split("HTTP/1.1 ")[1:]
    return [f"{answer[:3]} {answer.splitlines()[-1]}" for answer in found]


def is_silent(line: socket.socket) -> bool:
    line.settimeout(0.1)
    try:
        return not line.recv(1, socket.MSG_PEEK)
    except TimeoutError:
        return True
    finally:
        line.settimeout(5)


@pytest.mark.parametrize("quick", [True, False])
def test_an_answer_leaves_when_it_is_settled_and_not_before(quick: bool) -> None:
    held = Held()
    with serving(held, quick=quick) as listener, connect(listener) as line:
        ask(line, "/a")
        wait_until(lambda: "/a" in held.asked)
        assert is_silent(line)
        held.settle("/a")
        assert answers(line, 1) == ["200 answer to /a"]


@pytest.mark.parametrize("quick", [True, False])
def test_what_turns_out_not_to_be_true_is_a_503(quick: bool) -> None:
    held = Held()
    with serving(held, quick=quick) as listener, connect(listener) as line:
        ask(line, "/a")
        held.settle("/a", OSError("disk full at /secret/place"))
        (answer,) = answers(line, 1)
    assert answer.startswith("503")
    assert "secret" not in answer


@pytest.mark.parametrize("quick", [True, False])
def test_an_answer_settled_before_it_is_written_leaves_all_the_same(quick: bool) -> None:
    held = Held(while_running=lambda _path, settle: settle(None))
    with serving(held, quick=quick) as listener, connect(listener) as line:
        ask(line, "/a")
        assert answers(line, 1) == ["200 answer to /a"]


def test_pipelined_requests_are_answered_in_their_order() -> None:
    held = Held()
    with serving(held) as listener, connect(listener) as line:
        ask(line, "/a", "/b", "/c")
        for path in ("/a", "/b", "/c"):
            held.settle(path)
        assert answers(line, 3) == ["200 answer to /a", "200 answer to /b", "200 answer to /c"]


def test_after_a_503_the_line_is_closed_and_what_was_pipelined_behind_it_is_not_answered() -> None:
    held = Held()
    with serving(held) as listener, connect(listener) as line:
        ask(line, "/a", "/b", "/c")
        held.settle("/a")
        held.settle("/b", OSError("disk full"))
        assert [answer[:3] for answer in answers(line, 9)] == ["200", "503"]
    assert "/c" not in held.asked


def test_hundreds_of_answers_are_held_without_a_thread_for_each() -> None:
    held = Held()
    paths = [f"/{number}/a" for number in range(300)]
    with serving(held) as listener:
        lines = [connect(listener) for _ in paths]
        for line, path in zip(lines, paths, strict=True):
            ask(line, path)
        wait_until(lambda: len(held.asked) == len(paths))
        assert threading.active_count() < 20
        for path in reversed(paths):
            held.settle(path)
        for line, path in zip(lines, paths, strict=True):
            assert answers(line, 1) == [f"200 answer to {path}"]
            line.close()


def test_what_has_come_by_now_runs_together() -> None:
    """Answers that are held leave once it has ended, one or many."""
    application = Held()
    rounds: list[list[Settle]] = []

    @contextmanager
    def together() -> Iterator[None]:
        rounds.append([])
        yield
        for settle in rounds[-1]:
            settle(None)

    application.while_running = lambda _path, settle: rounds[-1].append(settle)
    with serving(application, together=together) as listener:
        lines = [connect(listener) for _ in range(50)]
        for line in lines:
            ask(line, "/a")
        assert [answers(line, 1) for line in lines] == [["200 answer to /a"]] * 50
    assert sum(map(len, rounds)) == 50


def test_settling_for_a_sender_who_hung_up_disturbs_nobody() -> None:
    held = Held()
    with serving(held) as listener, connect(listener) as other:
        with connect(listener) as line:
            ask(line, "/gone")
            wait_until(lambda: "/gone" in held.asked)
        ask(other, "/a")
        held.settle("/gone")
        held.settle("/a")
        assert answers(other, 1) == ["200 answer to /a"]


def test_only_the_first_settling_counts() -> None:
    held = Held()
    with serving(held) as listener, connect(listener) as line:
        ask(line, "/a")
        held.settle("/a")
        held.settle("/a", OSError("too late"))
        ask(line, "/b")
        wait_until(lambda: "/b" in held.asked)
        held.settle("/a")
        assert answers(line, 1) == ["200 answer to /a"]
        assert is_silent(line)
        held.settle("/b")
        assert answers(line, 1) == ["200 answer to /b"]


def test_what_is_never_settled_becomes_a_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "_MOST_SECONDS", 0.2)
    held = Held()
    with serving(held) as listener, connect(listener) as line:
        ask(line, "/a")
        (answer,) = answers(line, 1)
        held.settle("/a")
    assert answer.startswith("503")


def test_an_application_that_breaks_while_it_holds_is_a_500() -> None:
    def break_down(_path: str, _settle: Settle) -> None:
        raise RuntimeError("a mistake")

    held = Held(while_running=break_down)
    with serving(held) as listener, connect(listener) as line:
        ask(line, "/a")
        (answer,) = answers(line, 1)
        held.settles["/a"](None)
        assert answer.startswith("500")
        held.while_running = lambda _path, _settle: None
        with connect(listener) as next_line:
            ask(next_line, "/b")
            held.settle("/b")
            assert answers(next_line, 1) == ["200 answer to /b"]


def test_stopping_waits_for_what_is_held() -> None:
    held = Held()
    with serving(held) as listener:
        line = connect(listener)
        ask(line, "/a")
        wait_until(lambda: "/a" in held.asked)
        later = threading.Timer(0.5, held.settle, ["/a"])
        later.start()
    assert answers(line, 1) == ["200 answer to /a"]
    line.close()


def test_a_mistake_while_one_is_served_ends_that_line_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = Held()
    real = channel.Channel.service

    def service(line: channel.Channel) -> None:
        if line.requests[0].path == "/broken":
            raise RuntimeError("a mistake")
        real(line)

    monkeypatch.setattr(channel.Channel, "service", service)
    with serving(held) as listener, connect(listener) as line, connect(listener) as other:
        ask(line, "/broken")
        assert line.recv(1) == b""
        ask(other, "/a")
        held.settle("/a")
        assert answers(other, 1) == ["200 answer to /a"]


def test_newcomers_are_let_in_while_the_loop_is_busy() -> None:
    """A hundred that come at once, beside ten who never pause, are answered in their turn."""

    def slow(_: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        time.sleep(0.005)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"/a"]

    def insist(line: socket.socket) -> None:
        while not ended.is_set():
            ask(line, "/a")
            answers(line, 1)

    ended = threading.Event()
    with serving(slow) as listener:
        busy = [connect(listener) for _ in range(10)]
        insisting = [threading.Thread(target=insist, args=(line,)) for line in busy]
        for thread in insisting:
            thread.start()
        began = time.monotonic()
        newcomers = [connect(listener) for _ in range(100)]
        for line in newcomers:
            ask(line, "/a")
        for line in newcomers:
            assert answers(line, 1) == ["200 /a"]
        took = time.monotonic() - began
        ended.set()
        for thread in insisting:
            thread.join()
        for line in (*busy, *newcomers):
            line.close()
    assert took < 2.5  # one a round it is more than five seconds
