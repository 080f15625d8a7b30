"""[I/O] Windows of the message log into `log/`, resumable: a kill loses what was not flushed yet.

A window enters the ledger after its rows are durable in Parquet.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from receiver.config import Settings
from reconcile.plivo_log.asking import Pages
from reconcile.plivo_log.budget import Budget, BudgetSpent, WhyStopped
from reconcile.plivo_log.course import Course, Progress
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.log_writer import LogWriter
from reconcile.plivo_log.reader import Reader, Tell
from reconcile.plivo_log.rereads import Singly, Step, span_of
from reconcile.plivo_log.store import LogStore, PulledRow

if TYPE_CHECKING:  # it brings the SDK, for which most commands need not wait
    from reconcile.plivo_log.client import LogClient


class Counting(Protocol):
    """The other way to know a window: see `counted_pull`."""

    def pays(self, span: Span) -> bool: ...
    def read(self, span: Span, tell: Tell) -> None: ...
    def ask_states(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PullResult:
    """`windows`: how many of the planned steps were taken to their end."""

    rows: int
    windows: int
    requests: int
    complete: bool
    why_stopped: WhyStopped | None
    untyped_values: int


def pull(
    settings: Settings,
    steps: Sequence[Step],
    *,
    client: "LogClient",
    max_requests: int | None = None,
    max_minutes: float | None = None,
    now: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
    counting: Callable[[Reader], Counting] | None = None,
) -> PullResult:
    """Take the steps in this order. The caller holds the lock of the data folder.

    With `counting`, windows are counted instead of listed where that pays.

    Raises PlivoLogError, FileProblem, OSError; what was read so far has been flushed then.
    """
    budget = _budget(client, max_requests, max_minutes)
    writer = LogWriter(LogStore(settings.data_dir), client.account, now)
    course = Course([span_of(step) for step in steps], client.quota.per_minute)
    with Pages(client, budget) as pages:
        reader = Reader(writer, client, pages, budget, now)

        def tell(stretch: Span | None = None) -> None:
            if stretch is not None:
                course.read(stretch)
            if progress is not None:
                progress(course.progress(budget.requests, reader.rows_read))

        counts = counting(reader) if counting else None
        why_stopped = _read_until_stopped(steps, reader, counts, course, tell)
    tell()
    return PullResult(
        rows=writer.rows,
        windows=course.done,
        requests=budget.requests,
        complete=why_stopped is None,
        why_stopped=why_stopped,
        untyped_values=writer.untyped_values,
    )


def _budget(client: "LogClient", max_requests: int | None, max_minutes: float | None) -> Budget:
    clock = client.quota.clock
    deadline = None if max_minutes is None else clock() + 60 * max_minutes
    return Budget(max_requests, deadline, clock)


def _read_until_stopped(
    steps: Sequence[Step], reader: Reader, counts: Counting | None, course: Course, tell: Tell
) -> WhyStopped | None:
    """Whatever ends the reading, what was read is durable then."""
    try:
        _read(steps, reader, counts, course, tell)
    except BudgetSpent as spent:
        return spent.why
    finally:
        reader.stop()
    return None


def _read(
    steps: Sequence[Step], reader: Reader, counts: Counting | None, course: Course, tell: Tell
) -> None:
    """Windows that follow each other and are listed are read together."""
    together: list[Span] = []
    for step in steps:
        if isinstance(step, Span) and not (counts and counts.pays(step)):
            together.append(step)
            continue
        reader.read(together, tell)
        together.clear()
        if isinstance(step, Singly):
            reader.ask_singly(step, tell)
        elif counts:
            counts.read(step, tell)
        course.finish(span_of(step))
    reader.read(together, tell)
    if counts:
        counts.ask_states()


def fetch_one(
    settings: Settings, message_uuid: str, *, client: "LogClient", now: Callable[[], datetime]
) -> bool:
    """Ask for one message and store its row; False where Plivo does not know it.

    The caller holds the lock of the data folder. Raises PlivoLogError, OSError.
    """
    row = client.message(message_uuid)
    if row is None:
        return False
    at = now().astimezone(UTC)
    LogStore(settings.data_dir).write([PulledRow(row, at, client.account, at.date())], at)
    return True
