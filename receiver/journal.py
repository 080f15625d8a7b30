"""[I/O] `append(callback)` returns once the callback is durable.

One SQLite file per receiver process, in WAL mode with `synchronous=FULL`: a commit is on disk.
One thread writes; it commits whatever has queued up in one transaction (group commit), and tells
whoever asked.

A full or read-only disk passes: each batch is refused until it succeeds again. A journal that was
removed under us is written anew from the open file, which still holds it. A failed fsync is never
retried – the kernel may have dropped the pages –: the journal refuses everything from then on and
calls `on_fatal`, so that a restart reads what is really there.
"""

import logging
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from receiver import day_files, journal_file, ownership, steps
from receiver.batches import Batches
from receiver.callback import Callback
from receiver.journal_file import JournalError, NotDurable
from receiver.place import Place
from receiver.relay import outbox

BATCH_ROWS = 512
APPEND_TIMEOUT_SECONDS = 30.0
CHECKPOINT_BYTES = 4 * 1024 * 1024  # of WAL, about, before its pages move into the file
_COMMIT_BYTES = 4 * 4096  # of WAL: pages that a commit writes whatever the rows
_ROW_BYTES = 100  # of WAL: what a row holds beside body and query

_FAILED_SYNCS = (sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC)
log = logging.getLogger("receiver")

Then = Callable[[Exception | None], None]

