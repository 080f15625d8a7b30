"""[pure] The data dictionary: for people, and as the flat formats hold it."""

from collections.abc import Sequence
from dataclasses import asdict

import pyarrow as pa
from rich.console import Console
from rich.text import Text

from reconcile.dictionary import Column
from reconcile.rendering.rate_table import new_table

_ROOM_FOR_ALL = 130


def as_table(columns: Sequence[Column]) -> pa.Table:
    """A row for each column: name, type, unit, meaning, formula; nothing is null."""
    names = list(Column.__dataclass_fields__)
    return pa.Table.from_pylist(
        [asdict(column) for column in columns],
        schema=pa.schema([(name, pa.string()) for name in names]),
    )


def render(console: Console, columns: Sequence[Column]) -> None:
    """A line for each column; where there is little room, its parts under each other."""
    wide = console.width >= _ROOM_FOR_ALL
    table = new_table()
    table.add_column("column", no_wrap=True)
    for heading in ("type", "unit", "meaning", "formula") if wide else ("meaning",):
        table.add_column(heading, overflow="fold", no_wrap=heading == "type")
    for column in columns:
        if wide:
            told = [
                Text(column.type),
                Text(column.unit),
                Text(column.meaning),
                Text(column.formula),
            ]
        else:
            about = Text(", ".join(filter(None, (column.type, column.unit))), style="dim")
            formula = Text(f"= {column.formula}\n" if column.formula else "")
            told = [Text.assemble(column.meaning, "\n", formula, about)]
        table.add_row(Text(column.name), *told)
    console.print(table)
