"""Threads that let a simulation run by itself: one paces the clock, several post."""

import threading
import time
from datetime import datetime, timedelta
from queue import SimpleQueue

from tests.simulator.simulation import Posting, Simulation

# How far the posts may fall behind before virtual time waits for them.
BACKLOG = 200
_TICK_SECONDS = 0.004


class PacedClock:
    """Virtual time that runs `speed` times as fast as real time, while it runs."""

    def __init__(self, start: datetime, speed: float, until: datetime | None) -> None:
        self._at = start
        self._speed = speed
        self._until = until
        self._since: float | None = None
        self._lock = threading.RLock()

    def reading(self) -> datetime:
        """Never beyond `until`, unless it was set beyond it."""
        with self._lock:
            if self._since is None:
                return self._at
            passed = timedelta(seconds=(time.monotonic() - self._since) * self._speed)
            if self._until is not None:
                return max(self._at, min(self._at + passed, self._until))
            return self._at + passed

    def run(self) -> None:
        """Goes on from where it stands."""
        with self._lock:
            if self._since is None:
                self._since = time.monotonic()

    def hold(self) -> None:
        """Stops where it is."""
        with self._lock:
            self._at = self.reading()
            self._since = None

    def set(self, at: datetime) -> None:
        """Stops at a later moment."""
        with self._lock:
            self._at = max(at, self.reading())
            self._since = None


class Driver:
    """Posts of one message keep their order: each message has its thread."""

    def __init__(
        self,
        simulation: Simulation,
        *,
        speed: float = 1.0,
        posters: int = 4,
        until: datetime | None = None,
    ) -> None:
        self._simulation = simulation
        self._clock = PacedClock(simulation.now, speed, until)
        self._queues: list[SimpleQueue[Posting | None]] = [SimpleQueue() for _ in range(posters)]
        self._changed = threading.Condition()
        self._in_flight = 0
        self._settling = False
        self._stopping = False
        self._threads = [threading.Thread(target=self._pace, name="pace", daemon=True)]
        self._threads += [
            threading.Thread(target=self._post, args=(queue,), name=f"poster-{n}", daemon=True)
            for n, queue in enumerate(self._queues)
        ]

    @property
    def in_flight(self) -> int:
        """Posts that were taken from the heap and are not answered yet."""
        with self._changed:
            return self._in_flight

    def start(self) -> None:
        """From now on the simulation's time runs."""
        self._simulation.clock = self._clock.reading
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Posts under way are finished, what is queued is not begun."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for queue in self._queues:
            queue.put(None)
        for thread in self._threads:
            thread.join(timeout=6)

    def settle(self) -> None:
        """Returns when nothing is left to happen; time then goes on from there."""
        with self._changed:
            self._settling = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._settling or self._stopping)

    def _pace(self) -> None:
        while not self._stopping:
            with self._changed:
                if self._in_flight >= BACKLOG:
                    self._clock.hold()
                    self._changed.wait_for(self._has_room, timeout=1.0)
                    continue
                settling = self._settling
                if settling:
                    self._clock.hold()
                else:
                    self._clock.run()
            until = None if settling else self._clock.reading()
            posting = self._simulation.next_posting(until)
            if posting is not None:
                self._hand_over(posting)
            elif settling:
                self._finish_settling()
            else:
                time.sleep(_TICK_SECONDS)

    def _has_room(self) -> bool:
        return self._in_flight < BACKLOG // 2 or self._stopping

    def _hand_over(self, posting: Posting) -> None:
        with self._changed:
            self._in_flight += 1
        self._queues[posting.message.index % len(self._queues)].put(posting)

    def _finish_settling(self) -> None:
        """Only once the last answer is in: it may have asked for a retry."""
        with self._changed:
            self._changed.wait_for(lambda: self._in_flight == 0 or self._stopping)
            if self._simulation.has_events():
                return
            self._clock.set(self._simulation.skip_to_quiet())
            self._settling = False
            self._changed.notify_all()

    def _post(self, queue: SimpleQueue[Posting | None]) -> None:
        while (posting := queue.get()) is not None:
            if self._stopping:
                return
            self._simulation.answered(posting, self._simulation.post(posting))
            with self._changed:
                self._in_flight -= 1
                if self._in_flight == 0 or self._in_flight == BACKLOG // 2 - 1:
                    self._changed.notify_all()
