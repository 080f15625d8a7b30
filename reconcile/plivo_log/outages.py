"""[I/O] Whose reports went unheard because no receiver was there, by the times of the messages.

Not the times of the outage itself: what Plivo posted in its last minutes came when the receiver was
back, and what was sent just before it ended unheard.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from receiver import alive
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.known_parts import Part
from reconcile.plivo_log.page import PAGE_ROWS

_MINUTE = timedelta(minutes=1)


def unheard(reports: Path, *, until: datetime) -> list[Span]:
    """When messages began of which nobody heard; in order, UTC."""
    return [
        Span(gap.from_at, gap.until_at - alive.PLIVO_RETRIES)
        for gap in alive.gaps(reports, until=until)
    ]


def with_lead_in(outage: Span, parts: Iterable[Part]) -> Span:
    """With the minutes before it of whose parts more are open than usual, by one a page or more.

    To list these costs less than to find and ask those that ended unheard.
    """
    sent: Counter[int] = Counter()
    still_open: Counter[int] = Counter()
    for part in parts:
        minutes = (outage.from_at - part.message_time) // _MINUTE
        sent[minutes] += 1
        still_open[minutes] += not part.final
    usual = still_open.total() / max(sent.total(), 1) + 1 / PAGE_ROWS
    ago = 0
    while still_open[ago] > usual * sent[ago]:
        ago += 1
    return Span(outage.from_at - ago * _MINUTE, outage.until_at)
