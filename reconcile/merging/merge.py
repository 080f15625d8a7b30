"""[I/O] From reports and log to `messages/`: the same folder always gives the same files.

A merge writes each UTC day of `message_time` that came out different, and looks only at days that
could. `messages/_merge.json` says which inputs it was made from, and goes away while a merge is at
work: whoever reads first asks whether that note still holds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from receiver import day_files
from receiver.config import Settings
from reconcile import soundness
from reconcile.deriving import at_hand, derive, fingerprint, inputs_of
from reconcile.engines import spark_days
from reconcile.engines.spark_engine import SparkEngine
from reconcile.locks import holding
from reconcile.merging.incremental import bring_up_to_date
from reconcile.merging.note import Merged, Note

_LOCK_SECONDS = 120.0

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Range:
    """Half-open; a side that is None has no end."""

    since: datetime | None
    until: datetime | None

    @property
    def everything(self) -> bool:
        return self.since is None and self.until is None

    def touches(self, day: date) -> bool:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return (self.since is None or start + timedelta(days=1) > self.since) and (
            self.until is None or start < self.until
        )


def merge(
    settings: Settings,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    full: bool = False,
    progress: Progress = lambda _: None,
) -> Merged:
    """Bring `messages/` up to date where its inputs have changed; `full` derives all of it anew.

    With since or until only the days that they touch are written, and those that a message of
    these days has left; Spark always writes all. Raises FileProblem, EngineProblem, locks.Busy.
    """
    if not settings.data_dir.exists():
        return Merged(None, 0, 0)  # a mistyped name makes no folder
    with holding(
        settings.data_dir / "state" / "merge.lock", wait_seconds=_LOCK_SECONDS, what="merge"
    ):
        inputs = inputs_of(settings.data_dir)
        messages = settings.data_dir / "messages"
        note = Note(messages / "_merge.json", fingerprint(inputs, settings))
        if not full and (last := note.read()) is not None:
            return last
        if inputs.empty and not day_files.days(messages):
            return Merged(None, 0, 0)
        wanted = Range(since, until)
        note.remove()
        if settings.engine == "spark":
            merged = _by_spark(settings, progress)
        else:
            merged = bring_up_to_date(
                settings, inputs.windows, wanted.touches, full=full, progress=progress
            )
        if wanted.everything or settings.engine == "spark":
            note.write(merged)
        return merged


def _by_spark(settings: Settings, progress: Progress) -> Merged:
    """All of it, on a cluster."""
    inputs = inputs_of(settings.data_dir)
    with at_hand(inputs, settings) as files, SparkEngine(settings.spark_master) as engine:
        progress("checking the files")
        soundness.verify((*files.reports, *files.log), settings.data_dir / "state")
        progress("merging")
        as_of = derive(engine, files, settings)
        written = spark_days.write_days(engine, settings.data_dir / "messages")
        counted = engine.query(
            "select (select count(*) from messages) as messages, "
            "(select count(*) from reports where kind = 'delivery_report' "
            "and coalesce(trim(message_uuid), '') = '') as nameless"
        ).to_pylist()[0]
    return Merged(as_of, counted["messages"], written, counted["nameless"])
