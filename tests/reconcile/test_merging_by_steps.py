"""A merge after each thing that happens to a folder leaves the bytes of one merge of it all."""

import random
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.merging import merge, narrow_days, units
from tests import processes
from tests.builders import NOON, at, clock, log_row, report, window, write_folder, write_pieces
from tests.reconcile.nasty import Folder, Row, folders
from tests.reconcile.test_merging_is_the_same_in_any_order import busy_day, files, held, known

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))
DAY = timedelta(days=1)


def at_once(folder: Path, aside: Path) -> dict[str, bytes]:
    """What a first merge of the very same inputs writes."""
    shutil.rmtree(aside, ignore_errors=True)
    for name in ("reports", "log"):
        if (folder / name).exists():
            shutil.copytree(folder / name, aside / name)
    merge(known(aside))
    return files(aside)


def happen(folder: Path, chance: random.Random, rows: list[Row]) -> None:
    """Something: rows come, a file goes, files become one, a window is read."""
    what = chance.choice(("rows", "rows", "rows", "away", "compact", "window"))
    held_files = sorted(folder.glob("*/date=*/part-*.parquet"))
    if what == "away" and held_files:
        chance.choice(held_files).unlink()
    elif what == "compact" and held_files:
        compact(chance.choice(held_files).parent)
    elif what == "window":
        since = NOON + timedelta(hours=chance.randrange(-48, 48))
        until = since + timedelta(hours=chance.choice((1, 30)))
        read = window(since.isoformat(), until.isoformat(), chance.choice(("listed", "counted")))
        write_folder(folder, windows=[read])
    else:
        for name, some in (
            ("reports", [row for row in rows if "report_id" in row]),
            ("log", [row for row in rows if "report_id" not in row]),
        ):
            write_pieces(folder, name, some, chance.choice((1, 2)))


def compact(partition: Path) -> None:
    parts = sorted(partition.glob("*.parquet"))
    table = pq.read_table(parts, partitioning=None)
    whole = partition / f"part-of-{len(parts)}-{parts[0].stem}.parquet"
    pq.write_table(table, whole)
    for path in parts:
        path.unlink()


def check_steps(tmp_path: Path, rows: list[Row], chance: random.Random, steps: int) -> None:
    folder = tmp_path / "by steps"
    chance.shuffle(rows)
    for step in range(steps):
        happen(folder, chance, rows[step::steps])
        merge(known(folder))
        assert files(folder) == at_once(folder, tmp_path / "at once")


