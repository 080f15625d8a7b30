"""`--where`: which messages a number is about, and the messages behind it."""

import csv
import io
import json
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import reconcile
from reconcile import conditions, selection
from tests import processes
from tests.builders import NOON, at, clock, log_row, report, window, write_folder

ENDED = {"delivery_report_time": clock(at("12:00:09")), "sent_time": clock(at("12:00:01"))}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six messages, each one of its kind."""
    folder = tmp_path_factory.mktemp("data")
    return write_folder(
        folder,
        reports=[
            report("us", country="US", **ENDED),
            report("us", country="US", **ENDED),
            report("de", "undelivered", to_number="4915112345678", error_code="30", **ENDED),
            report("missing", "delivered", message_time=clock(at("13:00:00"))),
            report("early", delivery_report_time=clock(at("11:00:00"))),
            report("open", "sent", message_time=clock(NOON + timedelta(hours=3))),
        ],
        log=[
            log_row("us"), log_row("de", "undelivered", to_number="4915112345678"),
            log_row("early"), log_row("silent", destination_network="Telefónica, S.A."),
            log_row("in", "received", message_direction="inbound"),
        ],
        windows=[window("00:00:00", "14:00:00")],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("match=log_missing", {"missing"}),
        ("match=log_missing,match=agree", {"missing", "us", "de", "early"}),
        ("match!=agree", {"missing", "open", "silent"}),
        ("country=de", {"de"}),
        ("country=US,outcome=delivered", {"us", "missing", "early", "silent"}),
        ("error_code=", {"us", "missing", "early", "silent", "open"}),
        ("error_code=unknown,fate=open", {"open"}),
        ("error_code!=30,match=agree", {"us", "early"}),
        ("carrier=Telefónica, S.A.", {"silent"}),
        ("carrier=telefónica, s.a.,country=US", {"silent"}),
        ("duplicate_reports>0", {"us"}),
        ("reports<1", {"silent"}),
        ("never_reported=true", {"silent"}),
        ("never_reported!=true,captured=false", set()),
        ("captured=true", {"us", "de", "missing", "early"}),
        ("captured=", {"open"}),
        ("negative_receipt=true", {"early"}),
        ("message_time>2026-03-01T12:00:00Z", {"missing", "open"}),
        ("message_time<2026-03-01T14:00:00+01:00,duplicate_reports=1", {"us"}),
        ("total_amount=0.0025,captured=true", {"us", "de", "early"}),
        ("hour_of_day=13", {"missing"}),
        ("outcome=unconfirmed", set()),
        ("weekday=Sun,hour_of_day=13", {"missing"}),
        ("day=2026-03-01,weekday=7", {"us", "de", "missing", "early", "silent", "open"}),
        ("direction=inbound", {"in"}),
        ("direction=Inbound", {"in"}),
        ("direction!=outbound", {"in"}),
        ("direction=inbound,direction=outbound,match=", {"in"}),
        ("message_uuid=us", {"us"}),
        ('message_uuid="us",country=us', {"us"}),
        ('carrier="Telefónica, S.A.",country=US', {"silent"}),
        ('error_code="unknown"', set()),
    ],
)
def test_conditions_choose_messages(data_dir: Path, where: str, expected: set[str]) -> None:
    found = reconcile.messages(where=where, data_dir=data_dir)
    assert set(found["message_uuid"]) == expected


def test_in_quotes_the_case_counts(tmp_path: Path) -> None:
    """Two names that differ in nothing else can be told apart."""
    log = [log_row(uuid, destination_network=name) for uuid, name in (("a", "MTN"), ("b", "mtn"))]
    data_dir = write_folder(tmp_path, log=log, windows=[window()])
    for where, expected in (('carrier="MTN"', {"a"}), ("carrier=MTN", {"a", "b"})):
        found = reconcile.messages(where=where, data_dir=data_dir)
        assert set(found["message_uuid"]) == expected


def test_a_carrier_that_is_called_unknown_can_be_asked_for_and_told_apart(tmp_path: Path) -> None:
    named, unnamed = (
        log_row(uuid, destination_network=name) for uuid, name in (("a", "unknown"), ("b", None))
    )
    write_folder(tmp_path, log=[named, unnamed], windows=[window()])
    for where, expected in (('carrier="unknown"', ["a"]), ("carrier=unknown", ["b"])):
        assert list(reconcile.messages(where=where, data_dir=tmp_path)["message_uuid"]) == expected
    said, _ = run(tmp_path, "report", "--by", "carrier")
    assert re.search(r'^ *"unknown" +1 ', said, re.MULTILINE)
    assert re.search(r"^ *unknown +1 ", said, re.MULTILINE)


@pytest.mark.parametrize(
    "text",
    ["country=US", "carrier=", "carrier=unknown", 'carrier="unknown"', 'tag=5"', 'tag="a""b"',
     'carrier="x,country=US"', "carrier=A, B", 'tag=""', 'tag=" x "', 'tag="x" y "z"'],
)  # fmt: skip
def test_a_condition_is_written_as_it_is_read(text: str) -> None:
    (condition,) = conditions.parse([f"{text},fate=open"])[:-1]
    assert conditions.parse([f"fate=open,{condition}"])[1:] == (condition,)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("contry=US", "--where contry does not exist; did you mean country"),
        ("country", "--where country is no condition; write country=US"),
        ("match=log_mising", "did you mean log_missing"),
        ("outcome=sent", "--where outcome=sent does not exist; there are failed"),
        ("never_reported=yes", "there are true, false"),
        ("reports>many", "'many' is not a number"),
        ("message_time>noon", "'noon' is not a time such as"),
        ("country>US", "only numbers and times are more or less"),
        ("reports>", "only numbers and times are more or less"),
        ("units=sNaN", "'sNaN' is not a number"),
        ("units=1e30", "'1e30' is not a number"),
        ("day>2026-03-01", "use --since and --until"),
        ("hour=12", "use --since and --until"),
    ],
)
def test_what_cannot_be_asked_is_said_with_what_can(where: str, said: str) -> None:
    with pytest.raises(selection.WrongQuestion) as problem:
        conditions.parse([where])
    assert said in str(problem.value)


def run(data_dir: Path, *arguments: str, code: int = 0) -> tuple[str, str]:
    done = processes.command("reconcile", *arguments, settings={"DATA_DIR": str(data_dir)})
    assert done.returncode == code, done.stderr
    return done.stdout, done.stderr


def test_every_number_of_the_report_leads_to_its_messages(data_dir: Path) -> None:
    """As many messages under each condition as the report counts."""
    document = json.loads(run(data_dir, "report", "--by", "none", "--format", "json")[0])
    (row,) = document["rows"]
    audit = document["audit"]

    def behind(where: str) -> int:
        return len(reconcile.messages(where=where, data_dir=data_dir))

    for fate in ("failed", "queued", "delivered", "undelivered", "unconfirmed", "open"):
        assert behind(f"fate={fate}") == row[fate]
    for word, messages in audit["match"].items():
        assert behind(f"match={word}") == messages
    assert behind("captured=true") == audit["capture_rate_numerator"]
    assert behind("captured=true") + behind("captured=false") == audit["capture_rate_denominator"]
    assert behind("never_reported=true") == audit["never_reported"] == 1
    assert behind("duplicate_reports>0") == 1 == audit["duplicate_reports"]
    assert behind("negative_receipt=true") == row["negative_receipts"] == 1


def test_a_report_of_some_messages_says_of_which(data_dir: Path) -> None:
    said, _ = run(data_dir, "report", "--where", "country=DE", "--by", "none", "--format", "json")
    document = json.loads(said)
    assert document["where"] == ["country=DE"]
    assert document["rows"][0]["submitted"] == 1
    assert document["audit"]["match"] == {"agree": 1}
    assert "country=DE" in run(data_dir, "report", "--where", "country=DE")[0]


def test_a_value_that_no_message_has_is_an_empty_report_and_a_hint(data_dir: Path) -> None:
    said, warned = run(data_dir, "messages", "--where", "carrier=Telefonica, SA")
    assert "0 messages" in said
    assert "no message has carrier=Telefonica, SA; did you mean Telefónica, S.A." in warned


def test_rates_have_no_inbound_messages(data_dir: Path) -> None:
    _, said = run(data_dir, "report", "--where", "direction=inbound", code=2)
    assert "rates are of outbound messages" in said


def test_top_shows_the_largest_groups_and_the_total_of_all(data_dir: Path) -> None:
    said, _ = run(data_dir, "report", "--by", "country", "--top", "1", "--format", "json")
    document = json.loads(said)
    assert [row["country"] for row in document["rows"]] == ["US"]
    assert document["total"]["submitted"] == 6


def rows(text: str) -> Iterable[dict[str, Any]]:
    return csv.DictReader(io.StringIO(text))


def test_the_list_has_the_same_messages_in_every_format(data_dir: Path, tmp_path: Path) -> None:
    asked = ("messages", "--where", "match=agree", "--columns", "message_uuid,fate,total_amount")
    expected = [("de", "undelivered", "0.00250"), ("early", "delivered", "0.00250"),
                ("us", "delivered", "0.00250")]  # fmt: skip
    as_csv, _ = run(data_dir, *asked, "--format", "csv")
    assert [tuple(row.values()) for row in rows(as_csv)] == expected
    as_json, _ = run(data_dir, *asked, "--format", "json")
    assert [tuple(row.values()) for row in json.loads(as_json)["rows"]] == expected
    file = tmp_path / "m.parquet"
    run(data_dir, *asked, "--format", "parquet", "--output", str(file))
    assert [tuple(map(str, row.values())) for row in pq.read_table(file).to_pylist()] == expected
    table, _ = run(data_dir, *asked)
    assert all(uuid in table for uuid, _, _ in expected)
    assert "3 messages" in table


def test_a_list_that_is_cut_says_so(data_dir: Path) -> None:
    said, _ = run(data_dir, "messages", "--limit", "2")
    assert "6 messages, the first 2 shown" in said


def test_without_a_choice_a_file_has_all_columns(data_dir: Path) -> None:
    said, _ = run(data_dir, "messages", "--format", "csv")
    header = said.splitlines()[0].split(",")
    assert {"message_uuid", "to_number", "match", "fate", "captured"} <= set(header)
    assert len(list(rows(said))) == 6


def test_an_unknown_column_is_named_with_the_nearest(data_dir: Path) -> None:
    _, said = run(data_dir, "messages", "--columns", "mesage_uuid", code=2)
    assert "did you mean message_uuid" in said


@pytest.mark.parametrize(
    "asked",
    [
        ("--limit", "9" * 20),
        ("--columns", ","),
        ("--columns", "tag,tag"),
        ("--where", "tag=\udcff"),
    ],
)
def test_nonsense_is_refused_without_a_traceback(data_dir: Path, asked: tuple[str, str]) -> None:
    _, said = run(data_dir, "messages", *asked, code=2)
    assert "Traceback" not in said


def test_letters_are_compared_whatever_their_case_in_any_script(tmp_path: Path) -> None:
    write_folder(tmp_path, log=[log_row("m1", destination_network="Türk İletişim")])
    for written in ("Türk İletişim", "türk İletişim"):
        found = reconcile.messages(where=f"carrier={written}", data_dir=tmp_path)
        assert list(found["message_uuid"]) == ["m1"]


def test_pending_or_unconfirmed_is_as_of_who_asks(data_dir: Path) -> None:
    later = ("--as-of", "2026-04-01")
    said, _ = run(data_dir, "messages", *later, "--where", "outcome=unconfirmed", "--format", "csv")
    assert [row["message_uuid"] for row in rows(said)] == ["open"]
    told, _ = run(data_dir, "report", *later, "--by", "outcome", "--format", "csv")
    assert {row["outcome"]: row["unconfirmed"] for row in rows(told)}["unconfirmed"] == "1"


def test_conditions_that_nothing_fulfils_are_named(data_dir: Path) -> None:
    for command in ("messages", "report"):
        _, said = run(data_dir, command, "--where", "match=counted,country=US")
        assert "no message fulfils match=counted, country=US" in said


def test_a_value_copied_from_a_file_is_found_without_a_hint(data_dir: Path) -> None:
    copied = "message_time=2026-03-01T13:00:00Z,total_amount="
    said, warned = run(data_dir, "messages", "--where", copied)
    assert "1 message\n" in said
    assert not warned
