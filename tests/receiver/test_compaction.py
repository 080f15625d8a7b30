"""A finished day becomes one file a journal; no reader ever sees a report twice, or not at all."""

import os
import shutil
from datetime import date, timedelta
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from receiver import compaction, day_files, sealing
from receiver.day_files import FileName
from receiver.journal import Journal
from tests.processes import wait_until
from tests.receiver.making import BEFORE_MIDNIGHT, named, put
from tests.receiver.polling import PollingReader
from tests.receiver.serving import serving, start, stored_uuids

DAY = BEFORE_MIDNIGHT.date()
TODAY = DAY + timedelta(days=1)


def sealed_one_by_one(data_dir: Path, *uuids: str) -> None:
    """A file for each."""
    for uuid in uuids:
        put(data_dir, *named(uuid))
        sealing.seal_all(data_dir)


def files(data_dir: Path, day: date = DAY) -> list[str]:
    return sorted(path.name for path in (data_dir / "reports").glob(f"date={day}/*.parquet"))


def live(data_dir: Path) -> list[str]:
    return [path.name for path in day_files.live_files(data_dir / "reports")]


def age(data_dir: Path, seconds: float) -> None:
    """Let all files be that much older."""
    for path in (data_dir / "reports").rglob("*.parquet"):
        then = path.stat().st_mtime - seconds
        os.utime(path, (then, then))


def test_a_finished_day_becomes_one_file(tmp_path: Path) -> None:
    """The narrow ones stay for readers in mid-scan, and count no more."""
    sealed_one_by_one(tmp_path, "a", "b", "c")
    narrow = files(tmp_path)
    assert len(narrow) == 3
    assert compaction.compact_finished_days(tmp_path, today=TODAY) == 1
    (wide,) = live(tmp_path)
    assert sorted([*narrow, wide]) == files(tmp_path)
    assert stored_uuids(tmp_path) == ["a", "b", "c"]


def test_a_day_that_is_not_over_is_left_alone(tmp_path: Path) -> None:
    """Today's files are still being added to."""
    sealed_one_by_one(tmp_path, "a", "b")
    assert compaction.compact_finished_days(tmp_path, today=DAY) == 0
    assert compaction.compact_finished_days(tmp_path, today=DAY - timedelta(days=1)) == 0
    assert len(live(tmp_path)) == 2


def test_superseded_files_go_after_the_grace_period(tmp_path: Path) -> None:
    """Not before: somebody may be reading them."""
    sealed_one_by_one(tmp_path, "a", "b")
    compaction.compact_finished_days(tmp_path, today=TODAY)
    compaction.compact_finished_days(tmp_path, today=TODAY)
    assert len(files(tmp_path)) == 3
    age(tmp_path, day_files.GRACE_SECONDS + 1)
    compaction.compact_finished_days(tmp_path, today=TODAY)
    assert files(tmp_path) == live(tmp_path)
    assert len(files(tmp_path)) == 1
    assert stored_uuids(tmp_path) == ["a", "b"]


def test_compacting_again_changes_nothing(tmp_path: Path) -> None:
    """One file is as compact as it gets."""
    sealed_one_by_one(tmp_path, "a", "b")
    compaction.compact_finished_days(tmp_path, today=TODAY)
    before = {
        name: (tmp_path / "reports" / f"date={DAY}" / name).read_bytes() for name in live(tmp_path)
    }
    assert compaction.compact_finished_days(tmp_path, today=TODAY) == 0
    assert {
        name: (tmp_path / "reports" / f"date={DAY}" / name).read_bytes() for name in live(tmp_path)
    } == before


def test_a_late_row_joins_a_compacted_day(tmp_path: Path) -> None:
    """As when the clock steps back: a file of its own first, then one for all."""
    sealed_one_by_one(tmp_path, "a", "b")
    compaction.compact_finished_days(tmp_path, today=TODAY)
    sealed_one_by_one(tmp_path, "late")
    assert stored_uuids(tmp_path) == ["a", "b", "late"]
    assert compaction.compact_finished_days(tmp_path, today=TODAY) == 1
    assert len(live(tmp_path)) == 1
    assert stored_uuids(tmp_path) == ["a", "b", "late"]
    age(tmp_path, day_files.GRACE_SECONDS + 1)
    compaction.compact_finished_days(tmp_path, today=TODAY)
    assert len(files(tmp_path)) == 1
    assert stored_uuids(tmp_path) == ["a", "b", "late"]


def test_each_journal_has_its_own_file(tmp_path: Path) -> None:
    """Files of one never supersede those of another, whatever their numbers."""
    with Journal(tmp_path / "journal") as one, Journal(tmp_path / "journal") as other:
        for number in range(3):
            one.append(named(f"one-{number}")[0])
            other.append(named(f"other-{number}")[0])
            sealing.seal_all(tmp_path)
    assert len(live(tmp_path)) == 6
    assert compaction.compact_finished_days(tmp_path, today=TODAY) == 2
    assert len(live(tmp_path)) == 2
    assert len(stored_uuids(tmp_path)) == 6


