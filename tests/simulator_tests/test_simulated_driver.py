"""The threads that let a simulation run by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from tests.simulator import Driver, Faults, Recorder, Settings, Simulation, orders, replies
from tests.simulator.driver import BACKLOG

HOOK = "https://hooks.example/delivery_report"


@contextmanager
def driving(simulation: Simulation, speed: float) -> Iterator[Driver]:
    driver = Driver(simulation, speed=speed)
    driver.start()
    try:
        yield driver
    finally:
        driver.stop()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.002)


def a_day(simulation: Simulation, messages: int) -> None:
    start = simulation.settings.start
    end = start + timedelta(days=1)
    simulation.generate(orders(3, messages, start, end), HOOK)
    simulation.generate_inbound(replies(3, 10, start, end), HOOK)


def test_threads_make_the_same_world_as_one_step_after_the_other() -> None:
    settings = Settings(legacy_rate=0.2, faults=Faults(lost=0.1, late=0.1, doubled=0.1))
    alone, driven = (Simulation(settings, Recorder()) for _ in range(2))
    a_day(alone, 100)
    alone.settle()
    with driving(driven, speed=200_000) as driver:
        a_day(driven, 100)
        driver.settle()
        assert driver.in_flight == 0
    assert driven.truth() == alone.truth()


def test_time_runs_by_itself_and_goes_on_after_a_settle() -> None:
    simulation = Simulation(deliver=Recorder())
    with driving(simulation, speed=100_000) as driver:
        a_day(simulation, 20)
        wait_for(lambda: len(simulation.messages) == 30)
        driver.settle()
        settled_at = simulation.now
        wait_for(lambda: simulation.now > settled_at)


def test_virtual_time_waits_for_a_slow_receiver() -> None:
    open_again = threading.Event()

    def stuck(*_request: object) -> int:
        open_again.wait(10)
        return 200

    simulation = Simulation(deliver=stuck)
    with driving(simulation, speed=1_000_000) as driver:
        a_day(simulation, 300)
        wait_for(lambda: driver.in_flight == BACKLOG)
        wait_for(lambda: simulation.now == simulation.now)
        held_at = simulation.now
        assert driver.in_flight == BACKLOG
        assert simulation.now == held_at
        open_again.set()
        driver.settle()
        assert simulation.status()["events_pending"] == 0
        assert simulation.now > held_at


def test_posts_of_one_message_are_never_under_way_together() -> None:
    under_way: set[str] = set()
    overlaps = []
    lock = threading.Lock()
    recorder = Recorder()

    def deliver(url: str, method: str, headers: dict[str, str], payload: str) -> int:
        uuid = payload.partition("ParentMessageUUID=")[2][:36]
        with lock:
            if uuid and uuid in under_way:
                overlaps.append(uuid)
            under_way.add(uuid)
        status = recorder(url, method, headers, payload)
        with lock:
            under_way.discard(uuid)
        return status

    simulation = Simulation(Settings(legacy_rate=1.0), deliver)  # type: ignore[arg-type]
    with driving(simulation, speed=1_000_000) as driver:
        a_day(simulation, 60)
        driver.settle()
    assert not overlaps
