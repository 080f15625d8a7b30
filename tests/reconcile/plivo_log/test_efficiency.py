"""Least pages needed / requests made is at least 0.95 on whole windows, whatever their size."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import ceil

import pytest

from receiver.config import Settings as OurSettings
from reconcile.plivo_log.coverage import Span
from tests.reconcile.plivo_log.test_against_the_simulator import Puller
from tests.simulator import Order, Served, Settings, Simulation, orders

START = datetime(2026, 11, 14, tzinfo=UTC)
DAY = timedelta(days=1)
BURST_AT = START + DAY + timedelta(hours=10)


@pytest.fixture(scope="module")
def sim() -> Simulation:
    """A day of 6,000 messages, then one that is empty but for a burst of 150 a second."""
    made = Simulation(
        Settings(seed=5, start=START, list_requests_per_minute=None), deliver=lambda *_: 200
    )
    made.generate(orders(5, 6_000, START, START + DAY))
    made.settle()
    for n in range(3_000):
        at = BURST_AT + timedelta(seconds=n / 150)
        made.send(Order(dst="447400123456", src="14155550101", text="Hi", at=at))
    made.settle()
    made.advance(START + 2 * DAY + timedelta(hours=2))
    return made


def cut(begin: datetime, end: datetime, step: timedelta) -> list[Span]:
    many = ceil((end - begin) / step)
    return [Span(begin + n * step, min(begin + (n + 1) * step, end)) for n in range(many)]


WINDOWS = {
    "a day": [Span(START, START + DAY)],
    "hours": cut(START, START + DAY, timedelta(hours=1)),
    "minutes": cut(START, START + timedelta(hours=4), timedelta(minutes=2)),
    "empty ones": cut(START + DAY, START + DAY + timedelta(hours=8), timedelta(minutes=10)),
    "a burst": [Span(START + DAY, START + 2 * DAY)],
}


@pytest.mark.parametrize("per_minute", ["20", "3600"])
@pytest.mark.parametrize("kind", WINDOWS)
def test_of_twenty_requests_nineteen_are_needed(
    sim: Simulation, settings_for: Callable[..., OurSettings], kind: str, per_minute: str
) -> None:
    windows = WINDOWS[kind]
    times = [datetime.fromisoformat(message.message_time) for message in sim.truth()]
    least = sum(max(1, ceil(sum(map(span.holds, times)) / 20)) for span in windows)
    before = sim.counts.list_requests_answered
    with Served(sim, threads=20) as plivo:
        puller = Puller(sim, plivo.url, settings_for, per_minute=per_minute)
        result = puller.pull(steps=windows)
    requests = sim.counts.list_requests_answered - before
    assert result.complete
    assert result.requests == requests
    print(f"{kind}, {per_minute}/min: {least} / {requests} = {least / requests:.3f}")
    assert least / requests >= 0.95
