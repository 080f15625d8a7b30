"""`import-log` with real files: what lies in the data folder afterwards, and what is said."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import reconcile
from receiver import day_files
from reconcile import locks
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window
from tests import processes
from tests.builders import at, log_row, report, write_folder
from tests.reconcile.plivo_log.exports import E_MAILED, export, line

ACCOUNT = "MATESTACCOUNT0000001"
EXPORTED = "2026-03-05T00:00:00Z"


class Importing:
    """A data folder, and exports beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.settings = {"DATA_DIR": str(self.data_dir), "PLIVO_AUTH_ID": ACCOUNT}

    def write(self, content: str | bytes, name: str = "export.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def __call__(
        self, content: str | bytes | Path, *options: str, code: int = 0
    ) -> tuple[str, str]:
        path = content if isinstance(content, Path) else self.write(content)
        done = processes.command("reconcile", "import-log", str(path), *options,
                                 settings=self.settings)  # fmt: skip
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout, done.stderr

    @property
    def rows(self) -> list[dict[str, Any]]:
        files = day_files.live_files(self.data_dir / "log")
        return [row for path in files for row in day_files.read(path).to_pylist()]

    @property
    def windows(self) -> list[Window]:
        return ledger.read(self.data_dir / "log")

    def snapshot(self) -> dict[str, bytes]:
        """Everything under log/, to the byte."""
        log = self.data_dir / "log"
        return {str(p.relative_to(log)): p.read_bytes() for p in log.rglob("*") if p.is_file()}


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    return Importing(tmp_path)


def days(count: int) -> str:
    """An export of one message a day."""
    return export(*(line(f"m{n}", time=f"2026-02-{n:02} 12:00:00") for n in range(1, count + 1)))


def test_an_export_becomes_log_rows_and_a_line_of_the_ledger(importing: Importing) -> None:
    said, _ = importing(
        export(line("m1"), line("m2", time="2026-03-02 09:00:00.250")), "--exported-at", EXPORTED
    )
    assert [(row["message_uuid"], row["account"]) for row in importing.rows] == [
        ("m1", ACCOUNT), ("m2", ACCOUNT),
    ]  # fmt: skip
    assert {row["pulled_at"] for row in importing.rows} == {at("2026-03-05T00:00:00")}
    span = at("12:00:00"), at("2026-03-02T09:00:01.250")
    read_at = at("2026-03-05T00:00:00")
    assert importing.windows == [Window(*span, read_at, "imported", 2, ACCOUNT)]
    assert [p.name for p in sorted((importing.data_dir / "log").glob("date=*"))] == [
        "date=2026-03-01", "date=2026-03-02",
    ]  # fmt: skip
    assert said.splitlines() == [
        "exported at 2026-03-05 00:00:00 UTC",
        "2 rows imported, 0 already there",
        "messages from 2026-03-01 12:00:00 UTC to 2026-03-02 09:00:00 UTC",
        "next: python -m reconcile report",
    ]


def test_an_emailed_export_makes_the_same_messages(importing: Importing) -> None:
    importing(export(line(), line("m2", Status="undelivered"), columns=E_MAILED))
    found = reconcile.messages(data_dir=importing.data_dir)
    assert dict(zip(found["message_uuid"], found["outcome"], strict=True)) == {
        "m1": "delivered", "m2": "undelivered",
    }  # fmt: skip
    assert set(found["match"]) == {"report_missing"}


def test_without_an_auth_id_the_account_is_not_known(importing: Importing) -> None:
    importing.settings["PLIVO_AUTH_ID"] = ""
    importing(export(line(Subaccount="SATESTACCOUNT0000001"), line("m2", Subaccount="")))
    assert [row["account"] for row in importing.rows] == ["SATESTACCOUNT0000001", None]
    assert importing.windows[0].account is None


