"""The message log as an ordered index: which parts have a row between two moments."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from tests.simulator.messages import LogState, Message, Part


class LogKey(NamedTuple):
    """Where a row stands: rows of the same microsecond keep the order of sending."""

    message_time: datetime
    order: int
    part: int


class LogEntry(NamedTuple):
    """A row's place, and what it is the row of."""

    key: LogKey
    message: Message
    part: Part


class MessageLog:
    """Rows sorted by message_time; adding the newest one is cheap."""

    def __init__(self) -> None:
        self._keys: list[LogKey] = []
        self._entries: dict[LogKey, LogEntry] = {}
        self._by_uuid: dict[str, LogEntry] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, message: Message) -> None:
        """One row for each part."""
        for part in message.parts:
            key = LogKey(message.message_time, message.index, part.plan.number)
            entry = LogEntry(key, message, part)
            insort(self._keys, key)
            self._entries[key] = entry
            self._by_uuid[part.plan.message_uuid] = entry

    def find(self, message_uuid: str) -> LogEntry | None:
        """The row of a part, whether it shows yet or not."""
        return self._by_uuid.get(message_uuid)

    def newest_first(
        self, since: datetime, until: datetime, *, before: LogKey | None = None
    ) -> Iterator[LogEntry]:
        """Rows in [since, until), those older than the row `before` if one is named."""
        low = bisect_left(self._keys, LogKey(since, -1, -1))
        high = bisect_left(self._keys, LogKey(until, -1, -1))
        if before is not None:
            high = min(high, bisect_left(self._keys, before))
        for position in range(high - 1, low - 1, -1):
            yield self._entries[self._keys[position]]


def log_state_at(part: Part, now: datetime) -> LogState | None:
    """What the log says of a part now; None before its row shows."""
    if now < part.plan.visible_at:
        return None
    # A row exists as soon as the API has taken the message, milliseconds before QueuedTime.
    said = part.log[0]
    for state in part.log:
        if state.at <= now:
            said = state
    return said
