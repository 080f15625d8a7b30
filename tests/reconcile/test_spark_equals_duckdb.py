"""One contract for both engines: the same folder gives the same rows, to the last digit."""

import shutil
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from receiver import config, day_files
from receiver.columns import REPORTS, UTC_TIME
from receiver.config import Settings
from reconcile import conditions, counted_messages, selection, stages, tallies, trends
from reconcile.columns import LOG, MESSAGES
from reconcile.counted_messages import Question
from reconcile.engines.choice import engine_of
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.engines.engine import Engine
from reconcile.merging import Merged, merge
from reconcile.message_list import message_list
from reconcile.overview.overview import overview
from reconcile.rate_report import rate_report
from reconcile.redaction import Redaction
from tests import spark
from tests.builders import report, write_folder
from tests.reconcile import odd_folder
from tests.reconcile.nasty import MIDNIGHT

BERLIN = "Europe/Berlin"
pytestmark = pytest.mark.filterwarnings("ignore:PySpark does not yet fully support")


def known(folder: Path, engine: str, **more: str) -> Settings:
    said = {"DATA_DIR": str(folder), "ENGINE": engine, "SPARK_MASTER": spark.MASTER, **more}
    return config.load(said, environment={})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same folder merged twice: below `duckdb` and below `spark`."""
    spark.need()
    place = tmp_path_factory.mktemp("engines")
    odd_folder.write(place / "duckdb", parts=250, seed=11)
    shutil.copytree(place / "duckdb", place / "spark")
    for engine in ("duckdb", "spark"):
        merge(known(place / engine, engine))
    return place


@pytest.fixture(scope="module")
def both(data: Path) -> Iterator[tuple[Engine, Engine]]:
    """Both engines with the same messages."""
    with DuckDBEngine() as duck, engine_of(known(data / "spark", "spark")) as other:
        yield duck, other


def written(folder: Path) -> dict[str, pa.Table]:
    return {
        path.parent.name: pq.read_table(path, partitioning=None)
        for path in sorted((folder / "messages").glob("date=*/*.parquet"))
    }


def same(one: dict[str, pa.Table], other: dict[str, pa.Table]) -> None:
    """Row by row, so that a difference says where it is."""
    assert one.keys() == other.keys()
    for day, table in one.items():
        assert table.schema == other[day].schema
        for row, likewise in zip(table.to_pylist(), other[day].to_pylist(), strict=True):
            assert row == likewise
        assert table.equals(other[day])


# -- messages/ -----------------------------------------------------------------------------------


def test_both_write_the_same_messages(data: Path) -> None:
    found = written(data / "duckdb")
    assert sum(table.num_rows for table in found.values()) > 150
    same(found, written(data / "spark"))


def test_a_day_of_either_is_one_file_sorted_and_sealed(data: Path) -> None:
    for path in (data / "spark" / "messages").glob("date=*"):
        assert [file.name for file in path.iterdir()] == ["messages.parquet"]
        day_files.verify(path / "messages.parquet")
        rows = pq.read_table(path / "messages.parquet", partitioning=None)
        assert rows.equals(
            rows.sort_by([("message_time", "ascending"), ("message_uuid", "ascending")])
        )
    assert {path.name for path in (data / "spark" / "messages").iterdir()} - {"_merge.json"} == (
        set(written(data / "duckdb"))
    )


def test_what_one_engine_merged_the_other_need_not(data: Path) -> None:
    note = (data / "duckdb" / "messages" / "_merge.json").read_text(encoding="utf-8")
    assert merge(known(data / "duckdb", "spark")).days_written == 0
    assert (data / "duckdb" / "messages" / "_merge.json").read_text(encoding="utf-8") == note


def test_callbacks_in_a_zone_with_summer_time_and_what_is_gone(data: Path, tmp_path: Path) -> None:
    """Also: days of messages that were merged before and are none now, files of strangers."""
    write_folder(tmp_path / "duckdb", reports=[
        report(f"z{n}", "sent", message_time=time, received_at=datetime(2026, 10, 26, tzinfo=UTC))
        for n, time in enumerate(("2026-10-25 01:30:00", "2026-10-25 02:30:00",
                                  "2026-10-25 03:30:00", "2026-03-29 02:30:00",
                                  "2026-10-25 02:30:00Z", None))
    ], windows=[])  # fmt: skip
    shutil.copytree(tmp_path / "duckdb", tmp_path / "spark")
    gone = tmp_path / "spark" / "messages" / "date=2026-01-01"
    gone.mkdir(parents=True)
    pq.write_table(MESSAGES.empty_table(), gone / "messages.parquet")
    (tmp_path / "spark" / "messages" / "date=2026-10-25").mkdir()
    stranger = tmp_path / "spark" / "messages" / "date=2026-10-25" / "other.parquet"
    pq.write_table(MESSAGES.empty_table(), stranger)
    merged = [
        merge(known(tmp_path / engine, engine, CALLBACK_TIME_ZONE=BERLIN))
        for engine in ("duckdb", "spark")
    ]
    same(written(tmp_path / "duckdb"), written(tmp_path / "spark"))
    assert merged[0] == replace(merged[1], days_written=merged[0].days_written)
    assert merged[1].days_written == merged[0].days_written + 1  # the one that is gone
    assert merge(known(tmp_path / "spark", "spark", CALLBACK_TIME_ZONE=BERLIN), full=True) == (
        replace(merged[1], days_written=0)
    )


# -- the rate report -----------------------------------------------------------------------------

QUESTIONS: dict[str, dict[str, Any]] = {
    "by day": {"by": ("day",)},
    "by local hour, with conditions": {
        "by": ("hour",), "zone": BERLIN,
        "where": conditions.parse(["carrier!=x,country=us,country=de,unknown_state=false"]),
    },
    "total in units, of a span": {
        "by": (), "by_units": True, "as_of": MIDNIGHT + timedelta(days=30),
        "since": MIDNIGHT - timedelta(hours=9),
        "until": MIDNIGHT + timedelta(hours=9),
    },
    "numbers hidden, the largest": {
        "by": ("from_number", "type"), "top": 7, "redaction": Redaction("ab" * 32),
        "where": conditions.parse(["negative_receipt=false", "tag!=zz", "total_amount<5"]),
    },
}  # fmt: skip


@pytest.mark.parametrize("name", QUESTIONS)
def test_both_report_the_same_rates_and_the_same_audit(data: Path, name: str) -> None:
    question = Question(**QUESTIONS[name])
    one, other = (
        rate_report(known(data / "duckdb", engine), question, Merged(_now(data), 1, 0))
        for engine in ("duckdb", "spark")
    )
    assert one.total is not None
    assert one.rows
    for field in fields(one):
        assert getattr(one, field.name) == getattr(other, field.name), field.name
    assert one.table().equals(other.table())


@pytest.mark.parametrize(
    "keys",
    [
        tuple(selection.DIMENSIONS)[:6],
        tuple(selection.DIMENSIONS)[6:12],
        tuple(selection.DIMENSIONS)[12:],
        ("country",),
    ],
    ids=", ".join,
)
def test_both_count_and_time_the_same_by_any_break_down(
    data: Path, both: tuple[Engine, Engine], keys: tuple[str, ...]
) -> None:
    found = []
    for engine in both:
        question = Question(by=keys, zone="America/New_York")
        counted_messages.select(engine, known(data / "duckdb", "duckdb"), question, _now(data))
        found.append(tallies.whole(engine, {key: selection.DIMENSIONS[key] for key in keys}))
    assert found[0].to_pylist() == found[1].to_pylist()
    assert found[0].num_rows > 3


def test_both_tell_the_same_overview(data: Path) -> None:
    found = [
        overview(known(data / "duckdb", engine), Question(), Merged(_now(data), 1, 0))
        for engine in ("duckdb", "spark")
    ]
    for field in fields(found[0]):
        if field.name != "versions":  # each names its own
            assert getattr(found[0], field.name) == getattr(found[1], field.name), field.name
    assert "pyspark" in found[1].versions


def test_both_list_the_same_messages_and_trends(data: Path) -> None:
    question = Question(where=conditions.parse(["fate!=open,reports>0,message_time>2026-03-01"]))
    lists = [
        message_list(known(data / "duckdb", engine), question, Merged(_now(data), 1, 0), limit=99)
        for engine in ("duckdb", "spark")
    ]
    assert lists[0].count == lists[1].count > 20
    assert lists[0].table.to_pylist() == lists[1].table.to_pylist()
    asked = known(data / "duckdb", "duckdb")
    shown = rate_report(asked, Question(by=("type",)), Merged(_now(data), 1, 0))
    assert trends.trends(asked, shown) == trends.trends(known(data / "duckdb", "spark"), shown)


def test_an_empty_folder_is_empty_for_both(tmp_path: Path) -> None:
    spark.need()
    write_folder(tmp_path, windows=[])
    for engine in ("duckdb", "spark"):
        report = rate_report(known(tmp_path, engine), Question(), Merged(None, 0, 0))
        assert report.rows == []
        assert report.total is None


# -- the common subset ---------------------------------------------------------------------------

_NOW = {"as_of": UTC_TIME, "horizon_micros": pa.int64(),
        "zone": pa.string(), "by_units": pa.bool_(), "direction": pa.string()}  # fmt: skip
INPUTS = {
    "reports": REPORTS, "log_rows": LOG, "asked": pa.schema(list(_NOW.items())),
    "moment": pa.schema([("as_of", UTC_TIME), ("horizon_micros", pa.int64()),
                         ("callback_zone", pa.string()), ("every_report", pa.bool_())]),
    "windows": pa.schema([("account", pa.string()), ("from_at", UTC_TIME),
                          ("until_at", UTC_TIME), ("how", pa.string())]),
    "zones": pa.schema([("zone", pa.string())]),
}  # fmt: skip
OTHERS = ("counted_messages", "countable_parts", "audit", "unknown_states", "usage_by_day",
          "usage_by_zone")  # fmt: skip


def test_both_understand_every_stage(both: tuple[Engine, Engine]) -> None:
    """Those with places to fill are carried out by the tests above."""
    filled = {"counts", "tallies", "percentiles", "receipt_times", "rounded_receipts"}
    names = {path.stem for path in Path(stages.__file__).parent.glob("*.sql")}
    assert names - filled == {*stages.STAGES, *OTHERS}
    duck, other = both
    for name, schema in INPUTS.items():
        for engine in both:
            engine.keep(name, schema.empty_table())
    for name in (*stages.STAGES, *OTHERS):
        for engine in both:
            engine.define(name)
        # as a table, since a plan of all of them takes seconds
        columns = duck.query(f"select * from {name} limit 0")
        assert other.query(f"select * from {name} limit 0").column_names == columns.column_names
        other.keep(name, columns)


def _now(data: Path) -> datetime:
    merged = merge(known(data / "duckdb", "duckdb"))
    assert merged.as_of is not None
    return merged.as_of