@pytest.fixture(params=[False, True], ids=["", "narrowly"])
def narrowly(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it comes; and however much is new, only that derived."""
    if request.param:
        monkeypatch.setattr(narrow_days, "MOST_NEW", 0)


@pytest.mark.parametrize("narrowly", [True], indirect=True)
@pytest.mark.usefixtures("narrowly")
@pytest.mark.parametrize("seed", range(1))
def test_many_merges_leave_what_one_leaves(tmp_path: Path, seed: int) -> None:
    told, log = busy_day(seed)
    check_steps(tmp_path, [*told, *log], random.Random(seed), 3)


@pytest.mark.slow
@pytest.mark.usefixtures("narrowly")
@pytest.mark.parametrize("seed", range(100, 120))
def test_very_many_merges_leave_what_one_leaves(tmp_path: Path, seed: int) -> None:
    told, log = busy_day(seed)
    check_steps(tmp_path, [*told, *log], random.Random(seed), 9)


@settings(UNHURRIED, max_examples=2)
@given(folder=folders(), seed=st.integers(0, 1000))
def test_merges_of_the_worst_folders_leave_what_one_leaves(
    tmp_path_factory: pytest.TempPathFactory, folder: Folder, seed: int
) -> None:
    rows = [*folder.reports, *folder.log]
    check_steps(tmp_path_factory.mktemp("steps"), rows, random.Random(seed), 3)


# -- what a merge looks at ------------------------------------------------------------------------


def three_days(folder: Path) -> Path:
    for day in range(3):
        moment = NOON + day * DAY
        told = [report(f"m{day}{n}", message_time=clock(moment), received_at=moment)
                for n in range(8)]  # fmt: skip
        write_folder(folder, reports=told)
    merge(known(folder))
    return folder


def marks(folder: Path) -> dict[str, Any]:
    return {
        path.parent.name: (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in (folder / "messages").glob("date=*/*.parquet")
    }


def test_a_late_report_touches_only_the_day_of_its_message(tmp_path: Path) -> None:
    folder = three_days(tmp_path)
    before = marks(folder)
    late = report("m00", "sent", message_time=clock(NOON), received_at=NOON + 2 * DAY)
    write_folder(folder, reports=[late])
    assert merge(known(folder)).days_written == 1
    changed = {day for day, mark in marks(folder).items() if mark != before[day]}
    assert changed == {"date=2026-03-01"}


def a_day_of_split_messages(folder: Path) -> None:
    """Every seven minutes one, in two parts of which the other is of an hour later."""
    midnight, told = at("00:00:00"), []
    for number in range(180):
        for uuid, later in ((f"m{number:03d}", 0), (f"m{number:03d}b", 1)):
            moment = midnight + timedelta(minutes=7 * number, hours=later)
            told += [
                report(uuid, status, message_time=clock(moment), received_at=moment,
                       parent_message_uuid=f"m{number:03d}")
                for status in ("queued", "sent", "delivered")
            ]  # fmt: skip
    write_pieces(folder, "reports", told, 1)


@pytest.fixture
def derived(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each derivation of a day gave, as merges go on."""
    numbers: list[int] = []
    derive = units.derive

    def counted(engine: DuckDBEngine, *given: Any) -> Any:
        found = derive(engine, *given)
        numbers.append(engine.query("select count(*) as n from owned")["n"][0].as_py())
        return found

    monkeypatch.setattr(units, "derive", counted)
    return numbers


def test_hours_of_the_log_read_one_by_one_give_what_a_day_read_at_once_gives(
    tmp_path: Path, derived: list[int]
) -> None:
    folder = tmp_path / "by hours"
    a_day_of_split_messages(folder)
    merge(known(folder))
    assert derived == [180]
    for hour in range(4, 7):
        read = window(f"{hour:02d}:00:00", f"{hour + 1:02d}:00:00")
        write_folder(folder, windows=[read])
        merge(known(folder))
        derived_now = derived[-1]
        assert files(folder) == at_once(folder, tmp_path / "at once")
        # nine begin in an hour; the other parts of that hour are of those of the hour before
        assert derived_now in range(16, 20)


def test_a_window_in_which_there_is_no_message_derives_nothing(
    tmp_path: Path, derived: list[int]
) -> None:
    a_day_of_split_messages(tmp_path)
    merge(known(tmp_path))
    before = marks(tmp_path)
    write_folder(tmp_path, windows=[window("22:30:00", "23:00:00")])
    assert merge(known(tmp_path)).days_written == 0
    assert len(derived) == 1
    assert marks(tmp_path) == before


def test_a_day_is_derived_whole_when_all_of_it_was_read(tmp_path: Path, derived: list[int]) -> None:
    a_day_of_split_messages(tmp_path)
    merge(known(tmp_path))
    write_folder(tmp_path, windows=[window()])
    merge(known(tmp_path))
    assert derived == [180, 180]


def test_a_compaction_touches_no_day(tmp_path: Path) -> None:
    folder = three_days(tmp_path)
    before = marks(folder)
    compact(folder / "reports" / "date=2026-03-02")
    assert merge(known(folder)).days_written == 0
    assert marks(folder) == before


def test_a_log_file_in_whose_place_another_came_is_derived_anew(tmp_path: Path) -> None:
    write_folder(tmp_path, log=[log_row("m1", destination_network="One")])
    merge(known(tmp_path))
    (lying,) = (tmp_path / "log").glob("date=*/*.parquet")
    lying.unlink()
    write_folder(tmp_path, log=[log_row("m1", destination_network="Other")])
    merge(known(tmp_path))
    assert files(tmp_path) == at_once(tmp_path, tmp_path / "at once")


def test_a_merge_does_not_need_what_was_remembered(tmp_path: Path) -> None:
    folder = three_days(tmp_path)
    before = files(folder)
    shutil.rmtree(folder / "state")
    (folder / "messages" / "_merge.json").unlink()
    merge(known(folder))
    assert files(folder) == before


def test_a_day_that_someone_changed_is_made_anew(tmp_path: Path) -> None:
    folder = three_days(tmp_path)
    before = files(folder)
    day = folder / "messages" / "date=2026-03-02" / "messages.parquet"
    day.write_bytes(b"PAR1 no more")
    merge(known(folder))
    assert files(folder) == before


def test_a_copy_that_is_not_as_it_was_written_is_not_built_upon(tmp_path: Path) -> None:
    late = report("m1", message_time=clock(NOON), received_at=NOON + 2 * DAY)
    write_folder(tmp_path, reports=[late])
    merge(known(tmp_path))
    before = files(tmp_path)
    (copy,) = (tmp_path / "state" / "merge").glob("*.strays.parquet")
    rows = pq.read_table(copy)
    status = rows.schema.get_field_index("status")
    pq.write_table(rows.set_column(status, "status", pa.array(["failed"])), copy)
    shutil.rmtree(tmp_path / "messages" / "date=2026-03-01")
    merge(known(tmp_path))
    assert files(tmp_path) == before


def test_an_open_message_is_given_up_in_days_that_nothing_new_is_said_of(tmp_path: Path) -> None:
    open_one = report("m1", "sent", message_time=clock(NOON), received_at=NOON)
    write_folder(tmp_path, reports=[open_one])
    merge(known(tmp_path))
    later = NOON + 5 * DAY
    write_folder(tmp_path, reports=[report("m2", message_time=clock(later), received_at=later)])
    merge(known(tmp_path))
    first = pq.read_table(
        tmp_path / "messages" / "date=2026-03-01" / "messages.parquet", partitioning=None
    )
    assert first["outcome"].to_pylist() == ["unconfirmed"]


def test_a_part_that_travels_stands_once(tmp_path: Path) -> None:
    midnight = at("2026-03-02T00:00:00")
    write_folder(tmp_path, reports=[report("m1", message_time=clock(midnight))])
    merge(known(tmp_path))
    before = midnight - timedelta(microseconds=1)
    write_folder(tmp_path, log=[log_row("m1", message_time=before)])
    merge(known(tmp_path))
    assert held(tmp_path) == {"2026-03-01": ["m1"]}


def test_forgetting_reports_reaches_the_copies_that_merges_keep(tmp_path: Path) -> None:
    late = report(
        "m1", message_time=clock(NOON), received_at=NOON + 2 * DAY, to_number="14155550142"
    )
    write_folder(tmp_path, reports=[late])
    merge(known(tmp_path))
    assert any((tmp_path / "state" / "merge").glob("*.strays.parquet"))
    done = processes.command(
        "receiver", "forget", "--number", "+14155550142", settings={"DATA_DIR": str(tmp_path)}
    )
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "state" / "merge").exists()
    assert merge(known(tmp_path)).messages == 0


