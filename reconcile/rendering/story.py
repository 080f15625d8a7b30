"""[pure] An explanation as people read it: one message, its parts, who said what, what won."""

from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from reconcile.explain import Explanation


def render(console: Console, story: Explanation) -> None:
    message = story.message
    console.print(Text.assemble(("Message ", "bold"), message["message_uuid"]))
    facts = Table.grid(padding=(0, 2))
    for name in ("direction", "from_number", "to_number", "country", "carrier", "message_time",
                 "sent_at", "final_at", "state", "outcome", "error_code", "units", "total_amount",
                 "match"):  # fmt: skip
        facts.add_row(name, Text(_text(message[name])))
    if story.match_meaning:
        facts.add_row("", Text(story.match_meaning, style="dim"))
    console.print(facts)
    for part in story.parts:
        console.print()
        console.print(_part_title(part, len(story.parts)))
        console.print(_reports(story, part))
        console.print(_log_rows(story, part))


def _part_title(part: dict[str, Any], parts: int) -> Text:
    which = f" ({part['part_number']} of {part['part_count']})" if part["part_number"] else ""
    title = f"Part {part['message_uuid']}{which}" if parts > 1 else "Who said what"
    won = {"log": "the message log decides", "report": "the delivery reports decide"}
    return Text.assemble(
        (title, "bold"), f" · state {part['state'] or 'none'}: {won[part['winner']]}"
    )


def _reports(story: Explanation, part: dict[str, Any]) -> Table | str:
    rows = [r for r in story.reports if r["message_uuid"] == part["message_uuid"]]
    if not rows:
        return "  no delivery report came"
    table = Table(box=SIMPLE_HEAD)
    for title in ("", "report", "Sequence", "error", "Plivo's clock", "received"):
        table.add_column(title)
    for row in rows:
        table.add_row(
            "wins" if row["place"] == 1 else "",
            _text(row["state"]), _text(row["sequence"]), _text(row["error_code"]),
            _text(row["clock"]), _text(row["received_at"]),
        )  # fmt: skip
    return table


def _log_rows(story: Explanation, part: dict[str, Any]) -> Table | str:
    rows = [r for r in story.log_rows if r["message_uuid"] == part["message_uuid"]]
    if not rows:
        return "  the message log on disk does not hold it"
    table = Table(box=SIMPLE_HEAD)
    for title in ("", "log row", "error", "updated", "amount", "pulled"):
        table.add_column(title)
    for place, row in enumerate(rows):
        table.add_row(
            "latest" if place == 0 else "",
            _text(row["message_state"]), _text(row["error_code"]),
            _text(row["message_updated_time"]), _text(row["total_amount"]),
            _text(row["pulled_at"]),
        )  # fmt: skip
    return table


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return str(value)
