"""[I/O] Rows and windows on their way to disk: rows first, then the windows they prove."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

from reconcile.plivo_log import ledger
from reconcile.plivo_log.coverage import Window
from reconcile.plivo_log.log_row import LogRow
from reconcile.plivo_log.store import LogStore, PulledRow

FLUSH_ROWS = 2_000
FLUSH_AFTER = timedelta(seconds=30)


class LogWriter:
    """Buffers and flushes; `rows` and `untyped_values` are those made durable."""

    def __init__(self, store: LogStore, account: str, now: Callable[[], datetime]) -> None:
        self.account = account
        self.rows = 0
        self.untyped_values = 0
        self._store = store
        self._now = now
        self._flushed_at = now()
        self._pending: list[tuple[Window | None, Sequence[PulledRow]]] = []
        self._watchers: list[Callable[[Sequence[PulledRow]], None]] = []

    def watch(self, notice: Callable[[Sequence[PulledRow]], None]) -> None:
        """It is told of all rows from now on, before they are durable."""
        self._watchers.append(notice)

    @property
    def rows_taken(self) -> int:
        return self.rows + self._rows_pending

    def keep(self, rows: Iterable[LogRow], window: Window | None = None) -> None:
        """Rows as of now, and the window that is known as a whole once they are durable."""
        at = self._now().astimezone(UTC)
        self.take([PulledRow(row, at, self.account, at.date()) for row in rows], window)

    def take(self, rows: Sequence[PulledRow], window: Window | None = None) -> None:
        self._pending.append((window, rows))
        for notice in self._watchers:
            notice(rows)
        if self._rows_pending >= FLUSH_ROWS or self._now() - self._flushed_at >= FLUSH_AFTER:
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

    @property
    def _rows_pending(self) -> int:
        return sum(len(rows) for _, rows in self._pending)