_INSERT = (
    "insert into callbacks (received_at, kind, http_method, account, signature, body, query, "
    "checksum) values (?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class _Pending:
    """A row that waits for its commit, and whom to tell; without a row it is a probe."""

    row: journal_file.Row | None
    then: Then
    refusal_id: str | None = None
    relayed: outbox.Copy | None = None


class Journal:
    """The journal that this process owns. Use as a context manager, or call `close`.

    Raises JournalError, OSError when it cannot be opened.
    """

    def __init__(
        self,
        folder: Path,
        *,
        on_fatal: Callable[[], None] = lambda: None,
        on_batch: Callable[[int], None] = lambda _: None,
        relaying: bool = False,
    ) -> None:
        day_files.make_folder(folder)
        self._on_fatal = on_fatal
        self._on_batch = on_batch
        self._relaying = relaying
        self._refusing: str | None = None
        self._failed_sync: NotDurable | None = None
        self.path, self._ownership = ownership.take_or_create(folder)
        self._open()
        self._waiting: Batches[_Pending] = Batches(most=BATCH_ROWS)
        self._writer = threading.Thread(target=self._write, name="journal-writer", daemon=True)
        self._writer.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, callback: Callback, *, refusal_id: str | None = None) -> None:
        """Return once the callback is on disk. Raises NotDurable; then it may or may not be.

        With a refusal_id the journal remembers, in the same transaction, that it was admitted.
        """
        self._wait_for(journal_file.row_of(callback), refusal_id, self._copy_of(callback))

    def append_then(self, callback: Callback, then: Then) -> None:
        """Call `then(None)` once the callback is on disk, or `then(problem)`.

        It is called in the writer's thread: whatever it does, others wait for.
        """
        self._hand_over(
            _Pending(journal_file.row_of(callback), then, relayed=self._copy_of(callback))
        )

    def together(self) -> AbstractContextManager[None]:
        """What this thread appends with `append_then` meanwhile is written together, at the end."""
        return self._waiting.together()

    def probe(self) -> None:
        """Make a real durable write that leaves no report. Raises NotDurable."""
        self._wait_for(None)

    def is_safe(self) -> bool:
        """Whether what was acknowledged is on disk under the journal's name, now, at the end."""
        try:
            self.probe()
        except NotDurable:
            return self._place.holds(self.path)
        return True

    def forget_refusals(self) -> None:
        """The quarantine has let go of everything admitted here."""
        with journal_file.opened(self.path) as connection:
            connection.execute("delete from admitted")

    def close(self) -> None:
        """Take nothing more, make durable what was taken, give the file free."""
        if self._writer.is_alive():
            self._refusing = self._refusing or "the receiver is shutting down"
            self._waiting.end()
            self._writer.join()
            self._close()
            os.close(self._ownership)

    def _open(self) -> None:
        with journal_file.translated(self.path):
            self._connection = journal_file.connect(self.path)
            with journal_file.transaction(self._connection):
                self._beat()  # the WAL is there from here on
                if self._relaying:
                    outbox.prepare(self._connection)
        self._wal_bytes = 0  # written since the last checkpoint
        self._acked = journal_file.open_acked(self.path)
        day_files.sync_folder(self.path.parent)
        self._place = Place.of(self.path)

    def _close(self) -> None:
        if self._failed_sync is None:
            try:
                self._checkpoint()
            except sqlite3.Error as problem:
                log.error("%s: %s; what it holds is in its -wal file", self.path, problem)
        self._connection.close()
        os.close(self._acked)

    def _copy_of(self, callback: Callback) -> outbox.Copy | None:
        return outbox.copy_of(callback) if self._relaying else None

    def _hand_over(self, pending: _Pending) -> None:
        if self._refusing is not None:
            pending.then(NotDurable(self._refusing))
        else:
            self._waiting.put(pending)

    def _wait_for(
        self,
        row: journal_file.Row | None,
        refusal_id: str | None = None,
        relayed: outbox.Copy | None = None,
    ) -> None:
        settled: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()
        self._hand_over(_Pending(row, settled.put, refusal_id, relayed))
        try:
            problem = settled.get(timeout=APPEND_TIMEOUT_SECONDS)
        except queue.Empty:
            raise NotDurable(f"the disk took longer than {APPEND_TIMEOUT_SECONDS:.0f} s") from None
        if problem is not None:
            raise NotDurable(str(problem)) from problem

    def _write(self) -> None:
        """Commit batch after batch until told to stop, and what slipped in behind that."""
        while batch := self._waiting.take():
            self._answer(batch)

    def _answer(self, batch: list[_Pending]) -> None:
        """Tell each request whether its row is durable."""
        error: Exception | None = self._failed_sync
        if error is None:
            error = self._tried(lambda: self._store(batch))
        steps.reached("batch committed")
        for pending in batch:
            try:
                pending.then(error)
            except Exception:  # a mistake of theirs must not end the writing
                log.exception("a stored report could not be answered")
        if error is None and self._wal_bytes > CHECKPOINT_BYTES:
            problem = self._tried(self._checkpoint)
            if problem is not None:
                log.error("%s: its WAL stays as it is: %s", self.path, problem)

    def _tried(self, work: Callable[[], None]) -> Exception | None:
        """What went wrong, if anything; after a failed sync the journal refuses everything."""
        try:
            work()
        except (sqlite3.Error, JournalError, OSError) as problem:
            if getattr(problem, "sqlite_errorcode", None) in _FAILED_SYNCS:
                self._refusing = f"{self.path}: a sync failed ({problem}); a restart is needed"
                self._failed_sync = NotDurable(self._refusing)
                self._on_fatal()
            return problem
        return None

    def _checkpoint(self) -> None:
        """Move what the WAL holds into the file, so that it is written anew from its beginning.

        It keeps its size: to overwrite is quicker to sync than to grow. So its size does not tell
        how much it holds, and we count.
        """
        busy, held, moved = self._connection.execute("pragma wal_checkpoint(passive)").fetchone()
        if not busy and moved == held:  # else a reader needs the rest: again after the next batch
            self._wal_bytes = 0

    def _store(self, batch: list[_Pending]) -> None:
        stored = [p for p in batch if p.row is not None]
        rows = [(*p.row, journal_file.checksum_of(p.row)) for p in stored if p.row is not None]
        if not self._place.holds(self.path):
            self._rescue()
        with journal_file.transaction(self._connection):
            if len(rows) < len(batch):
                self._beat()
            self._connection.executemany(_INSERT, rows)
            admitted = [(p.refusal_id,) for p in batch if p.refusal_id is not None]
            if admitted:
                self._connection.executemany("insert into admitted values (?)", admitted)
            number = journal_file.reached(self._connection)
            numbered = enumerate(stored, start=number - len(stored) + 1)
            if copies := [(n, p.relayed) for n, p in numbered if p.relayed is not None]:
                outbox.put(self._connection, copies)
        self._wal_bytes += _COMMIT_BYTES
        self._wal_bytes += sum(_ROW_BYTES + len(row[5]) + len(row[6]) for row in rows)
        if rows:
            journal_file.write_acked(self._acked, number)
            self._on_batch(len(rows))

    def _beat(self) -> None:
        self._connection.execute(
            "insert into probe values (1, 1) on conflict do update set beat = beat + 1"
        )

    def _rescue(self) -> None:
        """Write the removed journal anew from its open file. Raises NotDurable if that must wait.

        Only onto the volume that it was on: where that went away, its return is waited for.
        """
        if self.path.exists() or not self._place.is_there(self.path):
            raise NotDurable(f"{self.path} was removed or replaced while it was open")
        day_files.make_folder(self.path.parent)
        lock = ownership.renewed(self.path, self._ownership)
        half = self.path.with_name(f"_{self.path.name}")
        half.unlink(missing_ok=True)
        with closing(sqlite3.connect(half)) as copy:
            self._connection.backup(copy)
            copy.execute("pragma journal_mode=wal")
        day_files.put_in_place(half, self.path)
        self._connection.close()
        os.close(self._acked)
        if lock != self._ownership:
            os.close(self._ownership)
            self._ownership = lock
        self._open()
        log.warning("%s was removed while it was open; it was written anew", self.path)