def test_the_same_export_again_changes_nothing_and_says_so(importing: Importing) -> None:
    path = importing.write(days(5))
    importing(path)
    before = importing.snapshot()
    said, _ = importing(path)
    assert importing.snapshot() == before
    assert "0 rows imported, 5 already there" in said
    assert "nothing to do: this export was imported before" in said


def test_an_export_keeps_the_moment_that_its_first_import_was_told(importing: Importing) -> None:
    path = importing.write(days(3))
    importing(path, "--exported-at", EXPORTED)
    before = importing.snapshot()
    os.utime(path, (1772000000, 1772000000))
    said, _ = importing(path)
    assert importing.snapshot() == before
    assert said.startswith("exported at 2026-03-05 00:00:00 UTC\n")


def test_a_packed_or_copied_export_is_the_same_export(importing: Importing) -> None:
    plain = days(3)
    path = importing.write(plain)
    os.utime(path, (1772000000, 1772000000))
    importing(path)
    before = importing.snapshot()
    packed = importing.write(gzip.compress(plain.encode()), "export.csv.gz")
    with zipfile.ZipFile(importing.folder / "export.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._export.csv", "no")
        archive.writestr("folder/export.CSV", plain)
    for other in (packed, importing.folder / "export.zip"):
        said, _ = importing(other)
        assert "0 rows imported, 3 already there" in said
        assert importing.snapshot() == before


@pytest.mark.slow
def test_an_export_saved_with_another_encoding_is_read(importing: Importing) -> None:
    importing(export(line(Error_Reason="größer")).encode("utf-16"))
    importing(b"\xef\xbb\xbf" + export(line("m2", Error_Reason="größer")).encode())
    importing(export(line("m3", Error_Reason="größer")).encode("latin-1"))
    reasons = {row["message_uuid"]: row["error_message"] for row in importing.rows}
    assert reasons == {"m1": "größer", "m2": "größer", "m3": "gr\ufffd\ufffder"}


def test_the_files_time_counts_where_no_other_is_given(importing: Importing) -> None:
    path = importing.write(days(1))
    os.utime(path, (1772000000, 1772000000.5))
    said, _ = importing(path)
    assert importing.rows[0]["pulled_at"] == datetime.fromtimestamp(1772000000.5, UTC)
    assert said.startswith("exported at 2026-02-25 06:13:20 UTC (when the file was last changed")


def test_an_import_with_another_zone_or_time_takes_the_place_of_the_first(
    importing: Importing,
) -> None:
    path = importing.write(export(line("m1", time="2026-03-01 23:00:00")))
    importing(path, "--exported-at", "2026-03-04", "--tz", "Asia/Kolkata")
    importing(path, "--exported-at", EXPORTED, "--tz", "America/New_York")
    (row,) = importing.rows
    assert row["message_time"] == at("2026-03-02T04:00:00")
    assert row["pulled_at"] == at("2026-03-05T00:00:00")
    assert len(importing.windows) == 2


def test_summer_time_ends_and_begins_where_the_account_lives(importing: Importing) -> None:
    hours = ("2026-03-29 01:59:59", "2026-03-29 02:30:00", "2026-03-29 03:00:00",
             "2026-10-25 02:30:00", "2026-10-25 03:00:00")  # fmt: skip
    lines = [line(f"m{n}", time=hour) for n, hour in enumerate(hours)]
    said, warned = importing(export(*lines), "--tz", "Europe/Berlin", code=1)
    assert [row["message_time"] for row in importing.rows] == [
        at("2026-03-29T00:59:59"), at("2026-03-29T01:00:00"),
        at("2026-10-25T00:30:00"), at("2026-10-25T02:00:00"),
    ]  # fmt: skip
    assert "4 rows imported" in said
    assert "line 3: 2026-03-29 02:30:00 does not exist in Europe/Berlin" in warned
    assert "1 times are shown twice" in warned


def outcome(importing: Importing) -> str:
    return str(reconcile.messages(data_dir=importing.data_dir)["outcome"][0])


