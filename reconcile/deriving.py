"""[I/O] What lies on disk, and the stages carried out over it."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from receiver import day_files
from receiver.archive import away, fetching
from receiver.columns import REPORTS, UTC_TIME
from receiver.config import Settings
from reconcile import stages
from reconcile.columns import LOG
from reconcile.engines.duckdb_engine import VERSION
from reconcile.engines.engine import Engine
from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Interval, Window, by_account


@dataclass(frozen=True, slots=True)
class Inputs:
    """What lies on disk: the files that count and the windows of time that were read.

    Files that live only in the archive are among them; `at_hand` fetches these.
    """

    reports: tuple[Path, ...]
    log: tuple[Path, ...]
    windows: tuple[Window, ...]

    @property
    def empty(self) -> bool:
        return not (self.reports or self.log)


def inputs_of(data_dir: Path) -> Inputs:
    """Raises ledger.LedgerProblem for a ledger that cannot be read."""
    return Inputs(
        reports=tuple(day_files.live_files(data_dir / "reports")),
        log=tuple(day_files.live_files(data_dir / "log")),
        windows=tuple(ledger.read(data_dir / "log")),
    )


@contextmanager
def at_hand(inputs: Inputs, settings: Settings) -> Iterator[Inputs]:
    """The same files, each where it can be read until the body ends.

    Raises ArchiveError, SettingError, FileProblem.
    """
    with fetching.at_hand(settings, (*inputs.reports, *inputs.log)) as files:
        reports = len(inputs.reports)
        yield replace(inputs, reports=files[:reports], log=files[reports:])


def derive(
    engine: Engine,
    inputs: Inputs,
    settings: Settings,
    *,
    only_parts: AbstractSet[str] | None = None,
    only_rows: Mapping[str, str] | None = None,
    every_report: bool = False,
) -> datetime | None:
    """Carry out the stages in the engine, of these parts or of all; what counted as now.

    `only_rows`: conditions on `reports` and `log_rows`.
    """
    for name, files, schema in (
        ("reports", inputs.reports, REPORTS),
        ("log_rows", inputs.log, LOG),
    ):
        condition = (only_rows or {}).get(name)
        engine.read(f"every_{name}" if condition else name, files, schema)
        if condition:
            engine.name(name, f"select * from every_{name} where {condition}")
    as_of = latest_moment(engine, inputs)
    if only_parts is not None:
        engine.narrow("reports", "message_uuid", only_parts)
        engine.narrow("log_rows", "message_uuid", only_parts)
    name_moment(engine, settings, as_of, every_report=every_report)
    engine.keep("windows", window_table(by_account(inputs.windows, _accounts(engine))))
    engine.run(stages.STAGES)
    return as_of


def name_moment(
    engine: Engine, settings: Settings, as_of: datetime | None, *, every_report: bool
) -> None:
    """What the stages are told beside the files."""
    horizon = timedelta(hours=settings.receipt_horizon_hours) // timedelta(microseconds=1)
    engine.keep(
        "moment",
        pa.table(
            {
                "as_of": pa.array([as_of], UTC_TIME),
                "horizon_micros": pa.array([horizon], pa.int64()),
                "callback_zone": pa.array([settings.callback_time_zone], pa.string()),
                "every_report": pa.array([every_report], pa.bool_()),
            }
        ),
    )


def latest_moment(engine: Engine, inputs: Inputs) -> datetime | None:
    """Now, as the folder knows it: the latest reception, pull or reading on disk."""
    found = engine.query(
        "select (select max(received_at) from reports) as received_at, "
        "(select max(pulled_at) from log_rows) as pulled_at"
    ).to_pylist()[0]
    moments = [moment.replace(tzinfo=UTC) for moment in found.values() if moment is not None]
    moments += [window.read_at for window in inputs.windows]
    return max(moments, default=None)


def window_table(read: Mapping[str, Sequence[Interval]]) -> pa.Table:
    """For each account the times that were read of its log, disjoint; no account is ''."""
    covered = [(account, interval) for account in read for interval in read[account]]
    return pa.table(
        {
            "account": pa.array([account for account, _ in covered], pa.string()),
            "from_at": pa.array([interval.from_at for _, interval in covered], UTC_TIME),
            "until_at": pa.array([interval.until_at for _, interval in covered], UTC_TIME),
            "how": pa.array([interval.how for _, interval in covered], pa.string()),
        }
    )


def _accounts(engine: Engine) -> list[str | None]:
    """Whose messages are on disk; None where nobody knows."""
    found = engine.query("select account from reports union select account from log_rows")
    accounts: list[str | None] = found["account"].to_pylist()
    return [*accounts, None]


def fingerprint(inputs: Inputs, settings: Settings) -> str:
    """Changes when an input, a rule or the horizon does."""
    files = []
    for path in (*inputs.reports, *inputs.log):
        size, changed = away.mark(path)
        files.append(f"{path.parent.name}/{path.name} {size} {changed}")
    return digest([*files, repr(inputs.windows), rules(settings)])


def rules(settings: Settings) -> str:
    """Changes when a rule or the horizon does, or what the engine makes of a text."""
    texts = [f"{settings.receipt_horizon_hours} {settings.callback_time_zone} {VERSION}"]
    texts += [stages.text(stage) for stage in stages.STAGES]
    texts += [f"{name} {table.to_pydict()}" for name, table in stages.meanings().items()]
    return digest(texts)


def digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
