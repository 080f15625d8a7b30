"""`ship`: what was sealed lies in the archive too, verified, and may then go here."""

import hashlib
import signal
import socket
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver import compaction, day_files, journal_file, ownership, sealing
from receiver.archive import away, fetching
from receiver.archive.object_store import NotAsShipped
from receiver.config import load
from receiver.journal import Journal
from tests import processes
from tests.object_store import Bucket
from tests.receiver.faulty import SHIPPING_STEPS
from tests.receiver.making import named
from tests.receiver.serving import stored_uuids

TODAY = datetime.now(UTC)
OLD = datetime(2026, 3, 1, 12, tzinfo=UTC)


def receive(data_dir: Path, *uuids: str, at: datetime = OLD) -> None:
    """Each sealed into a file of its own."""
    with Journal(data_dir / "journal") as journal:
        for one in named(*uuids, at=at):
            journal.append(one)
            sealing.seal_all(data_dir)


def settings(data_dir: Path, bucket: Bucket) -> dict[str, str]:
    return {"DATA_DIR": str(data_dir), **bucket.settings}


def ship(data_dir: Path, bucket: Bucket, *asked: str, code: int = 0, **given: str) -> str:
    done = processes.command(
        "receiver", "ship", *asked, settings={**settings(data_dir, bucket), **given}
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def killed_at(step: str, data_dir: Path, bucket: Bucket, *asked: str, times: int = 1) -> bool:
    """Whether the ship came to that step, and died there."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.receiver.faulty", "--die-at", f"{step}:{times}", "--",
         "ship", *asked],
        cwd=processes.ROOT, env=processes.environment(settings(data_dir, bucket)), check=False,
        capture_output=True, timeout=120,
    )  # fmt: skip
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def held(data_dir: Path, bucket: Bucket) -> list[str]:
    """Every report that an engine sees, fetched where need be."""
    uuids: list[str] = []
    whole: dict[str, Any] = settings(data_dir, bucket)
    with fetching.at_hand(
        load(environment=whole), day_files.live_files(data_dir / "reports")
    ) as files:
        for path in files:
            uuids += day_files.read(path, ["message_uuid"])["message_uuid"].to_pylist()
    return sorted(uuids)


@pytest.fixture(autouse=True)
def credentials(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in bucket.settings.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)


def test_what_was_sealed_lies_there_to_the_byte(tmp_path: Path, bucket: Bucket) -> None:
    receive(tmp_path, "a", "b")
    assert "shipped 2 files" in ship(tmp_path, bucket)
    for path in day_files.live_files(tmp_path / "reports"):
        name = path.relative_to(tmp_path).as_posix()
        assert bucket.content(name) == path.read_bytes()


def test_what_waits_in_the_journal_is_sealed_and_shipped(tmp_path: Path, bucket: Bucket) -> None:
    with Journal(tmp_path / "journal") as journal:
        journal.append(named("a", at=TODAY)[0])
    ship(tmp_path, bucket)
    assert bucket.rows("reports") == 1


def test_a_second_ship_sends_nothing_even_without_its_memory(
    tmp_path: Path, bucket: Bucket
) -> None:
    receive(tmp_path, "a", "b")
    ship(tmp_path, bucket)
    assert "shipped 0 files (0.0 MB), 2 were there already" in ship(tmp_path, bucket)
    (tmp_path / "state" / "shipped.json").write_text("{")
    assert "shipped 0 files (0.0 MB), 2 were there already" in ship(tmp_path, bucket)


def test_an_object_that_was_changed_there_is_sent_anew(tmp_path: Path, bucket: Bucket) -> None:
    receive(tmp_path, "a")
    ship(tmp_path, bucket)
    [path] = day_files.live_files(tmp_path / "reports")
    name = path.relative_to(tmp_path).as_posix()
    bucket.write(name, b"shorter")
    assert "shipped 1 files" in ship(tmp_path, bucket)
    assert bucket.content(name) == path.read_bytes()


def test_nothing_is_dropped_that_the_store_gives_back_otherwise(
    tmp_path: Path, bucket: Bucket
) -> None:
    receive(tmp_path, "a")
    ship(tmp_path, bucket)
    [path] = day_files.live_files(tmp_path / "reports")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    bucket.write(path.relative_to(tmp_path).as_posix(), bytes(content))  # the size is as ever
    assert "nothing was dropped" in ship(tmp_path, bucket, "--drop-older-than", "30d", code=2)
    assert path.exists()
    assert "dropped 1" in ship(tmp_path, bucket, "--drop-older-than", "30d")
    assert held(tmp_path, bucket) == ["a"]


def test_a_damaged_file_is_named_and_never_replaces_the_good_one_there(
    tmp_path: Path, bucket: Bucket
) -> None:
    receive(tmp_path, "a", "b")
    ship(tmp_path, bucket)
    path, other = day_files.live_files(tmp_path / "reports")
    good = path.read_bytes()
    path.write_bytes(good[:100] + bytes([good[100] ^ 1]) + good[101:])
    said = ship(tmp_path, bucket, "--drop-older-than", "30d", code=2)
    assert str(path) in said
    assert bucket.content(path.relative_to(tmp_path).as_posix()) == good
    assert day_files.is_away(other)  # one damaged file keeps no other back


def test_after_compaction_the_wide_file_is_there_and_the_narrow_ones_are_not(
    tmp_path: Path, bucket: Bucket
) -> None:
    receive(tmp_path, "a", "b", "c")
    ship(tmp_path, bucket)
    assert bucket.rows("reports") == 3
    compaction.compact_finished_days(tmp_path, today=date(2026, 3, 5))
    assert "3 superseded ones removed there" in ship(tmp_path, bucket)
    assert bucket.rows("reports") == 3
    assert len([name for name in bucket.names() if name.endswith(".parquet")]) == 1


def test_dropped_days_are_read_from_there(tmp_path: Path, bucket: Bucket) -> None:
    receive(tmp_path, "a", "b")
    receive(tmp_path, "young", at=TODAY)
    assert "dropped 2 here" in ship(tmp_path, bucket, "--drop-older-than", "30d")
    assert len(list(tmp_path.glob("reports/*/[!_]*.parquet"))) == 1
    assert held(tmp_path, bucket) == ["a", "b", "young"]
    assert "shipped 0 files" in ship(tmp_path, bucket, "--drop-older-than", "30d")
    assert held(tmp_path, bucket) == ["a", "b", "young"]


def test_what_was_fetched_is_what_was_dropped_or_refused(tmp_path: Path, bucket: Bucket) -> None:
    receive(tmp_path, "a")
    [path] = day_files.live_files(tmp_path / "reports")
    was = hashlib.sha256(path.read_bytes()).hexdigest(), away.mark(path)
    ship(tmp_path, bucket, "--drop-older-than", "30d")
    assert (away.read(path).sha256, away.mark(path)) == was
    held(tmp_path, bucket)
    copy = fetching.place_of_copy(tmp_path, path)
    assert (hashlib.sha256(copy.read_bytes()).hexdigest(), away.mark(copy)) == was
    copy.unlink()
    bucket.write(path.relative_to(tmp_path).as_posix(), b"something else")
    with pytest.raises(NotAsShipped, match="not what was shipped"):
        held(tmp_path, bucket)
    assert "not as shipped" in ship(tmp_path, bucket, code=2)


def test_a_file_that_is_copied_back_simply_is_there_again(tmp_path: Path, bucket: Bucket) -> None:
    receive(tmp_path, "a")
    ship(tmp_path, bucket, "--drop-older-than", "30d")
    [path] = day_files.live_files(tmp_path / "reports")
    path.write_bytes(bucket.content(path.relative_to(tmp_path).as_posix()))
    assert stored_uuids(tmp_path) == ["a"]
    ship(tmp_path, bucket)
    assert bucket.rows("reports") == 1


def test_reports_that_come_late_to_a_dropped_day_hide_nothing(
    tmp_path: Path, bucket: Bucket
) -> None:
    receive(tmp_path, "a", "b")
    ship(tmp_path, bucket, "--drop-older-than", "30d")
    receive(tmp_path, "c", "d")
    compaction.compact_finished_days(tmp_path, today=date(2026, 3, 5))
    assert held(tmp_path, bucket) == ["a", "b", "c", "d"]
    ship(tmp_path, bucket, "--drop-older-than", "30d")
    assert held(tmp_path, bucket) == ["a", "b", "c", "d"]


def test_a_journal_older_than_its_dropped_files_is_not_taken(
    tmp_path: Path, bucket: Bucket
) -> None:
    receive(tmp_path, "a")
    [journal] = journal_file.journals(tmp_path / "journal")
    kept = {path: path.read_bytes() for path in journal.parent.iterdir()}
    receive(tmp_path, "b")
    ship(tmp_path, bucket, "--drop-older-than", "30d")
    for path in journal.parent.iterdir():
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)
    path, _ = ownership.take_or_create(tmp_path / "journal")
    assert path != journal


@pytest.mark.parametrize(
    "step",
    [
        SHIPPING_STEPS[0],
        *(pytest.param(step, marks=pytest.mark.slow) for step in SHIPPING_STEPS[1:]),
    ],
)
def test_killed_anywhere_nothing_is_lost_and_the_next_ship_finishes(
    step: str, tmp_path: Path, bucket: Bucket
) -> None:
    receive(tmp_path, "a", "b", "c")
    ship(tmp_path, bucket)
    compaction.compact_finished_days(tmp_path, today=date(2026, 3, 5))
    for path in day_files.superseded_files_of(tmp_path / "reports", OLD.date()):
        path.unlink()  # the grace period is over
    receive(tmp_path, "d", "e")
    assert killed_at(step, tmp_path, bucket, "--drop-older-than", "30d")
    assert held(tmp_path, bucket) == ["a", "b", "c", "d", "e"]
    killed_at(step, tmp_path, bucket, "--drop-older-than", "30d", times=2)
    assert held(tmp_path, bucket) == ["a", "b", "c", "d", "e"]
    ship(tmp_path, bucket, "--drop-older-than", "30d")
    assert held(tmp_path, bucket) == ["a", "b", "c", "d", "e"]
    assert not list(tmp_path.glob("reports/*/[!_]*.parquet"))
    assert bucket.rows("reports") == 5


def test_two_ships_at_once_exclude_each_other(tmp_path: Path, bucket: Bucket) -> None:
    receive(tmp_path, "a")
    with away.nobody_ships(tmp_path):
        assert "another ship" in ship(tmp_path, bucket, code=75)
    ship(tmp_path, bucket)


def test_nothing_is_dropped_under_a_reader(tmp_path: Path, bucket: Bucket) -> None:
    receive(tmp_path, "a")
    [path] = day_files.live_files(tmp_path / "reports")
    with away.reading(tmp_path):
        ship_beside = subprocess.Popen(
            [sys.executable, "-m", "receiver", "ship", "--drop-older-than", "30d"],
            cwd=processes.ROOT, env=processes.environment(settings(tmp_path, bucket)),
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        with pytest.raises(subprocess.TimeoutExpired):
            ship_beside.wait(4)
        assert bucket.rows("reports") == 1
        assert path.exists()
    assert ship_beside.wait(60) == 0
    assert day_files.is_away(path)


def test_forget_reaches_what_was_dropped(tmp_path: Path, bucket: Bucket) -> None:
    receive(tmp_path, "a", "b")
    receive(tmp_path, "young", at=TODAY)
    ship(tmp_path, bucket, "--drop-older-than", "30d")
    done = processes.command(
        "receiver", "forget", "--older-than", "60d", settings=settings(tmp_path, bucket)
    )
    assert "forgot 2 reports in 2 files" in done.stdout
    assert "the archive with the next ship" in done.stdout
    assert held(tmp_path, bucket) == ["young"]
    ship(tmp_path, bucket)
    assert bucket.rows("reports") == 1
    assert not list((tmp_path / "state" / "fetched").rglob("*.parquet"))


def test_a_store_that_is_down_is_75_and_one_that_does_not_exist_is_2(
    tmp_path: Path, bucket: Bucket
) -> None:
    receive(tmp_path, "a")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        said = ship(tmp_path, bucket, code=75, ARCHIVE_ENDPOINT=endpoint)
    assert "try again later" in said
    assert "NO_SUCH_BUCKET" in ship(tmp_path, bucket, "s3://no-such-bucket/x", code=2)
    assert stored_uuids(tmp_path) == ["a"]


@pytest.mark.parametrize(
    ("asked", "given"),
    [((), {"ARCHIVE_URL": ""}), (("https://bucket",), {}), (("--drop-older-than", "30"), {}),
     (("--drop-older-than", "0d"), {}), ((), {"DATA_DIR": "/nowhere"}),
     (("s3://other-bucket/x", "--drop-older-than", "30d"), {})],
)  # fmt: skip
def test_what_is_not_clear_ships_nothing(
    tmp_path: Path, bucket: Bucket, asked: tuple[str, ...], given: dict[str, str]
) -> None:
    receive(tmp_path, "a", at=TODAY - timedelta(days=50))
    ship(tmp_path, bucket, *asked, code=2, **given)
    assert stored_uuids(tmp_path) == ["a"]
