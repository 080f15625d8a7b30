"""Reports that go on to a handler of the user's own: all of them, in order, whatever dies."""

import os
import signal
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from receiver import journal_file
from receiver.callback import Callback
from receiver.journal import Journal
from receiver.relay import outbox
from receiver.relay.patience import GIVE_UP_AFTER_TRIES, Handler, due_again, is_hopeless
from tests import processes
from tests.processes import wait_until
from tests.receiver.sending import FORM, PATH, SECRET, SETTINGS, post, send, signed
from tests.receiver.serving import messages_of, serving, start, stored_uuids

LATE = {"SEAL_SECONDS": "3600"}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class OwnHandler:
    """The user's own handler: what it took, and what it says to each request."""

    def __init__(self) -> None:
        self.took: list[dict[str, Any]] = []
        self.says: Callable[[dict[str, Any]], int] = lambda _: 200
        self.port = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/plivo"

    def uuids(self) -> list[str]:
        return [request["uuid"] for request in self.took]

    def answer(self, request: dict[str, Any]) -> int:
        status = self.says(request)
        if status == 200:
            with self._lock:
                self.took.append(request)
        return status

    @contextmanager
    def listening(self) -> Iterator[None]:
        handler = self

        class Requests(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path, _, query = self.path.partition("?")
                fields = parse_qs((body or query.encode()).decode())
                status = handler.answer(
                    {"method": self.command, "path": path, "query": query, "body": body,
                     "headers": dict(self.headers), "uuid": fields.get("MessageUUID", [""])[0],
                     "sequence": fields.get("Sequence", [""])[0]}
                )  # fmt: skip
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_GET = do_POST  # noqa: N815  as http.server names it

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", self.port), Requests) as server:
            server.daemon_threads = True
            self.port = server.server_port
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture
def handler() -> Iterator[OwnHandler]:
    handler = OwnHandler()
    with handler.listening():
        yield handler


def relaying(handler: OwnHandler, **more: str) -> dict[str, str]:
    return {"RELAY_URL": handler.url, **LATE, **more}


def waiting_in(data_dir: Path) -> int:
    total = 0
    for path in journal_file.journals(data_dir / "journal"):
        with journal_file.opened(path) as connection:
            total += outbox.state(connection)[0]
    return total


def test_a_report_goes_on_as_it_came(tmp_path: Path, handler: OwnHandler) -> None:
    """Body, query and Plivo's signature headers, byte for byte, and an id to tell copies by."""
    target = f"{PATH}?tag=a%2fb&x=%C3%BC+1"
    body = b"MessageUUID=m1&Status=sent&Text=%c3%bc+%26"
    headers = {"Content-Type": FORM, **signed(target, body)}
    with serving(tmp_path / "data", **relaying(handler)) as receiver:
        assert send(receiver.url, "POST", target, body, headers).status == 200
        wait_until(lambda: handler.took != [])
    (request,) = handler.took
    assert (request["method"], request["path"], request["body"]) == ("POST", "/plivo", body)
    assert request["query"] == "tag=a%2fb&x=%C3%BC+1"
    assert headers.items() <= request["headers"].items()
    assert request["headers"]["X-Report-Id"].endswith("-0000000000000001")


def test_a_get_goes_on_as_a_get(tmp_path: Path, handler: OwnHandler) -> None:
    """Behind the query that RELAY_URL has of its own."""
    target = f"{PATH}?{urlencode({'MessageUUID': 'm1', 'Status': 'sent'})}"
    own = {"RELAY_URL": f"{handler.url}?key=k", **LATE}
    with serving(tmp_path / "data", **own) as receiver:
        assert send(receiver.url, "GET", target, None, signed(target, method="GET")).status == 200
        wait_until(lambda: handler.took != [])
    assert handler.took[0]["method"] == "GET"
    assert handler.took[0]["query"] == "key=k&MessageUUID=m1&Status=sent"


def test_inbound_messages_and_refused_requests_do_not_go_on(
    tmp_path: Path, handler: OwnHandler
) -> None:
    """Delivery reports alone, and of those only what was let in."""
    with serving(tmp_path / "data", **relaying(handler)) as receiver:
        assert post(receiver.url, f"/message/{SECRET}", MessageUUID="inbound").status == 200
        assert send(receiver.url, "POST", PATH, b"MessageUUID=forged").status == 403
        assert post(receiver.url, MessageUUID="m1").status == 200
        wait_until(lambda: handler.took != [])
    assert handler.uuids() == ["m1"]


def test_reports_of_a_message_go_on_in_order(tmp_path: Path, handler: OwnHandler) -> None:
    """Though many are on their way at once, each fails now and then, and two processes store."""
    lock = threading.Lock()
    seen: defaultdict[tuple[str, str], int] = defaultdict(int)

    def says(request: dict[str, Any]) -> int:
        key = (request["uuid"], request["sequence"])
        with lock:
            seen[key] += 1
            return 400 if seen[key] == 1 and hash(key) % 3 == 0 else 200

    handler.says = says
    data_dir = tmp_path / "data"
    with serving(data_dir, **relaying(handler, RECEIVER_PROCESSES="2")) as receiver:
        for sequence in range(1, 5):
            for number in range(10):
                uuid = f"m{number}"
                assert post(receiver.url, MessageUUID=uuid, Sequence=str(sequence)).status == 200
        wait_until(lambda: len(handler.took) == 40, seconds=30)
    came = defaultdict(list)
    for request in handler.took:
        came[request["uuid"]].append(request["sequence"])
    assert dict(came) == {f"m{number}": ["1", "2", "3", "4"] for number in range(10)}
    assert waiting_in(data_dir) == 0


def test_one_report_that_is_refused_keeps_no_other_message_from_going_on(
    tmp_path: Path, handler: OwnHandler
) -> None:
    """It is tried again later and later; what follows of its own message waits for it."""
    handler.says = lambda request: 404 if request["uuid"] == "bad" else 200
    with serving(tmp_path / "data", **relaying(handler)) as receiver:
        for sequence in ("1", "2"):
            assert post(receiver.url, MessageUUID="bad", Sequence=sequence).status == 200
        for number in range(20):
            assert post(receiver.url, MessageUUID=f"m{number}").status == 200
        wait_until(lambda: len(handler.took) == 20)
        handler.says = lambda _: 200
        wait_until(lambda: handler.uuids().count("bad") == 2, seconds=20)
        assert [r["sequence"] for r in handler.took if r["uuid"] == "bad"] == ["1", "2"]


def test_what_the_handler_does_not_take_waits_over_a_restart(tmp_path: Path) -> None:
    """Killed with the handler down: the next start delivers all, sealed or not."""
    data_dir, handler = tmp_path / "data", OwnHandler()
    with handler.listening():
        pass  # its port is known, and nobody is there
    receiver = start(data_dir, **relaying(handler))
    for number in range(30):
        assert post(receiver.url, MessageUUID=f"m{number}").status == 200
    wait_until(lambda: "does not take reports" in messages_of(receiver))
    receiver.kill()
    processes.command("receiver", "seal", settings={"DATA_DIR": str(data_dir)})
    assert len(stored_uuids(data_dir)) == 30
    assert waiting_in(data_dir) == 30
    with handler.listening(), serving(data_dir, **relaying(handler)) as receiver:
        wait_until(lambda: len(set(handler.uuids())) == 30, seconds=30)
        wait_until(lambda: waiting_in(data_dir) == 0)
    assert len(stored_uuids(data_dir)) == 30


def test_a_relay_that_is_killed_is_started_again(tmp_path: Path, handler: OwnHandler) -> None:
    """At least once: what was on its way then comes again, and nothing is left out."""
    data_dir = tmp_path / "data"
    with serving(data_dir, **relaying(handler)) as receiver:
        for number in range(60):
            assert post(receiver.url, MessageUUID=f"m{number}").status == 200
            if number % 20 == 10:
                for pid in relays_of(receiver.process.pid):
                    os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(set(handler.uuids())) == 60, seconds=30)
        assert "a relay process ended with -9" in messages_of(receiver)
        wait_until(lambda: waiting_in(data_dir) == 0)


