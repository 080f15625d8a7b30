"""A past that is over: kept are its orders, and each message is planned anew when it is looked at.

Nothing of it will change any more, so what a filter selects is an index that is made once. A
million messages take half a gigabyte and their pages milliseconds; as a `Simulation` that lives
they would take ten times that, and a page deep in a filtered window a second. What is planned is
the same to the letter; but its reports are posted by nobody (`reports_of` tells them).
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import overload

from tests.simulator.message_log import LogEntry, LogKey, log_state_at
from tests.simulator.messages import LogState, Message, Order, Part, PlannedReport, quiet_at
from tests.simulator.outbound import accept
from tests.simulator.paging import Page, PageRequest, selects
from tests.simulator.settings import Settings
from tests.simulator.simulation import Simulation


@dataclass(frozen=True, slots=True)
class PastRow:
    """What is kept of a row of the log: where it stands, and the word it ended with."""

    key: LogKey
    message_uuid: str
    word: str
    quiet_at: datetime


class Orders(Sequence[Message]):
    """The messages that these orders became, each planned when it is asked for."""

    def __init__(
        self, settings: Settings, orders: Sequence[Order], url: str, method: str = "POST"
    ) -> None:
        self._settings = settings
        self._orders = orders
        self._url = url
        self._method = method

    def __len__(self) -> int:
        return len(self._orders)

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        if isinstance(index, slice):
            return [self[n] for n in range(len(self))[index]]
        order = self._orders[index]
        return accept(
            order, at=order.at or self._settings.start, index=index, settings=self._settings,
            url=self._url, method=self._method,
        )  # fmt: skip


def rows_of(message: Message) -> Iterator[PastRow]:
    """Its rows as they will stand for ever."""
    for part in message.parts:
        key = LogKey(message.message_time, message.index, part.plan.number)
        quiet = max(quiet_at(part), message.message_time)
        yield PastRow(key, part.plan.message_uuid, part.log[-1].word, quiet)


def reports_of(message: Message) -> Iterator[tuple[Part, PlannedReport, datetime]]:
    """The reports that a receiver that was always there got, each with the moment it came."""
    for part in message.parts:
        for report in part.reports:
            if report.plan.post_at is not None:
                yield part, report.plan, report.plan.post_at


class PastLog:
    """The rows in their order, and for each filter that was asked which of them it selects."""

    def __init__(self, messages: Sequence[Message], rows: Iterable[PastRow]) -> None:
        ordered = sorted(rows, key=lambda row: row.key)
        self._messages = messages
        self._keys = [row.key for row in ordered]
        self._words = [row.word for row in ordered]
        self._places = {row.message_uuid: place for place, row in enumerate(ordered)}
        self._selected: dict[tuple[tuple[str, str], ...], array[int]] = {}
        self.quiet_at = max(row.quiet_at for row in ordered)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, message_uuid: str) -> LogEntry | None:
        """The row of a part."""
        place = self._places.get(message_uuid)
        return None if place is None else self._entry(place)

    def page(self, request: PageRequest, now: datetime) -> Page:
        """As `paging.read_page` reads it, without passing the rows before the offset."""
        selected = self._select(request.filters, now)
        low = bisect_left(selected, self._place(LogKey(request.since, -1, -1)))
        until = LogKey(request.until, -1, -1)
        before = min(until, request.before) if request.before else until
        high = bisect_left(selected, self._place(before)) - request.offset
        first = max(high - request.limit, low)
        places = selected[first:high] if high > low else array("I")
        return Page(tuple(self._shown(place, now) for place in reversed(places)), first > low)

    def _select(self, filters: tuple[tuple[str, str], ...], now: datetime) -> "array[int]":
        if filters not in self._selected:
            quick = {"message_state": self._has_word, "message_direction": _is_outbound}
            tests = [(quick.get(name), name, value) for name, value in filters]

            def matches(place: int) -> bool:
                return all(
                    test(place, value) if test else selects(name, value, *self._shown(place, now))
                    for test, name, value in tests
                )

            self._selected[filters] = array("I", filter(matches, range(len(self))))
        return self._selected[filters]

    def _has_word(self, place: int, word: str) -> bool:
        return self._words[place] == word

    def _place(self, key: LogKey) -> int:
        return bisect_left(self._keys, key)

    def _entry(self, place: int) -> LogEntry:
        key = self._keys[place]
        message = self._messages[key.order]
        return LogEntry(key, message, message.parts[key.part - 1])

    def _shown(self, place: int, now: datetime) -> tuple[LogEntry, LogState]:
        entry = self._entry(place)
        state = log_state_at(entry.part, now)
        assert state is not None
        return entry, state


class PastSimulation(Simulation):
    """Serves a past; nothing may be sent any more. `clock` must be later than all of it."""

    def __init__(
        self,
        settings: Settings,
        messages: Sequence[Message],
        rows: Iterable[PastRow],
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(settings)
        self.past = PastLog(messages, rows)
        if clock() < self.past.quiet_at:
            raise ValueError(f"something is to happen until {self.past.quiet_at}")
        self.messages = messages
        self.counts.messages = len(messages)
        self.clock = clock

    def page(self, request: PageRequest) -> Page:
        return self.past.page(request, self.now)

    def find(self, message_uuid: str) -> LogEntry | None:
        return self.past.find(message_uuid)

    def _admit(self, message: Message) -> None:
        raise RuntimeError(f"{message.message_uuid} comes too late: this past is over")


def _is_outbound(_place: int, direction: str) -> bool:
    return direction == "outbound"
