"""[I/O] DuckDB carries out the stages; the only place that knows it.

Inside, time is TIMESTAMP without zone and means UTC; names that Spark has and DuckDB lacks are
declared here as macros, so that the stages' text runs on both.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from receiver.day_files import FileProblem, make_folder, put_in_place
from reconcile import stages
from reconcile.engines.file_schemas import schemas_of
from reconcile.engines.problem import EngineProblem

VERSION = duckdb.__version__  # another one may hash otherwise

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


class DuckDBEngine:
    """A DuckDB session in memory with our macros."""

    def __init__(self, memory_mb: int | None = None, spill: Path | None = None) -> None:
        """With a limit, what does not fit in memory goes to files in `spill`."""
        self._session = duckdb.connect()
        if memory_mb is not None and spill is not None:
            self._session.execute(f"set memory_limit = '{memory_mb}MiB'")
            self._session.execute(f"set temp_directory = {_quoted(spill)}")
            self._session.execute("set preserve_insertion_order = false")
        self._session.execute("set TimeZone = 'UTC'")
        # stdout is the result. A notebook that shows no progress bar does not let it be set.
        bar = self._session.sql("select current_setting('enable_progress_bar')").fetchall()
        if bar == [(True,)]:
            self._session.execute("set enable_progress_bar = false")
        for head, body in MACROS.items():
            self._session.execute(f"create macro {head} as {body}")
        for name, table in stages.meanings().items():
            self.keep(name, table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def keep(self, name: str, table: pa.Table) -> None:
        self._session.register(f"_{name}", table)
        columns = ", ".join(_conversion(field) for field in table.schema)
        self._session.execute(
            f"create or replace temp table {name} as select {columns} from _{name}"
        )
        self._session.unregister(f"_{name}")

    def read(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        found = schemas_of(files, schema)
        present = {name for each in found for name in each.names}
        source = f"read_parquet({_quoted_list(files)}, union_by_name = true)" if files else None
        columns = ", ".join(
            _conversion(field) if field.name in present
            else f"cast(null as {sql_type(field.type)}) as {field.name}"
            for field in schema
        )  # fmt: skip
        self._session.execute(
            f"create or replace temp view {name} as select {columns} "
            + (f"from {source}" if source else "where false")
        )

    def narrow(self, name: str, column: str, values: AbstractSet[str]) -> None:
        with _translated():
            self._session.execute(
                f"create temp table _narrow as select * from {name} "
                f"where trim({column}) in (select unnest($values))",
                {"values": sorted(values)},
            )
        self._session.execute(f"drop view {name}")
        self._session.execute(f"alter table _narrow rename to {name}")

    def define(
        self,
        name: str,
        condition: str = "true",
        parameters: Mapping[str, Any] | None = None,
        *,
        instead: Mapping[str, str] | None = None,
    ) -> None:
        known = parameters or {}
        others = ", ".join(f"{sql} as {column}" for column, sql in (instead or {}).items())
        changed = f"replace ({others})" if others else ""
        condition = re.sub(r"\$(\w+)", lambda named: _literal(known[named[1]]), condition)
        with _translated():
            self._session.execute(
                f"create or replace temp view {name} as "
                f"select * {changed} from ({stages.text(name)}) as every where {condition}"
            )

    def run(self, names: Sequence[str]) -> None:
        for name in names:
            if name in stages.NAMED:
                self.define(name)
            else:
                self.keep_answer(name, stages.text(name))

    def keep_answer(self, name: str, sql: str) -> None:
        with _translated():
            self._session.execute(f"create or replace temp table {name} as {sql}")

    def name(self, name: str, sql: str) -> None:
        with _translated():
            self._session.execute(f"create or replace temp view {name} as {sql}")

    def forget(self, name: str) -> None:
        """Give back the memory of an answer or a name."""
        kind = "view" if name in stages.NAMED else "table"
        self._session.execute(f"drop {kind} if exists {name}")

    def execute(self, sql: str) -> None:
        with _translated():
            self._session.execute(sql)

    def write(self, sql: str, path: Path) -> None:
        """Put the answer there as a Parquet file: complete and durable, or not at all."""
        make_folder(path.parent)
        half = path.with_name(f"_{path.name}.tmp")
        with _translated():
            self._session.execute(
                f"copy ({sql}) to {_quoted(half)} (format parquet, compression zstd)"
            )
        put_in_place(half, path)

    def slices(self, sql: str, schema: pa.Schema, rows: int) -> Iterator[pa.Table]:
        """The answer in order, as tables of so many rows each; its times are UTC."""
        with _translated():
            reader = self._session.sql(sql).to_arrow_reader(rows)
        held: list[pa.RecordBatch] = []
        for batch in reader:
            held.append(batch)
            while sum(each.num_rows for each in held) >= rows:
                table = pa.Table.from_batches(held)
                yield _as(table.slice(0, rows), schema)
                held = table.slice(rows).to_batches()
        if held:
            yield _as(pa.Table.from_batches(held), schema)

    @staticmethod
    def listed(files: Sequence[Path]) -> str:
        """These files as SQL."""
        return _quoted_list(files)

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        with _translated():
            return self._session.sql(sql, params=dict(parameters or {})).to_arrow_table()


@contextmanager
def _translated() -> Iterator[None]:
    """What files do to the engine is a FileProblem, too little memory an EngineProblem.

    Mistakes in our own SQL stay what they are.
    """
    try:
        yield
    except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException):
        raise
    except duckdb.OutOfMemoryException as problem:
        raise EngineProblem(
            f"memory did not suffice ({str(problem).splitlines()[0]}); set MEMORY_LIMIT higher, "
            "or free disk where state/ lies. What was written is whole: run it again"
        ) from problem
    except duckdb.Error as problem:
        raise FileProblem(
            f"a file of the data folder cannot be worked with ({str(problem).splitlines()[0]}); "
            "restore it from a copy, or move it out of the data folder"
        ) from problem


def _literal(value: Any) -> str:
    """A value as SQL: a view takes no parameters."""
    if isinstance(value, datetime):
        return f"cast('{value.isoformat(sep=' ')}' as timestamp)"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else f"{value:f}"


def _conversion(field: pa.Field) -> str:
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


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """In one piece, so that the same rows give the same bytes."""
    columns = [table[field.name].combine_chunks().cast(field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _quoted_list(files: Sequence[Path]) -> str:
    return "[" + ", ".join(_quoted(path) for path in files) + "]"
