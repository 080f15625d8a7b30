"""[I/O] `append(callback)` returns once the callback is durable.

One SQLite file per receiver process, in WAL mode with `synchronous=FULL`: a commit is on disk.
One thread writes; it commits whatever has queued up in one transaction (group commit), and the
request threads wait for that commit. A journal has a random id, and AUTOINCREMENT numbers that
never start anew, so id and number name a report for ever: `report_id` = `ID-NUMBER`.

A journal is owned by one process (an flock beside it); sealing may be done by any process, one at
a time (a second flock). Rows carry a checksum, since SQLite guards its WAL but not its pages.

Errors:
    JournalError
    ├── NotDurable      this callback is not stored; the sender should try again
    └── DamagedJournal  the file does not hold what was written; the message names it
"""

import fcntl
import os
import queue
import secrets
import sqlite3
import threading
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from receiver import steps
from receiver.callback import Callback
from receiver.day_files import make_folder, sync_folder

BATCH_ROWS = 512
APPEND_TIMEOUT_SECONDS = 30.0

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCHEMA = """
create table if not exists callbacks (
    number integer primary key autoincrement,
    received_at integer not null, -- microseconds since 1970, UTC
    kind text not null, http_method text not null, account text, signature text not null,
    body blob not null, query blob not null,
    checksum integer not null);
create table if not exists planned_seal (first integer not null, last integer not null);
create table if not exists identity (journal_id text not null);
create table if not exists admitted (refusal_id text primary key);
create table if not exists probe (only integer primary key check (only = 1), beat integer not null);
"""
_INSERT = (
    "insert into callbacks (received_at, kind, http_method, account, signature, body, query, "
    "checksum) values (?, ?, ?, ?, ?, ?, ?, ?)"
)
_Row = tuple[int, str, str, str | None, str, bytes, bytes]


class JournalError(Exception):
    pass


class NotDurable(JournalError):
    pass


class DamagedJournal(JournalError):
    pass


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored callback with the report_id that it was given."""

    report_id: str
    callback: Callback


class _Pending:
    """A row that waits for its commit. The lock is the cheapest wake-up that Python has."""

    __slots__ = ("done", "error", "refusal_id", "row")

    def __init__(self, row: _Row | None, refusal_id: str | None = None) -> None:
        self.row = row
        self.refusal_id = refusal_id
        self.error: Exception | None = None
        self.done = threading.Lock()
        self.done.acquire()


class Journal:
    """The journal that this process owns. Use as a context manager, or call `close`."""

    def __init__(self, folder: Path) -> None:
        make_folder(folder)
        self.path, self._ownership = _take_or_create(folder)
        self._connection = connect(self.path)
        self.journal_id = identity(self._connection, self.path)
        sync_folder(folder)
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._closed = False
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
        self._commit(_Pending(_row_of(callback), refusal_id))

    def forget_refusals(self) -> None:
        """The quarantine has let go of everything admitted here."""
        with closing(connect(self.path)) as connection:
            connection.execute("delete from admitted")

    def probe(self) -> None:
        """Make a real durable write that leaves no report. Raises NotDurable."""
        self._commit(_Pending(None))

    def close(self) -> None:
        """Take nothing more, make durable what was taken, give the file free."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._writer.join()
            self._connection.close()
            os.close(self._ownership)

    def _commit(self, pending: _Pending) -> None:
        if self._closed:
            raise NotDurable("the receiver is shutting down")
        self._queue.put(pending)
        if not pending.done.acquire(timeout=APPEND_TIMEOUT_SECONDS):
            raise NotDurable(f"the disk took longer than {APPEND_TIMEOUT_SECONDS:.0f} s")
        if pending.error is not None:
            raise NotDurable(str(pending.error)) from pending.error

    def _write(self) -> None:
        """Commit batch after batch until told to stop."""
        going = True
        while going:
            batch = [self._queue.get()]
            while len(batch) < BATCH_ROWS:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            going = None not in batch
            self._write_batch([pending for pending in batch if pending is not None])
        self._refuse_the_rest()

    def _write_batch(self, batch: list[_Pending]) -> None:
        error: Exception | None = None
        try:
            with transaction(self._connection):
                rows = [(*p.row, _checksum(p.row)) for p in batch if p.row is not None]
                if rows:
                    self._connection.executemany(_INSERT, rows)
                    self._connection.executemany(
                        "insert into admitted values (?)",
                        [(p.refusal_id,) for p in batch if p.refusal_id is not None],
                    )
                else:
                    self._connection.execute(
                        "insert into probe values (1, 1) on conflict do update set beat = beat + 1"
                    )
        except sqlite3.Error as problem:
            error = problem
        steps.reached("batch committed")
        for pending in batch:
            pending.error = error
            pending.done.release()

    def _refuse_the_rest(self) -> None:
        """Requests that slipped in behind the stop sign get a clear no."""
        while True:
            try:
                late = self._queue.get_nowait()
            except queue.Empty:
                return
            if late is not None:
                late.error = NotDurable("the receiver is shutting down")
                late.done.release()


