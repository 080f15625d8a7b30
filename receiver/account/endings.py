"""[pure] Which of the messages that were sent have ended, as far as their reports say.

A message has ended when all its parts have: most have one; a long one may have several, of which
each report says "i of n", or one that stands for all, with as many units.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

FINAL = frozenset({"failed", "rejected", "undelivered", "delivered", "read"})
_ARRIVED = frozenset({"delivered", "read"})


@dataclass
class _Message:
    expected: int = 1
    last: str | None = None
    ended: dict[str, str] = field(default_factory=dict)  # part -> final status

    @property
    def is_open(self) -> bool:
        return len(self.ended) < self.expected


class Endings:
    """The messages with these UUIDs, in that order."""

    def __init__(self, uuids: Iterable[str]) -> None:
        self._messages = {uuid: _Message() for uuid in uuids}

    def take(self, row: Mapping[str, Any]) -> bool:
        """Whether the report is of one of them."""
        part, root = row.get("message_uuid"), row.get("parent_message_uuid")
        message = self._messages.get(root or "") or self._messages.get(part or "")
        if message is None or not part or row["kind"] != "delivery_report":
            return False
        message.expected = max(message.expected, _parts(row))
        status = row.get("status")
        message.last = status or message.last
        if status in FINAL:
            message.ended[part] = status
        return True

    @property
    def still_open(self) -> dict[str, str | None]:
        """The messages that have not ended, with the last status that came, if any."""
        return {uuid: m.last for uuid, m in self._messages.items() if m.is_open}

    @property
    def all_arrived(self) -> bool:
        return all(
            not m.is_open and _ARRIVED.issuperset(m.ended.values()) for m in self._messages.values()
        )


def _parts(row: Mapping[str, Any]) -> int:
    """How many parts the report speaks of; one where it stands for all of them."""
    found = re.fullmatch(r"[0-9]+ of ([0-9]{1,3})", row.get("part_info") or "")
    count = int(found[1]) if found else 1
    is_root = row.get("parent_message_uuid") in (None, row.get("message_uuid"))
    units = str(row.get("units") or "")
    return 1 if is_root and units.isdigit() and int(units) >= count else count
