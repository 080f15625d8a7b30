"""Routes that Plivo does not have: the truth, the clock, traffic; loopback only, no login."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import bottle

from tests.simulator.faults import Faults
from tests.simulator.simulation import Simulation
from tests.simulator.times import parse_iso
from tests.simulator.traffic import orders, replies

_LOOPBACK = ("127.0.0.1", "::1", "")


def add_control_routes(
    app: bottle.Bottle,
    simulation: Simulation,
    settle: Callable[[], None],
    in_flight: Callable[[], int],
) -> None:
    """All under /simulator/."""
    control = _Control(simulation, settle, in_flight)
    app.route("/simulator/truth", "GET", callback=control.truth)
    app.route("/simulator/status", "GET", callback=control.status)
    app.route("/simulator/settle", "POST", callback=control.settle)
    app.route("/simulator/traffic", "POST", callback=control.traffic)
    app.route("/simulator/faults", "POST", callback=control.faults)


class _Control:
    def __init__(
        self, simulation: Simulation, settle: Callable[[], None], in_flight: Callable[[], int]
    ) -> None:
        self._simulation = simulation
        self._settle = settle
        self._in_flight = in_flight

    def truth(self) -> Iterator[str]:
        _only_from_here()
        bottle.response.content_type = "application/x-ndjson"
        return (json.dumps(told.as_json()) + "\n" for told in self._simulation.iter_truth())

    def status(self) -> dict[str, object]:
        _only_from_here()
        return {**self._simulation.status(), "posts_in_flight": self._in_flight()}

    def settle(self) -> dict[str, object]:
        _only_from_here()
        self._settle()
        return self.status()

    def traffic(self) -> dict[str, object]:
        """Plans orders (and inbound messages) from now on over so many virtual hours."""
        _only_from_here()
        wanted: dict[str, Any] = bottle.request.json or {}
        simulation = self._simulation
        start = parse_iso(wanted["start"]) if wanted.get("start") else simulation.now
        end = start + timedelta(hours=float(wanted.get("hours", 24)))
        seed = int(wanted.get("seed", simulation.settings.seed))
        messages, inbound = int(wanted.get("messages", 0)), int(wanted.get("inbound", 0))
        asked = {
            name: wanted[name]
            for name in ("countries", "tags", "powerpack_rate", "long_rate", "unicode_rate")
            if name in wanted
        }
        simulation.generate(
            orders(seed, messages, start, end, **asked),
            wanted.get("url"),
            wanted.get("method", "POST"),
        )
        simulation.generate_inbound(
            replies(seed, inbound, start, end),
            wanted.get("message_url"),
            wanted.get("message_method", "POST"),
        )
        return {"messages": messages, "inbound": inbound}

    def faults(self) -> dict[str, object]:
        """Replaces all faults, for the messages sent and the pages asked for from now on."""
        _only_from_here()
        simulation = self._simulation
        faults = Faults(**(bottle.request.json or {}))
        with simulation.lock:
            simulation.settings = replace(simulation.settings, faults=faults)
        return asdict(faults)


def _only_from_here() -> None:
    if bottle.request.environ.get("REMOTE_ADDR", "") not in _LOOPBACK:
        raise bottle.HTTPError(404, "Not found")
