"""A day of the pretend Plivo, counted: everything that listing would find, for fewer requests."""

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

import reconcile
from receiver import day_files
from receiver.alive import PLIVO_RETRIES
from receiver.callback import report_fields
from receiver.columns import REPORTS
from receiver.config import Settings as OurSettings
from reconcile.plivo_log import forecast, ledger, outages
from reconcile.plivo_log.asked_states import AskedStates
from reconcile.plivo_log.client import connect
from reconcile.plivo_log.counted_pull import CountedPull
from reconcile.plivo_log.coverage import Span, Window, coverage, without
from reconcile.plivo_log.forecast import SAMPLE_OF_A_DAY, Load
from reconcile.plivo_log.known_parts import KnownParts
from reconcile.plivo_log.page import PAGE_ROWS
from reconcile.plivo_log.pull import PullResult, pull
from tests.builders import clock, report, write_reports
from tests.simulator import Faults, Served, Settings, Simulation, orders
from tests.simulator import paging as simulated_paging
from tests.simulator.settings import Paging

Row = dict[str, Any]
START = datetime(2026, 11, 14, tzinfo=UTC)
DAY = Span(START, START + timedelta(days=1))
LATER = timedelta(days=5)
MESSAGES = 1_200
ENDS = ("delivered", "undelivered", "failed")
COUNT_OF_STATES = 2  # of the queued and of the sent, for up to 5,000 that do not end
QUOTA = 0  # a minute: so that any day is too large to be listed


class World:
    """A day of traffic, its reports in a data folder, its log behind the API."""

    def __init__(
        self,
        settings_for: Callable[..., OurSettings],
        faults: Faults | None = None,
        *,
        paging: Paging = "offset",
        lose: Callable[[Row], bool] = lambda _: False,
        signature: str = "v3",
        messages: int = MESSAGES,
        later: timedelta = LATER,
    ) -> None:
        self.rows: list[Row] = []
        numbers = itertools.count(1)

        def deliver(_url: str, _method: str, _headers: Mapping[str, str], payload: str) -> int:
            row: Row = dict.fromkeys(REPORTS.names)
            row |= report_fields(payload.encode()) | {
                "report_id": f"{next(numbers):09d}", "received_at": self.sim.now,
                "kind": "delivery_report", "http_method": "POST", "signature": signature,
                "account": self.sim.settings.account.main.auth_id, "body": payload,
            }  # fmt: skip
            if not lose(row):
                self.rows.append(row)
            return 200

        self.sim = Simulation(
            Settings(seed=5, start=START, paging=paging, list_requests_per_minute=None,
                     faults=faults or Faults()),
            deliver=deliver,
        )  # fmt: skip
        self.sim.generate(orders(5, messages, *_within(DAY)), url="http://127.0.0.1:9/dlr")
        self.sim.settle()
        self.sim.advance(DAY.until_at + later)
        self._settings_for = settings_for

    def pulled(self, extra: Sequence[Row] = (), max_requests: int | None = None) -> PullResult:
        account = self.sim.settings.account.main
        with Served(self.sim) as plivo:
            self.settings = self._settings_for(
                PLIVO_API_URL=plivo.url, PLIVO_AUTH_ID=account.auth_id,
                PLIVO_AUTH_TOKEN=account.auth_token, LOG_REQUESTS_PER_MINUTE="100000",
            )  # fmt: skip
            if not (self.data_dir / "reports").exists():
                write_reports(self.data_dir, [*self.rows, *extra])
            return self._pull(max_requests)

    def _pull(self, max_requests: int | None) -> PullResult:
        def now() -> datetime:
            return self.sim.now

        read = ledger.read(self.data_dir / "log")
        with connect(self.settings) as client, KnownParts(self.settings, client.account) as known:
            return pull(
                self.settings,
                without([DAY], [window.span for window in read]),
                client=client,
                now=now,
                max_requests=max_requests,
                counting=lambda reader: CountedPull(
                    reader,
                    known,
                    AskedStates(self.data_dir / "state", client.account),
                    ledger=read,
                    unheard=outages.unheard(self.data_dir / "reports", until=now()),
                    now=now(),
                    per_minute=QUOTA,
                ),
            )

    @property
    def data_dir(self) -> Path:
        return self.settings.data_dir

    @property
    def ledger(self) -> list[Window]:
        return ledger.read(self.data_dir / "log")

    @property
    def stored(self) -> set[str]:
        files = day_files.live_files(self.data_dir / "log")
        return {
            uuid for path in files
            for uuid in day_files.read(path, ["message_uuid"])["message_uuid"].to_pylist()
        }  # fmt: skip

    @property
    def true_parts(self) -> set[str]:
        return {part.message_uuid for m in self.sim.truth() for part in m.parts if part.log_row}

    def everything_is_known(self) -> None:
        """Of every row in the log we hold a report or the row itself; every moment was read."""
        reported = {row["message_uuid"] for row in self.rows}
        assert self.true_parts <= reported | self.stored
        assert _whole(self.ledger)
        found = reconcile.messages(data_dir=self.data_dir)
        roots = {message.message_uuid for message in self.sim.truth()}
        assert set(found["message_uuid"]) >= roots
        mine = found[found["message_uuid"].isin(roots)]
        assert not set(mine["match"]) & {"not_pulled", "log_missing"}


