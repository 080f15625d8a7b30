"""Of which times nothing was heard, and from when on it is cheaper to list."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from receiver.alive import Heartbeat
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.known_parts import Part
from reconcile.plivo_log.outages import unheard, with_lead_in

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OUTAGE = Span(NOON, NOON + timedelta(hours=1))


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def parts(minute: int, *, sent: int, still_open: int) -> list[Part]:
    """Of one minute, so many before noon."""
    at = NOON - minutes(minute) - timedelta(seconds=30)
    return [
        Part(f"{minute}-{number}", at, number >= still_open, None, None) for number in range(sent)
    ]


def test_what_plivo_posts_again_after_an_outage_was_heard(tmp_path: Path) -> None:
    for since, until in ((-60.0, 0.0), (60.0, 120.0)):
        Heartbeat(tmp_path, "r", NOON + minutes(since)).beat(NOON + minutes(until))
    assert unheard(tmp_path, until=NOON + minutes(120)) == [Span(NOON, NOON + minutes(53))]


def test_minutes_with_a_row_a_page_open_beyond_the_usual_are_listed_with_the_outage() -> None:
    usual = [part for minute in range(3, 60) for part in parts(minute, sent=100, still_open=2)]
    before = [*parts(0, sent=100, still_open=40), *parts(1, sent=100, still_open=12)]
    below = parts(2, sent=100, still_open=6)
    assert with_lead_in(OUTAGE, [*usual, *before, *below]).from_at == NOON - minutes(2)


def test_where_nobody_ended_late_an_outage_is_listed_alone() -> None:
    usual = [part for minute in range(60) for part in parts(minute, sent=100, still_open=5)]
    assert with_lead_in(OUTAGE, usual) == OUTAGE
    assert with_lead_in(OUTAGE, []) == OUTAGE


def test_what_came_after_an_outage_does_not_widen_it() -> None:
    after = [
        Part(f"{second}", NOON + timedelta(seconds=second), False, None, None)
        for second in range(100)
    ]
    assert with_lead_in(OUTAGE, after) == OUTAGE
