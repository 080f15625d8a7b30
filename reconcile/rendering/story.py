"""[pure] An explanation as people read it: one message, its parts, who said what, what won."""

import io
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from reconcile.explaining.explain import Explanation, Row
from reconcile.explaining.reasons import named
from reconcile.rendering import cells

_LABELS = 12  # columns
_TIMES = {"message_time": "message", "queued_at": "queued", "sent_at": "sent", "final_at": "end"}
_VALUES = {
    "units": "units", "total_amount": "amount", "carrier_fees": "fees", "mcc": "MCC", "mnc": "MNC",
    "type": "type", "from_number": "From", "to_number": "To", "powerpack_uuid": "Powerpack",
}  # fmt: skip


def as_html(told: Explanation) -> str:
    """The same for a notebook: text and styles, nothing else."""
    console = Console(
        record=True, file=io.StringIO(), width=120, force_terminal=True,
        highlight=False, markup=False, emoji=False,
    )  # fmt: skip
    render(console, told)
    return console.export_html(inline_styles=True, code_format="<pre>{code}</pre>")


def render(console: Console, told: Explanation) -> None:
    message = told.message
    day = message["message_time"].date()
    console.print(Text.assemble(("Message ", "bold"), message["message_uuid"]))
    console.print(_facts(_of_message(told)))
    for part in told.parts:
        console.print()
        console.print(_title(part, told.parts))
        console.print(_facts(_of_part(part, day)))
        for title, rows, columns in (
            ("Delivery reports", part["reports"], _REPORT_COLUMNS),
            ("Message log", part["log_rows"], _LOG_COLUMNS),
        ):
            if rows:
                console.print(_section(f"{title} (times of {day}, UTC)", rows, columns, day))
            else:
                console.print(Text(f"\n  {title}: nothing on disk"))
    for notice in _notices(told):
        console.print()
        console.print(notice)


def as_text(told: Explanation) -> str:
    """The same as plain text, in 100 columns."""
    out = io.StringIO()
    render(Console(file=out, width=100, highlight=False, markup=False, emoji=False), told)
    return out.getvalue()


def _of_message(told: Explanation) -> list[tuple[str, str]]:
    message, why = told.message, told.message["why"]
    code = f" (error {message['error_code']})" if message["error_code"] else ""
    facts = [
        ("outcome", _reasoned(message["outcome"], why["outcome"]["why"] + code)),
        ("match", _reasoned(message["match"], why["match"]["why"])),
        ("what", _what(message)),
        ("country", _reasoned(message["country"], why["country"]["why"])),
        ("carrier", _reasoned(message["carrier"], why["carrier"]["why"])),
        ("parts", _reasoned(_parts(message), why["parts_expected"]["why"])),
        ("message time", _reasoned(message["message_time"], why["message_time"]["why"])),
        ("sent", _text(message["sent_at"])),
        ("end", _text(message["final_at"])),
        ("cost", _cost(message)),
        ("reports", _counted(message)),
        ("labels", _labels(message)),
        ("as of", f"{_text(told.as_of)}, the latest that is on disk"),
    ]  # fmt: skip
    return [(name, said) for name, said in facts if said]


def _of_part(part: Row, day: date) -> list[tuple[str, str]]:
    verdict, match = part["verdict"], part["match"]
    winner = {"log": "the log wins", "report": "the reports win"}[verdict["side"]]
    facts = [
        ("state", f"{_text(part['state'])} – {winner}: {verdict['why']}"),
        ("match", match and f"{match['word']} – {match['meaning']}; {match['why']}"),
        ("error", _error(part)),
        ("times", _sourced(part, _TIMES, day)),
        ("values", f"{part['values']['why']}: {_sourced(part, _VALUES, day)}"),
    ]  # fmt: skip
    return [(name, said) for name, said in facts if said]


def _sourced(part: Row, names: Mapping[str, str], day: date) -> str:
    """These values, and the rows that they came from."""
    found: dict[str, list[str]] = {}
    for name, origin in part["values"]["from"].items():
        if name in names:
            value = f"{names[name]} {_clock(part[name], day)}"
            found.setdefault(_source(origin), []).append(value)
    return "; ".join(f"{', '.join(values)} of {source}" for source, values in found.items())


def _source(origin: Row) -> str:
    return f"{'report' if origin['side'] == 'report' else 'log row'} #{origin['number']}"


