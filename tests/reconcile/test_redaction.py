"""`--redact`: no number of a person in any output, and yet the same groups."""

import io
import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.redaction import Redaction
from tests.builders import log_row, report, window, write_folder
from tests.processes import command

SENDER, ONE, OTHER = "18445550100", "14155550101", "14155550102"
KEY = "0" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three messages to two people, from a number, a name and a short code."""
    return write_folder(
        tmp_path / "data", windows=[window()],
        reports=[
            report("m1", from_number=SENDER, to_number=ONE, body=f"From={SENDER}&To=%2B{ONE}"),
            report("m2", "undelivered", from_number="ACME", to_number=f"+{ONE}", error_code="30"),
            report("m3", from_number="28801", to_number=OTHER),
        ],
        log=[log_row("m1", from_number=SENDER, to_number=ONE)],
    )  # fmt: skip


def told(folder: Path, *arguments: str) -> str:
    done = command("reconcile", *arguments, "--redact", settings={"DATA_DIR": str(folder)})
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "asked",
    [
        ["messages", "--columns", "all", "--format", "json"],
        ["messages", "--columns", "all", "--format", "csv"],
        ["messages", "--where", f"to_number={ONE}", "--columns", "to_number"],
        ["messages", "--where", "to_number=14155550199"],
        ["report", "--by", "from_number", "--format", "json"],
        ["report", "--where", f"from_number={SENDER}", "--format", "md"],
        ["report", "--format", "html"],
        ["report"],
        ["explain", "m1"],
        ["explain", "m1", "--format", "json"],
    ],
    ids=" ".join,
)
def test_no_number_of_a_person_is_shown(folder: Path, asked: list[str]) -> None:
    """Neither theirs nor the sender's, in values, conditions, hints or raw texts."""
    said = told(folder, *asked)
    assert said
    for number in (SENDER, ONE, OTHER):
        assert number not in said


def test_names_and_short_codes_stay(folder: Path) -> None:
    """Nobody's number, and reports by sender would say nothing without them."""
    rows = json.loads(told(folder, "report", "--by", "from_number", "--format", "json"))["rows"]
    names = {row["from_number"] for row in rows}
    assert {"ACME", "28801"} < names
    assert all(re.fullmatch("n-[0-9a-f]{10}", name) for name in names - {"ACME", "28801"})


def test_what_is_one_number_stays_one(folder: Path) -> None:
    """However it was written, in every output of this folder, and not in another folder's."""
    where = ["messages", "--where", f"to_number={ONE}"]
    columns = ["--columns", "message_uuid,to_number", "--format", "json"]
    first = json.loads(told(folder, "messages", *columns))
    assert first == json.loads(told(folder, "messages", *columns))
    hidden = {row["message_uuid"]: row["to_number"] for row in first["rows"]}
    assert hidden["m1"] == hidden["m2"] != hidden["m3"]
    assert hidden["m1"] in told(folder, *where, *columns)
    (folder / "state" / "redaction_key").unlink()
    assert json.loads(told(folder, "messages", *columns)) != first


def test_the_key_is_nobody_elses_to_read(folder: Path) -> None:
    told(folder, "report")
    assert (folder / "state" / "redaction_key").stat().st_mode & 0o077 == 0


def test_rates_are_the_same(folder: Path) -> None:
    """Only names change."""
    asked = ["report", "--by", "day", "--format", "csv"]
    plain = command("reconcile", *asked, settings={"DATA_DIR": str(folder)}).stdout
    assert told(folder, *asked) == plain


def test_parquet_is_hidden_too(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    told(folder, "messages", "--columns", "all", "--format", "parquet", "--output", str(path))
    assert len(pq.read_table(path)) == 3
    content = io.BytesIO(path.read_bytes()).getvalue()
    assert not any(number.encode() in content for number in (SENDER, ONE, OTHER))


@given(
    st.one_of(
        st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True),
        st.from_regex(r"[0-9+(). -]{1,20}", fullmatch=True),
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    )
)
def test_the_engine_hides_as_we_do(text: str) -> None:
    """One rule, in SQL and in Python."""
    redaction = Redaction(KEY)
    with DuckDBEngine() as engine:
        sql = redaction.in_sql()["to_number"]
        found = engine.query(f"select {sql} as hidden from (select $text as to_number)",
                             {"text": text})  # fmt: skip
    assert found["hidden"].to_pylist() == [redaction.number(text)]
