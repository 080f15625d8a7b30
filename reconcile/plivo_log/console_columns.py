"""[pure] The first line of a console export → which cell is which field of the log.

Downloaded (up to 10,000 rows) and e-mailed files have different columns (support article
360041302132). Names are compared without case, spaces, underscores and a BOM.
"""

import re
from collections.abc import Sequence
from itertools import chain, count

import pyarrow as pa

from reconcile.columns import LOG

# In `record` beside the cells; no cell can have this name, see `names`.
IMPORTED = "_imported"

SUBACCOUNT = "subaccount"
TOTAL_CHARGE = "total charge"

_OF_THE_CONSOLE = {
    "from": "from_number",
    "to": "to_number",
    "tocountryiso2": "destination_country_iso2",
    "direction": "message_direction",
    "messagetime": "message_time",
    "time": "message_time",
    "status": "message_state",
    "errorreason": "error_message",
    "units": "units",
    "rateperunit": "total_rate",
    "messagerate": "total_rate",
    "carriersurchargeperunit": "carrier_fees_rate",
    "totalcharge": TOTAL_CHARGE,
    "amount": "total_amount",
    "subaccount": SUBACCOUNT,
    "subaccountid": SUBACCOUNT,
    "subaccountauthid": SUBACCOUNT,
}
_OURS = ("record", "account")
_OF_THE_API = {
    column.name.replace("_", ""): column.name
    for column in LOG
    if column.type == pa.string() and column.name not in _OURS
}
_FIELDS = {**_OF_THE_API, **_OF_THE_CONSOLE}
_CURRENCY = re.compile(r"(rate|unit|charge|amount)\([a-z]{3}\)")
_NEEDED = {
    "message_uuid": "Message UUID",
    "message_time": "Message Time or Time",
    "message_direction": "Direction",
    "message_state": "Status",
}
_EXPECTED = (
    "Message UUID, From, To, Direction, Message Time (or Time), Status, Units, and of costs Rate "
    "Per Unit, Carrier Surcharge Per Unit, Total Charge (or Message Rate, Amount)"
)
_MOST_SHOWN = 30


class NotAnExport(ValueError):
    """The file as a whole cannot be read; the message says what was found and expected."""


def names(header: Sequence[str]) -> tuple[str, ...]:
    """As they stand in the file, but each once, and none of them ours."""
    taken = {IMPORTED}
    found = []
    for number, cell in enumerate(header, start=1):
        plain = cell.strip("\ufeff \t") or f"column {number}"
        numbered = (f"{plain} ({again})" for again in count(2))
        name = next(name for name in chain([plain], numbered) if name not in taken)
        taken.add(name)
        found.append(name)
    return tuple(found)


def places(header: Sequence[str]) -> dict[str, int]:
    """The place of each field that the file has. Raises NotAnExport."""
    found: dict[str, int] = {}
    for place, cell in enumerate(header):
        field = _field(cell)
        if field in found:
            both = f"{header[found[field]].strip()!a} and {cell.strip()!a}"
            raise NotAnExport(f"two columns, {both}, for one value; leave one of them")
        if field:
            found[field] = place
    if missing := [shown for field, shown in _NEEDED.items() if field not in found]:
        there = ", ".join(ascii(cell.strip()[:_MOST_SHOWN]) for cell in header[:_MOST_SHOWN])
        raise NotAnExport(
            f"not an export of the message log, for it has no column {', '.join(missing)}. "
            f"Found: {there or 'nothing'}. Expected: {_EXPECTED}"
        )
    return found


def _field(name: str) -> str | None:
    plain = re.sub(r"[\s_\ufeff]", "", name).casefold()
    return _FIELDS.get(_CURRENCY.sub(r"\1", plain))
