"""[I/O] Messages as people read them in a terminal: nothing is cut off, so it can be copied."""

import io

from rich.console import Console
from rich.text import Text

from reconcile.message_list import MessageList
from reconcile.rendering import terminal
from reconcile.rendering.cells import counted, value
from reconcile.rendering.rate_table import new_table

_WIDE = 120
_ANY_WIDTH = 10_000


def is_wide() -> bool:
    return terminal.console().width >= _WIDE


def render(found: MessageList) -> None:
    """A line per message, and how many there are."""
    _render(terminal.console(width=_ANY_WIDTH), found)


def as_text(found: MessageList) -> str:
    out = io.StringIO()
    _render(terminal.console(file=out, width=_ANY_WIDTH), found)
    return out.getvalue()


def _render(console: Console, found: MessageList) -> None:
    table = new_table()
    table.padding = (0, 1, 0, 0)
    for name in found.table.column_names:
        table.add_column(name, no_wrap=True)
    for row in found.table.to_pylist():
        table.add_row(*(Text(value(cell)) for cell in row.values()))
    if found.count:
        console.print(table)
    shown = found.table.num_rows
    more = f", the first {shown:,} shown; --limit N or --format csv gives more"
    cut = more if shown < found.count else ""
    console.print(f"{counted(found.count, 'message')}{cut}", style="dim")
