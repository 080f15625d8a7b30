"""Days of traffic, pulled from the pretend Plivo while pages fail, are exactly its log."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import stamina

from receiver import day_files
from receiver.config import Settings as OurSettings
from reconcile import merging, run
from reconcile.plivo_log import ledger
from reconcile.plivo_log.client import connect
from reconcile.plivo_log.coverage import Window, coverage
from reconcile.plivo_log.pull import PullResult, pull
from reconcile.plivo_log.rereads import Open, Singly, Step
from reconcile.plivo_log.windows import Mode, plan
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

    def __init__(
        self,
        sim: Simulation,
        url: str,
        settings_for: Callable[..., OurSettings],
        *,
        per_minute: str | None = None,
    ) -> None:
        account = sim.settings.account.main
        self.sim = sim
        self.settings = settings_for(
            PLIVO_API_URL=url,
            PLIVO_AUTH_ID=account.auth_id,
            PLIVO_AUTH_TOKEN=account.auth_token,
            LOG_REQUESTS_PER_MINUTE=per_minute
            or str(sim.settings.list_requests_per_minute or 100_000),
        )

    def plan(self, mode: Mode = "pull", *, until: datetime = START + DAYS) -> list[Step]:
        return plan(
            since=START, until=until, ledger=self.ledger, still_open=self._still_open(mode),
            now=self.sim.now, mode=mode,
        )  # fmt: skip

    def _still_open(self, mode: Mode) -> list[Open]:
        if mode == "pull":
            return []
        merging.merge(self.settings)
        return run._known(self.settings, self.sim.now).still_open

    def pull(
        self, max_requests: int | None = None, *, steps: Sequence[Step] | None = None
    ) -> PullResult:
        clock = {"clock": self.clock, "sleep": self.sleep}
        with connect(self.settings, **clock) as client:
            return pull(
                self.settings, self.plan() if steps is None else steps, client=client,
                now=lambda: self.sim.now, max_requests=max_requests,
            )  # fmt: skip

    def clock(self) -> float:
        return self.sim.now.timestamp()

    def sleep(self, seconds: float) -> None:
        self.sim.advance(self.sim.now + timedelta(seconds=seconds))

    @property
    def ledger(self) -> list[Window]:
        return ledger.read(self.settings.data_dir / "log")

    @property
    def latest_states(self) -> dict[str, str]:
        names = ["message_uuid", "message_state", "pulled_at"]
        files = day_files.live_files(self.settings.data_dir / "log")
        rows = [row for path in files for row in day_files.read(path, names).to_pylist()]
        in_order = sorted(rows, key=lambda row: row["pulled_at"])
        return {row["message_uuid"]: row["message_state"] for row in in_order}

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


def test_what_was_open_when_listed_is_asked_singly_until_it_has_the_state_it_truly_has(
    settings_for: Callable[..., OurSettings],
) -> None:
    hour = START + timedelta(hours=1)
    sim = Simulation(
        Settings(seed=5, start=START, list_requests_per_minute=110), deliver=lambda *_: 200
    )
    sim.generate(orders(5, 2_000, START, hour), url="http://127.0.0.1:9/delivery_report")
    sim.advance(hour + timedelta(seconds=61))
    with Served(sim) as plivo:
        puller = Puller(sim, plivo.url, settings_for)
        puller.pull(steps=puller.plan(until=hour))
        listed: list[Step | Window] = [*puller.ledger]
        singly, requests = 0, []
        for age in (1, 6, 7):
            sim.advance(hour + timedelta(hours=age, minutes=1))
            steps = puller.plan("run", until=hour)
            singly += sum(isinstance(step, Singly) for step in steps)
            listed += [step for step in steps if not isinstance(step, Singly)]
            requests.append(puller.pull(steps=steps).requests)
    assert singly
    assert len(puller.ledger) == len(listed), "no line for messages asked singly"
    assert requests[0] >= requests[1] > requests[2] == 0, "at +1 h and +6 h, not at +7 h"
    assert puller.latest_states == {uuid: state for uuid, state, *_ in truth(sim)}
