"""The whole way with real processes: what the report says is what the pretend Plivo knows."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import reconcile
from tests import demo
from tests.processes import command

Truth = list[dict[str, Any]]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    folder = tmp_path_factory.mktemp("demo") / "data"
    return folder, demo.play(folder, messages=500, seed=11, seconds=6)


def test_every_message_has_the_fate_that_plivo_knows(played: tuple[Path, Truth]) -> None:
    folder, truth = played
    messages = reconcile.messages(data_dir=folder)
    assert set(messages["message_uuid"]) == {message["message_uuid"] for message in truth}
    outcomes = dict(zip(messages["message_uuid"], messages["outcome"], strict=True))
    for message in truth:
        outcome = outcomes[message["message_uuid"]]
        known = demo.fate(message)
        assert outcome == known if known else outcome in ("pending", "unconfirmed")


def test_the_rates_are_those_of_the_truth(played: tuple[Path, Truth]) -> None:
    folder, truth = played
    report = command("reconcile", "report", "--by", "none", "--format", "json",
                     settings={"DATA_DIR": str(folder)})  # fmt: skip
    (row,) = json.loads(report.stdout)["rows"]
    fates = [demo.fate(message) for message in truth]
    delivered, undelivered = fates.count("delivered"), fates.count("undelivered")
    assert row["submitted"] == len(truth) == 500
    assert (row["delivered"], row["undelivered"], row["failed"]) == (
        delivered, undelivered, fates.count("failed"),
    )  # fmt: skip
    assert row["confirmed_rate"] == delivered / (delivered + undelivered)
    assert row["headline_rate"] == row["confirmed_rate"]


def test_the_pretended_week_is_a_week(played: tuple[Path, Truth]) -> None:
    """However slow the machine, days follow each other, and the last one ends before today."""
    folder, truth = played
    days = reconcile.rates(by=["day"], data_dir=folder)
    assert 6 <= len(days) <= 8
    assert max(days["submitted"]) < len(truth) / 2


def test_money_and_country_are_those_of_the_truth(played: tuple[Path, Truth]) -> None:
    folder, truth = played
    rates = reconcile.rates(by=["country"], data_dir=folder)
    for country, submitted in zip(rates["country"], rates["submitted"], strict=True):
        assert submitted == sum(message["country"] == country for message in truth)
    spent = sum(rates["total_amount"].dropna())
    assert str(spent) == str(
        sum_of(part["log_row"]["total_amount"] for message in truth for part in message["parts"])
    )


def sum_of(amounts: Any) -> Any:
    return sum(map(Decimal, amounts), Decimal(0))


def test_lost_reports_are_what_the_audit_misses(played: tuple[Path, Truth]) -> None:
    folder, truth = played
    report = command("reconcile", "report", "--by", "none", "--format", "json",
                     settings={"DATA_DIR": str(folder)})  # fmt: skip
    audit = json.loads(report.stdout)["audit"]
    ended = [m for m in truth if any(part["fate"] for part in m["parts"])]

    def captured(heard: str) -> int:
        final = {"delivered", "undelivered", "failed", "rejected"}
        return sum(
            all(
                any(r[heard] and r["status"] in final for r in part["reports"])
                for part in m["parts"]
                if part["fate"]
            )
            for m in ended
        )

    reports = [r for m in truth for part in m["parts"] for r in part["reports"]]
    assert audit["capture_rate_denominator"] == len(ended)
    # a post whose answer Plivo did not wait for may be stored all the same
    assert captured("acknowledged") <= audit["capture_rate_numerator"] <= captured("posted_at")
    assert audit["capture_rate_numerator"] < len(ended)
    sure = sum(max(r["acknowledged"] - 1, 0) for r in reports)
    most = sum(max(len(r["posted_at"]) - 1, 0) for r in reports)
    assert 0 < sure <= audit["duplicate_reports"] <= most


def test_explain_tells_the_story_of_a_message(played: tuple[Path, Truth]) -> None:
    folder, truth = played
    uuid = truth[0]["parts"][0]["message_uuid"]
    told = command("reconcile", "explain", uuid, settings={"DATA_DIR": str(folder)})
    assert told.returncode == 0, told.stderr
    assert truth[0]["message_uuid"] in told.stdout
    assert "wins:" in told.stdout
    assert "Message log" in told.stdout


def test_the_page_tells_the_same_rates_and_is_the_same_each_time(
    played: tuple[Path, Truth], tmp_path: Path
) -> None:
    folder, _ = played
    settings = {"DATA_DIR": str(folder)}
    report = command("reconcile", "report", "--by", "none", "--format", "json", settings=settings)
    (row,) = json.loads(report.stdout)["rows"]
    pages = [tmp_path / "one.html", tmp_path / "other.html"]
    for page in pages:
        drawn = command("reconcile", "report", "--format", "html", "--output", str(page),
                        settings=settings)  # fmt: skip
        assert drawn.returncode == 0, drawn.stderr
    document = pages[0].read_text(encoding="utf-8")
    assert f"{row['delivered']:,} of {row['confirmed_rate_denominator']:,}" in document
    assert f"{row['confirmed_rate'] * 100:.1f}<span>%</span>" in document
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_second_merge_changes_no_byte(played: tuple[Path, Truth]) -> None:
    folder, _ = played
    before = {p: p.read_bytes() for p in folder.glob("messages/**/*.parquet")}
    for path in before:
        path.unlink()
    assert command("reconcile", "merge", settings={"DATA_DIR": str(folder)}).returncode == 0
    assert {p: p.read_bytes() for p in folder.glob("messages/**/*.parquet")} == before
