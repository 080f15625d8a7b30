"""Real processes: receiver, pretend Plivo, `setup`, `send` and `watch` between them."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from receiver.account.report_line import line
from tests import processes
from tests.receiver.account.making import PUBLIC_URL, SECRET, answering, environment, receiver
from tests.receiver.serving import seal, stored

THEM, OTHER, US = "447400123456", "4915112345678", "14155550101"
SPEED = "120"  # pretended seconds in a real one: a message ends within some of them


@dataclass
class Running:
    settings: dict[str, str]
    data_dir: Path
    plivo: str

    def command(self, *arguments: str, code: int = 0, **given: str) -> list[str]:
        done = receiver(*arguments, given={**self.settings, **given}, code=code)
        return done.stdout.splitlines()

    def later(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "receiver", *arguments],
            cwd=processes.ROOT,
            env=processes.environment(self.settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@contextmanager
def running(tmp_path: Path, *simulated: str, **given: str) -> Iterator[Running]:
    data_dir, log = tmp_path / "data", tmp_path / "log"
    settings = environment("", data_dir, **given)
    with processes.running(["receiver", "serve"], settings, log) as served:
        port = served.url.rpartition(":")[2]
        arguments = ["--speed", SPEED, "--forward", f"{PUBLIC_URL}={served.url}", *simulated]
        with processes.running(["tests.simulator", "--port", "0", *arguments], {}, log) as plivo:
            whole = {**settings, "PLIVO_API_URL": plivo.url, "RECEIVER_PORT": port}
            yield Running(whole, data_dir, plivo.url)


def uuids_in(lines: list[str], word: str) -> set[str]:
    return {line.rpartition("MessageUUID: ")[2] for line in lines if f"Status: {word}" in line}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("world"), SEAL_SECONDS="0.3") as world:
        yield world


def test_setup_and_then_a_message_whose_reports_come_in(world: Running) -> None:
    lines = world.command("setup", "--number", f"+{US}")
    assert lines == [
        "application delivery-reports created",
        f"number {US} assigned to it",
        f"send with url={PUBLIC_URL}/delivery_report/{SECRET}",
    ]
    assert "nothing was changed" in world.command("setup", "--number", f"+{US}")

    lines = world.command("send", "--from", US, "--to", THEM, "--text", "Hi", "--tag", "otp")
    [uuid] = uuids_in(lines, "accepted")
    assert lines[1:] == [
        f"From: {US}, To: {THEM}, Status: {status}, MessageUUID: {uuid}"
        for status in ("queued", "sent", "delivered")
    ]


def test_many_numbers_each_have_their_reports_or_their_refusal(world: Running) -> None:
    to = f"{THEM}<{OTHER}<123"
    lines = world.command(
        "send", "--from", US, "--to", to, "--text", "Hallo €" * 40, "--wait", "40", code=1
    )
    assert lines[0] == "3 units, 9 for 3 numbers (320 septets of GSM-7)"
    assert lines[1] == "To: 123, Status: refused by Plivo as no valid number"
    accepted = uuids_in(lines, "accepted")
    assert len(accepted) == 2
    ended = uuids_in(lines, "delivered") | {
        line.split("MessageUUID: ")[1].split(",")[0] for line in lines if "delivered" in line
    }
    assert ended == accepted
    assert all(any(f"To: {number}, " in line for line in lines) for number in (THEM, OTHER))


def test_a_powerpack_chooses_the_sender(world: Running) -> None:
    pack = "1d5f3dd8-b207-4738-b59f-3c2ac7d3461c"
    lines = world.command("send", "--powerpack", pack, "--to", THEM, "--text", "Hi")
    assert all(line.startswith("From: 447418340001, ") for line in lines[1:])


@pytest.mark.parametrize("goodbye", [signal.SIGINT, signal.SIGTERM])
def test_watch_shows_what_comes_in_until_it_is_ended(
    world: Running, goodbye: signal.Signals
) -> None:
    everything, tagged, to_other = (), ("--tag", "a b"), ("--to", f"+{OTHER}")
    watchers = [world.later("watch", *asked) for asked in (everything, tagged, to_other)]
    try:
        for watcher in watchers:
            assert watcher.stderr is not None
            assert "until Ctrl-C" in watcher.stderr.readline()
        send = ("send", "--from", US, "--text", "Hi", "--wait", "0", "--to")
        first = uuids_in(world.command(*send, THEM, "--tag", "a b"), "accepted")
        second = uuids_in(world.command(*send, OTHER, "--tag", "c"), "accepted")
        processes.get(f"{world.plivo}/simulator/settle", data=b"")
        seal(world.data_dir)
        for watcher, wanted in zip(watchers, (first | second, first, second), strict=True):
            rows = [row for row in stored(world.data_dir) if row["message_uuid"] in wanted]
            assert len(rows) >= 2
            assert watcher.stdout is not None
            shown = [watcher.stdout.readline().rstrip("\n") for _ in rows]
            assert sorted(shown) == sorted(map(line, rows))
    finally:
        for watcher in watchers:
            watcher.send_signal(goodbye)
        said = [watcher.communicate(timeout=20) for watcher in watchers]
    assert said == [("", "")] * 3
    assert [watcher.returncode for watcher in watchers] == [0, 0, 0]


def test_a_message_in_parts_is_followed_to_its_last_part(tmp_path: Path) -> None:
    with running(tmp_path, "--legacy-rate", "1") as world:
        lines = world.command("send", "--from", US, "--to", THEM, "--text", "a" * 400)
    assert lines[0] == "3 units (400 septets of GSM-7)"
    assert len(uuids_in(lines, "accepted")) == 1
    assert len(uuids_in(lines, "delivered")) == 3


def test_serve_does_without_the_sdk() -> None:
    asked = "import receiver.__main__, receiver.serve, sys; print('plivo' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=processes.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"


def test_without_reports_send_ends_in_time_and_says_so(world: Running) -> None:
    lines = world.command(
        "send", "--from", US, "--to", THEM, "--text", "Hi", "--wait", "1", code=3,
        PUBLIC_URL="http://127.0.0.1:9",
    )  # fmt: skip
    assert lines[1].startswith("Status: no report after 1 s, MessageUUID: ")


def test_wrong_credentials_are_refused_before_anything_is_sent(world: Running) -> None:
    done = receiver(
        "send", "--from", US, "--to", THEM, "--text", "Hi",
        given={**world.settings, "PLIVO_AUTH_TOKEN": "wrong-token"}, code=2,
    )  # fmt: skip
    assert "PLIVO_AUTH_TOKEN" in done.stderr
    assert done.stdout == ""


def test_setup_finds_a_running_ngrok(world: Running) -> None:
    port = world.settings["RECEIVER_PORT"]
    tunnel = {"public_url": "https://a.ngrok.app", "config": {"addr": f"http://localhost:{port}"}}
    nobody = ("--cloudflared", "http://127.0.0.1:9")
    with answering(api_tunnels={"tunnels": [tunnel]}) as ngrok:
        where = ("--ngrok", ngrok.url, *nobody, "--app-name", "tunnelled")
        lines = world.command("setup", *where, PUBLIC_URL="")
    assert lines == [
        "application tunnelled created",
        "ngrok runs here: put PUBLIC_URL=https://a.ngrok.app into .env",
        f"send with url=https://a.ngrok.app/delivery_report/{SECRET}",
    ]


def test_setup_finds_a_running_cloudflared(world: Running) -> None:
    service = f"http://localhost:{world.settings['RECEIVER_PORT']}"
    config = {"config": {"ingress": [{"hostname": "", "service": service}]}}
    with answering(quicktunnel={"hostname": "a.trycloudflare.com"}, config=config) as cloudflared:
        where = ("--ngrok", "http://127.0.0.1:9", "--cloudflared", cloudflared.url)
        lines = world.command("setup", *where, "--dry-run", PUBLIC_URL="")
    assert "cloudflared runs here: put PUBLIC_URL=https://a.trycloudflare.com into .env" in lines


def test_renting_wants_a_yes(world: Running) -> None:
    rent = ("setup", "--app-name", "rented", "--buy", "--country", "US")
    done = receiver(*rent, given=world.settings, code=2)
    assert "0.80000 a month" in done.stderr
    assert "--yes" in done.stderr
    lines = world.command(*rent, "--yes")
    assert lines[:3] == [
        "rent 12129000000 for 0.80000 a month and 0.00000 once, in the account's currency? yes",
        "application rented created",
        "number 12129000000 rented, on the application",
    ]


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        ((), {"PLIVO_AUTH_TOKEN": "wrong"}, 2, "Check PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN"),
        ((), {"PLIVO_AUTH_ID": ""}, 2, "PLIVO_AUTH_ID is not set"),
        ((), {"PLIVO_API_URL": "http://127.0.0.1:9"}, 75, "did not answer"),
        (("--number", "+447400123456"), {}, 2, "…3456 is no number of this account"),
        (("--buy",), {}, 2, "--buy --country US"),
        (("--country", "US"), {}, 2, "--buy --country US"),
        (("--buy", "--country", "DE", "--app-name", "de"), {}, 2, "documents first in DE"),
        (("--buy", "--number", US), {}, 2, "not allowed with"),
    ],
)
def test_setup_says_what_to_do(
    world: Running, arguments: tuple[str, ...], given: dict[str, str], code: int, said: str
) -> None:
    done = receiver("setup", *arguments, given={**world.settings, **given}, code=code)
    assert said in done.stderr
