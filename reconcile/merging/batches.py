"""[I/O] What the input files hold, found out once for each: a batch is files of one partition.

Of each batch are kept: how many rows of which home and a checksum of these, the keys (hashes) of
its parts with their parents and homes, and a copy of its strays, the rows that are at home in
another day than the partition's. How rows are spread over files changes no checksum, so a
compaction touches no day.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa

from receiver import day_files
from receiver.archive import away, fetching
from receiver.columns import REPORTS
from receiver.config import Settings
from reconcile import soundness
from reconcile.columns import LOG
from reconcile.engines.duckdb_engine import DuckDBEngine

MOST_A_DAY = 8  # batches of one partition; more are made one, lest a minute's files stay apart
SCHEMAS = {"reports": REPORTS, "log": LOG}
HOME = pa.field("home", pa.date32())

Mark = list[int]  # size and time of change


@dataclass(frozen=True, slots=True)
class Home:
    """Rows at home in one day, and a checksum that their order does not change: a sum of hashes."""

    rows: int
    checksum: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Files of `folder`'s partition `day`. `latest`: the last reception or pull in them."""

    name: str
    folder: str
    day: date
    files: dict[str, Mark]
    homes: dict[date, Home]
    latest: datetime | None
    accounts: list[str] = field(default_factory=list)
    nameless: int = 0  # delivery reports without a MessageUUID: in no message

    @property
    def strays(self) -> bool:
        return any(home != self.day for home in self.homes)

    def keys_file(self, shelf: Path) -> Path:
        return shelf / f"{self.name}.keys.parquet"

    def strays_file(self, shelf: Path) -> Path:
        return shelf / f"{self.name}.strays.parquet"


def as_they_are(data_dir: Path) -> dict[tuple[str, date], dict[str, Mark]]:
    """The files that count, by folder and partition, with their marks."""
    found = {}
    for folder in SCHEMAS:
        for day in day_files.days(data_dir / folder):
            files = day_files.live_files_of(data_dir / folder, day)
            if files:
                found[folder, day] = {path.name: list(away.mark(path)) for path in files}
    return found


def sorted_out(
    known: Iterable[Batch], found: dict[tuple[str, date], dict[str, Mark]]
) -> tuple[list[Batch], list[Batch], dict[tuple[str, date], dict[str, Mark]]]:
    """Batches that hold, those that do not any more, and the files that are in none that holds."""
    kept: list[Batch] = []
    gone: list[Batch] = []
    for batch in known:
        here = found.get((batch.folder, batch.day), {})
        holds = all(here.get(name) == mark for name, mark in batch.files.items())
        (kept if holds else gone).append(batch)
    new = {}
    for place, files in found.items():
        mine = [batch for batch in kept if (batch.folder, batch.day) == place]
        covered = {name for batch in mine for name in batch.files}
        fresh = {name: mark for name, mark in files.items() if name not in covered}
        if fresh and len(mine) >= MOST_A_DAY:
            kept = [batch for batch in kept if batch not in mine]
            gone += mine
            fresh = files
        if fresh:
            new[place] = fresh
    return kept, gone, new


def shelve(
    engine: DuckDBEngine,
    settings: Settings,
    shelf: Path,
    place: tuple[str, date],
    files: dict[str, Mark],
) -> Batch:
    """Read these files once, and keep what is to be known of them. Raises FileProblem."""
    folder, day = place
    name = uuid4().hex
    with at_hand(settings, folder, day, files) as paths:
        soundness.verify(paths, settings.data_dir / "state")
        engine.read("batch", paths, SCHEMAS[folder])
        home = _home_of(folder, settings.callback_time_zone, day)
        engine.keep_answer("batch_rows", _ROWS[folder].format(home=home))
        homes = {
            row["home"]: Home(row["rows"], int(row["checksum"]))
            for row in engine.query(
                "select home, count(*) as rows, cast(sum(mark) as string) as checksum "
                "from batch_rows group by home"
            ).to_pylist()
        }
        batch = Batch(name, folder, day, files, homes, **_said(engine, folder))
        engine.write(
            "select distinct key, parent, home from batch_rows",
            batch.keys_file(shelf),
        )
        if batch.strays:
            engine.write(
                f"select * from (select *, {home} as home from batch) "
                f"where home <> date '{day}' and {_NAMED[folder]}",
                batch.strays_file(shelf),
            )
    return batch


@contextmanager
def at_hand(
    settings: Settings, folder: str, day: date, files: Iterable[str]
) -> Iterator[list[Path]]:
    """The files where they can be read. Raises ArchiveError, SettingError, FileProblem."""
    partition = day_files.partition(settings.data_dir / folder, day)
    with fetching.at_hand(settings, [partition / name for name in sorted(files)]) as paths:
        yield list(paths)


def home_sql(folder: str, zone: str) -> str:
    """A row's home as SQL; null for its partition's day.

    Any rule would do: this one is cheap, and nearly always right.
    """
    if folder == "log":
        return "cast(coalesce(message_time, pulled_at) as date)"
    told = (
        "try_cast(left({0}, 10) as date)"
        if zone == "UTC"
        else f"cast(to_utc_timestamp(try_to_timestamp({{0}}), '{zone}') as date)"
    )
    texts = [f"case when {name} like '1___-__-__%' or {name} like '2___-__-__%' "
             f"then {told.format(name)} end"
             for name in ("message_time", "queued_time")]  # fmt: skip
    return f"coalesce({', '.join(texts)}, cast(received_at as date))"


def _home_of(folder: str, zone: str, day: date) -> str:
    """The home of this partition's rows. Most show by their first letters that it is its day."""
    home = f"coalesce({home_sql(folder, zone)}, date '{day}')"
    if folder == "log" or zone != "UTC":
        return home
    return f"case when starts_with(message_time, '{day}') then date '{day}' else {home} end"


_NAMED = {"reports": "trim(message_uuid) <> ''", "log": "true"}
# all that a log row says but its text, which is long and says the same: it has no id of its own
_TOLD = ", ".join(name for name in LOG.names if name not in ("record", "log"))
_ROWS = {
    "reports": (
        "select hash(trim(message_uuid)) as key, "
        # as it comes, most are their own parents
        "case when parent_message_uuid <> message_uuid "
        "and trim(parent_message_uuid) not in ('', trim(message_uuid)) "
        "then hash(trim(parent_message_uuid)) end as parent, "
        "{home} as home, hash(report_id) as mark from batch where trim(message_uuid) <> ''"
    ),
    "log": (
        "select hash(message_uuid) as key, "
        "case when parent_message_uuid <> message_uuid "
        "and trim(parent_message_uuid) not in ('', message_uuid) "
        "then hash(trim(parent_message_uuid)) end as parent, {home} as home, "
        f"hash({_TOLD}) as mark "
        "from batch"
    ),
}


def _said(engine: DuckDBEngine, folder: str) -> dict[str, Any]:
    clock, nameless = (
        ("received_at", "kind = 'delivery_report' and coalesce(trim(message_uuid), '') = ''")
        if folder == "reports"
        else ("pulled_at", "false")
    )
    (row,) = engine.query(
        f"select max({clock}) as latest, count(*) filter (where {nameless}) as nameless, "
        "list(distinct account) as accounts from batch"
    ).to_pylist()
    latest = row["latest"] and row["latest"].replace(tzinfo=UTC)
    accounts = sorted(account for account in row["accounts"] or [] if account)
    return {"latest": latest, "nameless": row["nameless"], "accounts": accounts}
