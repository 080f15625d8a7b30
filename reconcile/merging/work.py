"""[I/O] A merge at work: what was remembered, what is known now, and the writing of a day."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

from receiver import day_files
from receiver.config import Settings
from reconcile import deriving
from reconcile.columns import MESSAGES
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.merging import day_composition
from reconcile.merging.batches import Batch
from reconcile.merging.day_composition import Composition
from reconcile.merging.memory import Memory, Unit
from reconcile.merging.read_times import ReadTimes
from reconcile.merging.travellers import Change
from reconcile.merging.units import Reach, Source
from reconcile.plivo_log.coverage import Span, Window, by_account

COLUMNS = ", ".join(MESSAGES.names)
_ROWS_AT_ONCE = 3_000_000


@dataclass(slots=True)
class Work:
    """`last` is what was remembered, `next` what will be.

    `brought`: the new batches of each home; `lost`: homes that rows may have left; `moved`: who
    travels now. `stale`: days whose file has to be composed; `again`: even where it was already.
    """

    settings: Settings
    engine: DuckDBEngine
    shelf: Path
    last: Memory
    windows: Sequence[Window]
    wanted: Callable[[date], bool]
    progress: Callable[[str], None]
    next: Memory = field(init=False)
    as_of: datetime | None = None
    brought: dict[date, list[Batch]] = field(default_factory=dict)
    lost: set[date] = field(default_factory=set)
    moved: Change = field(default_factory=lambda: Change(set(), set()))
    stale: set[date] = field(default_factory=set)
    done: set[date] = field(default_factory=set)
    again: set[date] = field(default_factory=set)
    written: int = 0
    _otherwise: list[Span] = field(default_factory=list)  # when the log was not read as it was

    def __post_init__(self) -> None:
        self.next = Memory(self.last.rules)

    @property
    def folder(self) -> Path:
        return self.settings.data_dir / "messages"

    @property
    def source(self) -> Source:
        return Source(self.settings, self.shelf, self.next.batches)

    def name_the_moment(self) -> None:
        moments = [batch.latest for batch in self.next.batches if batch.latest]
        moments += [window.read_at for window in self.windows]
        self.as_of = max(moments, default=None)
        deriving.name_moment(self.engine, self.settings, self.as_of, every_report=False)
        accounts = {account for batch in self.next.batches for account in batch.accounts}
        self.next.read = ReadTimes(by_account(self.windows, [*accounts, None]))
        self._otherwise = self.next.read.other_than(self.last.read)
        self.engine.keep("windows", deriving.window_table(self.next.read.by_account))

    def as_of_now(self, day: date) -> Unit:
        before = self.last.units.get(day)
        days = before.days if before else (day,)
        return Unit(*self.content(day), self.next.read.on(days), days)

    def read_otherwise(self, before: Unit) -> list[Span] | None:
        """When the log was not read as it was for this unit; None where that is not known."""
        if before.coverage == self.next.read.on(before.days):
            return []
        if before.coverage == self.last.read.on(before.days):
            return self._otherwise
        return None

    def content(self, home: date) -> tuple[int, int]:
        rows = checksum = 0
        for batch in self.next.batches:
            if here := batch.homes.get(home):
                rows += here.rows
                checksum += here.checksum
        return rows, checksum

    def whole(self, day: date) -> bool:
        """Whether the day's file is what the last merge wrote, or rightly is not there."""
        path = day_files.partition(self.folder, day) / day_composition.FILE
        held = self.last.files.get(day)
        live = day_files.live_files_of(self.folder, day)
        if held is None:
            return not live
        if live != [path]:
            return False
        status = path.stat()
        return held.mark == [status.st_size, status.st_mtime_ns]

    def in_groups(self, days: Sequence[date]) -> list[list[date]]:
        """Days that are derived together: many small ones cost as one of their size."""
        groups: list[list[date]] = []
        rows = 0
        for day in days:
            rows += self.content(day)[0]
            if not groups or rows > _ROWS_AT_ONCE:
                groups.append([])
                rows = self.content(day)[0]
            groups[-1].append(day)
        return groups

    def kept_aside(self, unit: Unit, reach: Reach, which: str | None) -> Unit:
        """With a file of those of `owned` that stand in other days' files, if there are any."""
        name = None
        if which and self.engine.query(f"select 1 from owned where {which} limit 1").num_rows:
            name = f"{uuid4().hex}.wanderers.parquet"
            self.engine.write(f"select {COLUMNS} from owned where {which}", self.shelf / name)
        days = tuple(sorted(reach.days))
        return Unit(unit.rows, unit.checksum, self.next.read.on(days), days, reach.spread, name)

    def compose(self, day: date, at_home: str) -> None:
        composition = Composition(self.folder, day, [at_home, *self._from_elsewhere(day)])
        file, changed = day_composition.write(self.engine, composition)
        self.done.add(day)
        self.written += changed
        self.next.files.pop(day, None)
        if file is not None:
            self.next.files[day] = file

    def _from_elsewhere(self, day: date) -> Iterator[str]:
        """All who stand elsewhere than they were derived.

        Of a day that is still to be derived they may since have come home: then they are here.
        """
        if wanderers := _aside(self.shelf, self.last.units | self.next.units):
            self.engine.read("wanderers", wanderers, MESSAGES)
            at_home = f"anti join {_here(day)} as h on h.key = hash(w.message_uuid)"
            yield f"select {COLUMNS} from wanderers as w {at_home}"
        if wayfarers := _aside(self.shelf, self.next.anchors):
            self.engine.read("wayfarers", wayfarers, MESSAGES)
            yield f"select {COLUMNS} from wayfarers"

    def from_the_file(self, day: date) -> str:
        """Of the file that lies there those who are at home: nobody who came from elsewhere."""
        self.read_lying(day)
        strangers = "select key from travellers"
        if any(_aside(self.shelf, m.units | m.anchors) for m in (self.last, self.next)):
            strangers += (
                " union all select l.key from (select hash(message_uuid) as key from lying) as l "
                f"anti join {_here(day)} as h on h.key = l.key"
            )
        self.engine.keep_answer("strangers", strangers)
        return (
            f"select {COLUMNS} from lying as l "
            "anti join strangers as s on s.key = hash(l.message_uuid)"
        )

    def read_lying(self, day: date) -> None:
        """`lying`: what stands in the day's file, if there is one."""
        path = day_files.partition(self.folder, day) / day_composition.FILE
        self.engine.read("lying", [path] if path.exists() else [], MESSAGES)

    def nobody(self) -> str:
        self.engine.read("nobody", [], MESSAGES)
        return f"select {COLUMNS} from nobody"


def _aside(shelf: Path, units: Mapping[date, Unit]) -> list[Path]:
    return [shelf / unit.wanderers for unit in units.values() if unit.wanderers]


def _here(day: date) -> str:
    """The keys of who is at home there, and of parents that are named: one may have no row."""
    at_home = f"from keys where home = date '{day}'"
    return f"(select key {at_home} union all select parent {at_home} and parent is not null)"


def elsewhere(day: date, days: Collection[date]) -> str | None:
    """Which of the day's messages, parts of which are of these days, stand in other days' files."""
    if not set(days) - {day}:
        return None
    return f"owner = date '{day}' and cast(message_time as date) <> date '{day}'"
