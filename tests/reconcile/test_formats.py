"""The same report for people, spreadsheets, tickets and programs."""

import csv
import io
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import reconcile
from reconcile import conditions, dictionary
from reconcile.rate_rows import VALUE_COLUMNS
from reconcile.rendering import excel, flat, markdown
from reconcile.selection import DIMENSIONS
from tests.builders import at, clock, log_row, report, window, write_folder
from tests.processes import ROOT, command

ENDED = {"delivery_report_time": clock(at("12:00:09")), "sent_time": clock(at("12:00:01"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three messages to the US, two to Germany, one to France; two of them lost."""
    log = [
        *(log_row(f"us{n}", destination_country_iso2="US") for n in range(3)),
        log_row("de1", "undelivered", destination_country_iso2="DE", error_code="30"),
        log_row("de2", destination_country_iso2="DE"),
        log_row("fr", "failed", destination_country_iso2="FR", from_number="=cmd|' /C calc'!A0"),
    ]
    reports = [report(row["message_uuid"], row["message_state"], **ENDED) for row in log[:5]]
    folder = tmp_path_factory.mktemp("formats")
    return write_folder(folder, reports=reports, log=log, windows=[window()])


def said(folder: Path, *arguments: str) -> str:
    done = command("reconcile", *arguments, settings={"DATA_DIR": str(folder)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_with_top_the_rows_and_the_others_are_the_total(folder: Path) -> None:
    asked = ("report", "--by", "country", "--top", "1")
    document = json.loads(said(folder, *asked, "--format", "json"))
    (row,), others, total = document["rows"], document["others"], document["total"]
    assert row["country"] == "US"
    for name in ("submitted", "delivered", "undelivered", "failed", "handed_over"):
        assert row[name] + others[name] == total[name]
    assert others["confirmed_rate"] == 0.5
    assert others["sent_to_receipt_p50"] is None, "no percentile can be told from percentiles"
    assert re.search(r"^ *2 others +3 ", said(folder, *asked), re.MULTILINE)
    assert "| 2 others | 3 |" in said(folder, *asked, "--format", "md")


def test_flat_files_hold_no_others_which_a_program_would_take_for_a_group(folder: Path) -> None:
    rows = said(folder, "report", "--by", "country", "--top", "1", "--format", "csv").splitlines()
    assert len(rows) == 2
    assert rows[1].startswith("US,3,")


def test_without_top_there_are_no_others(folder: Path) -> None:
    asked = ("report", "--by", "country", "--format")
    assert json.loads(said(folder, *asked, "json"))["others"] is None
    assert "others" not in said(folder, *asked, "md")


def test_markdown_is_a_headline_a_table_and_the_audit(folder: Path) -> None:
    lines = said(folder, "report", "--by", "country", "--format", "md").splitlines()
    assert lines[0].startswith("**80.0% confirmed** = D / (D + U): 4 of 5, 95 % interval")
    assert "Receipt coverage 100.0%" in lines[2]
    assert lines[6:10] == [
        "| DE | 2 | 0 | 1 | 1 | 0 | 0 | 50.0% | 100.0% |",
        "| FR | 1 | 1 | 0 | 0 | 0 | 0 | – | – |",
        "| US | 3 | 0 | 3 | 0 | 0 | 0 | 100.0% | 100.0% |",
        "| total | 6 | 1 | 4 | 1 | 0 | 0 | 80.0% | 100.0% |",
    ]
    assert lines[-1].startswith("Audit: 1 message: report missing; 5 messages: agree; 1 message of")


def test_markdown_of_no_data_has_no_table(tmp_path: Path) -> None:
    assert "|" not in said(tmp_path, "report", "--format", "md")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<script>", "&lt;script>"),
        ("AT&T", "AT&T"),
        ("&lt;", "&amp;lt;"),
        ("*x* _y_ `z` [a](b)", "\\*x\\* \\_y\\_ \\`z\\` [a\\](b)"),
        ("not_pulled", "not_pulled"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_shows_signs_of_its_own_as_they_are(text: str, shown: str) -> None:
    assert markdown.escaped(text) == shown


def cells(*values: object) -> list[str]:
    """Values as Excel is given them, each read back by a CSV reader."""
    table = pa.table({"column": pa.array(values)})
    raw = excel.as_csv(table)
    assert raw.startswith(b"\xef\xbb\xbfcolumn\r\n"), "byte order mark, CRLF"
    return [row[0] for row in csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""))][1:]


@pytest.mark.parametrize(
    "text",
    ["=cmd|' /C calc'!A0", "+1+cmd|x", "-2+3|y", "@SUM(A1)", "\t=1+1", "\r=1", " =1+1", "＝1+1"],
)
def test_no_text_can_run_as_a_formula_in_excel(text: str) -> None:
    assert cells(text)[0] == f"'{text}"


@pytest.mark.parametrize(
    "text", ["14155550100", "+14155550100", "004", "30", "MAY24", "1-2", "3e5", "-1+1", "TRUE"]
)
def test_text_that_excel_would_take_for_a_number_or_date_stays_text(text: str) -> None:
    assert cells(text) == [f'="{text}"']


def test_other_text_and_numbers_are_as_they_are_in_excel() -> None:
    assert cells("Telefónica, S.A.", "delivered", None) == ["Telefónica, S.A.", "delivered", ""]
    assert cells(1234, 5) == ["1234", "5"]
    assert cells(at("12:00:05")) == ["2026-03-01 12:00:05"]


def test_a_sender_that_is_a_formula_cannot_run_in_what_excel_opens(folder: Path) -> None:
    shown = said(folder, "report", "--by", "from_number", "--format", "excel-csv")
    assert "\n'=cmd|' /C calc'!A0," in shown
    plain = said(folder, "report", "--by", "from_number", "--format", "csv")
    assert "\n=cmd|' /C calc'!A0," in plain, "programs get the name as it is"


def test_every_column_of_a_report_is_described_with_its_type(folder: Path) -> None:
    described = {column.name: column for column in dictionary.of_rates()}
    assert list(described) == [*DIMENSIONS, *(name for name, _ in VALUE_COLUMNS)]
    target = folder / "all.parquet"
    said(folder, "report", "--by", ",".join(DIMENSIONS), "--format", "parquet",
         "--output", str(target))  # fmt: skip
    for field in pq.read_schema(target):
        assert described[field.name].type == str(field.type).replace("double", "float64")


def test_every_column_of_messages_is_described_with_its_type(folder: Path) -> None:
    described = {column.name: column for column in dictionary.of_messages()}
    assert list(described) == list(conditions.columns())
    target = folder / "messages.parquet"
    said(folder, "messages", "--format", "parquet", "--columns", ",".join(described),
         "--output", str(target))  # fmt: skip
    for field in pq.read_schema(target):
        assert described[field.name].type == str(field.type)


def test_every_column_has_a_meaning_and_every_number_a_unit() -> None:
    for column in (*dictionary.of_rates(), *dictionary.of_messages()):
        assert column.meaning, column
        if column.type not in ("string", "bool"):
            assert column.unit or column.name == "state_changes", column


def test_formulas_are_those_that_are_computed(folder: Path) -> None:
    row = reconcile.rates(by="none", data_dir=folder).iloc[0]
    checked = 0
    for column in dictionary.of_rates():
        if "/" in column.formula and column.type == "float64":
            above, below = re.split(" / ", column.formula)
            value = [
                sum(int(row[name]) for name in re.findall(r"[a-z_]+", side))
                for side in (above, below)
            ]
            assert row[column.name] == value[0] / value[1]
            checked += 1
    assert checked == 5


@pytest.mark.parametrize("name", ["report", "messages"])
def test_the_dictionary_comes_in_every_format_without_any_data(name: str, tmp_path: Path) -> None:
    asked = (name, "--columns")
    expected = [
        c.name for c in (dictionary.of_rates() if name == "report" else dictionary.of_messages())
    ]
    rows = csv.DictReader(io.StringIO(said(tmp_path, *asked, "--format", "csv")))
    assert [row["name"] for row in rows] == expected
    document = json.loads(said(tmp_path, *asked, "--format", "json"))
    assert [row["name"] for row in document["rows"]] == expected
    for shown in (said(tmp_path, *asked), said(tmp_path, *asked, "--format", "md")):
        assert all(column in shown for column in expected)
    assert not list(tmp_path.iterdir()), "nothing is made"


def test_the_page_of_columns_is_what_the_commands_say() -> None:
    page = (ROOT / "reconcile" / "COLUMNS.md").read_text(encoding="utf-8")
    for columns in (dictionary.of_rates(), dictionary.of_messages()):
        table = pa.Table.from_pylist([
            {name: getattr(c, name) for name in ("name", "type", "unit", "meaning", "formula")}
            for c in columns
        ])  # fmt: skip
        assert markdown.rows_as_markdown(table).decode() in page


def test_plain_csv_keeps_its_bytes() -> None:
    table = pa.table({"a": ["x", None], "b": [1.5, None], "c": [at("12:00:05"), None]})
    assert flat.rows_as_csv(table) == b"a,b,c\nx,1.5,2026-03-01T12:00:05Z\n,,\n"
