"""[pure] What DuckDB is given in its own words: Spark's names as macros, types, values, files."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

MACROS = {
    "get_json_object(document, path)": (
        "case when json_valid(document) then json_extract_string(document, path) end"
    ),
    # the engine's own is many times slower where there is nothing to trim
    "trim(string)": (
        "case when string like ' %' or string like '% ' or strlen(string) <> length(string) "
        "then rtrim(ltrim(string)) else string end"
    ),
    "regexp_like(string, pattern)": "regexp_matches(string, pattern)",
    "try_to_timestamp(string)": (
        # without a zone the cast is many times faster, and with one it forgets it
        "case when substr(string, -6, 1) in ('+', '-') and string not like '%+00:00' "
        "then cast(try_cast(string as timestamptz) as timestamp) "
        "else try_cast(string as timestamp) end"
    ),
    "try_url_decode(string)": "try(url_decode(string))",
    "unix_micros(moment)": "epoch_us(moment)",
    "timestamp_micros(micros)": "make_timestamp(micros)",
    "from_utc_timestamp(moment, zone)": "timezone(zone, timezone('UTC', moment))",
    "to_utc_timestamp(moment, zone)": "timezone('UTC', timezone(zone, moment))",
    "xxhash64(a)": "hash(a), (a, b, c, d, e, f, g, h, i) as hash(a, b, c, d, e, f, g, h, i)",
    "sha2(string, bits)": "sha256(string)",
    "percentiles(number)": "quantile_cont(number, [0.5, 0.9, 0.95, 0.99])",
}


def literal(value: Any) -> str:
    """A value as SQL: a view takes no parameters."""
    if isinstance(value, datetime):
        return f"cast('{value.isoformat(sep=' ')}' as timestamp)"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else f"{value:f}"


def conversion(field: pa.Field) -> str:
    if pa.types.is_timestamp(field.type):
        # a cast from one to the other would look up a zone for every value
        return f"make_timestamp(epoch_us(cast({field.name} as timestamptz))) as {field.name}"
    return f"cast({field.name} as {sql_type(field.type)}) as {field.name}"


def sql_type(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    return {
        "string": "string", "int32": "int", "int64": "bigint", "bool": "boolean",
        "date32[day]": "date",
    }[str(kind)]  # fmt: skip


def quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def sql_list(files: Sequence[Path]) -> str:
    """These files as SQL."""
    return "[" + ", ".join(quoted(path) for path in files) + "]"
