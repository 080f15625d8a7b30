"""[I/O] At most so many requests in any 60 seconds, across processes and restarts.

The stamps of the last requests lie in one small file that is changed under a lock. It changes no
number: deleted or damaged, the count starts anew.
"""

import fcntl
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from receiver.day_files import make_folder

# Our stamps are of sending, Plivo counts on arrival: a second of slack for the way between.
WINDOW_SECONDS = 61.0
# Above so many a minute requests are paced evenly, so that the file stays small.
MOST_STAMPS = 1_000
# A clock may be too coarse to show that less has passed.
SHORTEST_SLEEP = 0.001
# A pause beyond this is damage or a clock set back, not something that we wrote.
LONGEST_PAUSE = 3_600.0


@dataclass(slots=True)
class _Past:
    """Requests of the last minute, oldest first, and before when none may be sent."""

    stamps: list[float] = field(default_factory=list)
    not_before: float = 0.0


class Quota:
    """Every request takes one, each retry too. Bursts are allowed up to `per_minute`."""

    def __init__(
        self,
        path: Path,
        per_minute: int,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.per_minute = per_minute
        self.turn = Lock()  # threads wait in line for whoever is waiting already
        self.clock = clock
        self._path = path
        self._sleep = sleep

    def take(self) -> None:
        """Returns when a request may be sent, and counts it."""
        while True:
            with self._past() as past:
                now = self.clock()
                wait = self._wait(past, now)
                if wait <= 0:
                    past.stamps = [*past.stamps, now][-self._kept :]
                    return
            self._sleep(max(wait, SHORTEST_SLEEP))

    def delay(self) -> float:
        """Seconds until a request may be sent."""
        with self._past() as past:
            return max(0.0, self._wait(past, self.clock()))

    def back_off(self, seconds: float) -> None:
        """Nobody who shares the file sends before: Plivo said 429."""
        with self._past() as past:
            pause = min(seconds, LONGEST_PAUSE)
            past.not_before = max(past.not_before, self.clock() + pause)

    @property
    def _paced(self) -> bool:
        return self.per_minute > MOST_STAMPS

    @property
    def _kept(self) -> int:
        return 1 if self._paced else self.per_minute

    def _wait(self, past: _Past, now: float) -> float:
        wait = past.not_before - now
        if self._paced and past.stamps:
            wait = max(wait, past.stamps[-1] + WINDOW_SECONDS / self.per_minute - now)
        elif len(past.stamps) >= self.per_minute:
            wait = max(wait, past.stamps[-self.per_minute] + WINDOW_SECONDS - now)
        return wait

    @contextmanager
    def _past(self) -> Iterator[_Past]:
        make_folder(self._path.parent)
        with os.fdopen(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            past = self._parse(file.read())
            yield past
            file.seek(0)
            file.truncate()
            file.write(json.dumps({"stamps": past.stamps, "not_before": past.not_before}).encode())

    def _parse(self, content: bytes) -> _Past:
        now = self.clock()
        try:
            state = json.loads(content)
            stamps = sorted(float(stamp) for stamp in state["stamps"])
            not_before = float(state["not_before"])
        except (ValueError, TypeError, KeyError, OverflowError):
            return _Past()
        if not all(map(math.isfinite, (*stamps, not_before))):
            return _Past()
        if not_before > now + LONGEST_PAUSE:
            not_before = 0.0
        recent = [stamp for stamp in stamps if now - WINDOW_SECONDS < stamp <= now + 1]
        return _Past(recent, not_before)


def shared(data_dir: Path, per_minute: int, **clocks: Any) -> Quota:
    """The quota of everyone who works on this data folder."""
    return Quota(data_dir / "state" / "quota.json", per_minute, **clocks)
