"""The simulator as a process: time runs, threads post, signals end it."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.simulator.options import parse_options

ROOT = Path(__file__).parents[2]
AUTH = ("MAPRETENDPLIVOACCT01", "pretend-token-of-the-main-account")


@contextmanager
def a_process(*flags: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "tests.simulator", "--port", "0", *flags]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line.startswith("simulator listening on http://127.0.0.1:")
            yield process, line.split()[-1]
        finally:
            if process.poll() is None:
                process.kill()


@contextmanager
def a_receiver() -> Iterator[tuple[str, list[str]]]:
    """A real web server that answers 200 and keeps the bodies in order of arrival."""
    bodies: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/delivery_report", bodies
        server.shutdown()


def truth(url: str) -> list[dict[str, Any]]:
    told = requests.get(url + "/simulator/truth", timeout=10).text
    return [json.loads(line) for line in told.splitlines()]


def test_a_process_posts_all_reports_in_order_and_ends_on_sigterm() -> None:
    with a_receiver() as (hook, bodies), a_process("--speed", "40000") as (process, url):
        wanted = {"messages": 100, "inbound": 5, "url": hook, "message_url": hook, "hours": 6}
        requests.post(url + "/simulator/traffic", json=wanted, timeout=5).raise_for_status()
        status = requests.post(url + "/simulator/settle", timeout=20).json()
        messages = truth(url)
        assert status["events_pending"] == status["posts_in_flight"] == 0
        assert status["messages"] == len(messages) == 105
        assert status["reports_posted"] == status["reports_acked"] == len(bodies)
        for message in messages:
            uuid = message["message_uuid"]
            arrived = [body for body in bodies if f"MessageUUID={uuid}" in body]
            reports = message["parts"][0]["reports"]
            assert [report["answers"] for report in reports] == [[200]] * len(reports)
            if message["direction"] == "outbound":
                found = [body.partition("Sequence=")[2][0] for body in arrived]
                assert found == [str(report["sequence"]) for report in reports]
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


def test_a_dead_receiver_gets_its_retries_and_sigint_ends_too() -> None:
    with a_process("--speed", "40000", "--seed", "9") as (process, url):
        wanted = {"messages": 10, "url": "http://127.0.0.1:9/delivery_report", "hours": 1}
        requests.post(url + "/simulator/traffic", json=wanted, timeout=5).raise_for_status()
        status = requests.post(url + "/simulator/settle", timeout=20).json()
        reports = [r for m in truth(url) for part in m["parts"] for r in part["reports"]]
        assert all(report["answers"] == [0, 0, 0, 0] for report in reports)
        assert status["reports_failed"] == len(reports)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) == 0


def test_time_stops_at_until_and_faults_can_be_changed_on_the_way() -> None:
    start, until = "2026-11-14T00:00:00Z", "2026-11-14T00:00:01Z"
    with a_process("--speed", "1e6", "--start", start, "--until", until) as (_, url):
        for _ in range(200):
            now = requests.get(url + "/simulator/status", timeout=5).json()["now"]
            if now == "2026-11-14T00:00:01.000000Z":
                break
        else:
            pytest.fail("the clock never reached --until")
        requests.post(url + "/simulator/faults", json={"page_429": 1.0}, timeout=5)
        log = requests.get(f"{url}/v1/Account/{AUTH[0]}/Message/", auth=AUTH, timeout=5)
        assert log.status_code == 429


def test_every_setting_and_fault_is_a_flag() -> None:
    flags = {
        "--lost": "0.1",
        "--faults": '{"late": 0.2, "lost": 0.5}',
        "--paging": "hybrid",
        "--subaccount": "SAPRETENDPLIVOSUBA02:secret",
        "--list-requests-per-minute": "0",
        "--forward": "https://hooks.example=http://127.0.0.1:8080",
    }
    options = parse_options([word for flag in flags.items() for word in flag])
    settings = options.settings
    assert (settings.faults.lost, settings.faults.late) == (0.1, 0.2)
    assert settings.account.token_of("SAPRETENDPLIVOSUBA02") == "secret"
    assert settings.list_requests_per_minute is None
    assert options.forward == {"https://hooks.example": "http://127.0.0.1:8080"}


@pytest.mark.parametrize("wrong", [["--lost", "2"], ["--faults", '{"gone": 1}'], ["--paging", "x"]])
def test_a_wrong_flag_ends_with_2(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(wrong)
    assert ended.value.code == 2
