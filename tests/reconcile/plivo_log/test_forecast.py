"""What a pull will cost, before a request is made."""

from datetime import UTC, datetime, timedelta

from reconcile.plivo_log.coverage import Span, Window
from reconcile.plivo_log.forecast import Load, forecast
from reconcile.plivo_log.rereads import Singly
from reconcile.rendering import notices

TODAY = datetime(2026, 3, 1, tzinfo=UTC)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def read(from_at: datetime, until_at: datetime, rows: int = 0, *, again: int = 0) -> Window:
    return Window(from_at, until_at, until_at + hours(1 + again), "listed", rows)


def test_a_window_costs_a_request_and_those_for_the_rows_known_before() -> None:
    ledger = [read(TODAY, TODAY + hours(2), rows=100), read(TODAY + hours(4), TODAY + hours(5))]
    spans = [
        Span(TODAY, TODAY + hours(2)),
        Span(TODAY + hours(1), TODAY + hours(2)),
        Span(TODAY + hours(4), TODAY + hours(5)),
        Span(TODAY + hours(5), TODAY + hours(6)),
    ]
    told = forecast(spans, ledger, Load(), per_minute=20, counts=False)
    assert (told.windows, told.requests, told.minutes) == (4, 5 + 3 + 1 + 1, 0.5)


def test_what_reports_tell_of_an_hour_is_expected_in_the_log() -> None:
    load = Load({TODAY: 400})
    told = forecast([Span(TODAY, TODAY + hours(1))], [], load, per_minute=20, counts=False)
    half = forecast([Span(TODAY, TODAY + hours(0.5))], [], load, per_minute=20, counts=False)
    assert (told.requests, half.requests) == (20, 10)


def test_of_an_outage_as_many_are_expected_as_of_the_time_around_it() -> None:
    load = Load({TODAY: 200, TODAY + hours(1): 0, TODAY + hours(2): 200},
                outages=[Span(TODAY + hours(1), TODAY + hours(2))])  # fmt: skip
    assert load.rows(Span(TODAY, TODAY + hours(3))) == 600
    assert load.unheard(Span(TODAY, TODAY + hours(3))) == 200


def test_an_outage_at_noon_is_expected_to_hold_more_than_the_mean_of_its_day() -> None:
    noon = TODAY + hours(12)
    load = Load(
        {TODAY + hours(n): 100 for n in range(24) if n not in (12, 13)}
        | {TODAY + hours(11): 1_700, noon: 30, TODAY + hours(14): 1_900},
        outages=[Span(noon, noon + hours(2))],
    )
    assert load.unheard(Span(TODAY, TODAY + hours(24))) == 3_600
    assert load.unheard(Span(noon + hours(1), TODAY + hours(24))) == 1_800


def test_large_days_are_counted_and_small_ones_listed() -> None:
    day = Span(TODAY, TODAY + hours(24))
    small = Load({TODAY + hours(n): 2_000 for n in range(24)})
    large = Load({TODAY + hours(n): 42_000 for n in range(24)})
    listed = forecast([day], [], small, per_minute=20, counts=True)
    counted = forecast([day], [], large, per_minute=20, counts=True)
    assert (listed.counted_windows, listed.requests) == (0, 2_400)
    assert counted.counted_windows == 1
    assert counted.requests <= 500
    assert counted.requests_by_listing == 50_400


def test_listing_keeps_up_with_fewer_messages_the_oftener_it_reads_each() -> None:
    once = forecast([], [], Load(), per_minute=20, counts=False)
    assert (once.readings, once.sustained_a_day) == (5.0, 115_200)
    span = (TODAY, TODAY + hours(1))
    twice = [read(*span, rows=60), read(*span, rows=60, again=6)]
    assert forecast([], twice, Load(), per_minute=20, counts=False).sustained_a_day == 288_000


def test_messages_that_are_asked_singly_cost_a_request_each_and_the_plan_says_so() -> None:
    window = read(TODAY, TODAY + hours(2), rows=400)
    told = forecast(
        [Singly(window.span, ("a", "b"))], [window], Load(), per_minute=20, counts=False
    )
    assert (told.requests, told.requests_by_listing) == (2, 20)
    assert "2 open messages are asked for one by one" in notices.plan(told, TODAY)
