"""[I/O] Spark carries out the stages; beside `spark_session` and `spark_days` nothing knows it.

Inside, time is TIMESTAMP in a session whose zone is UTC. A view is a plan that is carried out when
it is read; what is read more than once is kept by the executors, in memory and on their disks.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from receiver.columns import UTC_TIME
from receiver.config import SettingError
from receiver.day_files import FileProblem
from reconcile import stages
from reconcile.engines import spark_session, spark_text
from reconcile.engines.duckdb_text import sql_type
from reconcile.engines.file_schemas import schemas_of
from reconcile.engines.problem import EngineProblem

_OF_FILES = ("READ_FILE", "PARQUET", "CAST_INVALID_INPUT", "CAST_OVERFLOW", "NUMERIC_VALUE_OUT_OF")


class SparkEngine:
    """A session of Spark with our functions."""

    def __init__(self, master: str) -> None:
        """Raises SettingError."""
        with translated():
            self._session = spark_session.session(master)
            self._kept: dict[str, Any] = {}
            for head, body in spark_text.FUNCTIONS.items():
                self._session.sql(f"create temporary function {head} return {body}")
        for name, table in stages.meanings().items():
            self.keep(name, table)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._kept):
            self._forget(name)

    @property
    def session(self) -> Any:
        """Spark's own, for what the stages do not do."""
        return self._session

    def keep(self, name: str, table: pa.Table) -> None:
        columns = [table[f.name].cast(_in_spark(f.type)) for f in table.schema]
        known = pa.table(columns, names=table.column_names)
        with translated():
            self._name(name, self._session.createDataFrame(known))

    def read(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        alike: dict[tuple[Any, ...], list[Path]] = defaultdict(list)
        for path, found in zip(files, schemas_of(files, schema), strict=True):
            alike[tuple((f.name, f.type) for f in found)].append(path)
        with translated():
            frames = [self._frame(paths, dict(found), schema) for found, paths in alike.items()]
            if not frames:
                frames = [self._session.createDataFrame([], _struct(dict(_fields(schema))))]
            self._name(name, reduce(lambda one, other: one.unionAll(other), frames))

    def narrow(self, name: str, column: str, values: AbstractSet[str]) -> None:
        self.keep("narrowed_to", pa.table({"value": pa.array(sorted(values), pa.string())}))
        with translated():
            self._name(
                name,
                self._sql(
                    f"select * from {name} where trim({column}) in (select value from narrowed_to)"
                ),
            )

    def define(
        self,
        name: str,
        condition: str = "true",
        parameters: Mapping[str, Any] | None = None,
        *,
        instead: Mapping[str, str] | None = None,
    ) -> None:
        with translated():
            every = self._session.sql(spark_text.of_table(stages.text(name)))
            every.createOrReplaceTempView("every")
            changed = instead or {}
            columns = ", ".join(
                f"{changed[column]} as {column}" if column in changed else column
                for column in every.columns
            )
            self._name(
                name, self._sql(f"select {columns} from every where {condition}", parameters)
            )

    def run(self, names: Sequence[str]) -> None:
        # all are kept: a stage that is read once by name may be so by parts of a text that are
        # planned apart; none is carried out before the last one asks for it
        for name in names:
            with translated():
                stage = self._session.sql(spark_text.of_table(stages.text(name)))
                self._name(name, stage, kept=name not in stages.NAMED)
        self._carry_out(names[-1])

    def keep_answer(self, name: str, sql: str) -> None:
        with translated():
            self._name(name, self._session.sql(spark_text.of_table(sql)), kept=True)
        self._carry_out(name)

    def name(self, name: str, sql: str) -> None:
        with translated():
            self._name(name, self._sql(sql))

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        with translated():
            found = self._sql(sql, parameters).toArrow()
        return found.cast(pa.schema([(f.name, _out_of_spark(f.type)) for f in found.schema]))

    def _sql(self, text: str, parameters: Mapping[str, Any] | None = None) -> Any:
        text, rest = spark_text.with_moments(text, parameters or {})
        return self._session.sql(spark_text.of_query(text), args=rest or None)

    def _name(self, name: str, frame: Any, *, kept: bool = False) -> None:
        self._forget(name)
        if kept:
            self._kept[name] = frame = frame.persist()
            frame = self._cut_short(frame)
        frame.createOrReplaceTempView(name)

    def _cut_short(self, kept: Any) -> Any:
        """The same rows, which whoever reads them need not plan again.

        A stage reads others several times, and those others again; without the cut each reading
        would be planned anew, down to the files. What an executor loses is still made again.
        """
        from pyspark.sql import DataFrame  # noqa: PLC0415

        rows, schema = kept._jdf.queryExecution().toRdd(), kept._jdf.schema()  # noqa: SLF001
        made = self._session._jsparkSession.internalCreateDataFrame(rows, schema, False)  # noqa: SLF001
        return DataFrame(made, self._session)

    def _forget(self, name: str) -> None:
        if name in self._kept:
            with translated():
                self._kept.pop(name).unpersist()

    def _carry_out(self, name: str) -> None:
        with translated():
            self._kept[name].count()

    def _frame(self, paths: list[Path], found: dict[str, Any], wanted: pa.Schema) -> Any:
        """Files that have the same columns, as the table that is wanted of them."""
        read = self._session.read.schema(_struct(found)).parquet(*map(str, paths))
        columns = [_conversion(field, found.get(field.name)) for field in wanted]
        return read.selectExpr(*columns)


@contextmanager
def translated() -> Iterator[None]:
    """What files do to Spark is a FileProblem, what a cluster does an EngineProblem.

    Mistakes in our own SQL stay what they are.
    """
    try:
        from py4j.protocol import Py4JError  # noqa: PLC0415
        from pyspark.errors import AnalysisException, PySparkException  # noqa: PLC0415
    except ModuleNotFoundError as missing:
        raise SettingError(spark_session.NO_PYSPARK) from missing
    try:
        yield
    except AnalysisException:
        raise
    except (PySparkException, Py4JError) as problem:
        said = next((line for line in str(problem).splitlines() if line.strip()), "no reason given")
        if any(word in said for word in _OF_FILES):
            raise FileProblem(
                f"a file of the data folder cannot be worked with ({said}); "
                "restore it from a copy, or move it out of the data folder"
            ) from problem
        raise EngineProblem(
            f"Spark could not finish ({said}); see that its master and workers are well, and try "
            "again. Nothing was changed"
        ) from problem


def _fields(schema: pa.Schema) -> list[tuple[str, pa.DataType]]:
    return [(field.name, field.type) for field in schema]


def _struct(found: Mapping[str, pa.DataType]) -> Any:
    """As Spark reads a file's columns."""
    from pyspark.sql.pandas.types import from_arrow_schema  # noqa: PLC0415

    held = {name: _as_read(kind) for name, kind in found.items()}
    return from_arrow_schema(pa.schema([(name, kind) for name, kind in held.items() if kind]))


def _as_read(kind: pa.DataType) -> pa.DataType | None:
    """None: a column of nothing but nulls."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_null(kind):
        return None
    if pa.types.is_timestamp(kind):
        if kind.unit == "ns":
            return pa.int64()
        return pa.timestamp("us", tz=kind.tz and "UTC")
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_decimal(kind):
        return {"uint8": pa.int16(), "uint16": pa.int32(), "uint32": pa.int64()}.get(
            str(kind), kind
        )
    return pa.string()


def _conversion(field: pa.Field, found: pa.DataType | None) -> str:
    kind = sql_type(field.type)
    if found is None or pa.types.is_null(found):
        return f"cast(null as {kind}) as {field.name}"
    if pa.types.is_timestamp(found) and found.unit == "ns":
        return f"timestamp_micros({field.name} div 1000) as {field.name}"
    return f"cast({field.name} as {kind}) as {field.name}"


def _in_spark(kind: pa.DataType) -> pa.DataType:
    return UTC_TIME if pa.types.is_timestamp(kind) else kind


def _out_of_spark(kind: pa.DataType) -> pa.DataType:
    return pa.timestamp("us") if pa.types.is_timestamp(kind) else kind
