"""What was read, and how: compared second by second with the plain rule."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reconcile.merging import read_times
from reconcile.merging.read_times import ReadTimes
from reconcile.plivo_log.coverage import (
    HOWS,
    Span,
    Window,
    by_account,
    coverage,
    latest_read_at,
    readings,
    without,
)

DAY = datetime(2026, 11, 20, tzinfo=UTC)
SECONDS = 30


def at(second: int) -> datetime:
    return DAY + timedelta(seconds=second)


second = st.integers(0, SECONDS)
spans = st.tuples(second, second).map(sorted).map(lambda pair: Span(at(pair[0]), at(pair[1])))
windows = st.builds(
    lambda span, read_at, how: Window(span.from_at, span.until_at, at(read_at), how),
    spans,
    second,
    st.sampled_from(HOWS),
)


@given(st.lists(windows, max_size=8))
def test_coverage_says_of_each_second_the_best_way_it_was_read(ledger: list[Window]) -> None:
    intervals = coverage(ledger)
    for moment in map(at, range(SECONDS + 1)):
        hows = [w.how for w in ledger if w.span.holds(moment)]
        expected = next((how for how in ("listed", "counted", "imported") if how in hows), None)
        found = [i.how for i in intervals if i.from_at <= moment < i.until_at]
        assert found == ([expected] if expected else [])


@given(st.lists(windows, max_size=8))
def test_coverage_is_sorted_disjoint_and_merged(ledger: list[Window]) -> None:
    intervals = coverage(ledger)
    for one, following in pairwise(intervals):
        assert one.until_at <= following.from_at
        assert one.until_at < following.from_at or one.how != following.how


@given(st.lists(windows, max_size=8))
def test_a_reading_is_the_last_listing_of_each_second(ledger: list[Window]) -> None:
    found = readings(ledger)
    for moment in map(at, range(SECONDS + 1)):
        reads = [w.read_at for w in ledger if w.how == "listed" and w.span.holds(moment)]
        now = [r.window.read_at for r in found if r.span.holds(moment)]
        assert now == ([max(reads)] if reads else [])


@given(st.lists(spans, max_size=6), spans)
def test_what_is_left_of_a_span_is_what_no_other_holds(taken: list[Span], whole: Span) -> None:
    left = without([whole], taken)
    for moment in map(at, range(SECONDS + 1)):
        expected = whole.holds(moment) and not any(span.holds(moment) for span in taken)
        assert sum(span.holds(moment) for span in left) == expected


def test_the_latest_reading_of_an_empty_ledger_is_none() -> None:
    assert latest_read_at([]) is None
    assert latest_read_at([Window(at(0), at(1), at(9)), Window(at(1), at(2), at(5))]) == at(9)


@given(st.lists(windows, max_size=6), st.lists(windows, max_size=6))
def test_read_otherwise_are_the_seconds_of_which_two_readings_differ(
    before: list[Window], now: list[Window]
) -> None:
    then_read, now_read = (ReadTimes(by_account(ledger, [None])) for ledger in (before, now))
    spans = now_read.other_than(then_read)
    for moment in map(at, range(SECONDS + 1)):
        hows = [
            {i.how for i in read.by_account[""] if i.from_at <= moment < i.until_at}
            for read in (then_read, now_read)
        ]
        assert any(span.holds(moment) for span in spans) == (hows[0] != hows[1])


def test_an_account_that_nobody_knew_changes_no_reading() -> None:
    ledger = [Window(at(0), at(9), at(9))]
    before, now = (
        ReadTimes(by_account(ledger, [None])),
        ReadTimes(by_account(ledger, [None, "MA1"])),
    )
    assert now.other_than(before) == []
    assert before.other_than(now) == [Span(at(0), at(9))]


@given(st.lists(windows, max_size=6))
def test_read_times_are_remembered_as_they_are(ledger: list[Window]) -> None:
    read = ReadTimes(by_account(ledger, [None, "MA1"]))
    assert read_times.from_said(json.loads(json.dumps(read.said()))) == read
