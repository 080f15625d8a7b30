"""However a window is cut into parts, each part holds exactly the rows of its time."""

import json
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.log_row import LogRow, read_row
from reconcile.plivo_log.page import START, Page, Position, read_page
from reconcile.plivo_log.walk import Walk

BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
WINDOW = Span(BEGIN, BEGIN + timedelta(seconds=12))
PAGE = 3


def log_of(halves: list[int]) -> list[LogRow]:
    """Newest first; half seconds put rows on the border between two seconds and beside it."""
    times = [BEGIN + timedelta(seconds=half / 2) for half in sorted(halves, reverse=True)]
    return [
        read_row(json.dumps({"message_uuid": f"{n:03d}", "message_time": at.isoformat()}))
        for n, at in enumerate(times)
    ]


def page_of(log: list[LogRow], walk: Walk) -> Page:
    rows = [row for row in log if row.message_time and walk.span.holds(row.message_time)]
    offset = walk.position.offset or 0
    more = len(rows) > offset + PAGE
    return Page(
        tuple(rows[offset : offset + PAGE]), Position(offset=offset + PAGE) if more else None
    )


@given(
    st.lists(st.integers(0, 23), max_size=40),
    st.lists(st.integers(1, 4), min_size=40, max_size=40),
)
def test_parts_that_are_closed_early_add_up_to_the_whole(
    halves: list[int], pages_each: list[int]
) -> None:
    log, found, left = log_of(halves), [], WINDOW
    for pages in [*pages_each, 1_000]:
        walk = Walk(left)
        while not walk.finished and (walk.pages < pages or walk.border is None):
            walk.take(page_of(log, walk), BEGIN)
        border = left.from_at if walk.finished else walk.border
        assert border is not None
        part = Span(border, left.until_at)
        held = sorted(str(row.message_uuid) for row in walk.rows_from(border))
        expected = [r.message_uuid for r in log if r.message_time and part.holds(r.message_time)]
        assert held == expected
        found += held
        if border == WINDOW.from_at:
            break
        left = Span(WINDOW.from_at, border)
    assert sorted(found) == [row.message_uuid for row in log]


def test_rows_of_one_moment_prove_no_order() -> None:
    """Oldest first would look the same so far, and nothing above them would have been seen."""
    walk = Walk(WINDOW)
    walk.take(page_of(log_of([6] * 10), walk), BEGIN)
    assert walk.border is None


def test_a_row_without_a_time_proves_no_order_either() -> None:
    walk = Walk(WINDOW)
    timeless = read_row('{"message_uuid": "x"}')
    walk.take(Page((*log_of([9, 8]), timeless), Position(offset=3)), BEGIN)
    assert walk.border is None
    walk.take(Page((), None), BEGIN)
    assert len(walk.rows_from(WINDOW.from_at)) == 3


@given(st.integers(0, 20), st.text('{}[],:"\\ \n\té\u2028', max_size=20))
def test_records_are_cut_out_exactly_whatever_their_text(count: int, text: str) -> None:
    records = [
        json.dumps({"message_uuid": str(n), text: [{text: text}]}, indent=n % 3 or None)
        for n in range(count)
    ]
    body = f' {{ "meta" : {json.dumps({"next": None, text: text})} , "objects":[ '
    body += " ,\n".join(records) + ' ] , "x" : {} }\n'
    assert [row.record for row in read_page(body, START).rows] == records
