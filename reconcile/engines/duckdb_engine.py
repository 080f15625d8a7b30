"""[I/O] DuckDB carries out the stages; the only place that knows it.

Inside, time is TIMESTAMP without zone and means UTC; names that Spark has and DuckDB lacks become
macros (`duckdb_text`), so that the stages' text runs on both.
"""

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from receiver.day_files import FileProblem, make_folder, put_in_place
from reconcile import stages
from reconcile.engines.duckdb_text import MACROS, conversion, literal, quoted, sql_list, sql_type
from reconcile.engines.file_schemas import schemas_of
from reconcile.engines.problem import EngineProblem

VERSION = duckdb.__version__  # another one may hash otherwise


class DuckDBEngine:
    """A DuckDB session in memory with our macros."""

    def __init__(
        self, memory_mb: int | None = None, spill: Path | None = None, *, for_slices_mb: int = 0
    ) -> None:
        """With a limit, what does not fit in memory goes to files in `spill`.

        While there are slices to be had, so much of it is theirs.
        """
        self._session = duckdb.connect()
        self._memory_mb, self._for_slices_mb = memory_mb, for_slices_mb
        if memory_mb is not None and spill is not None:
            self._session.execute(f"set memory_limit = '{memory_mb}MiB'")
            self._session.execute(f"set temp_directory = {quoted(spill)}")
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
        columns = ", ".join(conversion(field) for field in table.schema)
        self._session.execute(
            f"create or replace temp table {name} as select {columns} from _{name}"
        )
        self._session.unregister(f"_{name}")

    def read(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        found = schemas_of(files, schema)
        present = {name for each in found for name in each.names}
        source = f"read_parquet({sql_list(files)}, union_by_name = true)" if files else None
        columns = ", ".join(
            conversion(field) if field.name in present
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
        condition = re.sub(r"\$(\w+)", lambda named: literal(known[named[1]]), condition)
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
        for kind in ("view", "table"):
            found = f"select 1 from duckdb_{kind}s() where temporary and {kind}_name = '{name}'"
            if self._session.sql(found).fetchall():
                self._session.execute(f"drop {kind} {name}")

    def execute(self, sql: str) -> None:
        with _translated():
            self._session.execute(sql)

    def write(self, sql: str, path: Path) -> None:
        """Put the answer there as a Parquet file: complete and durable, or not at all."""
        make_folder(path.parent)
        half = path.with_name(f"_{path.name}.tmp")
        with _translated():
            self._session.execute(
                f"copy ({sql}) to {quoted(half)} (format parquet, compression zstd)"
            )
        put_in_place(half, path)

    def slices(self, sql: str, schema: pa.Schema, rows: int) -> Generator[pa.Table]:
        """The answer in order, as tables of so many rows each; its times are UTC."""
        with _translated(), self._room_for_slices():
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

    @contextmanager
    def _room_for_slices(self) -> Iterator[None]:
        if self._memory_mb is None:
            yield
            return
        limit = "set memory_limit = '{}MiB'"
        try:
            self._session.execute(limit.format(self._memory_mb - self._for_slices_mb))
            yield
        finally:
            self._session.execute(limit.format(self._memory_mb))

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


def _as(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """In one piece, so that the same rows give the same bytes."""
    return pa.table([_piece(table[field.name]).cast(field.type) for field in schema], schema=schema)


def _piece(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
