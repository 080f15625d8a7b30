"""Many readings of a day become one file, and nobody who reads notices."""

from datetime import timedelta
from pathlib import Path

import pytest

import reconcile
from receiver import day_files
from receiver.day_files import FileName
from reconcile.plivo_log import log_compaction
from reconcile.plivo_log.log_row import read_row
from reconcile.plivo_log.store import LogStore, PulledRow
from tests.builders import NOON, log_row, report, write_folder

FEW = log_compaction.MOST_FILES


def pulled(data_dir: Path, readings: int, *, state: str = "sent") -> None:
    """The same message read so many times, each reading a file; the last says the state."""
    store = LogStore(data_dir)
    for number in range(readings):
        word = state if number == readings - 1 else "queued"
        row = read_row(log_row("m1", word, pulled_at=None)["record"])
        at = NOON + timedelta(minutes=number)
        store.write([PulledRow(row, at, "MA1", NOON.date())], at)


def files(data_dir: Path) -> list[Path]:
    return day_files.live_files(data_dir / "log")


def rows(data_dir: Path) -> list[str]:
    return sorted(repr(row) for path in files(data_dir) for row in day_files.read(path).to_pylist())


def test_more_than_a_few_files_become_one_with_every_row(tmp_path: Path) -> None:
    pulled(tmp_path, FEW + 5)
    before = rows(tmp_path)
    assert log_compaction.compact(tmp_path / "log") == 1
    assert len(files(tmp_path)) == 1
    assert rows(tmp_path) == before
    assert len(before) == FEW + 5


def test_a_few_files_stay_as_they_are(tmp_path: Path) -> None:
    pulled(tmp_path, FEW)
    assert log_compaction.compact(tmp_path / "log") == 0
    assert len(files(tmp_path)) == FEW


def test_what_is_read_later_counts_beside_the_compacted_file(tmp_path: Path) -> None:
    pulled(tmp_path, FEW + 1)
    log_compaction.compact(tmp_path / "log")
    pulled(tmp_path, 1, state="delivered")
    assert len(files(tmp_path)) == 2
    assert len(rows(tmp_path)) == FEW + 2


def test_messages_are_the_same_before_and_after(tmp_path: Path) -> None:
    write_folder(tmp_path, reports=[report("m1", "sent")])
    pulled(tmp_path, FEW + 3, state="delivered")
    before = reconcile.messages(data_dir=tmp_path)
    log_compaction.compact(tmp_path / "log")
    assert reconcile.messages(data_dir=tmp_path).equals(before)
    assert list(before["log_state"]) == ["delivered"]


def test_the_narrow_files_go_after_the_grace_period(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader in mid-scan may still hold their names."""
    pulled(tmp_path, FEW + 1)
    log_compaction.compact(tmp_path / "log")
    there = list((tmp_path / "log").glob("date=*/*.parquet"))
    assert len(there) == FEW + 2
    monkeypatch.setattr("receiver.day_files.time.time", lambda: NOON.timestamp() + 10**9)
    log_compaction.compact(tmp_path / "log")
    assert list((tmp_path / "log").glob("date=*/*.parquet")) == files(tmp_path)


def test_files_of_others_are_let_alone(tmp_path: Path) -> None:
    write_folder(tmp_path, log=[log_row(f"m{n}") for n in range(FEW + 4)])
    assert log_compaction.compact(tmp_path / "log") == 0
    assert len(files(tmp_path)) == FEW + 4


def test_the_name_of_the_wide_file_covers_just_what_it_holds(tmp_path: Path) -> None:
    pulled(tmp_path, FEW + 2)
    names = [FileName.parse(path.name) for path in files(tmp_path)]
    log_compaction.compact(tmp_path / "log")
    (wide,) = (FileName.parse(path.name) for path in files(tmp_path))
    assert wide is not None
    assert all(name is not None and wide.covers(name) for name in names)
