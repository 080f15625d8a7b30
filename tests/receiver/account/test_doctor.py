"""`doctor`: each check where all is well, and in a world where it is not."""

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from receiver import alive, config
from receiver.account.doctor import here, plivo, reach, relaying
from receiver.diagnosis import Check, Line, examined
from receiver.journal import Journal
from tests import processes
from tests.receiver import serving
from tests.receiver.account.making import ACCOUNT, SECRET, answering, environment, receiver
from tests.receiver.making import callback, named, put
from tests.simulator import Served, Simulation


@dataclass
class World:
    settings: dict[str, str]
    data_dir: Path

    def examined(self, family: object, **given: str) -> dict[str, Line]:
        """The lines of a family of checks by name; keywords are settings of doctor's."""
        settings = config.load(environment={**self.settings, **given})
        checks: list[Check] = family.checks(settings)  # type: ignore[attr-defined]
        lines = examined(checks)
        assert all(line.mend for line in lines if line.level != "ok"), "what mends it is said"
        return {line.check: line for line in lines}


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A receiver that Plivo could reach, a pretend Plivo, an account that is set up."""
    data_dir = tmp_path_factory.mktemp("world") / "data"
    port = str(free_port())
    own = {"PUBLIC_URL": f"http://127.0.0.1:{port}", "RECEIVER_PORT": port}
    with Served(Simulation()) as pretended:
        settings = environment(pretended.url, data_dir, **own)
        with serving.serving(data_dir, **settings):
            receiver("setup", given=settings)
            yield World(settings, data_dir)


@pytest.fixture
def folder(tmp_path: Path) -> World:
    """A data folder that no receiver serves."""
    return World(environment("http://127.0.0.1:9", tmp_path / "data"), tmp_path / "data")


def test_where_all_is_well_every_line_is_ok_and_nothing_is_left_behind(world: World) -> None:
    done = receiver("doctor", "--format", "json", given=world.settings)
    said = json.loads(done.stdout)
    assert said["sound"] is True
    assert {line["check"]: line["level"] for line in said["lines"]} == dict.fromkeys(
        ["settings", "data folder", "journal", "disk", "receiver", "credentials", "clock",
         "application", "public address", "signatures", "relay"], "ok",
    )  # fmt: skip
    assert {path.name for path in world.data_dir.iterdir()} <= {"journal", "reports", "quarantine"}
    assert serving.stored(world.data_dir) == []
    assert not list(world.data_dir.glob("quarantine/refused.sqlite"))


def test_in_a_broken_world_every_line_is_told_and_the_exit_code_is_1(tmp_path: Path) -> None:
    """DATA_DIR is a file, and nobody answers anywhere."""
    (tmp_path / "data").write_text("no folder")
    broken = environment("http://127.0.0.1:9", tmp_path / "data", PUBLIC_URL="http://127.0.0.1:9")
    done = receiver("doctor", given=broken, code=1)
    for check in ("settings", "data folder", "journal", "disk", "receiver", "credentials",
                  "clock", "application", "public address", "signatures", "relay"):  # fmt: skip
        assert f" {check} " in done.stdout
    short = [line for line in done.stdout.splitlines() if str(tmp_path) not in line]
    assert max(map(len, short)) <= 80
    assert SECRET not in done.stdout


def test_a_setting_that_is_no_value_stops_it_as_any_command(tmp_path: Path) -> None:
    given = environment("http://127.0.0.1:9", tmp_path, SEAL_SECONDS="soon")
    assert "SEAL_SECONDS is 'soon'" in receiver("doctor", given=given, code=2).stderr


@pytest.mark.parametrize(
    ("given", "level", "said"),
    [
        ({}, "ok", "what serve needs"),
        ({"PLIVO_AUTH_TOKEN": ""}, "broken", "PLIVO_AUTH_TOKEN is missing"),
        ({"PUBLIC_URL": ""}, "broken", "PUBLIC_URL is missing"),
        ({"RELAY_URL": "https://sms.example.org/delivery_report"}, "broken", "leads back"),
        ({"PUBLIC_URL": "http://sms.example.org"}, "warning", "is http"),
        ({"RECEIVER_PATH_SECRET": ""}, "warning", "no RECEIVER_PATH_SECRET"),
    ],
)
def test_settings(folder: World, given: dict[str, str], level: str, said: str) -> None:
    line = folder.examined(here, **given)["settings"]
    assert line.level == level
    assert said in line.said


def test_a_data_folder_that_is_not_there_is_no_folder_afterwards(folder: World) -> None:
    assert folder.examined(here)["data folder"].level == "warning"
    assert not folder.data_dir.exists()


def test_a_slow_disk_is_told(folder: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.data_dir.mkdir()
    assert folder.examined(here)["data folder"].level == "ok"
    monkeypatch.setattr(here, "_SLOW_SECONDS", 0.0)
    assert folder.examined(here)["data folder"].level == "warning"


def test_a_damaged_journal_is_named_and_the_others_are_still_counted(folder: World) -> None:
    first = put(folder.data_dir, *named("m1", "m2", at=datetime.now(UTC)))
    line = folder.examined(here)["journal"]
    assert (line.level, line.said[:2]) == ("ok", "2 ")
    first.write_bytes(b"rubbish" * 1000)
    settings = config.load(environment=folder.settings)
    lines = [line for line in examined(here.checks(settings)) if line.check == "journal"]
    assert [line.level for line in lines] == ["broken", "ok"]
    assert str(first) in lines[0].said


def test_reports_that_nobody_seals_are_told(folder: World) -> None:
    put(folder.data_dir, callback(b"MessageUUID=m1"))
    line = folder.examined(here)["journal"]
    assert line.level == "warning"
    assert "python -m receiver seal" in line.mend


@pytest.mark.parametrize(("free", "level"), [(5e9, "ok"), (5e8, "warning"), (5e7, "broken")])
def test_disk(
    folder: World, monkeypatch: pytest.MonkeyPatch, free: float, level: str
) -> None:  # fmt: skip
    usage = shutil.disk_usage(folder.data_dir.parent)._replace(free=int(free))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    assert folder.examined(here)["disk"].level == level


def test_no_receiver_alive_is_told_with_its_last_sign(folder: World) -> None:
    assert "ever" in folder.examined(here)["receiver"].said
    now = datetime.now(UTC)
    beat(folder, now - timedelta(hours=3), now - timedelta(hours=2))
    line = folder.examined(here)["receiver"]
    assert (line.level, line.mend) == ("broken", "python -m receiver serve")
    beat(folder, now - timedelta(hours=1), now)
    line = folder.examined(here)["receiver"]
    assert line.level == "warning"
    assert "60 minutes" in line.said
    beat(folder, now - timedelta(hours=2), now)
    assert folder.examined(here)["receiver"].level == "ok"


def beat(folder: World, from_at: datetime, until_at: datetime) -> None:
    alive.Heartbeat(folder.data_dir / "reports", "r", from_at).beat(until_at)


@pytest.mark.parametrize(
    ("given", "level", "said"),
    [
        ({}, "ok", ACCOUNT.auth_id),
        ({"PLIVO_AUTH_TOKEN": "wrong"}, "broken", "refuses them (401)"),
        ({"PLIVO_AUTH_ID": "someone"}, "broken", "PLIVO_AUTH_ID is ***"),
        ({"PLIVO_API_URL": "http://127.0.0.1:9"}, "warning", "does not answer"),
    ],
)
def test_credentials(world: World, given: dict[str, str], level: str, said: str) -> None:
    line = world.examined(plivo, **given)["credentials"]
    assert line.level == level
    assert said in line.said


@pytest.mark.parametrize(
    ("ahead", "level", "said"),
    [
        (0, "ok", "within 5 s"),
        (-30, "warning", "ahead of Plivo's"),
        (30, "warning", "behind Plivo's"),
        (300, "broken", "behind Plivo's"),
    ],
)
def test_clock(
    folder: World, monkeypatch: pytest.MonkeyPatch, ahead: int, level: str, said: str
) -> None:
    """Plivo's is told by the header Date of any answer, a refusal too."""
    now = formatdate(time.time() + ahead, usegmt=True)
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda *_: now)
    with answering(**{"": (401, {"error": "no"})}) as pretended:
        line = folder.examined(plivo, PLIVO_API_URL=pretended.url)["clock"]
    assert line.level == level
    assert said in line.said


