"""The texts keep to what DuckDB and Spark SQL both mean by them."""

import re
from pathlib import Path

import pytest

from reconcile import stages
from reconcile.engines import duckdb_text, spark_text

TEXTS = sorted(Path(stages.__file__).parent.glob("*.sql"))
# What one of them does not know, or means otherwise.
FORBIDDEN = {
    r"\barg_(min|max)\b": "min_by, max_by",
    r"\bstr(p|f)time\b": "try_to_timestamp",
    r"\bstruct_pack\b|\brow\(": "columns",
    r"\bunnest\b|\bexplode\b": "a join",
    r"::": "cast",
    r"//|\bdiv\b": "a comparison of products",
    r'"': "a name that needs no quotes",
    r"[\[\]]": "a column of its own",
    r"\b(epoch_us|make_timestamp|timezone|regexp_matches|quantile_cont|list_)\w*": "Spark's name",
    r"\bselect \* (replace|exclude|except)\b": "the columns by name",
    r"(?<!order )\bby all\b": "the columns by name",
    r"\bilike\b|\bsimilar to\b|\bglob\b": "regexp_like",
}
IN_LITERALS = {
    r"\$'$": r"\z, since Java's $ also matches before a last line break",
    r"(?<!\?s\)\^\(\?:)\.\*": "(?s), since Java's dot leaves out more than a line feed",
    r"(?<!^)'(?!$)": "a parameter: quotes are written in two ways",
}
# Whole names that DuckDB lacks, or spells in another way: Spark has them all.
MACROS = {
    "get_json_object", "regexp_like", "try_to_timestamp", "try_url_decode", "unix_micros",
    "timestamp_micros", "from_utc_timestamp", "to_utc_timestamp", "sha2", "percentiles", "trim",
    "xxhash64",
}  # fmt: skip


_LITERAL = r"'(?:[^']|'')*'"


def without_comments(text: str) -> str:
    return re.sub(r"--.*", "", text)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.stem))
def test_a_stage_uses_no_word_of_one_engine_alone(path: Path) -> None:
    text = without_comments(path.read_text(encoding="utf-8")).lower()
    for word, instead in FORBIDDEN.items():
        found = re.search(word, re.sub(_LITERAL, "", text))
        assert not found, f"{path.name}: instead of {word} take {instead}"
    for literal in re.findall(_LITERAL, text):
        for word, instead in IN_LITERALS.items():
            assert not re.search(word, literal), f"{path.name}: {literal}: take {instead}"


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.stem))
def test_a_stage_says_where_nulls_stand(path: Path) -> None:
    """Only a column that is never null may go without."""
    never_null = {"report_id", "received_at", "pulled_at", "record", "rank", "place", "micros",
                  "message_time", "message_uuid", "word", "end"}  # fmt: skip
    text = without_comments(path.read_text(encoding="utf-8")).lower()
    for ordered in re.findall(r"order by\s([^()]*)", text):
        for term in re.split(r",\s*(?![^(]*\))|\brows\b.*", ordered):
            said = re.sub(r"\s+(desc|asc)\b", "", term or "").strip()
            if said and "nulls" not in said:
                assert said.split(".")[-1].split()[-1] in never_null, f"{path.name}: {said}"


def test_every_macro_of_duckdb_is_a_name_of_spark_and_is_used() -> None:
    assert {head.partition("(")[0] for head in duckdb_text.MACROS} == MACROS
    sources = Path(stages.__file__).parent.parent.rglob("*")
    texts = [
        path.read_text(encoding="utf-8")
        for path in sources
        if path.suffix in (".sql", ".py") and path.parent.name != "engines"
    ]
    for name in MACROS:
        assert any(f"{name}(" in text for text in texts), name


def test_what_spark_means_otherwise_is_said_in_its_words() -> None:
    text = (
        "select trim(a), percentiles(b) from c where regexp_like(d, '^x\\z') and e = $f\norder by g"
    )
    told = spark_text.of_table(text)
    assert "trim(both ' " in told
    assert "percentile(b, array(0.5D, 0.9D, 0.95D, 0.99D))" in told
    assert r"r'^x\z'" in told
    assert told.endswith("e = :f\n")
