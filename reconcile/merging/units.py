"""[I/O] The stages carried out over a part of what is on disk: one day's rows, or some of these."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from receiver.config import Settings
from reconcile import stages
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.merging.batches import HOME, SCHEMAS, Batch, at_hand, home_sql

_KEY = {"reports": "hash(trim(message_uuid))", "log": "hash(message_uuid)"}
_VIEW = {"reports": "reports", "log": "log_rows"}
# Whose rows are read by several stages: a few of them are found once.
_READ_OFTEN = {"part_reports"}
# Who is read by no later stage: what it holds of the memory is wanted elsewhere.
_DONE_AFTER = {
    "typed_reports": ("telling_reports", "part_courses"),
    "report_order": ("part_reports",),
    "parts": ("report_parts", "report_order", "report_states", "typed_reports", "log_parts",
              "log_reads"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Only:
    """Whose rows: of keys in a table, or of all but these. None of them: everybody's."""

    table: str
    inside: bool = True


@dataclass(frozen=True, slots=True)
class Owners:
    """Whose the messages are: of several days, who owns which key is told by a text."""

    days: Sequence[date]
    told: str

    @property
    def several(self) -> bool:
        return len(self.days) > 1

    @property
    def sql(self) -> str:
        return self.told if self.several else "select cast(0 as ubigint) as key where false"


@dataclass(slots=True)
class Reach:
    """The days on which the parts of someone's messages are; how far apart those of one are."""

    days: set[date]
    spread: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Source:
    """All rows on disk, by their homes."""

    settings: Settings
    shelf: Path
    batches: Sequence[Batch]

    def at_home(self, homes: Sequence[date]) -> list[Batch]:
        return [batch for batch in self.batches if any(home in batch.homes for home in homes)]


def derive(
    engine: DuckDBEngine,
    source: Source,
    homes: Sequence[date],
    owners: Owners,
    only: Only | None = None,
) -> dict[date, Reach]:
    """Make `owned` the messages of the rows at home there, each with its owner.

    What is told is of each owner. `moment` and `windows` are named already. Raises FileProblem,
    ArchiveError, SettingError.
    """
    for name in stages.STAGES:
        engine.forget(name)
    with _rows(engine, source, homes, only):
        for name in stages.STAGES[:-1]:
            if name in _READ_OFTEN and only is not None and only.inside:
                engine.keep_answer(name, stages.text(name))
            else:
                engine.run([name])
            for done in _DONE_AFTER.get(name, ()):
                engine.forget(done)
    engine.keep_answer("owners", owners.sql)
    found = _reach(engine, owners)
    _name_owned(engine, owners)
    return found


def _reach(engine: DuckDBEngine, owners: Owners) -> dict[date, Reach]:
    reach = {owner: Reach({owner}) for owner in owners.days}
    owner, join = f"date '{owners.days[0]}'", ""
    if owners.several:
        owner, join = "o.owner", "inner join owners as o on o.key = hash(p.root)"
    days = engine.query(
        f"select distinct {owner} as owner, cast(p.message_time as date) as day "
        f"from parts as p {join} where p.message_time is not null"  # else in no day's file
    )
    for row in days.to_pylist():
        reach[row["owner"]].days.add(row["day"])
    spreads = engine.query(
        "select owner, max(spread) as spread from ("
        f"select {owner} as owner, "
        "unix_micros(max(p.message_time)) - unix_micros(min(p.message_time)) as spread "
        "from parts as p "
        "semi join (select root from parts where root <> message_uuid) as s on s.root = p.root "
        f"{join} group by owner, p.root) group by owner"
    )
    for row in spreads.to_pylist():
        reach[row["owner"]].spread = timedelta(microseconds=row["spread"])
    return reach


def _name_owned(engine: DuckDBEngine, owners: Owners) -> None:
    last = stages.STAGES[-1]
    if owners.several:
        engine.run([last])
        owned = (
            "select m.*, o.owner from messages as m "
            "inner join owners as o on o.key = hash(m.message_uuid)"
        )
    else:  # read once, and so straight into the day's file
        owned = f"select *, date '{owners.days[0]}' as owner from ({stages.text(last)}) as m"
    engine.name("owned", owned)


@contextmanager
def _rows(
    engine: DuckDBEngine, source: Source, homes: Sequence[date], only: Only | None
) -> Iterator[None]:
    """`reports` and `log_rows`, while the body reads them."""
    with ExitStack() as files:
        for folder in SCHEMAS:
            rows = _at_home(engine, source, homes, folder, files)
            if only is not None:
                found = "in" if only.inside else "not in"
                key = _KEY[folder]
                rows = f"select * from ({rows}) where {key} {found} (select key from {only.table})"
            engine.name(_VIEW[folder], rows)
        yield


def _at_home(
    engine: DuckDBEngine, source: Source, homes: Sequence[date], folder: str, files: ExitStack
) -> str:
    """Rows that are at home there: in the files of these days, and among the strays of others.

    One scan of each, however many the batches are: every scan has buffers of its own.
    """
    schema, columns = SCHEMAS[folder], ", ".join(SCHEMAS[folder].names)
    batches = [batch for batch in source.at_home(homes) if batch.folder == folder]
    here = [batch for batch in batches if batch.day in homes]
    paths = [
        path
        for batch in here
        for path in files.enter_context(at_hand(source.settings, folder, batch.day, batch.files))
    ]
    strays = [batch.strays_file(source.shelf) for batch in batches if batch.day not in homes]
    engine.read(f"{folder}_here", paths, schema)
    engine.read(f"{folder}_strays", strays, schema.append(HOME))
    stay = "true"
    if any(batch.strays for batch in here):
        stay = _stay(folder, source.settings.callback_time_zone, homes)
    days = ", ".join(f"date '{home}'" for home in homes)
    return (
        f"select {columns} from {folder}_here where {stay} "
        f"union all select {columns} from {folder}_strays where home in ({days})"
    )


def _stay(folder: str, zone: str, homes: Sequence[date]) -> str:
    """At home on one of these days; without any time in the partition's own.

    Most reports show it by their first letters.
    """
    texts = ", ".join(f"'{home}'" for home in homes)
    at_home = f"coalesce({home_sql(folder, zone)} in ({texts}), true)"
    if folder == "log" or zone != "UTC":
        return at_home
    return f"case when left(message_time, 10) in ({texts}) then true else {at_home} end"
