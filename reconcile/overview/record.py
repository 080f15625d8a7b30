"""[pure] The whole picture as one record: everything is counted and divided before it gets here.

A `Row` is a row of the rate report (columns as in `rate_rows.VALUE_COLUMNS`) behind its keys; who
draws them computes nothing but widths and colours. Percentiles of time to receipt are here those
of times rounded to three significant digits, so within half a percent of the rate report's: all of
them in the total and `by_time`, those since the hand-over in `by_country` and `routes`, elsewhere
None; the shares within 10 s, 60 s and 5 min are exact and everywhere. Rows are bounded whatever
the number of messages: a page never carries a row per message.
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from reconcile.formulas import Rate
from reconcile.rate_report import RateReport
from reconcile.rate_rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The headline beside that of the time before, equally long.

    Only settled time counts: both spans end a horizon before as_of, so that open messages do not
    look like a fall. `clear`: the two Wilson intervals do not touch.
    """

    now: Rate
    before: Rate
    now_from: datetime
    now_until: datetime
    before_from: datetime
    points: float  # now - before, as a share: -0.021 is 2.1 percentage points less
    clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that stands out, in words that a person can act on, the most messages lost first.

    `kind`: route_fell | route_poor | error_surge | receipts_missing | slow | outage | untrusted.
    `where`: conditions of `--where` that list exactly the messages meant, for a command to copy.
    """

    kind: str
    title: str  # one line, with the figures: "Nigeria · MTN fell from 93.1% to 61.0%"
    detail: str  # why we say so: counts, interval, the error that grew most
    advice: str  # what to do next
    since: datetime | None  # when it began, as far as the steps of time tell
    until: datetime | None  # None: it lasts
    messages_lost: int | None  # beyond what the rate before would have lost
    where: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRow:
    """An error code with what it means; `code` None: lost without a code."""

    code: str | None
    name: str
    meaning: str
    fault: str  # whose
    retry: str  # whether trying again is useful
    advice: str
    undelivered: int
    failed: int
    amount: Decimal | None  # spent on these messages
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBin:
    """Receipts that took from `from_seconds` to below `until_seconds`; None: no bound."""

    from_seconds: float | None
    until_seconds: float | None
    delivered: int
    undelivered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MaturityPoint:
    """Of the messages of a cohort handed over, the share whose receipt had come at this age.

    Only messages that have reached the age are in the denominator; a receipt had come if it took
    less. Messages whose hand-over has no time are left out. `cohort`: "all" or a span of
    days such as "2026-03-01 … 2026-03-07".
    """

    cohort: str
    age_seconds: float
    receipts: int
    handed_over: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A span of time that tells how far its numbers can be trusted.

    `kind`: outage (no receiver was alive) | listed | counted | imported | not_read (of the log) |
    provisional (younger than the horizon).
    """

    kind: str
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What the numbers were made from: a folder, its live files and their rows."""

    name: str  # reports | log | messages
    files: int
    rows: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it. Everything is there even where there is nothing to tell: empty lists, None."""

    report: RateReport  # total, headline, all formulas, audit; its rows are by `step`
    step: str  # hour | day | week (a week begins on Monday) | month; key of `by_time`
    by_time: list[Row]  # keys: `step`, and `provisional` (bool): some messages are still open
    by_time_and_match: list[dict[str, object]]  # keys: `step`, `match`, `messages`
    change: Change | None
    findings: list[Finding]
    by_country: list[Row]  # key `country`; the most messages lost (failed + undelivered) first
    routes: list[Row]  # keys `country`, `carrier`; the most messages lost first, at most 500
    by_sender: list[Row]  # key `from_number`; the most lost first, at most 50
    by_tag: list[Row]  # key `tag`; empty where no message has one
    errors: list[ErrorRow]
    receipt_times: list[TimeBin]  # sent to receipt, logarithmic bins, all receipts in one of them
    by_week_hour: list[
        Row
    ]  # keys `weekday` 1-7 Monday first, `hour_of_day` 0-23, in the zone asked
    by_parts: list[Row]  # key `parts`: 1, 2, 3 …
    maturity: list[MaturityPoint]
    bands: list[Band]
    sources: list[Source]
    versions: dict[str, str] = field(default_factory=dict)  # of this program, the engine, Python
