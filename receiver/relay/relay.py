"""[I/O] The relay: reports from every journal's outbox to RELAY_URL, until told to stop.

At least once: a report leaves the outbox after a 2xx, and comes again where a crash falls between
the two. In order per message. One relay works per data folder; another waits for its lock.
"""

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import Error as SqliteError

from receiver import journal_file
from receiver.journal_file import JournalError
from receiver.relay.outbox import Outbox, Waiting
from receiver.relay.patience import Handler, due_again, is_hopeless
from receiver.relay.posting import Answer

log = logging.getLogger("receiver")

MOST_AT_ONCE = 8
_PAUSE_SECONDS = 0.2

Post = Callable[[Waiting], Answer]
Count = Callable[[str], None]


def run(
    data_dir: Path, post: Post, stop: threading.Event, *, count: Count = lambda _: None
) -> None:
    """Relay until `stop` is set; what is on its way then is still waited for."""
    owner = data_dir / "journal" / "relay.lock"
    while not stop.is_set():
        lock = journal_file.try_lock(owner) if owner.parent.is_dir() else None
        if lock is not None:
            try:
                _Relay(data_dir / "journal", post, count).run(stop)
            finally:
                os.close(lock)
        stop.wait(_PAUSE_SECONDS)


class _Relay:
    def __init__(self, journals: Path, post: Post, count: Count) -> None:
        self._journals = journals
        self._post = post
        self._count = count
        self._outboxes: dict[Path, Outbox] = {}
        self._on_their_way: dict[Future[Answer], Waiting] = {}
        self._handler = Handler()
        self._said_down = False

    def run(self, stop: threading.Event) -> None:
        with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="relay") as pool:
            while not stop.is_set():
                try:
                    self._send(pool)
                    if not self._on_their_way:
                        stop.wait(_PAUSE_SECONDS)
                    self._settle(_PAUSE_SECONDS)
                except (JournalError, SqliteError, OSError) as problem:
                    log.error("the relay waits for its journal: %s", problem)
                    self._close()
                    stop.wait(5)
            self._settle(None)
        self._close()

    def _send(self, pool: ThreadPoolExecutor) -> None:
        now = datetime.now(UTC)
        room = self._handler.room(now, len(self._on_their_way), MOST_AT_ONCE)
        if room <= 0:
            return
        self._open_new_ones()
        busy = {waiting.message for waiting in self._on_their_way.values()}
        for waiting in self._due(now, len(busy) + room):
            if room and waiting.message not in busy:
                self._on_their_way[pool.submit(self._post, waiting)] = waiting
                busy.add(waiting.message)
                room -= 1

    def _due(self, now: datetime, most: int) -> list[Waiting]:
        """Of all journals, none of which another one holds an earlier report of its message."""
        found = [waiting for box in self._outboxes.values() for waiting in box.due(now, most)]
        others = {
            path: [box for at, box in self._outboxes.items() if at != path]
            for path in self._outboxes
        }
        return sorted(
            (w for w in found if not any(box.has_before(w) for box in others[w.journal])),
            key=lambda w: w.received_at,
        )

    def _settle(self, seconds: float | None) -> None:
        """Wait for answers, and write them down."""
        if not self._on_their_way:
            return
        ended, _ = wait(
            self._on_their_way, seconds, "ALL_COMPLETED" if seconds is None else FIRST_COMPLETED
        )
        now = datetime.now(UTC)
        done: list[Waiting] = []
        later: list[tuple[Waiting, datetime]] = []
        for future in ended:
            waiting, answer = self._on_their_way.pop(future), future.result()
            self._note(answer, now)
            if answer.taken:
                done.append(waiting)
            elif is_hopeless(waiting.tries + 1):
                log.error("gave up to relay %s: %s", waiting.report_id, answer.said)
                self._count("given_up")
                done.append(waiting)
            else:
                later.append((waiting, due_again(now, waiting.tries)))
        for path, box in self._outboxes.items():
            mine = [w for w in done if w.journal == path]
            mine_later = [(w, due_at) for w, due_at in later if w.journal == path]
            if mine or mine_later:
                box.settle(mine, mine_later)

    def _note(self, answer: Answer, now: datetime) -> None:
        self._count("taken" if answer.taken else "refused" if answer.there else "failed")
        if answer.there:
            self._handler.answered()
            self._said_down = False
            return
        self._handler.failed(now)
        if not self._said_down:
            log.warning("RELAY_URL does not take reports (%s); they wait on disk", answer.said)
            self._said_down = True

    def _open_new_ones(self) -> None:
        there = set(journal_file.journals(self._journals))
        for path in there - set(self._outboxes):
            self._outboxes[path] = Outbox(path)
        for path in set(self._outboxes) - there:
            self._outboxes.pop(path).close()

    def _close(self) -> None:
        for box in self._outboxes.values():
            box.close()
        self._outboxes = {}
