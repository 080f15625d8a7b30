"""`reconcile ship`, and that no number cares where a day lies."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest

from receiver import config, day_files, sealing
from receiver.archive import away
from receiver.journal import Journal
from reconcile.locks import holding
from reconcile.overview import surroundings
from reconcile.plivo_log import ledger, log_compaction
from reconcile.plivo_log.coverage import Window
from reconcile.plivo_log.log_row import read_row
from reconcile.plivo_log.store import LogStore, PulledRow
from tests import processes
from tests.builders import NOON, clock, log_row
from tests.object_store import Bucket
from tests.receiver.faulty import SHIPPING_STEPS
from tests.receiver.making import callback

DAYS = 3
NOBODY = "http://127.0.0.1:9"  # the port of `discard`


def fill(data_dir: Path, *, first_day: int = 0, days: int = DAYS) -> None:
    """Four messages a day: reports through a journal, log rows as a pull writes them."""
    store = LogStore(data_dir)
    with Journal(data_dir / "journal") as journal:
        for day in range(first_day, first_day + days):
            at = NOON + timedelta(days=day)
            for number, status in enumerate(("delivered", "delivered", "undelivered")):
                said = {"MessageUUID": f"m{day}-{number}", "Status": status, "To": "14155550100",
                        "From": "18445550100", "MessageTime": clock(at)}  # fmt: skip
                journal.append(callback(urlencode(said).encode(), at=at + timedelta(minutes=1)))
            sealing.seal_all(data_dir)
            rows = [
                log_row(f"m{day}-{number}", state, message_time=at, pulled_at=None)
                for number, state in enumerate(("delivered", "sent", "undelivered", "failed"))
            ]  # fmt: skip
            pulled_at = at + timedelta(hours=1)
            store.write(
                [PulledRow(read_row(row["record"]), pulled_at, None, at.date()) for row in rows],
                pulled_at,
            )
            midnight = at.replace(hour=0)
            ledger.append(
                data_dir / "log",
                [Window(midnight, midnight + timedelta(days=1), pulled_at, "listed", len(rows))],
            )


def run(data_dir: Path, *asked: str, bucket: Bucket, code: int = 0, **given: str) -> str:
    program = "receiver" if asked[0] == "receiver" else "reconcile"
    done = processes.command(
        program, *(asked[1:] if program == "receiver" else asked),
        settings={"DATA_DIR": str(data_dir), **bucket.settings, **given},
    )  # fmt: skip
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout if code == 0 else done.stderr


def drop_all(data_dir: Path, bucket: Bucket) -> None:
    run(data_dir, "receiver", "ship", "--drop-older-than", "30d", bucket=bucket)
    run(data_dir, "ship", "--drop-older-than", "30d", bucket=bucket)
    for name in ("reports", "log"):
        live = day_files.live_files(data_dir / name)
        assert live
        assert all(map(day_files.is_away, live))


def report(data_dir: Path, bucket: Bucket) -> str:
    return run(data_dir, "report", "--format", "json", "--by", "day,outcome", bucket=bucket)


def test_the_report_is_the_same_before_and_after_dropping_days(
    tmp_path: Path, bucket: Bucket
) -> None:
    fill(tmp_path)
    before = report(tmp_path, bucket)
    told = run(tmp_path, "explain", "m1-1", "--format", "json", bucket=bucket)
    assert json.loads(before)["rows"][0]["submitted"]
    drop_all(tmp_path, bucket)
    assert report(tmp_path, replace(bucket, endpoint=NOBODY)) == before  # nothing to fetch for it
    shutil.rmtree(tmp_path / "messages")
    assert report(tmp_path, bucket) == before
    assert run(tmp_path, "explain", "m1-1", "--format", "json", bucket=bucket) == told
    shutil.rmtree(tmp_path / "state")  # what was fetched is in it, and may go
    run(tmp_path, "merge", bucket=bucket)
    assert report(tmp_path, bucket) == before


def test_what_comes_later_is_merged_with_what_lives_there(tmp_path: Path, bucket: Bucket) -> None:
    fill(tmp_path / "whole", days=DAYS + 1)
    fill(tmp_path / "dropped")
    drop_all(tmp_path / "dropped", bucket)
    fill(tmp_path / "dropped", first_day=DAYS, days=1)
    assert report(tmp_path / "dropped", bucket) == report(tmp_path / "whole", bucket)


def test_a_merge_fetches_no_day_of_which_nothing_new_is_said(
    tmp_path: Path, bucket: Bucket
) -> None:
    fill(tmp_path)
    report(tmp_path, bucket)
    drop_all(tmp_path, bucket)
    fill(tmp_path, first_day=DAYS, days=1)
    rows = json.loads(report(tmp_path, replace(bucket, endpoint=NOBODY)))["rows"]
    assert {row["day"] for row in rows} == {f"2026-03-0{1 + day}" for day in range(DAYS + 1)}
    assert not (tmp_path / "state" / "fetched").exists()


def test_what_cannot_be_fetched_is_an_error_and_never_a_smaller_number(
    tmp_path: Path, bucket: Bucket
) -> None:
    fill(tmp_path)
    drop_all(tmp_path, bucket)
    asked = ("report", "--format", "json")
    assert "ARCHIVE_URL is not set" in run(tmp_path, *asked, bucket=bucket, code=2, ARCHIVE_URL="")
    assert "try again later" in run(
        tmp_path, *asked, bucket=bucket, code=75, ARCHIVE_ENDPOINT=NOBODY
    )
    lost = day_files.live_files(tmp_path / "log")[0].relative_to(tmp_path).as_posix()
    bucket.files.delete_file(f"{bucket.name}/plivo/{lost}")
    assert f"{lost} is not there" in run(tmp_path, *asked, bucket=bucket, code=2)
    assert lost in run(tmp_path, "ship", bucket=bucket, code=2)


def test_the_ledger_the_beats_and_messages_are_there_too(tmp_path: Path, bucket: Bucket) -> None:
    fill(tmp_path)
    run(tmp_path, "merge", bucket=bucket)
    alive = b'{"from": "2026-03-01T00:00:00+00:00", "until": "2026-03-02T00:00:00+00:00"}\n'
    (tmp_path / "reports" / "_alive.jsonl").write_bytes(alive + b'{"torn')
    run(tmp_path, "receiver", "ship", bucket=bucket)
    run(tmp_path, "ship", bucket=bucket)
    assert bucket.content("log/_windows.jsonl") == (tmp_path / "log" / ledger.NAME).read_bytes()
    assert bucket.content("reports/_alive.jsonl") == alive
    assert (bucket.rows("messages"), bucket.rows("reports"), bucket.rows("log")) == (12, 9, 12)
    assert len(list(tmp_path.glob("messages/*/*.parquet"))) == DAYS


def test_a_day_that_messages_have_left_goes_there_too(tmp_path: Path, bucket: Bucket) -> None:
    fill(tmp_path)
    run(tmp_path, "merge", bucket=bucket)
    bucket.write("messages/date=2025-01-01/messages.parquet", b"of a merge long ago")
    run(tmp_path, "ship", bucket=bucket)
    assert bucket.rows("messages") == 12


def test_a_compacted_log_takes_the_place_of_its_files_there(tmp_path: Path, bucket: Bucket) -> None:
    for _ in range(log_compaction.MOST_FILES + 1):
        fill(tmp_path, days=1)
    run(tmp_path, "ship", bucket=bucket)
    rows = bucket.rows("log")
    log_compaction.compact(tmp_path / "log")
    run(tmp_path, "ship", bucket=bucket)
    assert bucket.rows("log") == rows
    assert len([n for n in bucket.names() if n.startswith("log/date=")]) == 1


def test_a_pull_of_a_dropped_day_writes_beside_what_was_there(
    tmp_path: Path, bucket: Bucket
) -> None:
    fill(tmp_path)
    drop_all(tmp_path, bucket)
    before = len(day_files.live_files(tmp_path / "log"))
    fill(tmp_path)  # the same numbers, were it not for the notes
    assert len(day_files.live_files(tmp_path / "log")) == before + DAYS


@pytest.mark.slow
@pytest.mark.parametrize("step", [s for s in SHIPPING_STEPS if "superseded" not in s])
def test_killed_anywhere_the_next_ship_finishes_and_the_report_is_the_same(
    step: str, tmp_path: Path, bucket: Bucket
) -> None:
    fill(tmp_path)
    before = report(tmp_path, bucket)
    settings = {"DATA_DIR": str(tmp_path), **bucket.settings}
    died = subprocess.run(
        [sys.executable, "-m", "tests.receiver.faulty", "--reconcile", "--die-at", f"{step}:2",
         "--", "ship", "--drop-older-than", "30d"],
        cwd=processes.ROOT, env=processes.environment(settings), check=False, timeout=120,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    (tmp_path / "messages" / "_merge.json").unlink()
    assert report(tmp_path, bucket) == before
    drop_all(tmp_path, bucket)
    shutil.rmtree(tmp_path / "messages")
    assert report(tmp_path, bucket) == before
    assert bucket.rows("log") == 4 * DAYS


def test_forget_reaches_what_was_dropped_of_the_log(tmp_path: Path, bucket: Bucket) -> None:
    """A day in which there is nothing to forget stays dropped."""
    fill(tmp_path, days=2)
    fill(tmp_path, first_day=4, days=1)
    drop_all(tmp_path, bucket)
    age = (datetime.now(UTC) - NOON).days - 2
    said = run(tmp_path, "forget", "--older-than", f"{age}d", bucket=bucket)
    assert f"forgot {2 * 4} log rows in 2 files" in said
    assert "the archive with the next ship" in said
    live = day_files.live_files(tmp_path / "log")
    assert [day_files.is_away(path) for path in live] == [False, False, True]
    run(tmp_path, "ship", bucket=bucket)
    assert bucket.rows("log") == 4
    run(tmp_path, "forget", "--number", "+1 415 555 0100", bucket=bucket)
    run(tmp_path, "ship", bucket=bucket)
    assert bucket.rows("log") == 0


def test_a_forget_beside_a_ship_is_for_another_time(tmp_path: Path, bucket: Bucket) -> None:
    fill(tmp_path)
    with away.nobody_ships(tmp_path):
        run(tmp_path, "forget", "--older-than", "1d", bucket=bucket, code=75)
    assert sum(day_files.read(p).num_rows for p in day_files.live_files(tmp_path / "log")) == 12


def test_the_page_tells_of_dropped_files_what_it_told_before(
    tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    run(tmp_path, "merge", bucket=bucket)
    for name, value in bucket.settings.items():
        monkeypatch.setenv(name, value)
    settings = config.load({"DATA_DIR": str(tmp_path)})
    before = surroundings.sources(settings)
    assert [(source.files, source.rows) for source in before] == [(3, 9), (3, 12), (3, 12)]
    drop_all(tmp_path, bucket)
    assert surroundings.sources(settings) == before
    shutil.rmtree(tmp_path / "state" / "fetched")
    with pytest.raises(config.SettingError, match="ARCHIVE_URL is not set"):
        surroundings.sources(replace(settings, archive_url=None))


def test_nothing_is_dropped_beside_a_run(tmp_path: Path, bucket: Bucket) -> None:
    fill(tmp_path)
    with holding(tmp_path / "state" / "run.lock", wait_seconds=0, what="run"):
        run(tmp_path, "ship", "--drop-older-than", "30d", bucket=bucket, code=75)
    assert not any(map(day_files.is_away, day_files.live_files(tmp_path / "log")))
    assert bucket.rows("log") == 4 * DAYS