def journals(folder: Path) -> list[Path]:
    """Every journal in the folder, whoever owns it."""
    return sorted(folder.glob("*.sqlite")) if folder.is_dir() else []


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal, making it where it is not there. Raises DamagedJournal."""
    connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.executescript(_SCHEMA)
    except sqlite3.DatabaseError as problem:
        connection.close()
        if isinstance(problem, sqlite3.OperationalError):
            raise NotDurable(f"{path}: {problem}") from problem
        raise _damaged(path, problem) from problem
    return connection


def identity(connection: sqlite3.Connection, path: Path) -> str:
    """The journal's id, kept inside it. A copy under another name would seal twice: refused."""
    row = connection.execute("select journal_id from identity").fetchone()
    if row is None:
        with transaction(connection):
            connection.execute("insert into identity values (?)", (path.stem,))
        return path.stem
    if row[0] != path.stem:
        raise DamagedJournal(
            f"{path} is a copy of journal {row[0]}. Give it back its name {row[0]}.sqlite, or move "
            "it out of the folder."
        )
    return path.stem


def entries(connection: sqlite3.Connection, path: Path, first: int, last: int) -> Iterator[Entry]:
    """The callbacks with these numbers, checked. Raises DamagedJournal."""
    try:
        for number, *row, checksum in connection.execute(
            "select number, received_at, kind, http_method, account, signature, body, query, "
            "checksum from callbacks where number between ? and ? order by number",
            (first, last),
        ):
            if _checksum(tuple(row)) != checksum:
                raise _damaged(path, f"row {number} does not match its checksum")
            microseconds, kind, http_method, account, signature, body, query = row
            yield Entry(
                report_id(path.stem, number),
                Callback(
                    received_at=from_micros(microseconds),
                    kind=kind,
                    http_method=http_method,
                    body=body,
                    query=query,
                    account=account,
                    signature=signature,
                ),
            )
    except sqlite3.DatabaseError as problem:
        raise _damaged(path, problem) from problem


def report_id(journal_id: str, number: int) -> str:
    return f"{journal_id}-{number:016d}"


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Take the write lock at once; commit durably, or leave everything as it was."""
    connection.execute("begin immediate")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def try_lock(path: Path) -> int | None:
    """The descriptor of an exclusive lock on this file, or None where another process has it."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _take_or_create(folder: Path) -> tuple[Path, int]:
    """A journal that no living process owns, else a new one."""
    for path in journals(folder):
        lock = try_lock(path.with_suffix(".owner"))
        if lock is not None:
            return path, lock
    path = folder / f"{secrets.token_hex(8)}.sqlite"
    lock = try_lock(path.with_suffix(".owner"))
    if lock is None:
        raise NotDurable(f"{path} was taken while it was made; start again")
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    return path, lock


def _row_of(callback: Callback) -> _Row:
    return (
        to_micros(callback.received_at),
        callback.kind,
        callback.http_method,
        callback.account,
        callback.signature,
        callback.body,
        callback.query,
    )


def _checksum(row: tuple[object, ...]) -> int:
    return zlib.crc32(repr(row).encode())


def _damaged(path: Path, problem: object) -> DamagedJournal:
    return DamagedJournal(
        f"{path} is damaged ({problem}). Move it and its -wal and -shm files to a safe place and "
        "start again; `sqlite3 FILE .recover` saves what can be read."
    )
