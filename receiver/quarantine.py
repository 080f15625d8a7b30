"""[I/O] Requests refused for their signature, kept aside in case it was our settings.

A thread of its own writes them, so that a flood of forged requests slows nobody; when the queue or
the file is full (64 MiB), new ones are only counted. `recheck` admits those whose signature is
right under the settings now in force, in their first reception time. Each is admitted once, even
if the process dies in between: the journal remembers the refusal in the same transaction, until
the quarantine has let go of it.
"""

import contextlib
import json
import os
import queue
import secrets
import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from receiver import journal_file, signature
from receiver.callback import Callback, Kind
from receiver.config import Settings
from receiver.journal import Journal
from receiver.journal_file import NotDurable, from_micros, to_micros
from receiver.signature import SignedRequest

MOST_BYTES = 64 * 1024 * 1024
_PAGE_BYTES = 4096
_SPARE_BYTES = 2 * 1024 * 1024  # for SQLite's own rollback file
_MOST_WAITING = 256
_SCHEMA = """
create table if not exists refused (
    refusal_id text primary key, received_at integer not null, kind text not null,
    http_method text not null, path text not null, query blob not null, body blob not null,
    headers text not null, reason text not null);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request as it came, and why it was not let in. `path` as Plivo would have signed it.

    `headers`: the signatures, and by which host we were called.
    """

    received_at: datetime
    kind: Kind
    http_method: str
    path: str
    query: bytes
    body: bytes
    headers: Mapping[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What a recheck came to. `copies` are repetitions of an admitted request."""

    admitted: int
    copies: int
    still_refused: int


class Quarantine:
    """Where `serve` puts refusals. `not_kept` is called for each that could not be kept."""

    def __init__(self, folder: Path, *, not_kept: Callable[[], None]) -> None:
        self._folder = folder
        self._not_kept = not_kept
        self._waiting: queue.Queue[Refusal | None] = queue.Queue(_MOST_WAITING)
        self._writer = threading.Thread(target=self._write, name="quarantine", daemon=True)
        self._writer.start()

    def put(self, refusal: Refusal) -> None:
        """Keep it, some time soon; never waits."""
        try:
            self._waiting.put_nowait(refusal)
        except queue.Full:
            self._not_kept()

    def close(self) -> None:
        """Write what waits and stop."""
        self._waiting.put(None)
        self._writer.join()

    def _write(self) -> None:
        while (refusal := self._waiting.get()) is not None:
            batch = [refusal]
            with contextlib.suppress(queue.Empty):
                while len(batch) < _MOST_WAITING:
                    following = self._waiting.get_nowait()
                    if following is None:
                        self._waiting.put(None)
                        break
                    batch.append(following)
            self._keep(batch)

    def _keep(self, batch: list[Refusal]) -> None:
        try:
            with closing(_open(self._folder)) as connection, journal_file.transaction(connection):
                connection.executemany(
                    "insert into refused values (?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_row, batch)
                )
        except (sqlite3.Error, OSError):
            # Full, or not writable: the refusal itself stands, only its copy is lost.
            for _ in batch:
                self._not_kept()


def recheck(settings: Settings) -> Rechecked:
    """Admit what the settings in force let in. Safe beside `serve` and beside another recheck.

    Raises NotDurable, DamagedJournal, sqlite3.Error.
    """
    folder = settings.data_dir / "quarantine"
    if not (folder / "refused.sqlite").exists():
        return Rechecked(0, 0, 0)
    with (
        closing(_open(folder)) as connection,
        Journal(
            settings.data_dir / "journal", relaying=settings.relay_url is not None
        ) as admitting,
    ):
        lock = journal_file.try_lock(folder / "recheck.lock")
        if lock is None:
            raise NotDurable("another recheck is at work; try again when it is done")
        try:
            _let_go_of_admitted(connection, settings.data_dir / "journal")
            return _admit(connection, admitting, settings)
        finally:
            os.close(lock)


def newest(folder: Path, *, since: datetime, most: int) -> tuple[int, list[Refusal]]:
    """How many were refused since then, and the newest of them. Raises sqlite3.Error."""
    if not (folder / "refused.sqlite").exists():
        return 0, []
    with closing(_open(folder)) as connection:
        asked = "from refused where received_at >= ?"
        (count,) = connection.execute(f"select count(*) {asked}", (to_micros(since),)).fetchone()
        rows = connection.execute(
            f"select * {asked} order by received_at desc limit ?", (to_micros(since), most)
        )
        return count, [_refusal(row) for row in rows.fetchall()]


def forget(folder: Path, is_meant: Callable[[datetime, bytes], bool]) -> int:
    """Delete the requests that are meant, told by reception and parameters; how many.

    Raises sqlite3.Error.
    """
    if not (folder / "refused.sqlite").exists():
        return 0
    with closing(_open(folder)) as connection:
        connection.execute("pragma secure_delete = on")
        rows = connection.execute(
            "select refusal_id, received_at, http_method, query, body from refused"
        )
        meant = [
            refusal_id
            for refusal_id, micros, method, query, body in rows.fetchall()
            if is_meant(from_micros(micros), query if method == "GET" else body)
        ]
        for refusal_id in meant:
            _forget(connection, refusal_id)
    return len(meant)


def _admit(connection: sqlite3.Connection, admitting: Journal, settings: Settings) -> Rechecked:
    admitted: set[tuple[object, ...]] = set()
    copies = still_refused = 0
    ids = connection.execute("select refusal_id from refused order by received_at, rowid")
    for (refusal_id,) in ids.fetchall():
        row = connection.execute("select * from refused where refusal_id = ?", (refusal_id,))
        refusal = _refusal(row.fetchone())
        verdict = signature.check(
            SignedRequest(
                method=refusal.http_method,
                url=f"{settings.public_url}{refusal.path}",
                query=refusal.query,
                body=refusal.body,
                headers=refusal.headers,
            ),
            settings.tokens,
            policy=settings.signature_policy,
        )
        if verdict.scheme is None:
            still_refused += 1
            continue
        content = (refusal.kind, refusal.http_method, refusal.path, refusal.query, refusal.body)
        if content in admitted:
            copies += 1
        else:
            admitted.add(content)
            admitting.append(
                Callback(
                    received_at=refusal.received_at,
                    kind=refusal.kind,
                    http_method=refusal.http_method,
                    body=refusal.body,
                    query=refusal.query,
                    account=verdict.account,
                    signature=verdict.scheme,
                    headers={
                        name: said
                        for name, said in refusal.headers.items()
                        if name in signature.HEADERS
                    },
                ),
                refusal_id=refusal_id,
            )
        _forget(connection, refusal_id)
    admitting.forget_refusals()
    return Rechecked(len(admitted), copies, still_refused)


def _let_go_of_admitted(connection: sqlite3.Connection, journals: Path) -> None:
    """What a recheck that was killed had admitted already leaves the quarantine now."""
    for path in journal_file.journals(journals):
        with journal_file.opened(path) as admitting:
            for (refusal_id,) in admitting.execute("select refusal_id from admitted").fetchall():
                _forget(connection, refusal_id)


def _forget(connection: sqlite3.Connection, refusal_id: str) -> None:
    with journal_file.transaction(connection):
        connection.execute("delete from refused where refusal_id = ?", (refusal_id,))


def _open(folder: Path) -> sqlite3.Connection:
    folder.mkdir(mode=0o700, exist_ok=True)  # no parents: a stranger must not make DATA_DIR anew
    path = folder / "refused.sqlite"
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.execute(f"pragma page_size = {_PAGE_BYTES}")
    connection.execute(f"pragma max_page_count = {(MOST_BYTES - _SPARE_BYTES) // _PAGE_BYTES}")
    connection.executescript(_SCHEMA)
    return connection


def _row(refusal: Refusal) -> tuple[object, ...]:
    return (
        secrets.token_hex(16), to_micros(refusal.received_at), refusal.kind, refusal.http_method,
        refusal.path, refusal.query, refusal.body, json.dumps(dict(refusal.headers)),
        refusal.reason,
    )  # fmt: skip


def _refusal(row: tuple[str, int, Kind, str, str, bytes, bytes, str, str]) -> Refusal:
    _, micros, kind, method, path, query, body, headers, reason = row
    return Refusal(
        received_at=from_micros(micros), kind=kind, http_method=method, path=path, query=query,
        body=body, headers=json.loads(headers), reason=reason,
    )  # fmt: skip