def relays_of(supervisor: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == supervisor and b"relay" in words:
            found.append(int(entry.name))
    return found


def test_a_slow_handler_slows_no_receiver(tmp_path: Path, handler: OwnHandler) -> None:
    """A 200 leaves when the report is on disk, not when it was relayed."""
    hurry = threading.Event()

    def says(_: dict[str, Any]) -> int:
        hurry.wait(20)
        return 200

    handler.says = says
    with serving(tmp_path / "data", **relaying(handler)) as receiver:
        began = time.monotonic()
        for number in range(50):
            assert post(receiver.url, MessageUUID=f"m{number}").status == 200
        assert time.monotonic() - began < 10
        hurry.set()
        wait_until(lambda: len(handler.took) == 50)


def test_metrics_show_what_waits(tmp_path: Path, handler: OwnHandler) -> None:
    """How many, for how long, and what came of the tries."""
    handler.says = lambda _: 503
    with serving(tmp_path / "data", **relaying(handler)) as receiver:
        assert post(receiver.url, MessageUUID="m1").status == 200

        def figures() -> str:
            return send(receiver.url, "GET", "/metrics").text

        wait_until(lambda: 'receiver_relay_tries_total{result="failed"} ' in figures())
        assert "receiver_relay_waiting 1.0" in figures()
        handler.says = lambda _: 200
        wait_until(
            lambda: 'receiver_relay_tries_total{result="taken"} 1.0' in figures(), seconds=20
        )
        wait_until(lambda: "receiver_relay_waiting 0.0" in figures())


def test_what_is_admitted_later_goes_on_too(tmp_path: Path, handler: OwnHandler) -> None:
    """By recheck, with the signature headers that it came with."""
    data_dir = tmp_path / "data"
    body = b"MessageUUID=m1&Status=sent"
    headers = {"Content-Type": FORM, **signed(PATH, body, token="new")}
    with serving(data_dir, **relaying(handler)) as receiver:
        assert send(receiver.url, "POST", PATH, body, headers).status == 403
        wait_until(lambda: any((data_dir / "quarantine").glob("*.sqlite")))
    mended = {**whole_settings(data_dir, handler), "PLIVO_EXTRA_AUTH_TOKENS": "new"}
    wait_until(
        lambda: "admitted 1" in processes.command("receiver", "recheck", settings=mended).stdout
    )
    with serving(data_dir, **relaying(handler)):
        wait_until(lambda: handler.took != [])
    assert signed_part(headers).items() <= handler.took[0]["headers"].items()


def signed_part(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.startswith("X-Plivo")}


def whole_settings(data_dir: Path, handler: OwnHandler) -> dict[str, str]:
    return {**SETTINGS, **relaying(handler), "DATA_DIR": str(data_dir)}


def test_a_forgotten_number_is_not_relayed_any_more(tmp_path: Path) -> None:
    """What still waits for the handler is forgotten like the rest."""
    with Journal(tmp_path / "journal", relaying=True) as journal:
        for number in ("14045550100", "14045550199"):
            journal.append(
                Callback(received_at=NOON, kind="delivery_report", http_method="POST",
                         body=f"MessageUUID=m{number}&To={number}".encode(), query=b"")
            )  # fmt: skip
    assert waiting_in(tmp_path) == 2
    done = processes.command(
        "receiver", "forget", "--number", "+14045550100", settings={"DATA_DIR": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    assert waiting_in(tmp_path) == 1


def test_a_relay_to_ourselves_is_refused(tmp_path: Path) -> None:
    """It would go round for ever."""
    settings = {**whole_settings(tmp_path, OwnHandler())}
    settings["RELAY_URL"] = f"{settings['PUBLIC_URL']}{PATH}"
    done = processes.command("receiver", "serve", settings=settings)
    assert done.returncode == 2
    assert "RELAY_URL leads back to this receiver" in done.stderr
    assert SECRET not in done.stderr


def test_without_relay_url_nothing_is_kept_for_it(tmp_path: Path) -> None:
    """And what an earlier setting left is not lost either."""
    with Journal(tmp_path / "journal") as journal:
        journal.append(
            Callback(received_at=NOON, kind="delivery_report", http_method="POST",
                     body=b"MessageUUID=m1", query=b"")
        )  # fmt: skip
    assert waiting_in(tmp_path) == 0


@given(st.integers(0, 10_000))
@settings(max_examples=50)
def test_patience_grows_to_a_quarter_of_an_hour(tries: int) -> None:
    """Never at once, never longer."""
    pause = due_again(NOON, tries) - NOON
    assert timedelta(seconds=1) <= pause <= timedelta(minutes=15)
    assert due_again(NOON, tries + 1) - NOON >= pause


def test_a_report_is_given_up_after_three_days_of_refusals() -> None:
    """Not earlier, however often it could be tried."""
    waited = sum((due_again(NOON, tries) - NOON for tries in range(GIVE_UP_AFTER_TRIES - 1)),
                 timedelta())  # fmt: skip
    assert timedelta(days=2, hours=20) < waited < timedelta(days=3, hours=4)
    assert not is_hopeless(GIVE_UP_AFTER_TRIES - 1)
    assert is_hopeless(GIVE_UP_AFTER_TRIES)


def test_while_the_handler_is_down_one_report_at_a_time_is_tried() -> None:
    """With a pause of at most a minute, until one is answered."""
    handler = Handler()
    assert handler.room(NOON, 3, 8) == 5
    for _ in range(20):
        handler.failed(NOON)
    assert handler.room(NOON + timedelta(seconds=59), 0, 8) == 0
    assert handler.room(NOON + timedelta(seconds=61), 1, 8) == 0
    assert handler.room(NOON + timedelta(seconds=61), 0, 8) == 1
    handler.answered()
    assert handler.room(NOON, 0, 8) == 8
