"""[I/O] A journal's outbox: what is still to be relayed, in the file of the journal itself.

A report gets there in the transaction that makes it durable, so none is acknowledged and not
relayed. Sealing does not touch it. Reports of one message leave one after the other, as they came.
"""

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from receiver.callback import Callback, report_fields
from receiver.journal_file import connect, from_micros, to_micros, transaction

_SCHEMA = """
create table if not exists outbox (
    number integer primary key, -- of the report
    message text not null, received_at integer not null, http_method text not null,
    body blob not null, query blob not null, headers text not null,
    tries integer not null, -- times in microseconds since 1970, UTC
    due_at integer not null);
create index if not exists outbox_message on outbox (message, received_at);
create index if not exists outbox_due on outbox (due_at, number);
"""
_INSERT = "insert into outbox values (?, ?, ?, ?, ?, ?, ?, 0, 0)"
# Due, and the oldest of its message: later ones wait for it.
_HEADS = (
    "select number, message, received_at, http_method, body, query, headers, tries "
    "from outbox as o where due_at <= ? and not exists (select 1 from outbox as earlier where "
    "earlier.message = o.message and (earlier.received_at, earlier.number) "
    "< (o.received_at, o.number)) order by due_at, number limit ?"
)

Copy = tuple[str, int, str, bytes, bytes, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A report that is to be relayed. `message` is the root that its parts share."""

    journal: Path
    number: int
    message: str
    received_at: datetime
    http_method: str
    body: bytes
    query: bytes
    headers: Mapping[str, str]
    tries: int

    @property
    def report_id(self) -> str:
        return f"{self.journal.stem}-{self.number:016d}"


def prepare(connection: sqlite3.Connection) -> None:
    """Make the outbox where there is none."""
    for statement in _SCHEMA.split(";\n"):
        connection.execute(statement)  # one by one: a script would end the transaction


def copy_of(callback: Callback) -> Copy | None:
    """What the outbox keeps of a delivery report; nothing of an inbound message."""
    if callback.kind != "delivery_report":
        return None
    fields = report_fields(callback.parameters)
    headers = {name: value for name, value in callback.headers.items() if value}
    message = fields.get("parent_message_uuid") or fields.get("message_uuid") or ""
    return (
        message, to_micros(callback.received_at), callback.http_method, callback.body,
        callback.query, json.dumps(headers),
    )  # fmt: skip


def put(connection: sqlite3.Connection, copies: Iterable[tuple[int, Copy]]) -> None:
    """Within the transaction that stores the reports of these numbers."""
    connection.executemany(
        _INSERT, [(number, copy[0] or f"#{number}", *copy[1:]) for number, copy in copies]
    )


def state(connection: sqlite3.Connection) -> tuple[int, datetime | None]:
    """How many wait, and since when the oldest does."""
    if not _exists(connection):
        return 0, None
    waiting, oldest = connection.execute("select count(*), min(received_at) from outbox").fetchone()
    return waiting, from_micros(oldest) if waiting else None


def forget(connection: sqlite3.Connection, is_meant: Callable[[datetime, bytes], bool]) -> int:
    """Take out what is meant, told by reception and parameters; how many."""
    if not _exists(connection):
        return 0
    rows = connection.execute("select number, received_at, http_method, body, query from outbox")
    meant = [
        (number,)
        for number, micros, method, body, query in rows.fetchall()
        if is_meant(from_micros(micros), query if method == "GET" else body)
    ]
    with transaction(connection):
        connection.executemany("delete from outbox where number = ?", meant)
    return len(meant)


class Outbox:
    """One journal's outbox, kept open by the relay."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = connect(path)
        # What is taken out again after a crash is relayed twice; to lose it takes nothing away.
        self._connection.execute("pragma synchronous=normal")
        self._connection.execute("pragma busy_timeout=5000")

    def close(self) -> None:
        self._connection.close()

    def due(self, now: datetime, most: int) -> list[Waiting]:
        """The oldest report of each message, where it is due; the longest due first."""
        if not _exists(self._connection):
            return []
        rows = self._connection.execute(_HEADS, (to_micros(now), most)).fetchall()
        return [
            Waiting(
                journal=self.path, number=number, message=message,
                received_at=from_micros(micros), http_method=method, body=body, query=query,
                headers=json.loads(headers), tries=tries,
            )
            for number, message, micros, method, body, query, headers, tries in rows
        ]  # fmt: skip

    def has_before(self, waiting: Waiting) -> bool:
        """Whether a report of the same message that came earlier waits here."""
        return _exists(self._connection) and bool(
            self._connection.execute(
                "select 1 from outbox where message = ? and received_at < ? limit 1",
                (waiting.message, to_micros(waiting.received_at)),
            ).fetchone()
        )

    def settle(self, done: Sequence[Waiting], later: Sequence[tuple[Waiting, datetime]]) -> None:
        """Out with what is done; the rest is due again then."""
        with transaction(self._connection):
            self._connection.executemany(
                "delete from outbox where number = ?", [(waiting.number,) for waiting in done]
            )
            self._connection.executemany(
                "update outbox set tries = ?, due_at = ? where number = ?",
                [(w.tries + 1, to_micros(due_at), w.number) for w, due_at in later],
            )


def _exists(connection: sqlite3.Connection) -> bool:
    found = connection.execute("select 1 from sqlite_master where name = 'outbox'").fetchone()
    return found is not None
