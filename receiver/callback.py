"""[pure] A captured callback: what came over the wire, and how it reads as a report.

What a delivery report looks like (a real one of 2021, numbers replaced):

    POST /delivery_report
    From=18445550100&MessageTime=2021-04-16+18%3A39%3A29.088198&MessageUUID=13bd7acc-9ee3-11eb-…
    &ParentMessageUUID=13bd7acc-9ee3-11eb-…&PartInfo=1+of+1&PowerpackUUID=
    &QueuedTime=2021-04-16+18%3A39%3A29.089793&Sequence=1&Status=queued&To=14045550100
    &TotalAmount=0.00000&TotalRate=0.00000&Units=1
"""

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from urllib.parse import unquote_to_bytes

from receiver.columns import PARAMETERS

Kind = Literal["delivery_report", "message"]
Pairs = list[tuple[bytes, bytes]]


def _keep_percent_encoded(error: UnicodeError) -> tuple[str, int]:
    """Decode what is no UTF-8 to the percent-encoding of its bytes: nothing is lost."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(f"%{byte:02X}" for byte in wrong), error.end


codecs.register_error("keep-percent-encoded", _keep_percent_encoded)


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """One request as it came: when, on which route, its parameters undecoded."""

    received_at: datetime
    kind: Kind
    http_method: str
    body: bytes
    query: bytes
    account: str | None = None
    signature: str = "none"
    headers: Mapping[str, str] = field(default_factory=dict)  # Plivo's signatures, for the relay

    @property
    def parameters(self) -> bytes:
        """The urlencoded parameters: a POST's body, a GET's query."""
        return self.query if self.http_method == "GET" else self.body

    @property
    def own_query(self) -> bytes:
        """What the sender put behind the URL of a POST; a GET's is part of its parameters."""
        return b"" if self.http_method == "GET" else self.query


def as_text(raw: bytes) -> str:
    """The bytes as text; those that are no UTF-8 are percent-encoded."""
    return raw.decode("utf-8", "keep-percent-encoded")


def decode_form(encoded: bytes) -> Pairs:
    """The decoded key-value pairs in order, empty and repeated ones included."""
    pairs = []
    for pair in encoded.split(b"&"):
        if pair:
            key, _, value = pair.replace(b"+", b" ").partition(b"=")
            pairs.append((unquote_to_bytes(key), unquote_to_bytes(value)))
    return pairs


def report_fields(parameters: bytes) -> dict[str, str]:
    """The columns that the parameters fill: of a repeated key the last, empty ones left out."""
    found: dict[str, str] = {}
    for key, value in decode_form(parameters):
        column = PARAMETERS.get(key.decode("utf-8", "replace"))
        if column:
            found[column] = value.decode("utf-8", "replace")
    return {column: value for column, value in found.items() if value}
