"""[I/O] A journal's SQLite file: what is in it, whose it is, and whether it is whole.

`ID.sqlite` holds callbacks under AUTOINCREMENT numbers that never start anew, so id and number name
a report for ever. Beside it: `ID.owner`, locked by the process that writes; `ID.seal`, locked by
whoever seals or compacts; `ID.acked`, the highest number that was ever acknowledged. SQLite guards
neither its pages nor, against lost files, its WAL: so rows carry a checksum, numbers have no gaps,
and a journal that holds less than it acknowledged is refused.

Errors:
    JournalError
    ├── NotDurable      this callback is not stored; the sender should try again
    └── DamagedJournal  the file does not hold what was written; the message names it
"""

import fcntl
import os
import secrets
import sqlite3
import struct
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver import day_files
from receiver.callback import Callback

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSION = 1
_SCHEMA = f"""
pragma user_version = {_VERSION};
create table callbacks (
    number integer primary key autoincrement,
    received_at integer not null, -- microseconds since 1970, UTC
    kind text not null, http_method text not null, account text, signature text not null,
    body blob not null, query blob not null,
    checksum integer not null);
create table identity (journal_id text not null, cleared_up_to integer not null);
create table planned_seal (first integer not null, last integer not null);
create table admitted (refusal_id text primary key);
create table probe (only integer primary key check (only = 1), beat integer not null);
"""
_ACKED = struct.Struct("<QI")

Row = tuple[int, str, str, str | None, str, bytes, bytes]


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


def journals(folder: Path) -> list[Path]:
    """Every journal in the folder, whoever owns it."""
    found = folder.glob("*.sqlite") if folder.is_dir() else []
    return sorted(path for path in found if path.name[0] not in "._")


