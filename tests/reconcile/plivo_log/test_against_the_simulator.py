"""Days of traffic, pulled from the pretend Plivo while pages fail, are exactly its log."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import stamina

from receiver import day_files
from receiver.config import Settings as OurSettings
from reconcile.plivo_log import ledger
from reconcile.plivo_log.client import connect
from reconcile.plivo_log.coverage import Window, coverage
from reconcile.plivo_log.pull import PullResult, pull
from reconcile.plivo_log.windows import plan
from tests.simulator import Faults, Served, Settings, Simulation, orders
from tests.simulator.settings import Paging

START = datetime(2026, 11, 14, tzinfo=UTC)
DAYS = timedelta(days=2)


def simulation(paging: Paging, *, faults: Faults, per_minute: int | None = None) -> Simulation:
    settings = Settings(
        seed=5, start=START, paging=paging, legacy_rate=0.2, next_keeps_filters=False,
        full_page_has_next=True, list_requests_per_minute=per_minute, faults=faults,
    )  # fmt: skip
    made = Simulation(settings, deliver=lambda *_: 200)
    made.generate(orders(5, 700, START, START + DAYS), url="http://127.0.0.1:9/delivery_report")
    made.settle()
    made.advance(START + DAYS + timedelta(hours=1))
    return made


class Puller:
    """Pulls with the simulation's time; sleeping lets it pass."""

    def __init__(self, sim: Simulation, url: str, settings_for: Callable[..., OurSettings]) -> None:
        account = sim.settings.account.main
        self.sim = sim
        self.settings = settings_for(
            PLIVO_API_URL=url,
            PLIVO_AUTH_ID=account.auth_id,
            PLIVO_AUTH_TOKEN=account.auth_token,
            LOG_REQUESTS_PER_MINUTE=str(sim.settings.list_requests_per_minute or 100_000),
        )

    def pull(self, max_requests: int | None = None) -> PullResult:
        windows = plan(
            since=START, until=START + DAYS, ledger=self.ledger, open_at=[],
            now=self.sim.now, mode="pull",
        )  # fmt: skip
        clock = {"clock": self.clock, "sleep": self.sleep}
        with connect(self.settings, **clock) as client:
            return pull(
                self.settings, windows, client=client, now=lambda: self.sim.now,
                max_requests=max_requests,
            )  # fmt: skip

    def clock(self) -> float:
        return self.sim.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.sim.advance(self.sim.now + timedelta(seconds=seconds))

    @property
    def ledger(self) -> list[Window]:
        return ledger.read(self.settings.data_dir / "log")

    @property
    def stored(self) -> list[tuple[str, str, Decimal, int, datetime]]:
        names = ["message_uuid", "message_state", "total_amount", "units", "message_time"]
        files = day_files.live_files(self.settings.data_dir / "log")
        rows = [row for path in files for row in day_files.read(path, names).to_pylist()]
        return sorted(tuple(row[name] for name in names) for row in rows)


def truth(sim: Simulation) -> list[tuple[str, str, Decimal, int, datetime]]:
    return sorted(
        (
            part.message_uuid,
            part.log_row.state,
            Decimal(part.log_row.total_amount),
            part.units,
            datetime.fromisoformat(message.message_time),
        )
        for message in sim.truth()
        for part in message.parts
        if part.log_row
    )


@pytest.mark.parametrize("paging", ["offset", "cursor", "hybrid"])
def test_all_rows_arrive_once_in_every_paging_mode_while_pages_fail(
    paging: Paging, settings_for: Callable[..., OurSettings]
) -> None:
    sim = simulation(paging, faults=Faults(page_error=0.15, page_429=0.1))
    with stamina.set_testing(True, attempts=20, cap=True), Served(sim) as plivo:
        puller = Puller(sim, plivo.url, settings_for)
        assert puller.pull().complete
    assert puller.stored == truth(sim)
    assert [(c.from_at, c.until_at) for c in coverage(puller.ledger)] == [(START, START + DAYS)]


def test_pulls_of_a_few_requests_each_add_up_and_nothing_is_read_twice(
    settings_for: Callable[..., OurSettings],
) -> None:
    sim = simulation("offset", faults=Faults())
    with Served(sim) as plivo:
        puller = Puller(sim, plivo.url, settings_for)
        requests = 0
        while not (result := puller.pull(max_requests=3)).complete:
            assert result.requests == 3
            requests += 3
    assert puller.stored == truth(sim)
    pages = len(truth(sim)) / 20
    # Each stop reads the second of its last row again: a row more on the next page.
    assert requests + result.requests < 1.2 * pages + 5


def test_twenty_a_minute_are_never_refused(settings_for: Callable[..., OurSettings]) -> None:
    sim = simulation("offset", faults=Faults(), per_minute=20)
    with Served(sim) as plivo:
        puller = Puller(sim, plivo.url, settings_for)
        result = puller.pull()
    assert result.complete
    assert result.requests > 20
    assert sim.counts.list_requests_refused == 0
    assert puller.stored == truth(sim)
