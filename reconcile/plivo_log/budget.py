"""[pure] How many requests, and until when, one pull may still send."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

WhyStopped = Literal["max_requests", "max_minutes"]


class BudgetSpent(Exception):
    """The next request is over the limit; it was not sent."""

    def __init__(self, why: WhyStopped) -> None:
        super().__init__(why)
        self.why = why


@dataclass(slots=True)
class Budget:
    """Counts every request, each retry too."""

    most_requests: int | None = None
    deadline: float | None = None
    clock: Callable[[], float] = lambda: 0.0
    requests: int = 0

    def spend(self, delay: float = 0.0) -> None:
        """Take one that would be sent after `delay` seconds. Raises BudgetSpent."""
        if self.most_requests is not None and self.requests >= self.most_requests:
            raise BudgetSpent("max_requests")
        if self.deadline is not None and self.clock() + delay >= self.deadline:
            raise BudgetSpent("max_minutes")
        self.requests += 1

    def close(self) -> None:
        """The pull is over; whoever still wants to send may not."""
        self.most_requests = self.requests