def create(folder: Path) -> Path:
    """A new journal, there as a whole or not at all."""
    path = folder / f"{secrets.token_hex(8)}.sqlite"
    half = path.with_name(f"_{path.name}")
    os.close(os.open(half, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(half, isolation_level=None)) as connection:
        connection.execute("pragma journal_mode=wal")  # kept in the file from here on
        connection.executescript(_SCHEMA)
        connection.execute("insert into identity values (?, 0)", (path.stem,))
    day_files.put_in_place(half, path)
    return path


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A checked connection, closed at the end. SQLite's errors become JournalErrors."""
    with translated(path), closing(connect(path)) as connection:
        yield connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours: what may pass is NotDurable, the rest is damage."""
    try:
        yield
    except sqlite3.OperationalError as problem:
        raise NotDurable(f"{path}: {problem}") from problem
    except sqlite3.DatabaseError as problem:
        raise damaged(path, problem) from problem


def connect(path: Path) -> sqlite3.Connection:
    """Open a journal that is whole. Raises JournalError, sqlite3.Error."""
    acked = read_acked(path)  # first: the journal may grow meanwhile
    if path.stat().st_size == 0:  # SQLite would take it for new, and its WAL for a leftover
        raise damaged(path, "it is empty")
    uri = f"file:{path.as_posix().replace('?', '%3f').replace('#', '%23')}?mode=rw"
    connection = sqlite3.connect(
        uri, uri=True, timeout=30, isolation_level=None, check_same_thread=False
    )
    try:
        if connection.execute("pragma journal_mode").fetchone() != ("wal",):
            raise damaged(path, "it is no journal of ours")  # noqa: TRY301  closed below
        connection.execute("pragma synchronous=full")
        # SQLite's own checkpoints swallow a failed sync: ours are made by hand
        connection.execute("pragma wal_autocheckpoint=0")
        # what is sealed need not be overwritten with zeros, which takes space on a full disk
        connection.execute("pragma secure_delete=off")
        check(connection, path, acked)
    except BaseException:
        connection.close()
        raise
    return connection


def check(connection: sqlite3.Connection, path: Path, acked: int) -> None:
    """Raises DamagedJournal where anything that was acknowledged is not there."""
    connection.execute("begin")  # one snapshot: others may write and clear meanwhile
    try:
        wrong = _identity_problem(connection, path) or _content_problem(connection, acked)
    finally:
        connection.execute("rollback")
    if wrong:
        raise damaged(path, wrong)


def _identity_problem(connection: sqlite3.Connection, path: Path) -> str | None:
    try:
        known = connection.execute("select journal_id from identity").fetchall()
    except sqlite3.OperationalError:
        known = []
    (version,) = connection.execute("pragma user_version").fetchone()
    if known and version != _VERSION:
        return f"it is of version {version}, this program writes {_VERSION}: seal it with its own"
    if not known:
        return "it does not say whose it is"
    if known != [(path.stem,)]:
        raise DamagedJournal(
            f"{path} is a copy of journal {known[0][0]}. Give it back its name, "
            f"{known[0][0]}.sqlite, or move it out of the folder."
        )
    return None


def _content_problem(connection: sqlite3.Connection, acked: int) -> str | None:
    (structure,) = connection.execute("pragma quick_check(1)").fetchone()
    if structure != "ok":
        return str(structure)
    cleared, rows, first, last, reached = connection.execute(
        "select cleared_up_to, (select count(*) from callbacks), "
        "(select min(number) from callbacks), (select max(number) from callbacks), "
        "coalesce((select seq from sqlite_sequence where name = 'callbacks'), 0) from identity"
    ).fetchone()
    if rows != reached - cleared or (rows and (first, last) != (cleared + 1, reached)):
        return f"of rows {cleared + 1} to {reached} only {rows} are there"
    if reached < acked:
        return f"rows {reached + 1} to {acked} were acknowledged and are not there"
    return None


def reached(connection: sqlite3.Connection) -> int:
    """The highest number ever given."""
    row = connection.execute("select seq from sqlite_sequence where name = 'callbacks'").fetchone()
    return int(row[0]) if row else 0


def entries(connection: sqlite3.Connection, path: Path, first: int, last: int) -> Iterator[Entry]:
    """The callbacks with these numbers, checked. Raises DamagedJournal, sqlite3.Error."""
    for number, *row, checksum in connection.execute(
        "select number, received_at, kind, http_method, account, signature, body, query, "
        "checksum from callbacks where number between ? and ? order by number",
        (first, last),
    ):
        if checksum_of(tuple(row)) != checksum:
            raise damaged(path, f"row {number} does not match its checksum")
        micros, kind, http_method, account, signature, body, query = row
        yield Entry(
            f"{path.stem}-{number:016d}",
            Callback(
                received_at=from_micros(micros),
                kind=kind,
                http_method=http_method,
                body=body,
                query=query,
                account=account,
                signature=signature,
            ),
        )


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


def open_acked(path: Path) -> int:
    """The descriptor for `write_acked`."""
    return os.open(path.with_suffix(".acked"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)


def write_acked(descriptor: int, number: int) -> None:
    """Not synced: it must never run ahead of the journal, and may lag behind it."""
    os.pwrite(descriptor, _ACKED.pack(number, zlib.crc32(b"%d" % number)), 0)


def read_acked(path: Path) -> int:
    """The highest number acknowledged; 0 where nobody wrote it down."""
    try:
        content = path.with_suffix(".acked").read_bytes()
        number, checksum = _ACKED.unpack(content)
    except (FileNotFoundError, struct.error):
        return 0
    return number if checksum == zlib.crc32(b"%d" % number) else 0


def row_of(callback: Callback) -> Row:
    return (
        to_micros(callback.received_at),
        callback.kind,
        callback.http_method,
        callback.account,
        callback.signature,
        callback.body,
        callback.query,
    )


def checksum_of(row: tuple[object, ...]) -> int:
    return zlib.crc32(repr(row).encode())


def to_micros(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def damaged(path: Path, problem: object) -> DamagedJournal:
    return DamagedJournal(
        f"{path} is damaged ({problem}). Move it and the files of the same name beside it to a "
        "safe place and start again; `sqlite3 FILE .recover` saves what can be read."
    )
