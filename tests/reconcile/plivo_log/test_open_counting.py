"""Counting what the log calls sent finds whoever has ended there: on logs in memory."""

import random
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.plivo_log.counting import Look, Probe, Seen
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.open_counting import LogLags, OpenCount

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Span(MIDNIGHT, MIDNIGHT + timedelta(days=1))
PAGE = 20
UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=300)
Parts = Mapping[str, datetime]


@dataclass
class SentRows:
    """What the log calls sent, newest first."""

    rows: list[tuple[datetime, str]]
    requests: int = 0

    def __post_init__(self) -> None:
        self.rows.sort()
        self._times = [at for at, _ in self.rows]

    def answer(self, ask: Probe | Look) -> Seen:
        low, high = (bisect_left(self._times, at) for at in (ask.span.from_at, ask.span.until_at))
        rows = [(uuid, at) for at, uuid in self.rows[low:high][::-1]]
        if isinstance(ask, Look):
            self.requests += max(1, -(-len(rows) // PAGE))
            return Seen(tuple(rows))
        self.requests += 1
        return Seen(tuple(rows[ask.offset : ask.offset + PAGE]), more=len(rows) > ask.offset + PAGE)


def ended(held: Parts, log: SentRows) -> set[str]:
    count = OpenCount(held)
    found: set[str] = set()
    for window in count.held.spans(DAY):
        asking, seen = count.ended(window), None
        try:
            while True:
                seen = log.answer(asking.send(seen))
        except StopIteration as end:
            found |= end.value
    return found


def parts(number: int, seed: int = 1) -> dict[str, datetime]:
    draw = random.Random(seed)
    return {
        f"m{n}": MIDNIGHT + timedelta(microseconds=draw.randrange(86_400_000_000))
        for n in range(number)
    }


def rows_of(held: Parts, *without: str) -> list[tuple[datetime, str]]:
    return [(at, uuid) for uuid, at in held.items() if uuid not in without]


def test_fifty_thousand_that_are_still_open_cost_a_dozen_requests() -> None:
    held = parts(50_000)
    log = SentRows(rows_of(held))
    assert ended(held, log) == set()
    assert log.requests <= 12


def test_one_that_has_ended_among_fifty_thousand_is_found() -> None:
    held = parts(50_000)
    log = SentRows(rows_of(held, "m4711"))
    assert ended(held, log) == {"m4711"}
    assert log.requests <= 12 + 18


def test_where_all_have_ended_few_pages_tell() -> None:
    held = parts(5_000)
    log = SentRows([])
    assert ended(held, log) == set(held)
    assert log.requests <= 20


moments = st.integers(0, 4_000_000_000).map(
    lambda micros: MIDNIGHT + timedelta(microseconds=micros)
)


@UNHURRIED
@given(times=st.lists(moments, max_size=150), over=st.sets(st.integers(0, 150)))
def test_whoever_has_ended_is_found_and_nobody_else(times: list[datetime], over: set[int]) -> None:
    held = {f"m{n}": at for n, at in enumerate(times)}
    gone = {f"m{n}" for n in over} & held.keys()
    assert ended(held, SentRows(rows_of(held, *gone))) == gone


@UNHURRIED
@given(times=st.lists(moments, min_size=1, max_size=150), extra=st.sets(moments, min_size=1))
def test_more_open_rows_than_ours_are_a_log_that_lags(
    times: list[datetime], extra: set[datetime]
) -> None:
    held = {f"m{n}": at for n, at in enumerate(times)}
    log = SentRows([*rows_of(held), *((at, f"lags-{n}") for n, at in enumerate(extra))])
    with pytest.raises(LogLags):
        ended(held, log)


def test_a_row_that_is_not_of_ours_is_a_log_that_lags_even_if_the_number_is_right() -> None:
    held = parts(500)
    oldest = min(held, key=lambda uuid: held[uuid])
    newest = max(held, key=lambda uuid: held[uuid])
    log = SentRows([*rows_of(held, newest), (held[oldest], "lags")])
    with pytest.raises(LogLags):
        ended(held, log)


def test_an_end_and_a_lag_in_one_window_cancel_where_the_page_shows_neither() -> None:
    """The limit that COUNTING.md tells: the sample and the other pages must show the lag."""
    held = parts(500)
    newest = max(held, key=lambda uuid: held[uuid])
    log = SentRows([*rows_of(held, newest), (held[newest] - timedelta(seconds=1), "lags")])
    assert ended(held, log) == set()