def test_a_foreign_file_counts_and_is_left_alone(tmp_path: Path) -> None:
    """A name that is not ours is never superseded, compacted or removed."""
    sealed_one_by_one(tmp_path, "a", "b")
    place = tmp_path / "reports" / f"date={DAY}"
    sealed_one_by_one(tmp_path / "other", "c")
    (foreign,) = day_files.live_files(tmp_path / "other" / "reports")
    shutil.copy(foreign, place / "export-of-2025.parquet")
    for hidden in ("_a.parquet", ".b.parquet", "notes.txt"):
        (place / hidden).write_text("not data")
    compaction.compact_finished_days(tmp_path, today=TODAY)
    age(tmp_path, day_files.GRACE_SECONDS + 1)
    compaction.compact_finished_days(tmp_path, today=TODAY)
    assert "export-of-2025.parquet" in live(tmp_path)
    assert len(live(tmp_path)) == 2
    assert stored_uuids(tmp_path) == ["a", "b", "c"]


def test_what_a_broken_sealing_has_still_to_clear_is_not_compacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It will want to find its file again."""
    sealed_one_by_one(tmp_path, "a", "b")
    put(tmp_path, *named("c"))
    with monkeypatch.context() as patched:
        patched.setattr(sealing, "_clear", _die)
        with pytest.raises(KeyboardInterrupt):
            sealing.seal_all(tmp_path)
    assert compaction.compact_finished_days(tmp_path, today=TODAY) == 1
    (wide, narrow) = sorted(live(tmp_path), key=lambda name: -_width(name))
    assert (_width(wide), _width(narrow)) == (2, 1)
    sealing.seal_all(tmp_path)
    assert stored_uuids(tmp_path) == ["a", "b", "c"]


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def _width(name: str) -> int:
    parsed = FileName.parse(name)
    assert parsed is not None
    return parsed.last - parsed.first + 1


def test_a_damaged_file_is_named_and_nothing_is_put_in_its_place(tmp_path: Path) -> None:
    """No compact file is made that leaves its rows out."""
    sealed_one_by_one(tmp_path, "a", "b")
    path = day_files.live_files(tmp_path / "reports")[0]
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(day_files.FileProblem, match=path.name):
        compaction.compact_finished_days(tmp_path, today=TODAY)
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize(
    "die_at",
    [
        "file written:1", "file renamed:1", "day compacted:1", "superseded file removed:1",
        "superseded file removed:2",
    ],
)  # fmt: skip
def test_a_compaction_that_dies_is_finished_by_the_next(tmp_path: Path, die_at: str) -> None:
    """Killed at any step; a reader sees each report once all along."""
    data_dir = tmp_path / "data"
    uuids = ["a", "b", "c", "d"]
    sealed_one_by_one(data_dir, *uuids)
    age(data_dir, 10.0)
    with PollingReader(data_dir) as reader:
        dying = start(
            data_dir, "--grace", "0.01", "--die-at", die_at, "--", module="tests.receiver.faulty",
            SEAL_SECONDS="0.05",
        )  # fmt: skip
        assert dying.process.wait(20) == -9
        dying.kill()
        assert stored_uuids(data_dir) == uuids
        with serving(data_dir, SEAL_SECONDS="0.05"):
            wait_until(lambda: len(live(data_dir)) == 1)
    assert stored_uuids(data_dir) == uuids
    assert (reader.doubled, reader.vanished, reader.unreadable) == (set(), set(), [])


def test_of_nested_ranges_of_one_journal_the_widest_counts() -> None:
    """What counts is decided by names alone; a name that is not ours says nothing."""
    wide, inner, other = FileName("a", 1, 9), FileName("a", 3, 5), FileName("b", 3, 5)
    assert wide.covers(inner)
    assert wide.covers(wide)
    assert not inner.covers(wide)
    assert not wide.covers(other)
    assert not FileName("a", 1, 4).covers(inner)
    assert FileName.parse(str(wide)) == wide
    for name in ("a-1-9.parquet", "x.parquet", f"{wide}.tmp", f"_{wide}"):
        assert FileName.parse(name) is None


@given(
    widths=st.lists(st.integers(1, 5), min_size=1, max_size=8),
    compacted_up_to=st.sets(st.integers(1, 8)),
    gone=st.sets(st.integers(0, 7)),
)
def test_each_number_is_in_one_live_file(
    widths: list[int], compacted_up_to: set[int], gone: set[int]
) -> None:
    """Whatever was sealed, compacted once more and once more, and partly removed already."""
    ends = list(accumulate(widths))
    narrow = [FileName("a", end - width + 1, end) for end, width in zip(ends, widths, strict=True)]
    wide = [FileName("a", 1, ends[upto - 1]) for upto in compacted_up_to if upto <= len(ends)]
    widest = max((name.last for name in wide), default=0)
    kept = [n for at, n in enumerate(narrow) if n.last > widest or at not in gone]
    with TemporaryDirectory() as folder:
        place = day_files.partition(Path(folder), DAY)
        place.mkdir()
        for name in {*kept, *wide}:
            (place / str(name)).touch()
        found = [FileName.parse(path.name) for path in day_files.live_files(Path(folder))]
    numbers = [n for name in found if name for n in range(name.first, name.last + 1)]
    assert sorted(numbers) == list(range(1, ends[-1] + 1))
