"""Messages whose rows are wanted: each alone, or all of a stretch where they lie close together."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconcile.plivo_log.coverage import SECOND, Span
from reconcile.plivo_log.rereads import Singly, Step, cheapest

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = Span(NOON, NOON + timedelta(hours=1))


def rows(span: Span) -> int:
    """Ten a second."""
    return int((span.until_at - span.from_at) / SECOND) * 10


def wanted(*seconds: float) -> list[tuple[datetime, str]]:
    return [(NOON + timedelta(seconds=at), f"m{n}") for n, at in enumerate(sorted(seconds))]


def alone(steps: list[Step]) -> set[str]:
    return {uuid for step in steps if isinstance(step, Singly) for uuid in step.message_uuids}


def test_messages_far_apart_are_asked_one_by_one() -> None:
    steps = cheapest(HOUR, wanted(5, 600, 3_000), rows)
    assert alone(steps) == {"m0", "m1", "m2"}
    assert not any(isinstance(step, Span) for step in steps)


def test_of_those_that_lie_close_together_the_seconds_are_listed() -> None:
    steps = cheapest(HOUR, wanted(5, *(1_800 + n / 20 for n in range(200))), rows)
    listed = [step for step in steps if isinstance(step, Span)]
    assert alone(steps) == {"m0"}
    assert sum(rows(span) for span in listed) / 20 <= 20
    assert all(span.until_at <= NOON + timedelta(seconds=1_830) for span in listed)


def test_nothing_wanted_costs_nothing() -> None:
    assert cheapest(HOUR, [], rows) == []


@given(seconds=st.lists(st.floats(0, 3_599), max_size=200))
def test_each_is_asked_and_never_for_more_than_one_request_each(seconds: list[float]) -> None:
    messages = wanted(*seconds)
    steps = cheapest(HOUR, messages, rows)
    spans = [step for step in steps if isinstance(step, Span)]
    seen = {uuid for at, uuid in messages if any(span.holds(at) for span in spans)}
    assert seen | alone(steps) == {uuid for _, uuid in messages}
    cost = len(alone(steps)) + sum(max(1, -(-rows(span) // 20)) for span in spans)
    assert cost <= len(messages)
