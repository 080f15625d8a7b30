"""[I/O] What many threads put in, one takes out again, in order and many at a time.

To wake that one costs, and so does each of its turns. So whoever is about to put in several says
so: they are handed over together.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

_ENOUGH = 64  # handed over at once: so that the taker works on them while more come

T = TypeVar("T")


class Batches(Generic[T]):
    """A queue for one taker. It gets `most` at a time, or what was handed over at once beyond."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._ended = False
        self._handed_over: queue.SimpleQueue[list[T] | None] = queue.SimpleQueue()
        self._mine = threading.local()  # `gathered`, in a thread that gathers

    def put(self, item: T) -> None:
        gathered: list[T] | None = getattr(self._mine, "gathered", None)
        if gathered is None:
            self._handed_over.put([item])
            return
        gathered.append(item)
        if len(gathered) >= min(_ENOUGH, self._most):
            self._hand_over()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What this thread puts in meanwhile is handed over at the end, or when it is enough."""
        self._mine.gathered = []
        try:
            yield
        finally:
            self._hand_over()
            self._mine.gathered = None

    def take(self) -> list[T]:
        """What has come, as soon as there is any; nothing once the end is reached."""
        batch: list[T] = []
        while len(batch) < self._most:
            try:
                some = self._handed_over.get(block=not batch and not self._ended)
            except queue.Empty:
                break
            if some is None:
                self._ended = True
            else:
                batch += some
        return batch

    def end(self) -> None:
        self._handed_over.put(None)

    def _hand_over(self) -> None:
        if self._mine.gathered:
            self._handed_over.put(self._mine.gathered)
            self._mine.gathered = []
