"""Orders from a seed, and a world that is the same each time."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import phonenumbers
import pytest

from tests.simulator import Faults, Recorder, Settings, Simulation, orders, replies
from tests.simulator.routes import COUNTRIES, ROUTES, country_of, route_of
from tests.simulator.units import too_long, units_of
from tests.simulator.uuids import time_uuid

START = datetime(2026, 11, 14, tzinfo=UTC)
HOOK = "https://hooks.example/delivery_report"


def test_as_many_orders_as_asked_come_in_order_of_time() -> None:
    made = list(orders(1, 500, START, START + timedelta(days=3)))
    times = [order.at for order in made if order.at]
    assert len(times) == 500
    assert times == sorted(times)
    assert times[0] >= START
    assert times[-1] < START + timedelta(days=3)


def test_nights_are_quieter_than_evenings() -> None:
    hours = Counter(
        order.at.hour for order in orders(1, 3000, START, START + timedelta(days=5)) if order.at
    )
    assert hours[14] > 3 * hours[2]


def test_traffic_is_mixed() -> None:
    made = list(orders(1, 500, START, START + timedelta(days=1)))
    assert {country_of(order.dst) for order in made} == set(COUNTRIES)
    assert any(order.src and order.src.isalpha() for order in made)
    assert any(order.powerpack for order in made)
    assert {units_of(order.text) for order in made} >= {1, 2}
    assert len({order.tag for order in made}) == 4
    only = orders(1, 50, START, START + timedelta(hours=1), countries=["DE"], tags=[])
    assert {(order.dst[:2], order.tag) for order in only} == {("49", None)}


def test_every_phone_has_a_valid_number_of_its_country() -> None:
    for order in orders(1, 400, START, START + timedelta(days=1)):
        number = phonenumbers.parse("+" + order.dst)
        assert phonenumbers.is_valid_number(number)
        country = country_of(order.dst)
        assert country is not None
        assert phonenumbers.region_code_for_number(number) == country.iso2


def test_each_number_of_traffic_keeps_its_carrier() -> None:
    made = [order.dst for order in orders(1, 500, START, START + timedelta(days=1))]
    assert {route_of(dst) for dst in made} == set(ROUTES)
    assert [route_of(dst) for dst in made] == [route_of(dst) for dst in made]


@pytest.mark.parametrize("driver_steps", [1, 7])
def test_the_same_seed_makes_the_same_world(driver_steps: int) -> None:
    def world(steps: int) -> list[dict[str, object]]:
        settings = Settings(seed=3, legacy_rate=0.2, faults=Faults(lost=0.1, late=0.1, doubled=0.1))
        simulation = Simulation(settings, Recorder())
        end = START + timedelta(days=1)
        simulation.generate(orders(3, 60, START, end), HOOK)
        simulation.generate_inbound(replies(3, 10, START, end), HOOK)
        for step in range(steps):
            simulation.advance(START + timedelta(hours=step + 1))
        simulation.settle()
        return [message.as_json() for message in simulation.truth()]

    assert world(0) == world(driver_steps)


def test_another_seed_makes_another_world() -> None:
    def fates(seed: int) -> list[str | None]:
        simulation = Simulation(Settings(seed=seed), Recorder())
        simulation.generate(orders(3, 60, START, START + timedelta(days=1)))
        simulation.settle()
        return [message.parts[0].fate for message in simulation.truth()]

    assert fates(1) != fates(2)


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 135, 3),
        ("🚚" * 35, 1),
        ("🚚" * 36, 2),
        ("", 1),
    ],
)
def test_texts_are_split_by_the_rules_of_gsm_and_ucs2(text: str, units: int) -> None:
    assert units_of(text) == units


def test_texts_beyond_plivos_limits_are_too_long() -> None:
    assert not too_long("a" * 1600)
    assert too_long("a" * 1601)
    assert too_long("ж" * 738)


def test_a_version_1_uuid_carries_its_time() -> None:
    uuid = UUID(time_uuid(START + timedelta(microseconds=123), Random(1)))
    assert uuid.version == 1
    since = datetime(1582, 10, 15, tzinfo=UTC)
    assert since + timedelta(microseconds=uuid.time // 10) == START + timedelta(microseconds=123)


def test_truth_tells_nothing_of_the_future() -> None:
    simulation = Simulation(deliver=Recorder())
    simulation.generate(orders(3, 60, START, START + timedelta(hours=2)), HOOK)
    simulation.advance(START + timedelta(hours=1))
    now = simulation.now.isoformat()
    for message in simulation.truth():
        for part in message.parts:
            assert (part.final_at or "") < now
            assert all(report.generated_at < now for report in part.reports)
