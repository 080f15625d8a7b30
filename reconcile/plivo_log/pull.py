"""[I/O] Windows of the message log into `log/`, resumable: a kill loses what was not flushed yet.

A window enters the ledger after its rows are durable in Parquet. What was read in order is closed
and flushed every so often, and whenever reading ends, by a limit, an error or a signal, so that
the next pull goes on below it and asks for nothing twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from receiver.config import Settings
from reconcile.plivo_log import ledger
from reconcile.plivo_log.budget import Budget, BudgetSpent, WhyStopped
from reconcile.plivo_log.client import LogClient
from reconcile.plivo_log.course import Course, Progress
from reconcile.plivo_log.coverage import Span, Window
from reconcile.plivo_log.log_row import LogRow
from reconcile.plivo_log.page import Page, Position
from reconcile.plivo_log.store import LogStore, PulledRow
from reconcile.plivo_log.walk import Walk
from reconcile.plivo_log.windows import within_retention

# Offsets stay low (their maximum is not documented), and a kill is cheap.
MOST_PAGES = 50
FLUSH_ROWS = 2_000
FLUSH_AFTER = timedelta(seconds=30)


class Counting(Protocol):
    """The other way to know a window: see `counted_pull`."""

    def pays(self, span: Span) -> bool: ...
    def read(self, span: Span, tell: Callable[[datetime], None]) -> None: ...
    def ask_states(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PullResult:
    """`windows`: how many of the planned ones were read to their end."""

    rows: int
    windows: int
    requests: int
    complete: bool
    why_stopped: WhyStopped | None
    untyped_values: int


def pull(
    settings: Settings,
    windows: Sequence[Span],
    *,
    client: LogClient,
    max_requests: int | None = None,
    max_minutes: float | None = None,
    now: Callable[[], datetime],
    progress: Callable[[Progress], None] | None = None,
    counting: Callable[["Reader"], "Counting"] | None = None,
) -> PullResult:
    """Read the windows in this order. The caller holds the lock of the data folder.

    With `counting`, windows are counted instead of listed where that pays.

    Raises PlivoLogError, FileProblem, OSError; what was read so far has been flushed then.
    """
    clock = client.quota.clock
    deadline = None if max_minutes is None else clock() + 60 * max_minutes
    budget = Budget(max_requests, deadline, clock)
    reader = Reader(LogStore(settings.data_dir), client, budget, now)
    why_stopped: WhyStopped | None = None
    course = Course(windows, client.quota.per_minute)

    def tell(down_to: datetime | None) -> None:
        if progress is not None:
            progress(course.progress(budget.requests, reader.rows_read, down_to))

    try:
        counts = counting(reader) if counting else None
        for window in windows:
            way = counts if counts and counts.pays(window) else reader
            way.read(window, tell)
            course.done += 1
        if counts:
            counts.ask_states()
    except BudgetSpent as spent:
        why_stopped = spent.why
    finally:
        reader.stop()
    tell(None)
    return PullResult(
        rows=reader.rows,
        windows=course.done,
        requests=budget.requests,
        complete=why_stopped is None,
        why_stopped=why_stopped,
        untyped_values=reader.untyped_values,
    )


def fetch_one(
    settings: Settings, message_uuid: str, *, client: LogClient, now: Callable[[], datetime]
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


class Reader:
    """Reads, buffers and flushes; `rows` and `untyped_values` are those made durable."""

    def __init__(
        self, store: LogStore, client: LogClient, budget: Budget, now: Callable[[], datetime]
    ) -> None:
        self.rows = 0
        self.untyped_values = 0
        self.budget = budget
        self._store = store
        self._client = client
        self._now = now
        self._walk: Walk | None = None
        self._walk_began_at = self._flushed_at = now()
        self._pending: list[tuple[Window | None, list[PulledRow]]] = []

    @property
    def account(self) -> str:
        return self._client.account

    @property
    def rows_read(self) -> int:
        pending = sum(len(rows) for _, rows in self._pending)
        return self.rows + pending + (len(self._walk.rows) if self._walk else 0)

    def read(self, window: Span, tell: Callable[[datetime], None]) -> None:
        """From its end down to its beginning, in parts where the order allows it."""
        left = within_retention(window, self._now())
        while left is not None:
            walk = self._begin(left)
            while not walk.finished and not self._may_close(walk):
                page = self._client.page(walk.span, walk.position, budget=self.budget)
                walk.take(page, self._now().astimezone(UTC))
                tell(walk.border or walk.span.until_at)
            closed_from = self._close()
            if self._flush_is_due():
                self.flush()
            if closed_from is None or closed_from <= left.from_at:
                return
            left = Span(left.from_at, closed_from)

    def page(self, span: Span, offset: int, filters: Mapping[str, str]) -> Page:
        """One page, kept, that says nothing of the window as a whole."""
        page = self._client.page(span, Position(offset=offset), filters=filters, budget=self.budget)
        self.keep(page.rows)
        return page

    def message(self, message_uuid: str) -> LogRow | None:
        """One row, kept; None where Plivo does not know it."""
        row = self._client.message(message_uuid, budget=self.budget)
        if row is not None:
            self.keep([row])
        return row

    def walk(self, span: Span, filters: Mapping[str, str] | None = None) -> list[LogRow]:
        """All rows of a span, kept, without an entry in the ledger."""
        walk = Walk(span)
        while not walk.finished:
            page = self._client.page(span, walk.position, filters=filters, budget=self.budget)
            walk.take(page, self._now().astimezone(UTC))
        rows = list(walk.rows.values())
        self.keep(rows)
        return rows

    def keep(self, rows: Sequence[LogRow], window: Window | None = None) -> None:
        """Rows, and with them the window that is known as a whole once they are durable."""
        at = self._now().astimezone(UTC)
        account = self._client.account
        self._pending.append((window, [PulledRow(row, at, account, at.date()) for row in rows]))
        if self._flush_is_due():
            self.flush()

    def stop(self) -> None:
        """Close what was read in order and make it all durable; the rest will be read again."""
        self._close()
        self.flush()

    def flush(self) -> None:
        """Rows first, then their windows: a crash between costs requests, never rows."""
        pending = self._pending
        if not pending:
            return
        rows = [row for _, of_window in pending for row in of_window]
        if rows:
            self._store.write(rows, self._now())
        ledger.append(self._store.folder, [window for window, _ in pending if window])
        self._pending = []
        self.rows += len(rows)
        self.untyped_values += sum(len(pulled.row.untyped) for pulled in rows)
        self._flushed_at = self._now()

    def _begin(self, span: Span) -> Walk:
        # Of the state before the first page: whatever changes while we read is read again.
        self._walk_began_at = self._now().astimezone(UTC)
        self._walk = Walk(span)
        return self._walk

    def _may_close(self, walk: Walk) -> bool:
        enough = walk.pages >= MOST_PAGES or self._now() - self._walk_began_at >= FLUSH_AFTER
        return enough and walk.border is not None

    def _flush_is_due(self) -> bool:
        pending = sum(len(rows) for _, rows in self._pending)
        return pending >= FLUSH_ROWS or self._now() - self._flushed_at >= FLUSH_AFTER

    def _close(self) -> datetime | None:
        """Where the part that is complete begins; None if nothing can be said to be."""
        walk, self._walk = self._walk, None
        if walk is None:
            return None
        from_at = walk.span.from_at if walk.finished else walk.border
        if from_at is None:
            return None
        account = self._client.account
        rows = [
            PulledRow(row, walk.pulled_at[str(row.message_uuid)], account, from_at.date())
            for row in walk.rows_from(from_at)
        ]
        window = Window(
            from_at, walk.span.until_at, self._walk_began_at, "listed", len(rows), account
        )
        self._pending.append((window, rows))
        return from_at
