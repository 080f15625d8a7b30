"""[pure] What reading these windows will cost, from what is known of them already."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil, log2

from reconcile.plivo_log.coverage import Span, Window, overlap, readings
from reconcile.plivo_log.held import MOST_OFFSET
from reconcile.plivo_log.page import PAGE_ROWS
from reconcile.plivo_log.rereads import Singly, Step, span_of
from reconcile.plivo_log.windows import READ_AGAIN_AFTER

SAMPLE_OF_A_DAY = 60  # messages of a counted day whose state is asked singly
# Days of more messages are counted: listing one takes a tenth of a day's requests, and with the
# windows that are read again half of them.
_SHARE_TO_LIST = 0.1
_OF_A_HALVING = 0.85  # measured: the pages on the way show rows, too
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
Hours = Mapping[datetime, int]


@dataclass(frozen=True, slots=True)
class Load:
    """Parts that reports or the log name, by the UTC hour of their time; of them the open ones.

    `unreported_share`: of the parts that the log was read for, those that no report told of,
    outages left out; 0 while nothing was read.
    """

    parts: Hours = field(default_factory=dict)
    still_open: Hours = field(default_factory=dict)
    outages: Sequence[Span] = ()
    unreported_share: float = 0.0

    def rows(self, span: Span) -> float:
        """So many are known of the span; of outages as many as of the hours around them."""
        return self._heard(span) + self.unheard(span)

    def unheard(self, span: Span) -> float:
        """Of these rows, those of outages."""
        return sum(
            self._rate_around(outage) * _seconds(common)
            for outage in self.outages
            if (common := overlap(outage, span))
        )

    def _heard(self, span: Span) -> float:
        return sum(
            self.parts.get(_begin(hour.from_at), 0) * (_seconds(hour) / _HOUR.total_seconds())
            for hour in _hours(span)
            if self._listening(hour)
        )

    def _rate_around(self, outage: Span) -> float:
        """Messages a second; what little was heard of its own hours says nothing."""
        around = Span(_begin(outage.from_at) - _HOUR, _begin(outage.until_at) + _HOUR)
        hours = [hour for hour in _hours(around) if self._heard(hour)]
        seconds = sum(map(self._listening, hours))
        return sum(map(self._heard, hours)) / seconds if seconds else 0.0

    def _listening(self, span: Span) -> float:
        """For how many of its seconds a receiver was there."""
        silent = (overlap(span, outage) for outage in self.outages)
        return max(_seconds(span) - sum(map(_seconds, filter(None, silent))), 0.0)


@dataclass(frozen=True, slots=True)
class Forecast:
    """`sustained_a_day`: messages that listing can keep up with, at this many readings each."""

    windows: int
    counted_windows: int
    single_messages: int
    windows_asked_singly: int
    requests: int
    requests_by_listing: int
    minutes: float
    readings: float
    sustained_a_day: int


def most_listed_a_day(per_minute: int) -> int:
    return int(_SHARE_TO_LIST * 24 * 60 * per_minute * PAGE_ROWS)


def forecast(
    steps: Sequence[Step], ledger: Sequence[Window], load: Load, *, per_minute: int, counts: bool
) -> Forecast:
    """The cost as far as it can be known: rows that nobody has told of yet come on top."""
    requests = by_listing = counted = singles = 0
    for step in steps:
        span = span_of(step)
        rows = max(_read_before(span, ledger), load.rows(span))
        listing = max(1, ceil(rows / PAGE_ROWS))
        large = rows * (_DAY / (span.until_at - span.from_at)) > most_listed_a_day(per_minute)
        by_listing += listing
        if isinstance(step, Singly):
            singles += len(step.message_uuids)
            requests += len(step.message_uuids)
        elif counts and large:
            counted += 1
            requests += min(listing, of_counting(span, load))
        else:
            requests += listing
    times = _readings_of_a_window(ledger)
    return Forecast(
        windows=len(steps),
        counted_windows=counted,
        single_messages=singles,
        windows_asked_singly=sum(isinstance(step, Singly) for step in steps),
        requests=requests,
        requests_by_listing=by_listing,
        minutes=round(requests / per_minute, 1),
        readings=times,
        sustained_a_day=int(per_minute * 24 * 60 * PAGE_ROWS / times),
    )


def of_counting(span: Span, load: Load) -> int:
    """Requests to count the span: for membership, for states, and for a sample of these."""
    rows, unheard = load.rows(span), load.unheard(span)
    still_open = sum(load.still_open.get(_begin(hour.from_at), 0) for hour in _hours(span))
    sample = min(SAMPLE_OF_A_DAY, int(rows))
    return (
        ceil((rows - unheard) / MOST_OFFSET)
        + ceil(_to_find(rows - unheard, load.unreported_share))
        + ceil(unheard / PAGE_ROWS) + _of_states(still_open) + sample + 2
    )  # fmt: skip


def _of_states(still_open: int) -> int:
    """One by one, or a count of the queued and of windows of the sent."""
    return min(still_open, 1 + ceil(still_open / MOST_OFFSET))


def _to_find(rows: float, share: float) -> float:
    """Requests that narrow windows down to the page of each part that no report told of.

    The halvings that lead to a page of its share of the window: those that several parts of one
    window need alike are asked once.
    """
    window = min(rows, MOST_OFFSET)
    of_a_window = max(share * window, 1.0)
    return rows * share * _OF_A_HALVING * log2(1 + window / (PAGE_ROWS * of_a_window))


def _read_before(span: Span, ledger: Iterable[Window]) -> float:
    """Rows of the last readings of the span; of those it holds in part, in proportion to time."""
    last = readings(ledger)
    known = 0.0
    for reading in last[bisect_left([r.span.until_at for r in last], span.from_at) :]:
        if reading.span.from_at >= span.until_at:
            break
        if common := overlap(reading.span, span):
            known += reading.window.rows * (_seconds(common) / _seconds(reading.window.span))
    return known


def _readings_of_a_window(ledger: Sequence[Window]) -> float:
    """How often a row was read so far; before the first re-reads all that may come are assumed."""
    listed = sum(window.rows for window in ledger if window.how == "listed")
    once = sum(
        reading.window.rows * (_seconds(reading.span) / _seconds(reading.window.span))
        for reading in readings(ledger)
    )
    most = 1.0 + len(READ_AGAIN_AFTER)
    return most if not once or listed <= once else min(listed / once, most)


def _hours(span: Span) -> Iterator[Span]:
    low = span.from_at
    while low < span.until_at:
        high = min(_begin(low) + _HOUR, span.until_at)
        yield Span(low, high)
        low = high


def _begin(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _seconds(span: Span) -> float:
    return (span.until_at - span.from_at).total_seconds()