def _within(span: Span) -> tuple[datetime, datetime]:
    return span.from_at + timedelta(minutes=1), span.until_at - timedelta(minutes=1)


def _whole(windows: Sequence[Window]) -> bool:
    covered = coverage(windows)
    return bool(covered) and all(
        one.until_at == other.from_at for one, other in itertools.pairwise(covered)
    ) and (covered[0].from_at, covered[-1].until_at) == (DAY.from_at, DAY.until_at)  # fmt: skip


def say_alive(world: World, data_dir: Path, outage: Span) -> None:
    """The receiver's folder, from an hour before the day until now, but for the outage."""
    (data_dir / "reports").mkdir(parents=True)
    write_reports(data_dir, world.rows)
    beats = [(START - timedelta(hours=1), outage.from_at),
             (outage.until_at, DAY.until_at + LATER)]  # fmt: skip
    lines = [{"from": a.isoformat(), "until": b.isoformat(), "receiver": "r"} for a, b in beats]
    (data_dir / "reports" / "_alive.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in lines)
    )


def lost(share: int) -> Callable[[Row], bool]:
    """All reports of one message in so many."""
    return lambda row: crc32(row["message_uuid"][:8].encode()) % share == 0


def test_whole_reports_are_proved_complete_with_a_few_requests(
    settings_for: Callable[..., OurSettings],
) -> None:
    world = World(settings_for)
    result = world.pulled()
    assert result.complete
    assert result.requests <= 5 + SAMPLE_OF_A_DAY + COUNT_OF_STATES
    assert {window.how for window in world.ledger} == {"counted"}
    assert sum(window.rows for window in world.ledger) == len(world.true_parts)
    world.everything_is_known()


@pytest.mark.parametrize("share", [500, 20, 2])
def test_messages_without_any_report_are_all_found(
    settings_for: Callable[..., OurSettings], share: int
) -> None:
    world = World(settings_for, lose=lost(share))
    assert world.pulled().complete
    unreported = world.true_parts - {row["message_uuid"] for row in world.rows}
    assert unreported
    assert unreported <= world.stored
    world.everything_is_known()


def test_where_everything_goes_wrong_nothing_is_missed(
    settings_for: Callable[..., OurSettings],
) -> None:
    faults = Faults(
        lost=0.1, doubled=0.1, late=0.05, reordered=0.1, no_receipt=0.05, status_conflict=0.05,
        final_change=0.05, log_behind=0.05, late_row=0.1, redacted=0.1, page_error=0.02,
    )  # fmt: skip
    world = World(settings_for, faults, lose=lost(100))
    assert world.pulled().complete
    world.everything_is_known()


def test_what_has_not_ended_by_our_reports_is_asked_of_the_log(
    settings_for: Callable[..., OurSettings],
) -> None:
    """A lost final report does not change the count; its end is found all the same."""
    world = World(settings_for, lose=lambda row: row["status"] in ENDS and lost(10)(row))
    assert world.pulled().complete
    final = {p.message_uuid for m in world.sim.truth() for p in m.parts if p.fate in ENDS}
    open_by_reports = final - {r["message_uuid"] for r in world.rows if r["status"] in ENDS}
    assert open_by_reports
    assert open_by_reports <= world.stored
    found = reconcile.messages(data_dir=world.data_dir)
    assert not set(found["outcome"]) & {"pending"}


def test_an_outage_hides_no_message_and_no_end(
    settings_for: Callable[..., OurSettings], caplog: pytest.LogCaptureFixture
) -> None:
    """Neither of what was sent in it, nor before it; its last minutes came by Plivo's retries."""
    odd = timedelta(microseconds=570_003)  # nobody falls ill on the second
    outage = Span(START + timedelta(hours=12) + odd, START + timedelta(hours=14) + odd)
    heard_again = outage.until_at - PLIVO_RETRIES
    world = World(
        settings_for,
        Faults(late=0.2),
        lose=lambda row: outage.from_at <= row["received_at"] < heard_again,
    )
    say_alive(world, settings_for().data_dir, outage)
    assert world.pulled().complete
    heard = {row["message_uuid"] for row in world.rows}
    ended = {row["message_uuid"] for row in world.rows if row["status"] in ENDS}
    final = {p.message_uuid for m in world.sim.truth() for p in m.parts if p.fate in ENDS}
    assert final & (heard - ended), "sent before it, ended in it"
    assert final - heard
    assert final <= ended | world.stored
    listed = [window.span for window in world.ledger if window.how == "listed"]
    assert all(span.until_at <= heard_again + timedelta(minutes=2) for span in listed)
    assert not any(border.microsecond for w in world.ledger for border in (w.from_at, w.until_at))
    assert "does not hold what was reported" not in caplog.text
    world.everything_is_known()


