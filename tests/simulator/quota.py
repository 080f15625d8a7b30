"""Pure: so many requests in any minute of virtual time."""

from collections import deque
from datetime import datetime, timedelta

_MINUTE = timedelta(minutes=1)


class Quota:
    """A refused request takes nothing."""

    def __init__(self) -> None:
        self._taken: deque[datetime] = deque()

    def take(self, now: datetime, allowed: int | None) -> bool:
        """False when the last minute had `allowed` already; None allows any number."""
        if allowed is None:
            return True
        while self._taken and self._taken[0] <= now - _MINUTE:
            self._taken.popleft()
        granted = len(self._taken) < allowed
        if granted:
            self._taken.append(now)
        return granted
