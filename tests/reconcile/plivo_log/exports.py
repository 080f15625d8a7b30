"""Console exports of a test's own making, in both sets of columns: only what differs is said."""

import csv
import io
from collections.abc import Sequence

DOWNLOADED = (
    "Message UUID", "From", "To", "To Country ISO2", "Direction", "Message Time", "Status",
    "Error Code", "Error Reason", "Units", "Rate Per Unit (USD)",
    "Carrier Surcharge Per Unit (USD)", "Total Charge Per Unit (USD)", "Total Charge (USD)",
)  # fmt: skip
E_MAILED = (
    "Message UUID", "From", "To", "Direction", "Time", "Status", "Units", "Amount",
    "Message Rate", "Message Charge",
)  # fmt: skip
_USUAL = {
    "From": "18445550100",
    "To": "14155550100",
    "To Country ISO2": "US",
    "Direction": "outbound",
    "Message Time": "2026-03-01 12:00:00",
    "Time": "2026-03-01 12:00:00",
    "Status": "delivered",
    "Error Code": "000",
    "Error Reason": "",
    "Units": "1",
    "Rate Per Unit (USD)": "0.00250",
    "Carrier Surcharge Per Unit (USD)": "0.00300",
    "Total Charge Per Unit (USD)": "0.00550",
    "Total Charge (USD)": "0.00550",
    "Amount": "0.00250",
    "Message Rate": "0.00250",
    "Message Charge": "0.00250",
}


def line(uuid: str = "m1", *, time: str = "2026-03-01 12:00:00", **cells: str) -> dict[str, str]:
    """A row; `Error_Code="30"` is the column Error Code."""
    given = {name.replace("_", " "): cell for name, cell in cells.items()}
    return _USUAL | {"Message UUID": uuid, "Message Time": time, "Time": time} | given


def export(*lines: dict[str, str], columns: Sequence[str] = DOWNLOADED, end: str = "\r\n") -> str:
    """The file; columns that the rows have beside the usual ones come last."""
    more = (
        [name for name in lines[0] if name not in _USUAL and name != "Message UUID"]
        if lines
        else []
    )
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [*columns, *more], extrasaction="ignore", lineterminator=end)
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()
