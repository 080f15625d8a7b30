"""[I/O] One merge by the embedded engine: find what changed, derive it, write whom it concerns."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from receiver import day_files
from receiver.config import Settings
from reconcile import deriving
from reconcile.columns import MESSAGES
from reconcile.engines.duckdb_engine import DuckDBEngine
from reconcile.merging import batches, day_composition, memory, travellers, units
from reconcile.merging.batches import Batch
from reconcile.merging.day_composition import Composition
from reconcile.merging.memory import Memory, Unit
from reconcile.merging.note import Merged
from reconcile.merging.units import Only, Owners, Source
from reconcile.plivo_log.coverage import Window

_SHELF = Path("state") / "merge"
_ROWS_AT_ONCE = 3_000_000
_OURS_MB = 700  # of the limit: what Python and Arrow hold beside the engine
_COLUMNS = ", ".join(MESSAGES.names)


def bring_up_to_date(
    settings: Settings,
    windows: Sequence[Window],
    wanted: Callable[[date], bool],
    *,
    full: bool,
    progress: Callable[[str], None],
) -> Merged:
    """Write the days that came out different, of those that are wanted."""
    shelf = settings.data_dir / _SHELF
    rules = deriving.rules(settings)
    day_files.make_folder(shelf)
    last = None if full else memory.read(shelf, rules)
    with DuckDBEngine(settings.memory_limit - _OURS_MB, shelf / "spill") as engine:
        merging = _Merging(settings, engine, shelf, last or Memory(rules), windows, progress)
        merging.look(afresh=last is None)
        merging.derive(wanted)
        merging.compose(wanted)
        memory.write(shelf, merging.next)
        return merging.merged()


class _Merging:
    """A merge at work: `last` is what was remembered, `next` what will be."""

    def __init__(
        self,
        settings: Settings,
        engine: DuckDBEngine,
        shelf: Path,
        last: Memory,
        windows: Sequence[Window],
        progress: Callable[[str], None],
    ) -> None:
        self._settings, self._engine, self._shelf = settings, engine, shelf
        self.last, self._windows, self._progress = last, windows, progress
        self.next = Memory(last.rules)
        self._folder = settings.data_dir / "messages"
        self._brought: dict[date, list[Batch]] = {}  # what is new of each home
        self._lost: set[date] = set()  # homes that rows may have left
        self._moved = travellers.Change(set(), set())
        self._stale: set[date] = set()  # days whose file has to be composed
        self._done: set[date] = set()
        self._again: set[date] = set()  # to be composed even where they are done
        self._written = 0

    def look(self, *, afresh: bool) -> None:
        """At the files that are new, and at whose parts these make travel."""
        found = batches.as_they_are(self._settings.data_dir)
        kept, gone, new = batches.sorted_out(self.last.batches, found)
        if new:
            self._progress("checking the files")
        fresh = [
            batches.shelve(self._engine, self._settings, self._shelf, place, files)
            for place, files in new.items()
        ]
        self.next.batches = kept + fresh
        for batch in fresh:
            for home in batch.homes:
                self._brought.setdefault(home, []).append(batch)
        self._lost = {home for batch in gone for home in batch.homes if self._others(home)}
        self._source = Source(self._settings, self._shelf, self.next.batches)
        known = self.last.travellers
        travellers.read(
            self._engine,
            [batch.keys_file(self._shelf) for batch in self.next.batches],
            self._shelf / known if known else None,
        )
        self._moved = travellers.find(
            self._engine, [batch.keys_file(self._shelf) for batch in fresh], afresh=afresh
        )
        self.next.travellers = self._keep_travellers(known)
        self._name_the_moment()

    def derive(self, wanted: Callable[[date], bool]) -> None:
        """Every anchor, and every day, that is not as it was derived."""
        self._progress("merging")
        for group in self._in_groups(self._travellers_to_derive(wanted)):
            self._derive_travellers(group)
        homes = {home for batch in self.next.batches for home in batch.homes}
        held = set(day_files.days(self._folder)) | set(self.last.files)
        afresh = []
        for day in sorted(homes | set(self.last.units) | held):
            now, before = self._as_of_now(day), self.last.units.get(day)
            if day in self.last.files:
                self.next.files[day] = self.last.files[day]
            if before is not None and self._same(before, now) and self._whole(day):
                self.next.units[day] = before
                if day in self._moved.homes:
                    self._stale.add(day)
            elif not (wanted(day) or day in self._moved.homes):
                if before is not None:
                    self.next.units[day] = _to_be_done(before)
            elif not now.rows:
                self._again |= set(before.days if before else ())
                self._compose(day, self._nobody())
            elif not self._narrow(day, now, before):
                afresh.append(day)
        for group in self._in_groups(afresh):
            self._derive_days(group)

    def compose(self, wanted: Callable[[date], bool]) -> None:
        """The days that others' messages came to or went from, or whose open ones are so no more."""
        for day, file in self.last.files.items():
            late = not day_composition.still_holds(file, self.as_of)
            if late and day not in self._done and wanted(day) and self._whole(day):
                self._stale.add(day)
        for day in sorted((self._stale - self._done) | self._again):
            self._compose(day, self._from_the_file(day))

    def merged(self) -> Merged:
        rows = sum(file.rows for file in self.next.files.values())
        nameless = sum(batch.nameless for batch in self.next.batches)
        return Merged(self.as_of, rows, self._written, nameless)

    # ---- what is named for the stages

    def _name_the_moment(self) -> None:
        moments = [batch.latest for batch in self.next.batches if batch.latest]
        moments += [window.read_at for window in self._windows]
        self.as_of = max(moments, default=None)
        deriving.name_moment(self._engine, self._settings, self.as_of, every_report=False)
        accounts = {account for batch in self.next.batches for account in batch.accounts}
        self._coverage = deriving.window_table(self._windows, [*accounts, None])
        self._engine.keep("windows", self._coverage)

    def _covered(self, days: Iterable[date]) -> str:
        """How the log was read on these days, in a form that can be compared."""
        told = []
        for row in self._coverage.to_pylist():
            spans = [
                (max(row["from_at"], start), min(row["until_at"], start + timedelta(days=1)))
                for start in (datetime(d.year, d.month, d.day, tzinfo=UTC) for d in sorted(days))
            ]
            told += [
                f"{row['account']} {since:%dT%H:%M:%S.%f} {until:%dT%H:%M:%S.%f} {row['how']}"
                for since, until in spans
                if since < until
            ]
        return deriving.digest(told)

    # ---- what has changed

    def _as_of_now(self, day: date) -> Unit:
        before = self.last.units.get(day)
        days = before.days if before else (day,)
        return Unit(*self._content(day), self._covered(days), days)

    def _content(self, home: date) -> tuple[int, int]:
        rows = checksum = 0
        for batch in self.next.batches:
            if here := batch.homes.get(home):
                rows += here.rows
                checksum ^= here.checksum
        return rows, checksum

    def _same(self, before: Unit, now: Unit) -> bool:
        return (before.rows, before.checksum, before.coverage) == (
            now.rows,
            now.checksum,
            now.coverage,
        )

    def _whole(self, day: date) -> bool:
        """Whether the day's file is what the last merge wrote, or rightly is not there."""
        path = day_files.partition(self._folder, day) / day_composition.FILE
        held = self.last.files.get(day)
        live = day_files.live_files_of(self._folder, day)
        if held is None:
            return not live
        if live != [path]:
            return False
        status = path.stat()
        return held.mark == [status.st_size, status.st_mtime_ns]

    def _others(self, home: date) -> bool:
        """Whether other rows are at home there than were: a compaction brings the same again."""
        before = self.last.units.get(home)
        return before is None or (before.rows, before.checksum) != self._content(home)

    # ---- those who stay at home

    def _in_groups(self, days: Sequence[date]) -> list[list[date]]:
        """Days that are derived together: many small ones cost as one of their size."""
        groups: list[list[date]] = []
        rows = 0
        for day in days:
            rows += self._content(day)[0]
            if not groups or rows > _ROWS_AT_ONCE:
                groups.append([])
                rows = self._content(day)[0]
            groups[-1].append(day)
        return groups

    def _derive_days(self, group: Sequence[date]) -> None:
        listed = ", ".join(f"date '{day}'" for day in group)
        owners = Owners(
            group,
            f"select key, home as owner from keys where home in ({listed}) union "
            f"select parent, home from keys where home in ({listed}) and parent is not null",
        )
        found = units.derive(self._engine, self._source, group, owners, self._staying(listed))
        for day in group:
            self._progress(f"writing {day}")
            before = self.last.units.get(day)
            if before and before.wanderers:
                self._again |= set(before.days)
            unit = self._kept_aside(
                self._as_of_now(day), sorted(found[day]),
                f"owner = date '{day}' and cast(message_time as date) <> date '{day}'",
            )  # fmt: skip
            if unit.wanderers:
                self._again |= set(unit.days) - {day}
            self.next.units[day] = unit
            self._compose(day, f"select {_COLUMNS} from owned where owner = date '{day}'")

    def _staying(self, listed: str) -> Only | None:
        """All but travellers, where there are any."""
        if not self._engine.query("select 1 from travellers limit 1").num_rows:
            return None
        self._engine.keep_answer(
            "leaving",
            "select distinct k.key from keys as k semi join travellers as t on t.key = k.key "
            f"where k.home in ({listed})",
        )
        if not self._engine.query("select 1 from leaving limit 1").num_rows:
            return None
        return Only("leaving", inside=False)

    def _narrow(self, day: date, now: Unit, before: Unit | None) -> bool:
        """Derive only those that something new is said of, where that is enough; whether it was."""
        new = self._brought.get(day, [])
        brought = sum(batch.homes[day].rows for batch in new)
        if (
            before is None or before.rows < 0 or day in self._lost or not new
            or before.coverage != now.coverage or before.wanderers or not self._whole(day)
            or brought * 4 > now.rows or day not in self.last.files
        ):  # fmt: skip
            return False
        self._progress(f"writing {day}")
        self._touch(day, self._engine.listed([batch.keys_file(self._shelf) for batch in new]))
        found = units.derive(self._engine, self._source, [day], Owners([day], ""), Only("touched"))
        self.next.units[day] = self._kept_aside(
            now, sorted({*found[day], *before.days}), f"cast(message_time as date) <> date '{day}'"
        )
        self._again |= set(self.next.units[day].days if self.next.units[day].wanderers else ())
        self._compose(
            day,
            f"select {_COLUMNS} from owned union all select {_COLUMNS} "
            f"from ({self._from_the_file(day)}) as f "
            "anti join touched as a on a.key = hash(f.message_uuid)",
        )
        return True

    def _touch(self, day: date, files: str) -> None:
        """`touched` becomes the keys that share a message with one in these files."""
        at_home = f"(select key, parent from keys where home = date '{day}')"
        self._engine.keep_answer(
            "touched",
            f"select key from read_parquet({files}) where home = date '{day}' union "
            f"select parent from read_parquet({files}) where home = date '{day}' "
            "and parent is not null",
        )
        count = -1
        while count != (
            count := self._engine.query("select count(*) as n from touched")["n"][0].as_py()
        ):
            self._engine.keep_answer(
                "more",
                f"select key from touched union select k.parent from {at_home} as k "
                "semi join touched as a on a.key = k.key where k.parent is not null union "
                f"select k.key from {at_home} as k semi join touched as a on a.key = k.parent",
            )
            self._engine.keep_answer(
                "touched", "select key from more as m anti join travellers as t on t.key = m.key"
            )

    def _kept_aside(self, unit: Unit, days: Sequence[date], which: str) -> Unit:
        name = None
        if self._engine.query(f"select 1 from owned where {which} limit 1").num_rows:
            name = f"{uuid4().hex}.wanderers.parquet"
            self._engine.write(f"select {_COLUMNS} from owned where {which}", self._shelf / name)
        return Unit(unit.rows, unit.checksum, self._covered(days), tuple(days), name)

    # ---- those who travel

    def _anchors(self) -> set[date]:
        found = self._engine.query("select distinct anchor from travellers")
        return set(found["anchor"].to_pylist())

    def _keep_travellers(self, known: str | None) -> str | None:
        if known and not self._moved.anchors:
            return known
        if not self._engine.query("select 1 from travellers limit 1").num_rows:
            return None
        name = f"{uuid4().hex}.travellers.parquet"
        self._engine.write("select * from travellers order by key", self._shelf / name)
        return name

    def _travellers_to_derive(self, wanted: Callable[[date], bool]) -> list[date]:
        """The anchors whose travellers are others now, or are told of differently."""
        found = []
        for anchor in sorted(self._anchors() | set(self.last.anchors)):
            before = self.last.anchors.get(anchor)
            if before and anchor not in self._moved.anchors and not self._lost & set(before.days):
                same = before.rows == 0 and before.coverage == self._covered(before.days)
                if same or not any(map(wanted, before.days)):
                    self.next.anchors[anchor] = before if same else _to_be_done(before)
                    continue
            self._stale |= set(before.days if before else ())
            found.append(anchor)
        return found

    def _derive_travellers(self, group: Sequence[date]) -> None:
        listed = ", ".join(f"date '{anchor}'" for anchor in group)
        told = f"select key, anchor as owner from travellers where anchor in ({listed})"
        self._engine.keep_answer("travelling", told)
        homes = {
            row["home"]: None
            for row in self._engine.query(
                "select distinct k.home from keys as k semi join travelling as t on t.key = k.key"
            ).to_pylist()
        }
        if not homes:
            return
        found = units.derive(
            self._engine, self._source, sorted(homes), Owners(group, told), Only("travelling")
        )
        for anchor in group:
            days = sorted({*found[anchor], *self._homes_of(anchor)})
            unit = self._kept_aside(Unit(0, 0, "", ()), days, f"owner = date '{anchor}'")
            self.next.anchors[anchor] = unit
            self._stale |= set(days)

    def _homes_of(self, anchor: date) -> list[date]:
        found = self._engine.query(
            "select distinct k.home from keys as k semi join "
            f"(select key from travelling where owner = date '{anchor}') as t on t.key = k.key"
        )
        return list(found["home"].to_pylist())

    # ---- files

    def _nobody(self) -> str:
        self._engine.read("nobody", [], MESSAGES)
        return f"select {_COLUMNS} from nobody"

    def _from_the_file(self, day: date) -> str:
        """Of the file that lies there those who are at home: nobody who wandered in."""
        path = day_files.partition(self._folder, day) / day_composition.FILE
        if not path.exists():
            return self._nobody()
        self._engine.read("lying", [path], MESSAGES)
        self._engine.read("wandering", self._wanderers(self.last, self.next), MESSAGES)
        return (
            f"select {_COLUMNS} from lying as l "
            "anti join wandering as w on w.message_uuid = l.message_uuid "
            "anti join travellers as t on t.key = hash(l.message_uuid)"
        )

    def _wanderers(self, *memories: Memory) -> list[Path]:
        """Files of all who stand elsewhere than they were derived."""
        found = {
            unit.wanderers: None
            for each in memories
            for unit in (*each.units.values(), *each.anchors.values())
            if unit.wanderers
        }
        return [self._shelf / name for name in found]

    def _compose(self, day: date, at_home: str) -> None:
        elsewhere = Memory(
            "", units={**self.last.units, **self.next.units}, anchors=self.next.anchors
        )
        composition = Composition(self._folder, day, at_home, self._wanderers(elsewhere))
        file, changed = day_composition.write(self._engine, composition)
        self._done.add(day)
        self._written += changed
        self.next.files.pop(day, None)
        if file is not None:
            self.next.files[day] = file


def _to_be_done(unit: Unit) -> Unit:
    """As it is no more: the next merge derives it."""
    return Unit(-1, 0, unit.coverage, unit.days, unit.wanderers)