# -- who moves from day to day --------------------------------------------------------------------


def take_away(folder: Path, uuid: str) -> None:
    """The files of this part alone."""
    for name in ("reports", "log"):
        for path in folder.glob(f"{name}/date=*/*.parquet"):
            if set(pq.read_table(path, partitioning=None)["message_uuid"].to_pylist()) == {uuid}:
                path.unlink()


def told_elsewhere(uuid: str = "m1") -> Row:
    """By its first letters of March 1; in UTC of March 2."""
    return report(uuid, "sent", sequence="1", message_time="2026-03-01 23:30:00-05:00")


def check(folder: Path) -> None:
    merge(known(folder))
    assert files(folder) == at_once(folder, folder.parent / "at once")


def test_a_message_that_stood_in_another_day_comes_home(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write_folder(folder, reports=[told_elsewhere(), report("m2")])
    check(folder)
    home = report("m1", sequence="2", message_time="2026-03-01 12:00:00")
    write_folder(folder, reports=[home])
    check(folder)
    check(folder)
    assert held(folder) == {"2026-03-01": ["m1", "m2"]}


def test_a_message_becomes_at_home_where_it_stood(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    next_day = clock(NOON + DAY)
    told = [told_elsewhere(), report("m2"), report("m3", message_time=next_day)]
    write_folder(folder, reports=told)
    check(folder)
    take_away(folder, "m1")
    write_folder(folder, reports=[report("m1", message_time=next_day)])
    merge(known(folder), since=at("2026-03-02T00:00:00"))
    assert held(folder)["2026-03-02"] == ["m1", "m3"]
    check(folder)


def test_a_message_goes_when_the_day_that_it_was_derived_by_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write_folder(folder, reports=[told_elsewhere(), report("m2", message_time=clock(NOON + DAY))])
    check(folder)
    take_away(folder, "m1")
    check(folder)
    check(folder)


def test_a_relative_is_found_though_a_traveller_is_new_too(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    later = clock(NOON + timedelta(hours=3))
    told = [report(f"f{number}", message_time=later) for number in range(60)]
    told += [
        report("m1b", "sent", parent_message_uuid="m1"),
        report("m1c", parent_message_uuid="m1"),
        report("m1", parent_message_uuid="m1"),
        report("t"),
        report("t", "sent", message_time=clock(NOON + DAY), received_at=NOON + DAY),
    ]
    write_pieces(folder, "reports", told, 1)
    check(folder)
    write_folder(folder, log=[log_row("m1b"), log_row("t")])  # neither names a parent
    check(folder)


def test_the_same_hours_of_another_month_are_other_hours(tmp_path: Path) -> None:
    def read(day: str, account: str) -> Row:
        return window(f"{day}T11:00:00", f"{day}T13:00:00", account=account)

    folder, april = tmp_path / "folder", at("2026-04-01T12:00:00")
    told = [
        report("t", sequence="2", account="SA1"),
        report("t", "sent", sequence="1", account="SA1", message_time=clock(april),
               received_at=april),
    ]  # fmt: skip
    write_folder(folder, reports=told, windows=[read("2026-03-01", "MA1")])
    check(folder)
    write_folder(folder, windows=[read("2026-04-01", "MA1"), read("2026-04-01", "MA2")])
    check(folder)


def test_twins_in_the_log_in_whose_place_other_twins_came_are_derived_anew(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    write_folder(folder, log=[log_row("m1"), log_row("m1"), log_row("m2")])
    check(folder)
    take_away(folder, "m1")
    write_folder(folder, log=[log_row("m3"), log_row("m3")])
    check(folder)


def test_a_damaged_day_that_nobody_asked_for_waits(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    next_day = NOON + DAY
    told = [
        report("t", sequence="2"), report("m1"), report("m2", message_time=clock(next_day)),
        report("t", "sent", sequence="1", message_time=clock(next_day), received_at=next_day),
    ]  # fmt: skip
    write_folder(folder, reports=told)
    check(folder)
    (folder / "messages" / "date=2026-03-01" / "messages.parquet").write_bytes(b"PAR1 no more")
    write_folder(folder, windows=[window("2026-03-02T00:00:00", "2026-03-03T00:00:00")])
    merge(known(folder), since=at("2026-03-02T00:00:00"))
    check(folder)


@pytest.mark.parametrize(
    ("told", "log"),
    [
        ([report(message_time="0000-01-01 00:00:00")], []),
        ([report(message_time="9999-12-31 00:00:00")], []),
        ([], [log_row(message_time=at("9999-12-31T12:00:00"))]),
        ([], [log_row(), log_row("m2", message_time=None, pulled_at=None)]),
    ],
    ids=["year 0", "year 9999", "the log's year 9999", "no time at all"],
)
def test_a_time_that_cannot_be_stops_no_merge(
    tmp_path: Path, told: list[Row], log: list[Row]
) -> None:
    folder = tmp_path / "folder"
    write_folder(folder, reports=told, log=log, windows=[window()])
    check(folder)
    write_folder(folder, log=[log_row("m3")])
    check(folder)
