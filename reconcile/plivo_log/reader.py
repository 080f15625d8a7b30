"""[I/O] Windows of the log, walked from their ends down; several at once where that pays.

What was read in order is closed every so often, and whenever reading ends, by a limit, an error or
a signal, so that the next pull goes on below it and asks for nothing twice.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconcile.plivo_log.asking import Pages
from reconcile.plivo_log.budget import Budget, BudgetSpent
from reconcile.plivo_log.coverage import Span, Window, halves
from reconcile.plivo_log.log_row import LogRow
from reconcile.plivo_log.log_writer import FLUSH_AFTER, LogWriter
from reconcile.plivo_log.page import PAGE_ROWS, Page, Position
from reconcile.plivo_log.rereads import Singly
from reconcile.plivo_log.store import PulledRow
from reconcile.plivo_log.walk import Walk
from reconcile.plivo_log.windows import within_retention

if TYPE_CHECKING:  # it brings the SDK, for which most commands need not wait
    from reconcile.plivo_log.client import LogClient

# Offsets stay low (their maximum is not documented): a walk ends where few rows are read again, ...
MOST_PAGES = 50
_MOST_PAGES_OF_ALL = 250  # ... and here at the latest.
# Where a client is idle, what is left of a walk of so many pages is halved, if it seems to be more.
_PAGES_TO_JUDGE_BY = 40
_PAGES_TO_SHARE = 80

Tell = Callable[[Span], None]  # a stretch that was read


@dataclass(slots=True)
class _UnderWay:
    """When the walk began, and down to where it was told to have come."""

    began_at: datetime
    told_until: datetime


class Reader:
    """Reads for one pull."""

    def __init__(
        self,
        writer: LogWriter,
        client: "LogClient",
        pages: Pages,
        budget: Budget,
        now: Callable[[], datetime],
    ) -> None:
        self.writer = writer
        self.budget = budget
        self._client = client
        self._pages = pages
        self._now = now
        self._walks: dict[Walk, _UnderWay] = {}
        self._checked_at = now()

    @property
    def account(self) -> str:
        return self._client.account

    @property
    def rows_read(self) -> int:
        return self.writer.rows_taken + sum(len(walk.rows) for walk in self._walks)

    def read(self, windows: Iterable[Span], tell: Tell) -> None:
        """Each from its end down to its beginning, in parts where the order allows it."""
        waiting = deque(windows)
        while waiting or self._walks:
            while waiting and len(self._walks) < self._pages.at_once:
                self._begin(waiting.popleft(), tell)
            if not self._walks:
                return
            try:
                walk = self._take(tell)
            except BudgetSpent:
                self._take_the_rest(tell)
                raise
            may_share = not waiting and len(self._walks) < self._pages.at_once
            waiting.extendleft(reversed(self._go_on(walk, may_share=may_share)))

    def ask_singly(self, step: Singly, tell: Tell) -> None:
        """That one is not found proves nothing: then the whole span is listed after all."""
        if all(self.message(message_uuid) for message_uuid in step.message_uuids):
            tell(step.span)
        else:
            self.read([step.span], tell)

    def page(self, span: Span, offset: int, filters: Mapping[str, str]) -> Page:
        """One page, kept, that says nothing of the window as a whole."""
        page = self._client.page(span, Position(offset=offset), filters=filters, budget=self.budget)
        self.writer.keep(page.rows)
        return page

    def message(self, message_uuid: str) -> LogRow | None:
        """One row, kept; None where Plivo does not know it."""
        row = self._client.message(message_uuid, budget=self.budget)
        if row is not None:
            self.writer.keep([row])
        return row

    def walk(self, span: Span, filters: Mapping[str, str] | None = None) -> list[LogRow]:
        """All rows of a span, kept, without an entry in the ledger."""
        walk = Walk(span)
        while not walk.finished:
            page = self._client.page(span, walk.position, filters=filters, budget=self.budget)
            walk.take(page, self._now().astimezone(UTC))
        rows = list(walk.rows.values())
        self.writer.keep(rows)
        return rows

    def stop(self) -> None:
        """Close what was read in order and make it all durable; the rest will be read again."""
        for walk in list(self._walks):
            self._close(walk)
        self._walks.clear()
        self.writer.flush()

    def _begin(self, window: Span, tell: Tell) -> None:
        span = within_retention(window, self._now())
        if span != window:  # what Plivo no longer has is not waited for
            tell(Span(window.from_at, span.from_at if span else window.until_at))
        if span:
            walk = Walk(span)
            # Of the state before the first page: whatever changes while we read is read again.
            self._walks[walk] = _UnderWay(self._now().astimezone(UTC), span.until_at)
            self._pages.ask(walk)

    def _take(self, tell: Tell) -> Walk:
        walk, page = self._pages.answer()
        walk.take(page, self._now().astimezone(UTC))
        under_way = self._walks[walk]
        before = under_way.told_until
        under_way.told_until = walk.span.from_at if walk.finished else walk.border or before
        tell(Span(under_way.told_until, before))
        return walk

    def _take_the_rest(self, tell: Tell) -> None:
        """The pages that were under way when the budget was spent."""
        for _ in range(len(self._walks) - 1):
            try:
                self._take(tell)
            except BudgetSpent:
                continue

    def _go_on(self, walk: Walk, *, may_share: bool) -> list[Span]:
        """Ask for its next page; or end it, and say what is left of its span."""
        left = self._left_behind(walk, may_share=may_share)
        if left is None:
            self._close_now_and_then()
            self._pages.ask(walk)
            return []
        self._close(walk)
        del self._walks[walk]
        return left

    def _left_behind(self, walk: Walk, *, may_share: bool) -> list[Span] | None:
        """What is left of a walk that is to end here; None where it goes on."""
        if walk.finished or walk.border == walk.span.from_at:
            return []
        if walk.border is None:
            return None
        # Rows beyond the border are read again, by whoever begins there.
        is_cheap = len(walk.rows) - len(walk.rows_from(walk.border)) <= PAGE_ROWS
        left = Span(walk.span.from_at, walk.border)
        a_page = (walk.span.until_at - walk.border) / walk.pages
        is_large = left.until_at - left.from_at >= _PAGES_TO_SHARE * a_page
        if may_share and is_cheap and is_large and walk.pages >= _PAGES_TO_JUDGE_BY:
            return halves(left)
        is_long = walk.pages >= (MOST_PAGES if is_cheap else _MOST_PAGES_OF_ALL)
        return [left] if is_long else None

    def _close_now_and_then(self) -> None:
        """A kill costs the pages of half a minute at most."""
        if self._now() - self._checked_at >= FLUSH_AFTER:
            for walk in self._walks:
                self._close(walk)
            self._checked_at = self._now()

    def _close(self, walk: Walk) -> None:
        """Enter what is complete; the walk may go on below it."""
        border = walk.span.from_at if walk.finished else walk.border
        if border is None:
            return
        found = walk.rows_from(border)
        rows = [
            PulledRow(row, walk.pulled_at[str(row.message_uuid)], self.account, border.date())
            for row in found
        ]
        began_at = self._walks[walk].began_at
        window = Window(border, walk.until_at, began_at, "listed", len(rows), self.account)
        # In this order: interrupted between the two, the part is entered twice, never lost.
        self.writer.take(rows, window)
        walk.close(border)
