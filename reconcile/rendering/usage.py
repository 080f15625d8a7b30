"""[pure] The console's numbers beside ours: as a table that ends with the finding, and as JSON."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reconcile.usage.finding import Finding, Row

MOST_ROWS = 40
_ROOM_FOR_ALL = 100


def render(console: Console, found: Finding) -> None:
    """The cells that differ, why, and the finding as the last line."""
    title = "Plivo's usage summary beside what is on disk"
    console.print(Text.assemble((title, "bold"), f" · days in {found.zone}"))
    differing = [row for row in found.rows if not row["equal"]]
    if differing:
        console.print()
        console.print(_cells(found, differing, console.width))
        if len(differing) > MOST_ROWS:
            shown = f"the first {MOST_ROWS} of {len(differing):,} cells that differ"
            console.print(f"{shown}; all of them: --format json", style="dim")
        console.print()
        console.print(_causes(differing))
    console.print()
    console.print(Text(found.sentence, style="bold"), soft_wrap=True)


def as_json(found: Finding) -> str:
    """Every cell; money as strings, days YYYY-MM-DD, null where the file has no such column."""
    document = {
        "rows": [_plain(row) for row in found.rows],
        "total": _plain(found.total),
        "equal": found.equal,
        "finding": found.sentence,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _cells(found: Finding, differing: list[Row], width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, show_footer=True)
    counted, *others = found.measures if width >= _ROOM_FOR_ALL else found.measures[:1]
    columns = {
        f"their_{counted}": "Plivo", f"our_{counted}": "ours", f"{counted}_difference": "±",
        **{f"{other}_difference": f"{other} ±" for other in others},
    }  # fmt: skip
    rows = differing[:MOST_ROWS]
    for position, key in enumerate(found.keys):
        footer = "" if position else counted
        table.add_column(key, footer=footer, no_wrap=True, min_width=len(key))
    for name, title in columns.items():
        footer = _number(found.total, name)
        whole = max(map(len, (title, footer, *(_number(row, name) for row in rows))))
        table.add_column(title, justify="right", footer=footer, no_wrap=True, min_width=whole)
    table.add_column("cause", no_wrap=True)
    for row in rows:
        keys = ["none" if row[key] is None else str(row[key]) for key in found.keys]
        numbers = [_number(row, name) for name in columns]
        table.add_row(*map(Text, (*keys, *numbers, row["cause"].replace("_", " "))))
    return table


def _causes(differing: list[Row]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    told = {row["because"]: row["cause"] for row in differing[:MOST_ROWS]}
    for text, cause in told.items():
        if cause != "unknown":
            table.add_row(Text(cause.replace("_", " ")), Text(text, style="dim"))
    return table


def _number(row: Row, name: str) -> str:
    value = row[name]
    sign = "+" if name.endswith("_difference") else ""
    return f"{value:{sign},f}" if isinstance(value, Decimal) else f"{value:{sign},}"


def _plain(row: Row) -> dict[str, Any]:
    return {name: _written(value) for name, value in row.items()}


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date) else value
