"""What is asked next: closed windows, newest first, nothing twice, nothing too old or too young."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.plivo_log.coverage import SECOND, Span, Window
from reconcile.plivo_log.rereads import Open, Singly, Step, span_of
from reconcile.plivo_log.windows import RETENTION, SETTLING, plan, within_retention

NOW = datetime(2026, 11, 22, 9, 0, 0, 500_000, tzinfo=UTC)
TODAY = datetime(2026, 11, 22, tzinfo=UTC)
END = datetime(2026, 11, 22, 8, 59, tzinfo=UTC)


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def read(
    from_at: datetime, until_at: datetime, *, after: timedelta = SETTLING, rows: int = 0, **how: Any
) -> Window:
    return Window(from_at, until_at, until_at + after, rows=rows, **how)


def asked(
    ledger: Sequence[Window] = (), *, open_at: Sequence[datetime] = (), **given: Any
) -> list[Step]:
    """Open messages without a row, unless `still_open` says more of them."""
    usual: dict[str, Any] = {
        "since": TODAY - hours(24), "until": NOW, "now": NOW, "mode": "run",
        "still_open": [Open(f"m{n}", at) for n, at in enumerate(open_at)],
    }  # fmt: skip
    return plan(ledger=ledger, **(usual | given))


def test_days_are_split_at_midnight_and_come_newest_first() -> None:
    assert asked(since=TODAY - hours(30)) == [
        Span(TODAY, END),
        Span(TODAY - hours(24), TODAY),
        Span(TODAY - hours(30), TODAY - hours(24)),
    ]


def test_a_window_ends_a_minute_before_now_on_a_whole_second() -> None:
    assert span_of(asked()[0]).until_at == END
    assert span_of(asked(until=NOW + hours(5))[0]).until_at == END


def test_borders_within_a_second_take_the_whole_second() -> None:
    begin = TODAY + hours(1)
    found = asked(since=begin + SECOND / 2, until=begin + SECOND * 1.5)
    assert found == [Span(begin, begin + 2 * SECOND)]


def test_nothing_is_asked_from_before_the_90_days() -> None:
    oldest = span_of(asked(since=NOW - timedelta(days=400))[-1]).from_at
    assert NOW - RETENTION <= oldest < NOW - RETENTION + SECOND
    assert asked(since=NOW - timedelta(days=400), until=NOW - timedelta(days=91)) == []


@pytest.mark.parametrize("mode", ["run", "pull"])
def test_an_empty_or_future_span_asks_for_nothing(mode: str) -> None:
    assert asked(since=NOW, until=NOW, mode=mode) == []
    assert asked(since=NOW - SECOND, mode=mode) == []


def test_a_run_reads_the_newest_first_then_what_is_due_then_the_backlog() -> None:
    ledger = [read(TODAY, TODAY + hours(7))]
    assert asked(ledger, open_at=[TODAY + hours(2)]) == [
        Span(TODAY + hours(7), END),
        Span(TODAY, TODAY + hours(7)),
        Span(TODAY - hours(24), TODAY),
    ]


@pytest.mark.parametrize(
    ("read_after", "age", "due"),
    [
        (0.02, 0.9, False), (0.02, 1.0, True), (1.0, 5.9, False), (1.0, 6.0, True),
        (6.5, 23.0, False), (6.5, 24.0, True), (24.0, 71.0, False), (24.0, 72.0, True),
        (72.0, 500.0, False), (0.02, 500.0, True),
    ],
)  # fmt: skip
def test_a_window_with_an_open_message_is_due_1_6_24_and_72_hours_after_its_end(
    read_after: float, age: float, *, due: bool
) -> None:
    until = NOW - hours(age)
    window = read(until - hours(1), until, after=hours(read_after))
    found = asked([window], since=until, open_at=[until - hours(0.5)])
    assert (window.span in found) is due


def test_a_window_is_not_read_again_once_all_in_it_is_final() -> None:
    ledger = [read(TODAY, TODAY + hours(1))]
    assert asked(ledger, since=TODAY, open_at=[]) == [Span(TODAY + hours(1), END)]
    assert asked(ledger, since=TODAY, open_at=[TODAY + hours(1)]) == [Span(TODAY + hours(1), END)]


def test_what_a_stopped_reading_left_stays_due() -> None:
    whole = read(TODAY, TODAY + hours(4))
    upper = read(TODAY + hours(2), TODAY + hours(4), after=hours(2))
    found = asked([whole, upper], since=TODAY, open_at=[TODAY + hours(1), TODAY + hours(3)])
    assert found == [Span(TODAY + hours(4), END), Span(TODAY, TODAY + hours(2))]


def test_a_pull_takes_what_is_not_listed_and_what_holds_an_open_message() -> None:
    ledger = [
        read(TODAY, TODAY + hours(1)),
        read(TODAY + hours(2), TODAY + hours(3)),
        read(TODAY + hours(4), TODAY + hours(5), how="counted"),
    ]
    assert asked(ledger, mode="pull", since=TODAY, open_at=[TODAY + hours(2)]) == [
        Span(TODAY + hours(3), END),
        Span(TODAY + hours(1), TODAY + hours(2)),
        Span(TODAY + hours(2), TODAY + hours(3)),
    ]


def test_a_pull_that_goes_on_leaves_out_what_it_has_read() -> None:
    ledger = [read(TODAY, TODAY + hours(1)), read(TODAY + hours(2), TODAY + hours(3))]
    common: dict[str, Any] = {"mode": "pull", "since": TODAY, "until": TODAY + hours(3)}
    moments = [TODAY, TODAY + hours(2)]
    began_at = TODAY + hours(3)
    assert asked(ledger, open_at=moments, started_at=began_at, **common) == [
        Span(TODAY + hours(1), TODAY + hours(2)),
        Span(TODAY, TODAY + hours(1)),
    ]


def test_again_takes_all_but_what_the_same_pull_has_read() -> None:
    ledger = [read(TODAY, TODAY + hours(1)), read(TODAY + hours(2), TODAY + hours(3))]
    common: dict[str, Any] = {"mode": "pull", "since": TODAY, "until": TODAY + hours(3)}
    assert asked(ledger, again=True, **common) == [Span(TODAY, TODAY + hours(3))]
    assert asked(ledger, again=True, started_at=TODAY + hours(3), **common) == [
        Span(TODAY, TODAY + hours(2))
    ]


def listed_by_now(rows: int, age: float, after: float) -> tuple[Window, list[Open]]:
    """A window of an hour that ended so long ago, and three open messages seen when it was read."""
    until = NOW.replace(microsecond=0) - hours(age)
    window = read(until - hours(1), until, after=hours(after), rows=rows)
    seen_at = window.read_at + SECOND
    return window, [Open(f"m{n}", until - hours(0.5), seen_at) for n in range(3)]


def test_few_open_messages_of_a_large_window_are_asked_for_singly() -> None:
    """Three requests instead of four; of sixty rows listing costs no more."""
    window, messages = listed_by_now(61, age=2, after=0.1)
    assert asked([window], since=window.until_at, still_open=messages)[1:] == [
        Singly(window.span, ("m0", "m1", "m2"))
    ]
    window, messages = listed_by_now(60, age=2, after=0.1)
    assert asked([window], since=window.until_at, still_open=messages)[1:] == [window.span]


def test_a_message_without_a_row_sends_its_window_to_listing() -> None:
    window, messages = listed_by_now(500, age=2, after=0.1)
    messages.append(Open("never seen", window.from_at))
    assert asked([window], since=window.until_at, still_open=messages)[1:] == [window.span]


@pytest.mark.parametrize(("asked_after", "due"), [(1.1, 0), (0.5, 3)])
def test_a_message_that_was_asked_singly_is_not_due_before_the_next_step(
    asked_after: float, due: int
) -> None:
    window, messages = listed_by_now(500, age=5, after=0.1)
    at = window.until_at + hours(asked_after)
    messages = [Open(m.message_uuid, m.message_time, at) for m in messages]
    found = asked([window], since=window.until_at, still_open=messages)[1:]
    assert [len(step.message_uuids) for step in found if isinstance(step, Singly)] == (
        [due] if due else []
    )
    assert len(found) == (1 if due else 0)


def test_a_pull_that_goes_on_does_not_ask_a_message_twice() -> None:
    window, messages = listed_by_now(500, age=5, after=0.1)
    began_at = NOW - hours(0.2)
    messages[0] = Open("m0", messages[0].message_time, NOW - hours(0.1))
    common: dict[str, Any] = {"mode": "pull", "since": window.from_at, "until": window.until_at}
    assert asked([window], still_open=messages, started_at=began_at, **common) == [
        Singly(window.span, ("m1", "m2"))
    ]


moments = st.integers(0, 200 * 3600).map(lambda seconds: NOW - timedelta(seconds=seconds / 1.7))
listed = (
    st.tuples(moments, moments)
    .map(sorted)
    .map(lambda pair: read(*(m.replace(microsecond=0) for m in pair)))
)


@given(st.lists(listed, max_size=6), moments, moments, st.sampled_from(["run", "pull"]))
def test_what_is_planned_and_what_is_listed_are_all_that_was_asked_for(
    ledger: list[Window], since: datetime, until: datetime, mode: str
) -> None:
    spans = [span_of(step) for step in asked(ledger, since=since, until=until, mode=mode)]
    for span in spans:
        assert span.from_at < span.until_at <= NOW - SETTLING
        assert span.from_at.date() == (span.until_at - SECOND).date()
        assert not span.from_at.microsecond + span.until_at.microsecond
        assert not any(w.span.holds(span.from_at) for w in ledger)
    for moment in (since, until - SECOND, since + (until - since) / 2):
        if since <= moment < min(until, NOW - SETTLING - SECOND):
            known = [s for s in spans if s.holds(moment)]
            known += [w.span for w in ledger if w.span.holds(moment)]
            assert known


def test_of_time_beyond_retention_only_the_rest_is_read() -> None:
    border = NOW.replace(microsecond=0) - RETENTION + SECOND
    assert within_retention(Span(border - hours(1), border + hours(1)), NOW) == Span(
        border, border + hours(1)
    )
    assert within_retention(Span(border - hours(1), border), NOW) is None
