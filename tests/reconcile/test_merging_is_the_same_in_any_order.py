"""Same inputs, same files – however the rows lie on disk and in whatever order they came."""

import random
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reconcile
from receiver import config
from receiver.config import Settings
from reconcile.merging import merge
from tests.builders import NOON, at, clock, log_row, report, write_folder, write_pieces
from tests.reconcile.nasty import Folder, Row, folders, reports
from tests.reconcile.oracle import text
from tests.reconcile.reckoning import Stages

UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck))
LATER = NOON + timedelta(days=30)


def known(folder: Path) -> Settings:
    return config.load({"DATA_DIR": str(folder)}, environment={})


def files(folder: Path) -> dict[str, bytes]:
    """The bytes of every day of `messages/`."""
    place = folder / "messages"
    return {
        str(path.relative_to(place)): path.read_bytes() for path in place.glob("date=*/*.parquet")
    }


def held(folder: Path) -> dict[str, list[str]]:
    """Which messages stand on which day."""
    return {
        path.split("/")[0].removeprefix("date="): pq.read_table(
            folder / "messages" / path, partitioning=None
        )["message_uuid"].to_pylist()
        for path in sorted(files(folder))
    }


def busy_day(seed: int) -> tuple[list[Row], list[Row]]:
    """Some hundred reports and rows over three days, with copies and late ones."""
    chance = random.Random(seed)
    told, log = [], []
    for number in range(60):
        begun = NOON + timedelta(hours=chance.uniform(-30, 30))
        for sequence, status in enumerate(("queued", "sent", "delivered"), start=1):
            told += [
                _some_report(chance, number, status, sequence, begun)
                for _ in range(chance.choice((0, 1, 1, 1, 2)))
            ]
        for _ in range(chance.choice((0, 1, 2))):
            pulled = begun + timedelta(hours=chance.uniform(0, 40))
            state = chance.choice(("sent", "delivered", "undelivered"))
            log.append(log_row(f"m{number:03d}", state, message_time=begun, pulled_at=pulled))
    return told, log


