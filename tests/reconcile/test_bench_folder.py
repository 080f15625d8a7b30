"""The folders that speed is measured on are right ones, or the figures would be of nothing."""

from dataclasses import asdict, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import reconcile
from receiver import alive, config, day_files
from receiver.callback import report_fields
from receiver.columns import PARAMETERS, REPORTS
from reconcile.columns import LOG
from reconcile.merging import merge
from reconcile.plivo_log.log_row import read_row
from tests.bench import reconcile_variants
from tests.bench.drawn_world import DAY, HOUR, World
from tests.bench.report_folder import Truth, add_hour, read_truth, write

WORLD = World(1_500, days=4, seed=7)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The world as it ended."""
    folder = tmp_path_factory.mktemp("whole")
    write(WORLD, folder)
    return folder


@pytest.fixture(scope="module")
def hourly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, its last hour as it came; merged before that hour and after it."""
    folder = tmp_path_factory.mktemp("hourly")
    assert_merged_as(write(WORLD, folder, until=WORLD.end - HOUR), folder)
    assert_merged_as(add_hour(WORLD, folder, since=WORLD.end - HOUR), folder)
    return folder


def assert_merged_as(truth: Truth, folder: Path) -> None:
    merged = merge(config.load({"DATA_DIR": str(folder)}, environment={}))
    assert merged.as_of is not None
    assert merged.as_of.isoformat() == truth.as_of
    assert_true(reconcile_variants.counts(folder), truth)


def assert_true(rows: list[dict[str, Any]], truth: Truth) -> None:
    for name, value in asdict(truth).items():
        if name in rows[0]:
            assert sum(row[name] for row in rows) == Decimal(value), name


def stored(folder: Path, name: str) -> pa.Table:
    """All rows of `reports/` or `log/`, each file checked."""
    return pa.concat_tables([day_files.read(path) for path in day_files.live_files(folder / name)])


def test_a_merge_finds_exactly_what_was_drawn_before_a_new_hour_and_after_it(hourly: Path) -> None:
    assert read_truth(hourly).as_of == WORLD.end.isoformat()
    assert read_truth(hourly).unconfirmed > 0
    assert read_truth(hourly).never_reported > 5


def test_a_rate_report_counts_exactly_what_was_drawn(hourly: Path) -> None:
    truth = read_truth(hourly)
    row = reconcile.rates(by="none", data_dir=hourly).iloc[0]
    assert row["submitted"] == truth.messages
    assert [row["delivered"], row["undelivered"], row["failed"], row["unconfirmed"]] == [
        truth.delivered, truth.undelivered, truth.failed, truth.unconfirmed
    ]  # fmt: skip
    assert str(row["total_amount"]) == truth.total_amount


@pytest.mark.parametrize("variant", ["bare", "pandas", "polars"])
def test_what_a_merge_is_compared_with_counts_what_was_drawn(variant: str, whole: Path) -> None:
    if variant == "polars":
        pytest.importorskip("polars", reason="make bench-reconcile installs it")
    rows = reconcile_variants.VARIANTS[variant](whole)
    assert rows
    assert {"messages", "delivered", "undelivered", "failed", "units"} <= set(rows[0])
    assert_true(rows, read_truth(whole))


def test_the_same_seed_gives_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    write(WORLD, tmp_path)
    assert contents(tmp_path) == contents(whole)


def test_another_seed_gives_other_messages(whole: Path, tmp_path: Path) -> None:
    write(replace(WORLD, seed=8), tmp_path)
    assert not uuids(tmp_path) & uuids(whole)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.parquet")}


def uuids(folder: Path) -> set[str]:
    return set(stored(folder, "reports")["message_uuid"].to_pylist())


def test_a_new_hour_brings_what_the_whole_world_has_more(whole: Path, hourly: Path) -> None:
    for name, order in (("reports", "report_id"), ("log", "record")):
        keys = [(order, "ascending")] + [("pulled_at", "ascending")] * (name == "log")
        assert stored(hourly, name).sort_by(keys).equals(stored(whole, name).sort_by(keys)), name
    newest = day_files.live_files_of(hourly / "reports", (WORLD.end - DAY).date())
    assert 10 < len(newest) <= 61
    assert not alive.gaps(hourly / "reports", until=WORLD.end)


def test_each_row_is_what_receiver_and_reconciler_make_of_it(whole: Path) -> None:
    reports, log = stored(whole, "reports"), stored(whole, "log")
    assert reports.schema.equals(REPORTS)
    assert log.schema.equals(LOG)
    for row in reports.slice(0, 500).to_pylist():
        said = {column: row[column] for column in PARAMETERS.values() if row[column] is not None}
        assert report_fields(row["body"].encode()) == said
    for row in log.slice(0, 500).to_pylist():
        read = read_row(row["record"])
        assert not read.untyped
        assert {name: row[name] for name in read.columns} == {**read.columns, "untyped_values": 0}


def test_reports_come_late_twice_out_of_order_and_not_at_all(whole: Path, hourly: Path) -> None:
    newest = day_files.read(day_files.live_files(whole / "reports")[-1])
    assert min(newest["message_time"].to_pylist()) < "2026-03-03"
    assert max(newest["message_time"].to_pylist()) > "2026-03-04 23"
    audit = reconcile.audit(data_dir=hourly)
    assert audit["duplicate_reports"] > 10
    assert audit["out_of_order_reports"] > 0
    assert audit["never_reported"] == read_truth(hourly).never_reported
    assert len(uuids(whole)) < read_truth(whole).parts