def test_a_clock_that_cannot_be_compared_is_a_warning(folder: World) -> None:
    assert folder.examined(plivo)["clock"].level == "warning"


def test_applications(world: World) -> None:
    assert world.examined(plivo)["application"].level == "ok"
    line = world.examined(plivo, RECEIVER_PATH_SECRET="another-secret")["application"]
    assert line.level == "broken"
    assert line.mend == "python -m receiver setup --app-name delivery-reports"
    with Served(Simulation()) as empty:
        line = world.examined(plivo, PLIVO_API_URL=empty.url)["application"]
    assert line.level == "ok"
    assert "none sends inbound messages" in line.said


def test_an_account_that_cannot_be_read_is_no_broken_application(world: World) -> None:
    line = world.examined(plivo, PLIVO_AUTH_TOKEN="wrong")["application"]
    assert line.level == "warning"


def test_the_public_address_leads_to_this_receiver(world: World) -> None:
    assert world.examined(reach)["public address"].level == "ok"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"PLIVO_AUTH_TOKEN": "wrong-token"}, "refuses our signature"),
        ({"RECEIVER_PATH_SECRET": "another-secret"}, "answers 404"),
        ({"PUBLIC_URL": "http://127.0.0.1:9"}, "does not answer"),
        ({"PUBLIC_URL": ""}, "not tried"),
    ],
)
def test_the_public_address_and_other_settings(
    world: World, given: dict[str, str], said: str
) -> None:
    line = world.examined(reach, **given)["public address"]
    assert line.level == "broken"
    assert said in line.said


