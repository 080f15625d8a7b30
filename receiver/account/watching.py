"""[I/O] Reports printed as they come in: of the messages just sent, or whatever comes."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from receiver.account.arriving import Arrivals, Row
from receiver.account.endings import Endings
from receiver.account.report_line import line, tag

PAUSE_SECONDS = 0.2

Show = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Reports to this number and with this tag; None is any."""

    to: str | None = None
    tag: str | None = None

    def __contains__(self, row: Row) -> bool:
        to = (row.get("to_number") or "").lstrip("+")
        return self.to in (None, to) and self.tag in (None, tag(row))


def watch(arrivals: Arrivals, wanted: Wanted, show: Show) -> None:
    """Until somebody interrupts it."""
    while True:
        for row in arrivals.new():
            if row in wanted:
                show(line(row))
        time.sleep(PAUSE_SECONDS)


def follow(arrivals: Arrivals, endings: Endings, show: Show, *, seconds: float) -> None:
    """Until all have ended, or the time is over."""
    give_up_at = time.monotonic() + seconds
    while True:
        for row in arrivals.new():
            if endings.take(row):
                show(line(row))
        if not endings.still_open or time.monotonic() >= give_up_at:
            return
        time.sleep(PAUSE_SECONDS)