def _error(part: Row) -> str | None:
    if not part["error_code"]:
        return None
    origin = part["values"]["from"]["error_code"]
    lent = ", which says the same state" if origin["side"] != part["verdict"]["side"] else ""
    name = f" {part['error_name']}" if part["error_name"] else ""
    return f"{part['error_code']}{name} – of {_source(origin)}{lent}"


def _what(message: Row) -> str:
    kind = f"{message['direction']} {message['type'] or 'message'}"
    return f"{kind}, {_text(message['from_number'])} → {_text(message['to_number'])}"


def _parts(message: Row) -> str:
    return f"{message['parts_seen']} seen of {message['parts_expected']} expected"


def _cost(message: Row) -> str:
    amount, units, fees = message["total_amount"], message["units"], message["carrier_fees"]
    said = "unknown" if amount is None else str(amount)
    if units is not None:
        said += f" for {units} unit{'' if units == 1 else 's'}"
    return said if fees is None else f"{said}, carrier fees {fees}"


def _counted(message: Row) -> str:
    words = {
        "duplicate_reports": "copies",
        "out_of_order_reports": "out of order",
        "state_changes": "changes of a final state",
        "untyped_values": "values not understood",
    }
    said = [f"{message[name]} {word}" for name, word in words.items() if message[name]]
    mixed = ["parts ended differently"] if message["mixed"] else []
    never = ["none ever came (no url set?)"] if message["never_reported"] else []
    return ", ".join([str(message["reports"]), *said, *mixed, *never])


def _labels(message: Row) -> str:
    return ", ".join(
        f"{name} {message[name]}" for name in ("tag", "account", "campaign") if message[name]
    )


def _title(part: Row, parts: Sequence[Row]) -> Text:
    which = named(part, parts)
    uuid = "" if part["message_uuid"] in which else f" · {part['message_uuid']}"
    return Text.assemble((which[0].upper() + which[1:], "bold"), uuid)


_REPORT_COLUMNS = {
    "#": "number", "report": "state", "Seq": "sequence", "error": "error_code",
    "clock": "clock", "received": "received_at",
}  # fmt: skip
_LOG_COLUMNS = {
    "#": "number", "log row": "state", "error": "error_code", "amount": "total_amount",
    "updated": "message_updated_time", "pulled": "pulled_at",
}  # fmt: skip


def _section(title: str, rows: Sequence[Row], columns: dict[str, str], day: date) -> Padding:
    table = Table(
        box=SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False,
        title=title, title_justify="left", title_style="dim",
    )  # fmt: skip
    for name, column in columns.items():
        right = column in ("number", "sequence", "total_amount")
        table.add_column(name, justify="right" if right else "left", no_wrap=column != "state",
                         max_width=11 if column == "state" else None)  # fmt: skip
    table.add_column("verdict", overflow="fold")
    for row in rows:
        cells = [_clock(row[column], day) for column in columns.values()]
        cells[1] = row["state"] or "no status"
        table.add_row(
            *(Text(cell) for cell in cells),
            _verdict(row),
            style="bold" if row["verdict"] == "wins" else "",
        )
    return Padding(table, (1, 0, 0, 1), expand=False)


def _verdict(row: Row) -> Text:
    said = [f"{row['verdict']}: {row['why']}"]
    if row.get("copy_of"):
        said.append(f"copy of #{row['copy_of']}")
    if row.get("out_of_order_after"):
        said.append(f"out of order: came after #{row['out_of_order_after']}")
    said += [f"not understood: {name} {value!r}" for name, value in row["untyped"].items()]
    return Text("; ".join(said))


def _notices(told: Explanation) -> list[Text]:
    said = [
        Text(f"Counted nowhere: report {row['report_id']}, {_text(row['status'])}, received "
             f"{_text(row['received_at'])}; it {row['why']}")
        for row in told.unplaced_reports
    ]  # fmt: skip
    if told.linked_messages:
        others = ", ".join(told.linked_messages)
        said.append(Text(f"Linked by a parent, but a message of its own: {others}"))
    return said


def _facts(facts: Sequence[tuple[str, str]]) -> Padding:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(min_width=_LABELS, style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, said in facts:
        grid.add_row(name, Text(said))
    return Padding(grid, (0, 0, 0, 2), expand=False)


def _reasoned(value: Any, why: str) -> str:
    return f"{'none' if value is None else _text(value)} – {why}"


def _clock(value: Any, day: date) -> str:
    """A time without the day that all of them share."""
    if not isinstance(value, datetime):
        return _text(value)
    return value.strftime("%H:%M:%S" if value.date() == day else "%m-%d %H:%M:%S")


def _text(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return cells.plain(str(value))
