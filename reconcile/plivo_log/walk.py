"""[pure] The reading of one window, page by page: what was seen, and what is complete already.

Newest first is Plivo's order as far as anybody knows, but nowhere promised for messages. So it is
watched: as long as times never rise from row to row, and have fallen at least once, everything
newer than the oldest row has been seen and may be closed as a window of its own, while the walk
goes on below it. Where the order breaks only the whole window counts.
"""

from datetime import UTC, datetime, timedelta

from reconcile.plivo_log.coverage import SECOND, Span, second_of
from reconcile.plivo_log.errors import OutsideWindow, RepeatedPage
from reconcile.plivo_log.log_row import LogRow
from reconcile.plivo_log.page import START, Page, Position

MOST_PAGES_WITHOUT_NEWS = 5
# Times may be printed without their fraction, or rounded: one second beyond the border is no lie.
_ROUNDING = timedelta(seconds=1)


class Walk:
    """Ask at `position` until `finished`, handing each page to `take`.

    `rows` are those of [span.from_at, until_at): what was closed above is no longer among them.
    """

    def __init__(self, span: Span) -> None:
        self.span = span
        self.until_at = span.until_at
        self.position: Position = START
        self.finished = False
        self.pages = 0
        self.rows: dict[str, LogRow] = {}
        self.pulled_at: dict[str, datetime] = {}
        self._seen: set[str] = set()
        self._before: set[str] = set()
        self._asked = {START}
        self._idle_pages = 0
        self._in_order = True
        self._falls = False
        self._oldest: datetime | None = None

    def take(self, page: Page, pulled_at: datetime) -> None:
        """Raises Incoherent; then nothing of this walk may be entered.

        May be interrupted anywhere: what `border` rests on moves after the rows are in.
        """
        uuids = {str(row.message_uuid) for row in page.rows}
        in_order, self._in_order = self._in_order, False
        self._check_rows(page, uuids)
        self._check_next(page)
        news = [row for row in page.rows if row.message_uuid not in self._seen]
        self._idle_pages = 0 if news else self._idle_pages + 1
        if page.next and self._idle_pages > MOST_PAGES_WITHOUT_NEWS:
            raise RepeatedPage(_said(self.span, "page after page without a row that is new"))
        # A row that moved to this page because another appeared above it: the later one counts.
        for row in page.rows:
            self.rows[str(row.message_uuid)] = row
            self.pulled_at[str(row.message_uuid)] = pulled_at
        in_order = in_order and self._follow(news)
        self._seen |= uuids
        self._before = uuids
        self.pages += 1
        self.finished = page.next is None
        if page.next:
            self.position = page.next
            self._asked.add(page.next)
        self._in_order = in_order

    @property
    def border(self) -> datetime | None:
        """Everything from here up has been read; None where that cannot be said."""
        if not (self._in_order and self._falls and self._oldest):
            return None
        # The second of the oldest row may go on on the next page, so it stays outside, also when
        # that row stands exactly at its beginning.
        border = max(second_of(self._oldest) + SECOND, self.span.from_at)
        return border if border < self.until_at else None

    def rows_from(self, border: datetime) -> list[LogRow]:
        """The rows of [border, until_at); all of them from the window's own beginning."""
        return [
            row
            for row in self.rows.values()
            if border == self.span.from_at or (row.message_time and row.message_time >= border)
        ]

    def close(self, border: datetime) -> None:
        """What lies above is kept elsewhere now; a row of it that comes again counts anew."""
        above = {str(row.message_uuid) for row in self.rows_from(border)}
        self.rows = {uuid: row for uuid, row in self.rows.items() if uuid not in above}
        self.until_at = border

    def _follow(self, news: list[LogRow]) -> bool:
        """Whether these go on in order."""
        for row in news:
            at = row.message_time
            if at is None or (self._oldest is not None and at > self._oldest):
                return False
            self._falls = self._falls or (self._oldest is not None and at < self._oldest)
            self._oldest = at
        return True

    def _check_rows(self, page: Page, uuids: set[str]) -> None:
        again = bool(uuids) and uuids <= self._before
        # A last page may consist of rows that moved there; a page as full as the one before is it.
        if again and (page.next or len(uuids) == len(self._before)):
            raise RepeatedPage(_said(self.span, "the same page twice, so it ignores the offset"))
        low, high = self.span.from_at - _ROUNDING, self.span.until_at + _ROUNDING
        for row in page.rows:
            if row.message_time and not low <= row.message_time < high:
                raise OutsideWindow(
                    _said(self.span, f"a row of {row.message_time:%Y-%m-%d %H:%M:%S} UTC")
                )

    def _check_next(self, page: Page) -> None:
        following, here = page.next, self.position.offset or 0
        if following is None:
            return
        back = following.offset is not None and following.offset <= here
        if following in self._asked or (back and self.position.cursor is None):
            raise RepeatedPage(_said(self.span, "a next page that was read before"))


def _said(span: Span, what: str) -> str:
    begin, end = (at.astimezone(UTC).isoformat(sep=" ") for at in (span.from_at, span.until_at))
    return (
        f"Asked for its message log from {begin} until {end}, Plivo gave {what}. This window is "
        "not entered as read, all others are. Try again later; if it stays so, tell Plivo."
    )
