"""`python -m tests.simulator`: prints where it listens, runs until SIGTERM or SIGINT."""

import signal
import sys
from types import FrameType

from tests.simulator.driver import Driver
from tests.simulator.options import parse_options
from tests.simulator.posting import HttpPoster
from tests.simulator.server import Served
from tests.simulator.simulation import Simulation


def main() -> int:
    """Wiring only."""
    options = parse_options()
    simulation = Simulation(options.settings, deliver=HttpPoster(options.forward))
    driver = Driver(simulation, speed=options.speed, posters=options.posters, until=options.until)
    served = Served(
        simulation,
        host=options.host,
        port=options.port,
        threads=options.threads,
        driver=driver,
    )

    def leave(_signal: int, _frame: FrameType | None) -> None:
        served.close()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    print(f"simulator listening on {served.url}", flush=True)
    served.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
