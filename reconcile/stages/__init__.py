"""[pure] The transformation as a list that one can read: SQL, one noun a file, in this order.

    reports  ──► part_reports ──► part_courses ──► telling_reports ──► typed_reports ─┐
                                                   report_states ──► report_order ────┤
                                                                                      ▼
    log_rows ──► log_reads ──► log_parts ──► parts, routes, prefixes ◄── report_parts ◄┘
                                                        └──► messages ──► counts

The text keeps to what DuckDB and Spark SQL both understand; where only names differ, the engine
declares Spark's name. Time is UTC without a zone inside, money decimal(18,5). Beside the inputs
`reports`, `log_rows` and `windows` the stages read `moment` (as_of, horizon_micros, callback_zone,
every_report: whether to look at each report of plain courses, too) and the tables of meaning in
`tables/`.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

STAGES = (
    "part_reports", "part_courses", "telling_reports", "typed_reports", "report_states",
    "report_order", "report_parts", "log_reads", "log_parts", "parts", "routes", "prefixes",
    "messages",
)  # fmt: skip

# Named only: carried out by whoever reads them, as far as he does.
NAMED = {"part_reports", "telling_reports", "report_parts", "log_reads", "log_parts"}

_HERE = Path(__file__).parent
_MEANING = {
    "states": {"final": pa.bool_(), "rank": pa.int32(), "place": pa.int32()},
    "matches": {"place": pa.int32()},
    "error_codes": {},
    "mcc_countries": {},
    "networks": {},
    "number_prefixes": {},
}


def text(stage: str) -> str:
    """The SQL of a stage."""
    return (_HERE / f"{stage}.sql").read_text(encoding="utf-8")


def meaning(table: str) -> pa.Table:
    """A table of meaning: text columns, empty text kept as empty, but for the typed ones."""
    path = _HERE / "tables" / f"{table}.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    types = {name: _MEANING.get(table, {}).get(name, pa.string()) for name in header}
    options = pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False)
    return pa_csv.read_csv(path, convert_options=options)


def meanings() -> dict[str, pa.Table]:
    """The tables that the stages read."""
    return {name: meaning(name) for name in _MEANING}