def test_an_old_export_never_overrules_a_newer_row(importing: Importing) -> None:
    write_folder(importing.data_dir, log=[log_row(pulled_at=at("2026-03-03T00:00:00"))])
    text = export(line(Status="sent"))
    importing(text, "--exported-at", "2026-03-02")
    assert outcome(importing) == "delivered"
    importing(export(line(Status="undelivered")), "--exported-at", "2026-03-04")
    assert outcome(importing) == "undelivered"


def test_an_imported_window_counts_for_the_capture_rate_and_never_makes_log_missing(
    importing: Importing,
) -> None:
    write_folder(importing.data_dir, reports=[report("m1"), report("m2")])
    importing(export(line("m1"), line("m3")), "--exported-at", EXPORTED)
    audit = reconcile.audit(data_dir=importing.data_dir)
    assert audit["match"] == {"agree": 1, "not_pulled": 1, "report_missing": 1}
    assert audit["capture_rate_denominator"] == 3
    assert audit["capture_rate_numerator"] == 2


def test_messages_older_than_plivos_log_are_welcome(importing: Importing) -> None:
    importing(export(line(time="2019-12-31 23:59:59.5")))
    assert importing.rows[0]["message_time"] == at("2019-12-31T23:59:59.5")


def test_lines_that_are_no_row_are_reported_and_the_rest_imported(importing: Importing) -> None:
    lines = [line("" if n < 30 else f"m{n}") for n in range(40)]
    said, warned = importing(export(*lines), code=1)
    assert "10 rows imported" in said
    told = warned.splitlines()
    assert told[0] == "reconcile: line 2: no message UUID"
    assert told[20:] == ["reconcile: … and 10 more that are no row"]


def test_values_that_cannot_be_typed_are_kept_and_counted(importing: Importing) -> None:
    _, warned = importing(export(line(Units="one")))
    assert "1 values are not what their columns hold" in warned
    (row,) = importing.rows
    assert (row["units"], row["untyped_values"]) == (None, 1)
    assert json.loads(row["record"])["Units"] == "one"


def test_messages_from_after_the_export_are_pointed_at(importing: Importing) -> None:
    _, warned = importing(export(line()), "--exported-at", "2026-03-01T11:00:00Z")
    assert "1 messages are from after the export: --tz or --exported-at is wrong" in warned


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (b"", (), "Found: nothing. Expected: Message UUID"),
        (b"Date,Hour,Total Count\r\n", (), "Found: 'Date', 'Hour', 'Total Count'. Expected: Mess"),
        (bytes(range(256)), (), "not an export of the message log"),
        (b"\x1f\x8bnonsense", (), "cannot be unpacked"),
        (gzip.compress(export(line()).encode())[:-20], (), "cannot be unpacked"),
        (b"PK\x03\x04nonsense", (), "cannot be unpacked"),
        (export(line(time="03/04/2026 12:00")), (), "may be 3 April or 4 March 2026"),
        (export(line()), ("--tz", "Mars"), "'Mars' is no time zone; write a time zone such as"),
        (export(line()), ("--exported-at", "soon"), "'soon' is no time; write 2026-03-01"),
        (export(line()), ("--exported-at", "999999w"), "'999999w' is before all time"),
        (export(line()), ("--exported-at", "2099-01-01"), "lies in the future; it is 20"),
        (export(line()), ("--plivo-api-url", "x"), "PLIVO_API_URL is 'x'; allowed: "),
    ],
)
def test_what_cannot_be_imported_is_refused_and_leaves_nothing(
    importing: Importing, content: str | bytes, options: tuple[str, ...], said: str
) -> None:
    _, told = importing(content, *options, code=2)
    assert said in told
    assert len(told.splitlines()) == 1
    assert not importing.data_dir.exists()


def test_a_file_that_is_not_there_is_named(importing: Importing) -> None:
    _, told = importing(importing.folder / "nowhere.csv", code=2)
    assert "nowhere.csv" in told


