"""I/O: a simulation served over HTTP, with its driver, in this process or as one of its own."""

import threading
from types import TracebackType
from typing import Self

import waitress

from tests.simulator.api import build_app
from tests.simulator.driver import Driver
from tests.simulator.simulation import Simulation


class Served:
    """Listens as soon as it exists, answers once it runs; with a driver, time runs too."""

    def __init__(
        self,
        simulation: Simulation,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        threads: int = 8,
        driver: Driver | None = None,
    ) -> None:
        self._driver = driver
        app = (
            build_app(simulation, settle=driver.settle, in_flight=lambda: driver.in_flight)
            if driver
            else build_app(simulation)
        )
        self._server = waitress.create_server(
            app, host=host, port=port, threads=threads, connection_limit=500
        )
        self.url = f"http://{host}:{self._server.effective_port}"
        self._closing = False
        self._thread = threading.Thread(target=self.run, name="simulator", daemon=True)

    def run(self) -> None:
        """Serves in this thread until `close` is called, from wherever."""
        if self._driver:
            self._driver.start()
        # waitress's own loop can only be left by an exception in its thread.
        while not self._closing:
            self._server.asyncore.loop(timeout=1, map=self._server._map, count=1)
        if self._driver:
            self._driver.stop()
        self._server.task_dispatcher.shutdown()

    def close(self) -> None:
        """Asks `run` to end; safe in a signal handler and in any thread."""
        self._closing = True
        self._server.pull_trigger()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()
        self._thread.join(timeout=15)
        # Not by `run`: `close` may still be about to write to the pipe that this closes.
        self._server.close()
        self._server.asyncore.close_all(map=self._server._map, ignore_all=True)
