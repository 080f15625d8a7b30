"""Several windows read at once: as exact as one at a time, only where the quota calls for it."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from receiver import day_files
from reconcile.plivo_log import ledger, reader
from reconcile.plivo_log.coverage import Span, Window, coverage
from reconcile.plivo_log.errors import Refused, Unavailable
from tests.processes import ROOT, environment, wait_until
from tests.reconcile.plivo_log.conftest import World
from tests.reconcile.plivo_log.fake_plivo import NOON, Asked, FakeLog, Reply, traffic
from tests.simulator import Faults, Served, Settings, Simulation, orders

Build = Callable[..., World]
MANY = {"LOG_REQUESTS_PER_MINUTE": "100000"}
MIDNIGHT = NOON.replace(hour=0)
HOURS = [Span(NOON - timedelta(hours=n + 1), NOON - timedelta(hours=n)) for n in range(12)]


class Slow:
    """A log whose pages take a while; how many were under way at once."""

    def __init__(self, rows: int, every: float = 40.0) -> None:
        self.log = FakeLog(traffic(rows, every=every))
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()

    def __call__(self, asked: Asked) -> Reply:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.01)
        reply = self.log(asked)
        with self._lock:
            self._now -= 1
        return reply


@pytest.mark.parametrize(("per_minute", "several"), [("20", False), ("120", False), ("600", True)])
def test_more_than_one_request_is_under_way_only_where_the_quota_is_large(
    world: Build, per_minute: str, *, several: bool
) -> None:
    slow = Slow(1_000)
    there = world(slow, LOG_REQUESTS_PER_MINUTE=per_minute)
    assert there.pull(*HOURS).complete
    assert (slow.most > 1) is several
    assert slow.most <= 5
    assert len(there.uuids) == 1_000


@pytest.mark.parametrize("paging", ["offset", "cursor", "hybrid"])
def test_a_large_window_is_shared_out_and_every_row_is_stored_once(
    world: Build, paging: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_PAGES_TO_JUDGE_BY", 10)
    monkeypatch.setattr(reader, "_PAGES_TO_SHARE", 20)
    slow = Slow(4_000, every=10)
    slow.log.paging = paging
    there = world(slow, **MANY)
    assert there.pull(Span(MIDNIGHT, NOON)).complete
    assert slow.most > 2
    assert there.uuids == sorted(one["message_uuid"] for one in slow.log.rows)
    assert [(c.from_at, c.until_at) for c in coverage(there.ledger)] == [(MIDNIGHT, NOON)]
    assert len(there.plivo.asked) <= 4_000 / 20 * 1.2


def test_a_limit_of_requests_holds_and_what_was_under_way_is_kept(world: Build) -> None:
    there = world(Slow(1_000), **MANY)
    result = there.pull(*HOURS, max_requests=30)
    assert (result.requests, result.why_stopped) == (30, "max_requests")
    assert len(there.plivo.asked) == 30
    assert len(there.rows) >= 25 * 19


def test_a_refusal_ends_them_all(world: Build) -> None:
    there = world(lambda _: Reply('{"error":"bad auth"}', 401), **MANY)
    with pytest.raises(Refused):
        there.pull(*HOURS)
    assert there.ledger == []
    asked = len(there.plivo.asked)
    time.sleep(0.1)
    assert len(there.plivo.asked) == asked <= len(HOURS)


def test_where_one_window_fails_the_others_stay_read_as_far_as_they_came(world: Build) -> None:
    slow = Slow(1_000)
    broken = f"{HOURS[5].from_at:%Y-%m-%d %H:%M:%S}"

    def failing(asked: Asked) -> Reply:
        reply = slow(asked)
        return Reply(status=503) if asked.query["message_time__gte"] == broken else reply

    there = world(failing, **MANY)
    with pytest.raises(Unavailable):
        there.pull(*HOURS)
    assert there.ledger
    assert all(HOURS[5] != window.span for window in there.ledger)
    assert exact(there.ledger, there.rows, slow.log.rows)


def test_too_many_requests_make_all_of_them_wait(world: Build) -> None:
    slow = Slow(1_000)
    refused = iter([True] * 5)

    def busy(asked: Asked) -> Reply:
        return Reply('{"error":"too many"}', 429) if next(refused, False) else slow(asked)

    there = world(busy, **MANY)
    assert there.pull(*HOURS).complete
    assert sum(there.clock.slept) >= 1
    assert len(there.uuids) == 1_000


def exact(windows: list[Window], stored: list[dict[str, Any]], rows: list[dict[str, Any]]) -> bool:
    """Whether every row of every window of the ledger is stored."""
    held = {row["message_uuid"] for row in stored}
    times = {
        row["message_uuid"]: datetime.fromisoformat(row["message_time"]).astimezone(UTC)
        for row in rows
    }
    return all(uuid in held for w in windows for uuid, at in times.items() if w.span.holds(at))


@pytest.fixture(scope="module")
def a_day() -> Iterator[tuple[Simulation, str, datetime]]:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=5)
    settings = Settings(
        seed=5, start=start, list_requests_per_minute=None, faults=Faults(slow_page=0.02)
    )
    sim = Simulation(settings, deliver=lambda *_: 200)
    sim.generate(orders(5, 4_000, start, start + timedelta(days=1)))
    sim.settle()
    sim.advance(start + timedelta(days=5))
    with Served(sim, threads=24) as served:
        yield sim, served.url, start


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_killed_in_the_middle_and_started_again_it_has_every_row_and_asks_little_twice(
    tmp_path: Path, a_day: tuple[Simulation, str, datetime], number: signal.Signals
) -> None:
    sim, url, start = a_day
    account = sim.settings.account.main
    settings = environment({
        "PLIVO_API_URL": url, "PLIVO_AUTH_ID": account.auth_id, "DATA_DIR": str(tmp_path),
        "PLIVO_AUTH_TOKEN": account.auth_token, **MANY,
    })  # fmt: skip
    day = ["--since", f"{start:%Y-%m-%d}", "--until", f"{start + timedelta(days=1):%Y-%m-%d}"]
    command = [sys.executable, "-m", "reconcile", "pull", *day]
    before = sim.counts.list_requests_answered
    first = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.PIPE)
    wait_until(lambda: sim.counts.list_requests_answered >= before + 140, seconds=60)
    first.send_signal(number)
    first.communicate(timeout=30)
    assert first.returncode == (3 if number == signal.SIGTERM else -number)
    windows = ledger.read(tmp_path / "log")
    truth = [
        {"message_uuid": part.message_uuid, "message_time": message.message_time}
        for message in sim.truth() for part in message.parts
    ]  # fmt: skip
    assert exact(windows, rows_of(tmp_path), truth)
    assert windows
    done = subprocess.run(
        command, cwd=ROOT, env=settings, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    requests = sim.counts.list_requests_answered - before
    assert {row["message_uuid"] for row in rows_of(tmp_path)} == {
        row["message_uuid"] for row in truth
    }
    covered = coverage(ledger.read(tmp_path / "log"))
    assert [(c.from_at, c.until_at) for c in covered] == [(start, start + timedelta(days=1))]
    # What a kill costs: the pages under way, and those that were not flushed yet.
    assert requests <= 200 / 0.9 + (100 + 16 if number == signal.SIGKILL else 16)


def rows_of(data_dir: Path) -> list[dict[str, Any]]:
    files = day_files.live_files(data_dir / "log")
    return [row for path in files for row in day_files.read(path, ["message_uuid"]).to_pylist()]
