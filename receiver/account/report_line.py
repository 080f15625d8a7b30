"""[pure] A report as one line for people, in the order of Plivo's own example.

From: 1111111111, To: 3333333333, Status: delivered, MessageUUID: 5b6f…
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

Row = Mapping[str, Any]


def line(row: Row) -> str:
    """An inbound message has no status of its own: it was received."""
    status = "received" if row["kind"] == "message" else row.get("status")
    said = {
        "From": row.get("from_number"),
        "To": row.get("to_number"),
        "Status": status,
        "MessageUUID": row.get("message_uuid"),
        "ErrorCode": row.get("error_code") if row.get("error_code") not in ("000", "0") else None,
    }
    shown = (f"{name}: {_printable(value)}" for name, value in said.items() if value)
    return ", ".join(shown) or "a report that says nothing"


def tag(row: Row) -> str | None:
    """Our own label: behind the URL of a POST, among the parameters of a GET; the last counts."""
    query = row["body"] if row["http_method"] == "GET" else row.get("query")
    found = None
    for pair in (query or "").split("&"):
        name, _, value = pair.partition("=")
        if name == "tag":
            found = unquote_plus(value)
    return found or None


def _printable(value: str) -> str:
    """Whatever was sent, it moves no cursor and rings no bell."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in value)