def test_who_was_never_sent_is_sought_among_the_failed(
    settings_for: Callable[..., OurSettings],
) -> None:
    """A page of these shows twenty who failed; asked one by one it would be a request each."""
    failed: Counter[str] = Counter()

    def lose(row: Row) -> bool:
        failed[row["message_uuid"]] += row["status"] == "failed"
        return failed[row["message_uuid"]] > 0

    world = World(settings_for, Faults(no_receipt=0.5), lose=lose)
    result = world.pulled()
    unheard = {uuid for uuid, times in failed.items() if times}
    assert len(unheard) >= PAGE_ROWS
    assert unheard <= world.stored
    beside = 3 + SAMPLE_OF_A_DAY + COUNT_OF_STATES  # two to try offsets, one to count
    assert result.requests <= beside + ceil(len(unheard) / PAGE_ROWS)


def test_a_log_that_lags_behind_is_told_and_hides_no_end(
    settings_for: Callable[..., OurSettings], caplog: pytest.LogCaptureFixture
) -> None:
    """Its `sent` rows are more than ours, so that a count of them would prove nothing."""
    world = World(
        settings_for,
        Faults(log_behind=0.05),
        lose=lambda row: row["status"] in ENDS and lost(20)(row),
    )
    assert world.pulled().complete
    assert "still calls sent what has ended" in caplog.text
    logged = {p.message_uuid: p.log_row for m in world.sim.truth() for p in m.parts}
    reported = {r["message_uuid"] for r in world.rows if r["status"] in ENDS}
    hidden = {uuid for uuid, row in logged.items() if row and row.state in ENDS} - reported
    assert hidden
    assert hidden <= world.stored
    world.everything_is_known()