def test_the_receiver_there_has_another_public_url(world: World) -> None:
    by_name = world.settings["PUBLIC_URL"].replace("127.0.0.1", "localhost")
    line = world.examined(reach, PUBLIC_URL=by_name)["public address"]
    assert (line.level, "its PUBLIC_URL or token differs" in line.said) == ("broken", True)


def test_the_receiver_there_has_another_data_folder(world: World, tmp_path: Path) -> None:
    line = world.examined(reach, DATA_DIR=str(tmp_path))["public address"]
    assert (line.level, "another data folder" in line.said) == ("broken", True)


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "not as this receiver does"), (502, "does not reach the receiver"), (404, "404")],
)
def test_somebody_else_answers(
    folder: World, monkeypatch: pytest.MonkeyPatch, status: int, said: str
) -> None:
    line = answered(folder, monkeypatch, status)
    assert (line.level, said in line.said) == ("broken", True)


def test_the_address_sends_callers_on(folder: World, monkeypatch: pytest.MonkeyPatch) -> None:
    line = answered(folder, monkeypatch, 301, Location="https://sms.example.org/x")
    assert (line.level, "on to https://sms.example.org/x" in line.said) == ("broken", True)


def answered(
    folder: World, monkeypatch: pytest.MonkeyPatch, status: int, **headers: str
) -> Line:  # fmt: skip
    """What is said where a server of somebody's answers the probe like this."""

    def do_head(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    monkeypatch.setattr(BaseHTTPRequestHandler, "do_HEAD", do_head, raising=False)
    with answering() as other:
        return folder.examined(reach, PUBLIC_URL=other.url)["public address"]


@pytest.mark.parametrize(
    ("age", "url", "level"),
    [
        (timedelta(minutes=1), "https://app.example.org", "ok"),
        (timedelta(hours=1), "https://app.example.org", "warning"),
        (timedelta(days=2), "https://app.example.org", "broken"),
        (timedelta(minutes=1), "", "warning"),
    ],
)
def test_relay(folder: World, age: timedelta, url: str, level: str) -> None:
    assert folder.examined(relaying, RELAY_URL=url)["relay"].level == "ok"
    with Journal(folder.data_dir / "journal", relaying=True) as journal:
        journal.append(callback(b"MessageUUID=m1", at=datetime.now(UTC) - age))
    line = folder.examined(relaying, RELAY_URL=url)["relay"]
    assert (line.level, "1 reports" in line.said) == (level, True)


def test_serve_does_without_the_doctor() -> None:
    """It shares the program, and needs none of what doctor imports."""
    asked = "import receiver.__main__, sys; print('receiver.account.doctor.plivo' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=processes.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
