"""On a terminal it is asked; a yes is a yes, anything else is a no."""

import os
import pty
import subprocess
import sys

import pytest

from tests import processes
from tests.receiver.account.making import environment
from tests.simulator import Served, Simulation


def on_a_terminal(api_url: str, answer: str) -> tuple[int, str]:
    """`setup --buy` with a person in front of it; its exit code, and what stood there."""
    person, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "receiver", "setup", "--buy", "--country", "US"],
        cwd=processes.ROOT,
        env=processes.environment(environment(api_url)),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(person, 1000)
    os.write(person, answer.encode())
    try:
        while more := os.read(person, 1000):
            shown += more
    except OSError:  # the other end is closed: that is how a terminal ends
        pass
    os.close(person)
    return process.wait(timeout=20), shown.decode()


@pytest.mark.parametrize(
    ("answer", "code", "numbers"),
    [("y\n", 0, 1), ("YES\n", 0, 1), ("n\n", 2, 0), ("\n", 2, 0), ("\x04", 2, 0)],
)
def test_a_number_is_rented_only_for_a_yes(answer: str, code: int, numbers: int) -> None:
    simulation = Simulation(deliver=lambda *_: 200)
    rented = len(simulation.book.numbers)
    with Served(simulation) as plivo:
        ended, shown = on_a_terminal(plivo.url, answer)
    assert "rent 12129000000 for 0.80000 a month" in shown
    assert "Traceback" not in shown
    assert ended == code, shown
    assert len(simulation.book.numbers) == rented + numbers
    assert bool(simulation.book.applications) == bool(numbers)
