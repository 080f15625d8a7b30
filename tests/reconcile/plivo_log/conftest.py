"""A world in which time passes only when somebody sleeps."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import stamina

from receiver import config, day_files
from receiver.config import Settings
from reconcile.plivo_log import client, ledger, pull
from reconcile.plivo_log.coverage import Span, Window
from tests.reconcile.plivo_log.fake_plivo import ACCOUNT, TOKEN, Answering, FakePlivo, serving


class Clock:
    """Seconds since 1970; sleeping is what moves it."""

    def __init__(self, at: datetime = datetime(2026, 11, 22, tzinfo=UTC)) -> None:
        self.seconds = at.timestamp()
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)


@dataclass
class World:
    """A pretend Plivo, a data folder, and a client between them."""

    plivo: FakePlivo
    settings: Settings
    clock: Clock
    client: client.LogClient

    def pull(self, *windows: Span, **limits: Any) -> pull.PullResult:
        return pull.pull(self.settings, windows, client=self.client, now=self.clock.now, **limits)

    @property
    def ledger(self) -> list[Window]:
        return ledger.read(self.settings.data_dir / "log")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """All rows on disk, in the order of the files."""
        found: list[dict[str, Any]] = []
        for path in day_files.live_files(self.settings.data_dir / "log"):
            found += day_files.read(path).to_pylist()
        return found

    @property
    def uuids(self) -> list[str]:
        return sorted(row["message_uuid"] for row in self.rows)


@pytest.fixture(autouse=True)
def no_waiting_between_retries() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings_for(tmp_path: Path) -> Callable[..., Settings]:
    def build(**given: str) -> Settings:
        environment = {
            "PLIVO_AUTH_ID": ACCOUNT,
            "PLIVO_AUTH_TOKEN": TOKEN,
            "DATA_DIR": str(tmp_path / "data"),
            "LOG_REQUESTS_PER_MINUTE": "120",  # one request at a time
        }
        return config.load(environment=environment | given)

    return build


@pytest.fixture
def world(settings_for: Callable[..., Settings], clock: Clock) -> Iterator[Callable[..., World]]:
    with ExitStack() as stack:

        def build(answer: Answering, **given: str) -> World:
            plivo = stack.enter_context(serving(answer))
            settings = settings_for(PLIVO_API_URL=plivo.url, **given)
            connected = client.connect(settings, clock=clock, sleep=clock.sleep)
            return World(plivo, settings, clock, stack.enter_context(connected))

        yield build