def test_a_log_that_knows_no_filter_of_states_is_asked_one_by_one(
    settings_for: Callable[..., OurSettings],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(simulated_paging._FILTERS, "message_state")
    world = World(settings_for, lose=lambda row: row["status"] in ENDS and lost(10)(row))
    assert world.pulled().complete
    assert "does not filter by state" in caplog.text
    ended = {p.message_uuid for m in world.sim.truth() for p in m.parts if p.fate}
    assert ended - {r["message_uuid"] for r in world.rows if r["status"] in ENDS} <= world.stored


def test_open_states_are_counted_again_when_they_are_due_and_only_then(
    settings_for: Callable[..., OurSettings],
) -> None:
    """Counting leaves no row; that it was done is written down apart, and may be lost."""
    world = World(settings_for, later=timedelta(hours=30))
    world.pulled()
    (world.data_dir / "state" / "states.json").write_text("[{}]")
    assert 0 < world.pulled().requests <= COUNT_OF_STATES
    assert world.pulled().requests == 0


def test_a_part_near_midnight_is_looked_for_on_both_sides(
    settings_for: Callable[..., OurSettings],
) -> None:
    """Its report says today, its row tomorrow: that is no reason to list a window of today."""
    world = World(settings_for)
    near = [
        report("near", account=world.sim.settings.account.main.auth_id, signature="v3",
               message_time=clock(DAY.until_at - timedelta(microseconds=40)),
               received_at=DAY.until_at)
    ]  # fmt: skip
    world.pulled(near)
    listed = [window for window in world.ledger if window.how == "listed"]
    assert [window.until_at for window in listed] == [DAY.until_at]
    assert listed[0].until_at - listed[0].from_at <= timedelta(seconds=3)


def test_states_that_cancel_in_a_count_show_in_the_sample(
    settings_for: Callable[..., OurSettings],
) -> None:
    world = World(settings_for, Faults(status_conflict=0.5))
    world.pulled()
    audit = reconcile.audit(data_dir=world.data_dir)
    assert audit["match"]["status_differs"] >= SAMPLE_OF_A_DAY / 4
    sample = audit["counted_sample"]
    assert sample["asked"] >= SAMPLE_OF_A_DAY
    assert sample["differing"] == audit["match"]["status_differs"]
    assert sample["at_most"] > sample["differing"] / sample["asked"]


@pytest.mark.parametrize("paging", ["cursor", "hybrid"])
def test_a_log_that_pages_otherwise_is_still_known_as_a_whole(
    settings_for: Callable[..., OurSettings], paging: Paging
) -> None:
    """Offsets are not honoured with cursors: then it is listed, and said so."""
    world = World(settings_for, paging=paging, lose=lost(50))
    assert world.pulled().complete
    world.everything_is_known()
    if paging == "cursor":
        assert {window.how for window in world.ledger} == {"listed"}


def test_forged_reports_do_not_cancel_lost_ones(settings_for: Callable[..., OurSettings]) -> None:
    """A V2 signature leaves the body open: around what it says, only listing tells."""
    world = World(settings_for, lose=lost(300))
    gone = world.true_parts - {row["message_uuid"] for row in world.rows}
    times = [m.message_time for m in world.sim.truth() for p in m.parts if p.message_uuid in gone]
    account = world.sim.settings.account.main.auth_id
    forged = [
        report(f"forged-{n}", signature="v2", account=account,
               message_time=clock(datetime.fromisoformat(at)))
        for n, at in enumerate(times)
    ]  # fmt: skip
    assert world.pulled(forged).complete
    world.everything_is_known()
    found = reconcile.messages(where="message_uuid=forged-0", data_dir=world.data_dir)
    assert list(found["match"]) == ["log_missing"]


def test_another_accounts_reports_do_not_count(settings_for: Callable[..., OurSettings]) -> None:
    world = World(settings_for, lose=lost(300))
    foreign = [
        replace_uuid(row, f"foreign-{n}") | {"account": "MAANOTHERACCOUNT0001"}
        for n, row in enumerate(world.rows[:200])
    ]
    assert world.pulled(foreign).complete
    world.everything_is_known()


def test_reports_of_unknown_accounts_are_no_proof(settings_for: Callable[..., OurSettings]) -> None:
    world = World(settings_for, messages=MESSAGES)
    for row in world.rows:
        row["account"] = None
    world.pulled()
    assert {window.how for window in world.ledger} == {"listed"}


def test_a_pull_that_is_stopped_goes_on_and_asks_little_twice(
    settings_for: Callable[..., OurSettings],
) -> None:
    whole = World(settings_for, lose=lost(30))
    at_once = whole.pulled().requests
    world = World(
        lambda **more: replace(settings_for(**more), data_dir=whole.data_dir.parent / "other"),
        lose=lost(30),
    )  # fmt: skip
    requests, rounds = 0, 0
    while True:
        result = world.pulled(max_requests=25)
        requests += result.requests
        rounds += 1
        if result.complete:
            break
        assert rounds < 100
    assert requests <= 1.3 * at_once + 3 * rounds
    world.everything_is_known()


def replace_uuid(row: Row, uuid: str) -> Row:
    return row | {"message_uuid": uuid, "report_id": uuid, "parent_message_uuid": None}


def test_the_same_sample_is_asked_but_once(settings_for: Callable[..., OurSettings]) -> None:
    world = World(settings_for)
    world.pulled()
    assert world.pulled().requests == 0


def test_what_is_counted_is_said_apart(settings_for: Callable[..., OurSettings]) -> None:
    world = World(settings_for, lose=lost(200))
    world.pulled()
    matches = Counter(reconcile.messages(data_dir=world.data_dir)["match"])
    assert matches["counted"] > 0.5 * MESSAGES
    assert matches["report_missing"]


@pytest.mark.parametrize("lost", [0, 0.0005, 0.002, 0.01])
@pytest.mark.parametrize(
    "outage", [None, Span(START + timedelta(hours=9), START + timedelta(hours=12))]
)
def test_the_forecast_is_right_within_a_fifth(
    settings_for: Callable[..., OurSettings], outage: Span | None, lost: float
) -> None:
    """Of a day with whole reports, of one whose receiver was down, and where some got lost."""
    chance = random.Random(7)
    hidden: set[str] = set()
    fates: dict[str, bool] = {}

    def unheard(row: Row) -> bool:
        at = datetime.fromisoformat(row["message_time"]).replace(tzinfo=UTC)
        fates.setdefault(row["message_uuid"], chance.random() < lost)
        if outage and outage.holds(at):
            hidden.add(row["message_uuid"])
        return row["message_uuid"] in hidden or fates[row["message_uuid"]]

    world = World(settings_for, lose=unheard)
    if outage:
        say_alive(world, settings_for().data_dir, outage)
    hours: Counter[datetime] = Counter()
    still_open: Counter[datetime] = Counter()
    ended = {row["message_uuid"] for row in world.rows if row["status"] in ENDS}
    for uuid, at in {
        row["message_uuid"]: datetime.fromisoformat(row["message_time"]).replace(tzinfo=UTC)
        for row in world.rows
    }.items():
        hour = at.replace(minute=0, second=0, microsecond=0)
        hours[hour] += 1
        still_open[hour] += uuid not in ended
    load = Load(hours, still_open, [outage] if outage else [], unreported_share=lost)
    made = world.pulled().requests
    told = forecast.of_counting(DAY, load)
    assert abs(told - made) <= 0.2 * made, (told, made)
