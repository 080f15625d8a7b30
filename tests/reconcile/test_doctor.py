"""`reconcile doctor`: each check on a folder where all is well, and on one where it is not."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver import config
from receiver.config import Settings
from receiver.diagnosis import Line, examined
from reconcile.doctor import collection, reading, volume
from reconcile.doctor.messages import look
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import How, Window
from tests.builders import clock, log_row, report, write_pieces
from tests.processes import command

ACCOUNT = "MAXXXXXXXXXXXXXXXXXX"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NOW = datetime.now(UTC)


def fill(
    data_dir: Path,
    *,
    messages: int = 40,
    silent: int = 0,
    unfinished: int = 0,
    sent: timedelta = 6 * HOUR,
    shift: timedelta = timedelta(),
    state: str = "delivered",
) -> Path:
    """So many messages; no report tells of the silent, none of the end of the unfinished."""
    at = NOW - sent
    reports = [
        report(
            f"m{n}",
            "sent" if n < silent + unfinished else state,
            message_time=clock(at + shift),
            received_at=at + timedelta(minutes=1),
            account=ACCOUNT,
        )
        for n in range(silent, messages)
    ]
    rows = [
        log_row(f"m{n}", state, message_time=at, pulled_at=NOW, account=ACCOUNT)
        for n in range(messages)
    ]
    write_pieces(data_dir, "reports", reports, 1)
    write_pieces(data_dir, "log", rows, 1)
    return data_dir


def read(
    data_dir: Path,
    from_ago: timedelta,
    until_ago: timedelta = timedelta(),
    *,
    read_ago: timedelta = timedelta(),
    how: How = "listed",
    account: str = ACCOUNT,
) -> None:
    window = Window(NOW - from_ago, NOW - until_ago, NOW - read_ago, how, 1, account)
    ledger.append(data_dir / "log", [window])


def settings(data_dir: Path, **given: str) -> Settings:
    whole = {"PLIVO_AUTH_ID": ACCOUNT, "PLIVO_AUTH_TOKEN": "token", "DATA_DIR": str(data_dir)}
    return config.load(environment={**whole, **given})


def told(data_dir: Path, **given: str) -> dict[str, Line]:
    """The lines by name."""
    asked = settings(data_dir, **given)
    messages = look(asked, NOW)
    checks = [*reading.checks(asked), *reading.of_messages(asked, messages),
              *collection.checks(asked, messages), *volume.checks(asked, messages)]  # fmt: skip
    return _by_name(examined(checks))


def _by_name(lines: Iterable[Line]) -> dict[str, Line]:
    found = {line.check: line for line in lines}
    assert all(line.mend for line in found.values() if line.level != "ok"), "what mends it is said"
    return found


def doctor(data_dir: Path, *arguments: str, code: int, **given: str) -> Any:
    whole = {"PLIVO_AUTH_ID": ACCOUNT, "PLIVO_AUTH_TOKEN": "a-token-of-ours"}
    done = command("reconcile", "doctor", *arguments,
                   settings={**whole, "DATA_DIR": str(data_dir), **given})  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "a-token-of-ours" not in done.stdout + done.stderr
    return done


def test_where_all_is_well_every_line_is_ok(tmp_path: Path) -> None:
    fill(tmp_path)
    read(tmp_path, DAY)
    said = json.loads(doctor(tmp_path, "--format", "json", code=0).stdout)
    assert said["sound"] is True
    assert {line["check"]: line["level"] for line in said["lines"]} == dict.fromkeys(
        ["credentials", "last run", "messages", "days not read", "without url", "capture rate",
         "clock shift", "oldest open", "quota", "backlog"], "ok",
    )  # fmt: skip


def test_an_empty_folder_is_told_and_not_made(tmp_path: Path) -> None:
    done = doctor(tmp_path / "data", code=1, PLIVO_AUTH_ID="")
    assert "PLIVO_AUTH_ID is not set" in done.stdout
    assert "holds no data yet" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= max(80, len(str(tmp_path)) + 40)
    assert not (tmp_path / "data").exists()


def test_a_damaged_file_is_named_and_the_ledger_is_still_examined(tmp_path: Path) -> None:
    fill(tmp_path)
    read(tmp_path, DAY)
    (damaged,) = (tmp_path / "log").rglob("*.parquet")
    damaged.write_bytes(b"rubbish")
    done = doctor(tmp_path, "--format", "json", code=1)
    lines = {line["check"]: line for line in json.loads(done.stdout)["lines"]}
    assert set(lines) == {"credentials", "last run", "messages"}
    assert lines["last run"]["level"] == "ok"
    assert lines["messages"]["level"] == "broken"
    assert damaged.name in lines["messages"]["said"]


def test_a_torn_ledger_is_a_line_too(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "log" / "_windows.jsonl").write_text("rubbish\n{}\n")
    done = doctor(tmp_path, code=1)
    assert "_windows.jsonl" in done.stdout


def test_a_setting_that_is_no_value_stops_it_as_any_command(tmp_path: Path) -> None:
    done = doctor(tmp_path, code=2, LOG_REQUESTS_PER_MINUTE="many")
    assert "LOG_REQUESTS_PER_MINUTE is 'many'" in done.stderr


@pytest.mark.parametrize(
    ("ago", "level"), [(HOUR, "ok"), (5 * HOUR, "warning"), (2 * DAY, "broken")]
)
def test_last_run(tmp_path: Path, ago: timedelta, level: str) -> None:
    read(tmp_path, 3 * DAY, ago, read_ago=ago)
    assert told(tmp_path)["last run"].level == level


def test_what_was_read_for_another_account_or_imported_was_no_run(tmp_path: Path) -> None:
    read(tmp_path, DAY, account="MAYYYYYYYYYYYYYYYYYY")
    read(tmp_path, DAY, how="imported")
    line = told(tmp_path)["last run"]
    assert (line.level, ACCOUNT in line.said) == ("broken", True)


def test_a_day_that_was_not_read_is_named_with_the_command(tmp_path: Path) -> None:
    fill(tmp_path, sent=5 * DAY)
    read(tmp_path, 6 * DAY, 3 * DAY)
    read(tmp_path, 2 * DAY)
    line = told(tmp_path)["days not read"]
    missing = (NOW - 3 * DAY).date()
    assert (line.level, line.said.startswith(f"{missing}")) == ("warning", True)
    assert f"python -m reconcile pull --since {missing}" in line.mend
    read(tmp_path, 3 * DAY, 2 * DAY)
    assert told(tmp_path)["days not read"].level == "ok"


def test_a_day_that_plivo_is_about_to_forget_is_urgent(tmp_path: Path) -> None:
    fill(tmp_path, sent=86 * DAY)
    read(tmp_path, 80 * DAY)
    line = told(tmp_path)["days not read"]
    assert (line.level, "and 4 more" in line.said) == ("broken", True)


@pytest.mark.parametrize(
    ("messages", "silent", "level"),
    [(200, 0, "ok"), (200, 2, "ok"), (100, 10, "warning"), (40, 30, "broken"), (10, 9, "ok")],
)
def test_messages_without_url(tmp_path: Path, messages: int, silent: int, level: str) -> None:
    fill(tmp_path, messages=messages, silent=silent)
    read(tmp_path, DAY)
    line = told(tmp_path)["without url"]
    assert (line.level, f"{silent} of {messages}" in line.said) == (level, True)


def test_the_command_that_lists_them_lists_them(tmp_path: Path) -> None:
    fill(tmp_path, messages=40, silent=30)
    read(tmp_path, DAY)
    lines = told(tmp_path)
    for name in ("without url", "capture rate"):
        asked = lines[name].mend.partition("python -m reconcile ")[2].partition(" lists")[0]
        done = command("reconcile", *asked.split(), "--format", "csv",
                       settings={"DATA_DIR": str(tmp_path)})  # fmt: skip
        assert len(done.stdout.splitlines()) == 31, done.stderr


@pytest.mark.parametrize(
    ("unfinished", "level"), [(0, "ok"), (1, "ok"), (10, "warning"), (30, "broken")]
)
def test_capture_rate(tmp_path: Path, unfinished: int, level: str) -> None:
    fill(tmp_path, unfinished=unfinished)
    read(tmp_path, DAY)
    assert told(tmp_path)["capture rate"].level == level


def test_without_a_window_that_was_read_no_capture_rate_is_known(tmp_path: Path) -> None:
    fill(tmp_path)
    line = told(tmp_path)["capture rate"]
    assert (line.level, line.mend) == ("warning", "python -m reconcile run")


def test_clocks_of_different_zones_name_the_setting(tmp_path: Path) -> None:
    fill(tmp_path, shift=timedelta(hours=5, minutes=30))
    read(tmp_path, DAY)
    line = told(tmp_path)["clock shift"]
    assert line.level == "warning"
    assert "5:30 h ahead" in line.said
    assert line.mend.startswith("set CALLBACK_TIME_ZONE")
    assert told(tmp_path, CALLBACK_TIME_ZONE="Asia/Kolkata")["clock shift"].level == "ok"


def test_an_open_message_is_fine_until_nobody_asks_for_it(tmp_path: Path) -> None:
    fill(tmp_path, state="sent")
    line = told(tmp_path)["oldest open"]
    assert (line.level, line.said.startswith("40 messages are open")) == ("ok", True)
    late = look(settings(tmp_path), NOW + 4 * DAY)
    (line,) = [one for one in examined(collection.checks(settings(tmp_path), late))
               if one.check == "oldest open"]  # fmt: skip
    assert (line.level, "40 had no sign of life" in line.said) == ("warning", True)
    assert "python -m reconcile run" in line.mend


def test_a_quota_that_volume_outgrows(tmp_path: Path) -> None:
    """At one request a minute 5,760 rows a day can be listed five times each."""
    fill(tmp_path, messages=6_000, sent=30 * HOUR)
    assert told(tmp_path)["quota"].level == "ok"
    counted = told(tmp_path, LOG_REQUESTS_PER_MINUTE="1")["quota"]
    assert (counted.level, "are counted instead" in counted.said) == ("ok", True)
    line = told(tmp_path, LOG_REQUESTS_PER_MINUTE="1", COUNT_FROM="never")["quota"]
    assert (line.level, "COUNT_FROM=v3" in line.mend) == ("broken", True)


def test_a_backlog_of_more_than_a_day_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, messages=400, sent=30 * HOUR)
    assert told(tmp_path)["backlog"].level == "ok"
    monkeypatch.setattr(volume, "_LONG_MINUTES", 1.0)
    assert told(tmp_path, LOG_REQUESTS_PER_MINUTE="1")["backlog"].level == "warning"
