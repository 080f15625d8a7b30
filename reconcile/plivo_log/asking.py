"""[I/O] Pages of several walks at once, where the quota allows more than one request can carry.

At Plivo's 20 requests a minute one request at a time is enough, however slow it is: then nothing
here makes a thread. The quota stays one: clients that share it take turns.
"""

import threading
from collections.abc import Sequence
from math import ceil
from queue import SimpleQueue
from typing import TYPE_CHECKING, Self

from reconcile.plivo_log.budget import Budget
from reconcile.plivo_log.page import Page
from reconcile.plivo_log.walk import Walk

if TYPE_CHECKING:  # it brings the SDK, for which most commands need not wait
    from reconcile.plivo_log.client import LogClient

MOST_AT_ONCE = 16
_SLOW_ANSWER_SECONDS = 0.5
_PATIENCE_SECONDS = 2.0  # at the end, with requests that nobody waits for any more


def at_once(per_minute: int) -> int:
    """So many requests under way use the quota up, even where an answer is slow."""
    return min(MOST_AT_ONCE, max(1, ceil(per_minute / 60 * _SLOW_ANSWER_SECONDS)))


class Pages:
    """Ask for the next page of a walk, and take whichever page comes first.

    Use as context manager: what is under way when it ends is left to itself, and nothing is asked
    after it.
    """

    def __init__(self, client: "LogClient", budget: Budget) -> None:
        self.at_once = at_once(client.quota.per_minute)
        self._client = client
        self._budget = budget
        self._asked: SimpleQueue[Walk | None] = SimpleQueue()
        self._answers: SimpleQueue[tuple[Walk, Page | BaseException]] = SimpleQueue()
        self._clients: Sequence[LogClient] = []
        self._threads: Sequence[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._budget.close()
        for _thread in self._threads:
            self._asked.put(None)
        for thread in self._threads:
            thread.join(_PATIENCE_SECONDS / len(self._threads))
        for client in self._clients:
            client.close()

    def ask(self, walk: Walk) -> None:
        if self.at_once > 1 and not self._threads:
            self._start()
        self._asked.put(walk)

    def answer(self) -> tuple[Walk, Page]:
        """Raises PlivoLogError, BudgetSpent; the walk of it is then asked no more."""
        if not self._threads:
            walk = self._asked.get()
            assert walk is not None  # noqa: S101  None only ends threads
            return walk, self._client.page(walk.span, walk.position, budget=self._budget)
        walk, page = self._answers.get()
        if isinstance(page, BaseException):
            raise page
        return walk, page

    def _start(self) -> None:
        self._clients = [self._client.another() for _ in range(self.at_once)]
        self._threads = [
            threading.Thread(target=self._work, args=(client,), name="pages", daemon=True)
            for client in self._clients
        ]
        for thread in self._threads:
            thread.start()

    def _work(self, client: "LogClient") -> None:
        while (walk := self._asked.get()) is not None:
            try:
                page: Page | BaseException = client.page(
                    walk.span, walk.position, budget=self._budget
                )
            except Exception as failure:  # noqa: BLE001  raised where the answer is awaited
                page = failure
            self._answers.put((walk, page))
