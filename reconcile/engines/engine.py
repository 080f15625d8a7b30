"""[pure] What callers use of an engine; either does the same with the same text.

A session of its own: what is named in it is gone when it ends. Times in it are UTC without zone,
money is decimal(18,5), texts are compared by their bytes. Files that cannot be worked with raise
FileProblem; mistakes in our own SQL raise what the engine raises.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Protocol, Self

import pyarrow as pa


class Engine(Protocol):
    """A session with the tables of meaning. Use as context manager."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def keep(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under this name; its times become UTC without zone."""

    def read(self, name: str, files: Sequence[Path], schema: pa.Schema) -> None:
        """Make these Parquet files readable as one table with exactly the schema's columns.

        Columns that a file lacks are null. Raises FileProblem for a file that is something else.
        """

    def narrow(self, name: str, column: str, values: AbstractSet[str]) -> None:
        """Keep of a table only the rows whose column, trimmed, has one of these values."""

    def define(
        self,
        name: str,
        condition: str = "true",
        parameters: Mapping[str, Any] | None = None,
        *,
        instead: Mapping[str, str] | None = None,
    ) -> None:
        """Name this stage, or those of its rows that fulfil the condition, without carrying it out.

        Whatever reads it then reads of the files only the columns that it needs; `instead` of some
        columns it finds these expressions.
        """

    def run(self, names: Sequence[str]) -> None:
        """Carry out these stages in order; each can then be queried by its name."""

    def keep_answer(self, name: str, sql: str) -> None:
        """Carry the text out once; its answer can then be queried by this name."""

    def name(self, name: str, sql: str) -> None:
        """Name what this text finds, without carrying it out."""

    def query(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """The answer as an Arrow table; times in it have no zone and mean UTC."""
        ...
