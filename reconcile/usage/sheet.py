"""[pure] CSV text → the records of a usage summary: header found, totals line and inbound left out.

The console's export may have gone through a spreadsheet: byte-order mark, CRLF, empty lines,
semicolons or tabs do not matter.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconcile.selection import WrongQuestion

# Title without case and signs -> our name. "Total Spend…" goes by its beginning: a currency may
# follow.
_COLUMNS = {
    "date": "day", "hour": "hour", "subaccountid": "subaccount", "direction": "direction",
    "tocountry": "country", "tocountryiso2": "country", "messagestate": "state",
    "totalcount": "messages", "totalunits": "units",
}  # fmt: skip
_SPEND = "totalspend"
_TOTALS = {"total", "totals", "grandtotal"}


class NotASummary(WrongQuestion):
    """The file cannot be compared; the message names the line and the next step."""


@dataclass(frozen=True, slots=True)
class Record:
    """A line of the file: its texts under our names, its first cell whatever it is."""

    number: int
    first: str
    texts: Mapping[str, str]


def outbound(text: str) -> list[Record]:
    """The lines about outbound messages, at least one. Raises NotASummary."""
    rows = _rows(text)
    _, header = next(rows, (0, []))
    names = _names(header)
    records = [_record(number, names, cells) for number, cells in rows]
    kept = [record for record in _without_totals(records) if _is_outbound(record)]
    if not kept:
        raise NotASummary(
            "the file holds no outbound line; export the usage summary of days that have traffic"
        )
    return kept


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Line numbers and cells of all that is not empty."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count))
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as problem:
        raise NotASummary(
            f"line {reader.line_num} is no CSV ({problem}); export the file again"
        ) from problem


def _names(header: list[str]) -> list[str]:
    """Our name for each column, empty for those that are not compared."""
    names = []
    for title in header:
        key = "".join(filter(str.isalnum, title.casefold()))
        names.append("spend" if key.startswith(_SPEND) else _COLUMNS.get(key, ""))
    missing = [] if "day" in names else ["Date"]
    if not {"messages", "units"} & set(names):
        missing.append("Total Count (or Total Units)")
    if missing:
        raise NotASummary(
            f"the first line names no column {' and no '.join(missing)}; it has to be the header "
            "of the console's usage summary: export it as CSV with these columns"
        )
    if twice := [title.strip() for title, name in zip(header, names, strict=True)
                 if name and names.count(name) > 1]:  # fmt: skip
        raise NotASummary(f"the header has {' and '.join(twice)}: keep one of these columns")
    return names


def _record(number: int, names: list[str], cells: list[str]) -> Record:
    if any(map(str.strip, cells[len(names) :])):
        raise NotASummary(
            f"line {number} has {len(cells)} values, the header {len(names)}: a number such as "
            "1,234 has to stand in quotes; mend that line or export the file again"
        )
    padded = cells + [""] * (len(names) - len(cells))
    texts = {name: cell.strip() for name, cell in zip(names, padded, strict=False) if name}
    return Record(number, cells[0].strip(), texts)


def _without_totals(records: list[Record]) -> list[Record]:
    """The last line may add up the others; wherever else a date is missing, reading it fails."""
    if not records:
        return []
    last = records[-1]
    words = {"".join(filter(str.isalnum, text.casefold()))
             for text in (last.first, *last.texts.values())}  # fmt: skip
    return records[:-1] if not last.texts["day"] or words & _TOTALS else records


def _is_outbound(record: Record) -> bool:
    direction = record.texts.get("direction", "outbound").casefold()
    if direction not in ("outbound", "inbound"):
        raise NotASummary(
            f"line {record.number}: Direction '{direction}' is neither outbound nor inbound; "
            "mend that line or export the file again"
        )
    return direction == "outbound"