def test_an_archive_of_several_exports_is_refused(importing: Importing) -> None:
    with zipfile.ZipFile(importing.folder / "two.zip", "w") as archive:
        archive.writestr("a.csv", days(1))
        archive.writestr("b.csv", days(2))
    _, told = importing(importing.folder / "two.zip", code=2)
    assert "2 CSV files (it holds 'a.csv', 'b.csv'); one is expected" in told


def test_an_export_without_rows_is_no_finding(importing: Importing) -> None:
    said, _ = importing(export())
    assert "0 rows imported, 0 already there" in said
    assert importing.windows == []


def test_another_run_that_is_at_it_is_waited_for_by_trying_again(importing: Importing) -> None:
    lock = importing.data_dir / "state" / "run.lock"
    with locks.holding(lock, wait_seconds=0, what="test"):
        _, told = importing(days(1), code=75)
    assert "try again when it is done" in told
    assert importing.rows == []


DYING = """
import sys
from tests.receiver.faulty import die_at
from reconcile.__main__ import main
die_at(sys.argv[1], int(sys.argv[2]))
sys.exit(main(sys.argv[3:]))
"""


def die(importing: Importing, step: str, times: int, path: Path) -> int:
    arguments = [sys.executable, "-c", DYING, step, str(times), "import-log", str(path)]
    return subprocess.run(
        [*arguments, "--exported-at", EXPORTED],
        cwd=processes.ROOT, env=processes.environment(importing.settings),
        capture_output=True, timeout=60, check=False,
    ).returncode  # fmt: skip


@pytest.mark.parametrize(
    ("step", "times"), [("file written", 1), ("file renamed", 1), ("file written", 4),
                        ("file renamed", 6)]
)  # fmt: skip
def test_an_import_that_was_killed_is_completed_by_the_next(
    importing: Importing, tmp_path: Path, step: str, times: int
) -> None:
    path = importing.write(days(6))
    undisturbed = Importing(tmp_path / "undisturbed")
    undisturbed.folder.mkdir()
    undisturbed(path, "--exported-at", EXPORTED)
    assert die(importing, step, times, path) == -signal.SIGKILL
    assert importing.windows == []
    importing(path, "--exported-at", EXPORTED)
    assert importing.snapshot() == undisturbed.snapshot()


def test_a_torn_line_of_the_ledger_is_written_again(importing: Importing) -> None:
    path = importing.write(days(2))
    importing(path)
    before = importing.snapshot()
    line_of = importing.data_dir / "log" / "_windows.jsonl"
    line_of.write_bytes(line_of.read_bytes()[:40])
    importing(path)
    assert importing.snapshot() == before


def test_a_damaged_file_of_an_import_is_mended_by_importing_again(importing: Importing) -> None:
    path = importing.write(days(2))
    importing(path)
    before = importing.snapshot()
    damaged = day_files.live_files(importing.data_dir / "log")[0]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 1
    damaged.write_bytes(content)
    said, _ = importing(path)
    assert "1 rows imported, 1 already there" in said
    assert importing.snapshot() == before


def many(count: int) -> str:
    numbers = random.Random(7)

    def one(n: int) -> dict[str, str]:
        moment = f"2026-{n % 3 + 1:02}-{n % 28 + 1:02} {n % 24:02}:{n % 60:02}:00"
        return line(f"{numbers.getrandbits(128):032x}", time=moment, To=f"1415{n:07}")

    return export(*map(one, range(count)))


def seconds(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def test_twenty_thousand_rows_take_seconds(importing: Importing) -> None:
    path = importing.write(many(20_000))
    assert seconds(lambda: importing(path)) < 30
    assert len(importing.rows) == 20_000


@pytest.mark.slow
def test_three_hundred_thousand_rows_take_seconds_too(importing: Importing) -> None:
    path = importing.write(many(300_000))
    assert seconds(lambda: importing(path)) < 60
    assert len(importing.rows) == 300_000
