"""[pure] When to try again: one report, and the handler as a whole."""

from dataclasses import dataclass
from datetime import datetime, timedelta

GIVE_UP_AFTER_TRIES = 300  # three days of refusing this one report, while others are taken
_LONGEST = timedelta(minutes=15)
_DOWN_AFTER = 5  # failures in a row, of whatever reports
_LONGEST_DOWN = timedelta(minutes=1)


def due_again(now: datetime, tries: int) -> datetime:
    """After so many tries that failed: 1 s, 2 s, 4 s … 15 min."""
    return now + min(timedelta(seconds=2 ** min(tries, 20)), _LONGEST)


def is_hopeless(tries: int) -> bool:
    return tries >= GIVE_UP_AFTER_TRIES


@dataclass(slots=True)
class Handler:
    """What is known of whoever stands behind RELAY_URL; while it seems down, one try at a time."""

    failures: int = 0
    failed_at: datetime | None = None

    def answered(self) -> None:
        """It took a report, or refused that one report: it is there."""
        self.failures = 0

    def failed(self, now: datetime) -> None:
        self.failures += 1
        self.failed_at = now

    def room(self, now: datetime, in_flight: int, most: int) -> int:
        """How many more may be on their way."""
        if self.failures < _DOWN_AFTER or self.failed_at is None:
            return most - in_flight
        pause = min(timedelta(seconds=2 ** min(self.failures - _DOWN_AFTER, 10)), _LONGEST_DOWN)
        return 1 if not in_flight and now >= self.failed_at + pause else 0
