"""[I/O] From reports and log to `messages/`: the same folder always gives the same files.

A merge reads everything that is on disk and writes each UTC day of `message_time` that came out
different. `messages/_merge.json` says which inputs it was made from, and goes away while a merge
is at work: whoever reads first asks whether that note still holds.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from receiver import day_files
from receiver.config import Settings
from reconcile import soundness
from reconcile.columns import MESSAGES
from reconcile.deriving import at_hand, derive, fingerprint, inputs_of
from reconcile.engines import spark_days
from reconcile.engines.choice import engine_of
from reconcile.engines.engine import Engine
from reconcile.engines.spark_engine import SparkEngine
from reconcile.locks import holding

_FILE = "messages.parquet"
_LOCK_SECONDS = 120.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge came to. `as_of` is None while there is nothing on disk.

    `reports_without_uuid` name no message: they are kept, and in none.
    """

    as_of: datetime | None
    messages: int
    days_written: int
    reports_without_uuid: int = 0


def merge(
    settings: Settings,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    always: bool = False,
    progress: Progress = lambda _: None,
) -> Merged:
    """Bring `messages/` up to date; without `always` only where the inputs have changed.

    With since or until only the days that they touch are written, and those that a message of
    these days has left; Spark always writes all. Raises FileProblem, EngineProblem, locks.Busy.
    """
    if not settings.data_dir.exists():
        return Merged(None, 0, 0)  # a mistyped name makes no folder
    with holding(
        settings.data_dir / "state" / "merge.lock", wait_seconds=_LOCK_SECONDS, what="merge"
    ):
        inputs = inputs_of(settings.data_dir)
        note = _Note(settings.data_dir / "messages" / "_merge.json", fingerprint(inputs, settings))
        if not always and (last := note.read()) is not None:
            return last
        if inputs.empty and not day_files.days(settings.data_dir / "messages"):
            return Merged(None, 0, 0)
        with at_hand(inputs, settings) as files, engine_of(settings) as engine:
            progress("checking the files")
            soundness.verify((*files.reports, *files.log), settings.data_dir / "state")
            progress("merging")
            note.remove()
            as_of = derive(engine, files, settings)
            folder = settings.data_dir / "messages"
            written = (
                _write_days(engine, folder, since, until, progress)
                if not isinstance(engine, SparkEngine)
                else spark_days.write_days(engine, folder)
            )
            counted = engine.query(
                "select (select count(*) from messages) as messages, "
                "(select count(*) from reports where kind = 'delivery_report' "
                "and coalesce(trim(message_uuid), '') = '') as nameless"
            ).to_pylist()[0]
        merged = Merged(as_of, counted["messages"], written, counted["nameless"])
        if since is None and until is None:
            note.write(merged)
        return merged


def _write_days(
    engine: Engine,
    folder: Path,
    since: datetime | None,
    until: datetime | None,
    progress: Progress,
) -> int:
    """Write the days that differ from what lies there; how many."""
    derived = engine.query(
        "select distinct cast(message_time as date) as day from messages order by day"
    )["day"].to_pylist()
    held = day_files.days(folder)
    touched = {day for day in {*derived, *held} if _touches(day, since, until)}
    if since is not None or until is not None:
        touched = _with_moves(engine, folder, held, touched)
    written = 0
    for day in sorted(touched):
        progress(f"writing {day}")
        written += _write_day(engine, day_files.partition(folder, day) / _FILE, day)
    return written


def _write_day(engine: Engine, path: Path, day: date) -> int:
    table = engine.query(
        "select * from messages where message_time >= cast($day as timestamp) "
        "and message_time < cast($day as timestamp) + interval 1 day "
        "order by message_time, message_uuid",
        {"day": day},
    )
    table = pa.table([table[f.name].cast(f.type) for f in MESSAGES], schema=MESSAGES)
    for foreign in day_files.live_files_of(path.parent.parent, day):
        if foreign != path:
            day_files.remove(foreign)
    if table.num_rows == 0:
        if path.exists():
            day_files.remove(path)
            return 1
        return 0
    if path.exists() and _same(path, table):
        return 0
    day_files.write(table, path)
    return 1


def _same(path: Path, table: pa.Table) -> bool:
    try:
        return bool(day_files.read(path).equals(table))
    except day_files.FileProblem:
        return False  # derived: a damaged file is simply made anew


def _with_moves(engine: Engine, folder: Path, held: list[date], touched: set[date]) -> set[date]:
    """The days and every other one that a message has left for them, or them for it."""
    tables = []
    for day in held:
        uuids = day_files.read(day_files.partition(folder, day) / _FILE, ["message_uuid"])
        tables.append(uuids.append_column("day", pa.array([day] * len(uuids), pa.date32())))
    if not tables:
        return touched
    engine.keep("held", pa.concat_tables(tables))
    moves = engine.query(
        "select distinct h.day as old, cast(m.message_time as date) as new from held as h "
        "left join messages as m on m.message_uuid = h.message_uuid "
        "where m.message_uuid is null or h.day <> cast(m.message_time as date)"
    ).to_pylist()
    # what is no message any more became part of another one
    touched = touched | {move["old"] for move in moves if move["new"] is None}
    moves = [move for move in moves if move["new"] is not None]
    while more := {
        day
        for move in moves
        for day in move.values()
        if touched & set(move.values()) and day not in touched
    }:
        touched = touched | more
    return touched


def _touches(day: date, since: datetime | None, until: datetime | None) -> bool:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return (since is None or start + timedelta(days=1) > since) and (until is None or start < until)


@dataclass(frozen=True, slots=True)
class _Note:
    """`_merge.json`: what `messages/` was made from, and what it was then."""

    path: Path
    fingerprint: str

    def read(self) -> Merged | None:
        """The last merge, where it was of these very inputs."""
        try:
            said = json.loads(self.path.read_text(encoding="utf-8"))
            if said["fingerprint"] != self.fingerprint or said["files"] != self._files():
                return None
            as_of = said["as_of"] and datetime.fromisoformat(said["as_of"])
            return Merged(
                as_of or None, int(said["messages"]), 0, int(said["reports_without_uuid"])
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None  # no note or a broken one: merge again

    def write(self, merged: Merged) -> None:
        day_files.make_folder(self.path.parent)
        day_files.write_bytes(
            self.path,
            json.dumps(
                {
                    "fingerprint": self.fingerprint,
                    "as_of": merged.as_of and merged.as_of.isoformat(),
                    "messages": merged.messages,
                    "reports_without_uuid": merged.reports_without_uuid,
                    "files": self._files(),
                }
            ).encode(),
        )

    def _files(self) -> dict[str, list[int]]:
        """Whatever was taken away or changed since is made anew."""
        found = {}
        for path in day_files.live_files(self.path.parent):
            status = path.stat()
            found[f"{path.parent.name}/{path.name}"] = [status.st_size, status.st_mtime_ns]
        return found

    def remove(self) -> None:
        if self.path.exists():
            day_files.remove(self.path)