def _some_report(
    chance: random.Random, number: int, status: str, sequence: int, begun: datetime
) -> Row:
    return report(
        f"m{number:03d}",
        status,
        sequence=chance.choice((sequence, None)),
        message_time=chance.choice((clock(begun), None)),
        parent_message_uuid=chance.choice((None, f"m{number // 3 * 3:03d}")),
        received_at=begun + timedelta(hours=chance.uniform(0, 40)),
        total_amount=f"0.{chance.randrange(100_000):05d}",
        to_number=chance.choice(("14155550100", "14155550***")),
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_rows_in_any_order_over_any_files_give_the_same_bytes(tmp_path: Path, seed: int) -> None:
    told, log = busy_day(seed)
    chance = random.Random(seed)
    seen = []
    for pieces in (1, 3, 17):
        folder = tmp_path / str(pieces)
        chance.shuffle(told)
        chance.shuffle(log)
        write_pieces(folder, "reports", told, pieces)
        write_pieces(folder, "log", log, pieces)
        merge(known(folder))
        seen.append(files(folder))
    assert len(seen[0]) > 2
    assert seen[0] == seen[1] == seen[2]


@pytest.mark.slow
def test_what_came_in_many_merges_is_as_if_it_came_in_one(tmp_path: Path) -> None:
    told, log = busy_day(3)
    for number in range(0, len(told), 40):
        write_pieces(tmp_path / "slowly", "reports", told[number : number + 40], 2)
        merge(known(tmp_path / "slowly"))
    write_pieces(tmp_path / "slowly", "log", log, 2)
    merge(known(tmp_path / "slowly"))
    write_pieces(tmp_path / "at once", "reports", told, 1)
    write_pieces(tmp_path / "at once", "log", log, 1)
    merge(known(tmp_path / "at once"))
    assert files(tmp_path / "slowly") == files(tmp_path / "at once")


def test_a_merge_of_what_is_merged_writes_nothing(tmp_path: Path) -> None:
    told, log = busy_day(4)
    write_pieces(tmp_path, "reports", told, 2)
    write_pieces(tmp_path, "log", log, 2)
    merge(known(tmp_path))
    before = files(tmp_path)
    assert merge(known(tmp_path), full=True).days_written == 0
    assert files(tmp_path) == before


# -- a message stands in exactly one partition ---------------------------------------------------


def test_a_message_whose_time_is_learned_leaves_the_day_of_the_guess(tmp_path: Path) -> None:
    write_folder(tmp_path, reports=[report("m1", message_time=None)])
    merge(known(tmp_path))
    assert held(tmp_path) == {"2026-03-01": ["m1"]}
    write_folder(tmp_path, log=[log_row("m1", message_time=at("2026-02-28T23:00:00"))])
    merge(known(tmp_path))
    assert held(tmp_path) == {"2026-02-28": ["m1"]}


def test_a_part_whose_parent_is_learned_leaves_its_old_day(tmp_path: Path) -> None:
    second = clock(at("2026-03-02T12:00:00"))
    write_folder(tmp_path, reports=[report("m1"), report("m2", "sent", message_time=second)])
    merge(known(tmp_path))
    assert held(tmp_path) == {"2026-03-01": ["m1"], "2026-03-02": ["m2"]}
    write_folder(tmp_path, reports=[report("m2", parent_message_uuid="m1", message_time=second)])
    merge(known(tmp_path))
    assert held(tmp_path) == {"2026-03-01": ["m1"]}


@pytest.mark.parametrize(
    ("since", "until"),
    [("2026-03-01", None), (None, "2026-03-01"), ("2026-02-28", "2026-03-01"), (None, None)],
)
def test_a_merge_of_some_days_loses_no_message_and_doubles_none(
    tmp_path: Path, since: str | None, until: str | None
) -> None:
    write_folder(tmp_path, reports=[report("m1", message_time=None)])
    merge(known(tmp_path))
    write_folder(tmp_path, log=[log_row("m1", message_time=at("2026-02-28T23:00:00"))])
    first, last = (at(f"{day}T00:00:00") if day else None for day in (since, until))
    merge(known(tmp_path), since=first, until=last)
    assert held(tmp_path) == {"2026-02-28": ["m1"]}


def test_a_merge_of_some_days_takes_away_what_became_a_part_of_them(tmp_path: Path) -> None:
    second = clock(at("2026-03-02T12:00:00"))
    write_folder(tmp_path, reports=[report("m1"), report("m2", "sent", message_time=second)])
    merge(known(tmp_path))
    write_folder(tmp_path, reports=[report("m2", parent_message_uuid="m1", message_time=second)])
    merge(known(tmp_path), since=at("2026-03-01T00:00:00"), until=at("2026-03-02T00:00:00"))
    assert held(tmp_path) == {"2026-03-01": ["m1"]}


# -- one report more -----------------------------------------------------------------------------


def final_parts(stages: Stages, folder: Folder) -> set[str]:
    stages.messages(folder.reports, folder.log, folder.windows, as_of=LATER)
    found = stages.engine.query("select message_uuid from parts where final").to_pylist()
    return {row["message_uuid"] for row in found}


def later(folder: Folder, one_more: Row) -> Folder:
    return Folder([*folder.reports, one_more], folder.log, folder.windows)


@settings(UNHURRIED, max_examples=8)
@given(folder=folders(), one_more=reports("p1", number=99))
def test_a_report_more_never_makes_a_final_part_open_again(
    stages: Stages, folder: Folder, one_more: Row
) -> None:
    assert final_parts(stages, folder) <= final_parts(stages, later(folder, one_more))


@settings(UNHURRIED, max_examples=8)
@given(folder=folders(), one_more=reports("p1", number=99))
def test_a_late_report_changes_only_its_own_message(
    stages: Stages, folder: Folder, one_more: Row
) -> None:
    def told(of: Folder) -> dict[str, dict[str, Any]]:
        found = stages.messages(of.reports, of.log, of.windows, as_of=LATER)
        return {row["message_uuid"]: row for row in found}

    before, after = told(folder), told(later(folder, one_more))
    # its own: the one that it is in now, and those that name it or were named by it before
    parents = {text(row["parent_message_uuid"]) for row in (*folder.reports, *folder.log)}
    own = {"p1", *parents, text(one_more["parent_message_uuid"])}
    strangers = (set(before) | set(after)) - own
    assert {uuid: before.get(uuid) for uuid in strangers} == {
        uuid: after.get(uuid) for uuid in strangers
    }


@settings(UNHURRIED, max_examples=8)
@given(folder=folders(), days=st.integers(0, 10))
def test_now_decides_pending_or_unconfirmed_and_nothing_else(
    stages: Stages, folder: Folder, days: int
) -> None:
    def told(as_of: datetime) -> list[Row]:
        found = stages.messages(folder.reports, folder.log, folder.windows, as_of=as_of)
        open_words = {"pending": "open", "unconfirmed": "open"}
        return [row | {"outcome": open_words.get(row["outcome"], row["outcome"])} for row in found]

    assert told(NOON) == told(NOON + timedelta(days=days))


@pytest.mark.parametrize("harm", ["deleted", "damaged"])
def test_what_was_derived_and_taken_away_or_changed_is_made_anew(tmp_path: Path, harm: str) -> None:
    write_folder(tmp_path, reports=[report(f"m{n}") for n in range(5)])
    whole = reconcile.messages(data_dir=tmp_path)
    (derived,) = (tmp_path / "messages").glob("date=*/*.parquet")
    if harm == "deleted":
        derived.unlink()
    else:
        content = bytearray(derived.read_bytes())
        content[len(content) // 3] ^= 16
        derived.write_bytes(content)
    assert reconcile.messages(data_dir=tmp_path).equals(whole)
