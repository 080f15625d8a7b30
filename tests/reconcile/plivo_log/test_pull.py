"""Pulling: each row once, each window entered after its rows, nothing asked for twice."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from receiver import day_files
from reconcile.plivo_log import ledger, reader
from reconcile.plivo_log.course import Progress
from reconcile.plivo_log.coverage import Span, coverage
from reconcile.plivo_log.errors import OutsideWindow, Refused, RepeatedPage, Unavailable
from reconcile.plivo_log.pull import fetch_one, pull
from reconcile.plivo_log.rereads import Singly, span_of
from reconcile.plivo_log.windows import plan
from tests.reconcile.plivo_log.conftest import World
from tests.reconcile.plivo_log.fake_plivo import (
    ACCOUNT,
    NOON,
    Asked,
    FakeLog,
    Paging,
    Reply,
    listing,
    one_after_another,
    row,
    traffic,
)

MIDNIGHT = datetime(2026, 11, 20, tzinfo=UTC)
MORNING = Span(MIDNIGHT, NOON)
Build = Callable[..., World]


def uuids_of(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(one["message_uuid"] for one in rows)


@pytest.mark.parametrize("paging", ["offset", "cursor", "hybrid", "no meta"])
@pytest.mark.parametrize("count", [0, 1, 19, 20, 21, 40, 95])
def test_every_row_of_a_window_is_stored_once_however_it_is_paged(
    world: Build, paging: Paging, count: int
) -> None:
    there = world(FakeLog(traffic(count), paging))
    result = there.pull(MORNING)
    assert there.uuids == uuids_of(traffic(count))
    assert (result.rows, result.windows, result.complete) == (count, 1, True)
    assert [(w.span, w.how, w.rows, w.account) for w in there.ledger] == [
        (MORNING, "listed", count, ACCOUNT)
    ]


def test_a_full_last_page_with_a_next_is_followed_to_the_empty_one(world: Build) -> None:
    there = world(FakeLog(traffic(40), full_has_next=True))
    assert there.pull(MORNING).rows == 40
    assert len(there.plivo.asked) == 3


def test_the_filters_are_sent_with_every_page_and_never_an_offset_with_a_cursor(
    world: Build,
) -> None:
    there = world(FakeLog(traffic(60), "hybrid"))
    there.pull(MORNING)
    assert set(there.plivo.windows) == {("2026-11-20 00:00:00", "2026-11-20 12:00:00")}
    assert all("offset" not in asked.query for asked in there.plivo.asked)
    assert [asked.query.get("cursor") for asked in there.plivo.asked] == [
        None, "after+uuid-00019", "after+uuid-00039",
    ]  # fmt: skip


def test_a_record_is_the_very_text_that_plivo_sent(world: Build) -> None:
    odd = (
        '{ "message_uuid":"a",  "x": 1.50, "text":"caf\\u00e9 \\"}\\" \\ud83d", "k": [1, {"}":2}] }'
    )
    plain = '{"message_uuid":"b","é":"ü","units":1e0}'
    body = f'{{"api_id":"x","objects":[\n{odd} ,{plain}\n],"meta":{{"next":null}}}}'
    there = world(one_after_another(Reply(body)))
    there.pull(MORNING)
    assert sorted(stored["record"] for stored in there.rows) == [odd, plain]


def test_rows_lie_in_the_day_of_their_message_time_and_without_one_in_that_of_the_window(
    world: Build,
) -> None:
    late = row("late", MIDNIGHT - timedelta(seconds=1))
    early = row("early", MIDNIGHT)
    timeless = {"message_uuid": "timeless", "message_time": "yesterday"}
    there = world(one_after_another(listing([early, late, timeless])))
    there.pull(Span(MIDNIGHT - timedelta(hours=1), MIDNIGHT + timedelta(hours=1)))
    files = day_files.live_files(there.settings.data_dir / "log")
    held = {path.parent.name: day_files.read(path)["message_uuid"].to_pylist() for path in files}
    assert held == {"date=2026-11-19": ["late", "timeless"], "date=2026-11-20": ["early"]}


def test_a_row_that_moves_to_the_next_page_is_neither_lost_nor_doubled(world: Build) -> None:
    log = FakeLog(traffic(40))

    def moving(asked: Asked) -> Reply:
        reply = log(asked)
        if len(log.rows) == 40:
            log.rows.insert(0, row("late", NOON - timedelta(seconds=1), message_state="sent"))
        return reply

    there = world(moving)
    there.pull(MORNING)
    assert there.uuids == uuids_of(traffic(40))


def test_of_a_row_that_is_met_twice_the_later_one_counts(world: Build) -> None:
    log = FakeLog(traffic(21))

    def changing(asked: Asked) -> Reply:
        reply = log(asked)
        if len(log.rows) == 21:
            log.rows.insert(0, row("late", NOON - timedelta(seconds=1)))
            log.rows[20]["message_state"] = "undelivered"
        return reply

    there = world(changing)
    there.pull(MORNING)
    states = {stored["message_uuid"]: stored["message_state"] for stored in there.rows}
    assert states["uuid-00019"] == "undelivered"
    assert len(there.rows) == 21


def test_an_empty_page_that_has_a_next_is_not_the_end(world: Build) -> None:
    rows = traffic(3)
    there = world(
        one_after_another(listing([], "?cursor=a"), listing([], "?cursor=b"), listing(rows))
    )
    assert there.pull(MORNING).rows == 3


def test_empty_pages_without_end_are_noticed(world: Build) -> None:
    def endless(asked: Asked) -> Reply:
        return listing([], f"?offset={int(asked.query.get('offset', 0)) + 20}")

    there = world(endless)
    with pytest.raises(RepeatedPage):
        there.pull(MORNING)


@pytest.mark.parametrize("next_page", ["?offset=20", "?offset=0", "?cursor=here"])
def test_a_next_that_was_read_before_is_noticed(world: Build, next_page: str) -> None:
    there = world(
        lambda asked: (
            listing(traffic(20), next_page)
            if not asked.query.keys() & {"offset", "cursor"}
            else listing(traffic(40)[20:], next_page)
        )
    )
    with pytest.raises(RepeatedPage):
        there.pull(MORNING)
    assert there.ledger == []


def test_an_ignored_offset_is_an_error_and_the_window_is_not_entered(world: Build) -> None:
    there = world(FakeLog(traffic(60), "ignored"))
    with pytest.raises(RepeatedPage, match="ignores the offset"):
        there.pull(MORNING)
    assert there.ledger == []
    assert there.rows == []


def test_a_short_last_page_of_rows_that_moved_is_the_end(world: Build) -> None:
    rows = traffic(20)
    there = world(one_after_another(listing(rows, "?offset=20"), listing(rows[-3:])))
    assert there.pull(MORNING).rows == 20


def test_rows_from_outside_the_window_are_an_error(world: Build) -> None:
    """As if Plivo took our filters for the account's local time."""
    there = world(lambda _: listing([row("far", NOON + timedelta(hours=5, minutes=30))]))
    with pytest.raises(OutsideWindow):
        there.pull(MORNING)
    assert there.ledger == []


def test_a_long_window_is_closed_part_by_part(
    world: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "MOST_PAGES", 2)
    rows = traffic(100)
    there = world(FakeLog(rows))
    there.pull(MORNING)
    assert there.uuids == uuids_of(rows)
    assert max(int(asked.query.get("offset", 0)) for asked in there.plivo.asked) == 20
    assert len(there.ledger) > 2
    assert [(c.from_at, c.until_at) for c in coverage(there.ledger)] == [(MIDNIGHT, NOON)]


def test_a_part_ends_above_the_second_of_its_oldest_row(
    world: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bulk send puts many rows on one second, printed without fraction, across pages."""
    monkeypatch.setattr(reader, "MOST_PAGES", 1)
    rows = [row(f"new-{n}", NOON - timedelta(seconds=2)) for n in range(5)]
    rows += [row(f"bulk-{n:02d}", NOON - timedelta(seconds=30)) for n in range(50)]
    there = world(FakeLog(rows))
    there.pull(MORNING)
    assert there.uuids == uuids_of(rows)
    assert there.ledger[0].from_at == NOON - timedelta(seconds=29)


@pytest.mark.parametrize("order", ["ascending", "by chance"])
def test_where_the_order_is_not_newest_first_only_the_whole_window_counts(
    world: Build, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    monkeypatch.setattr(reader, "MOST_PAGES", 2)
    rows = traffic(100)[::-1]
    if order == "by chance":
        Random(3).shuffle(rows)
    there = world(FakeLog(rows))
    there.pull(MORNING, max_requests=3)
    assert there.ledger == []
    there.pull(MORNING)
    assert there.uuids == uuids_of(rows)
    assert [w.span for w in there.ledger] == [MORNING]


def test_a_limit_of_requests_stops_cleanly_and_the_next_pull_goes_on_below(world: Build) -> None:
    rows = traffic(200)
    there = world(FakeLog(rows))
    stopped = there.pull(MORNING, max_requests=4)
    assert (stopped.requests, stopped.complete, stopped.why_stopped) == (4, False, "max_requests")
    assert stopped.rows == len(there.rows) == there.ledger[0].rows == 79
    rest = plan(
        since=MIDNIGHT, until=NOON, ledger=there.ledger, still_open=[], now=there.clock.now(),
        mode="pull",
    )  # fmt: skip
    assert there.pull(*map(span_of, rest)).complete
    assert there.uuids == uuids_of(rows)
    assert len(there.plivo.asked) <= 12


@pytest.mark.parametrize("failure", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_ends_the_reading_what_was_read_is_kept_and_not_asked_for_again(
    world: Build, failure: type[BaseException]
) -> None:
    rows = traffic(200)
    log = FakeLog(rows)
    there = world(log)

    def stop_at_page_four(progress: Progress) -> None:
        if progress.requests == 4:
            raise failure

    with pytest.raises(failure):
        there.pull(MORNING, progress=stop_at_page_four)
    before = len(there.plivo.asked)
    border = there.ledger[0].from_at
    there.pull(Span(MIDNIGHT, border))
    assert there.uuids == uuids_of(rows)
    assert all(until <= f"{border:%Y-%m-%d %H:%M:%S}" for _, until in there.plivo.windows[before:])


def test_a_kill_between_rows_and_ledger_loses_nothing(
    world: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = world(FakeLog(traffic(30)))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "append", killed)
        with pytest.raises(KeyboardInterrupt):
            there.pull(MORNING)
    assert there.ledger == []
    there.pull(MORNING)
    assert set(there.uuids) == set(uuids_of(traffic(30)))
    assert [w.rows for w in there.ledger] == [30]


def test_windows_read_before_an_error_stay_read(world: Build) -> None:
    log = FakeLog(traffic(5))
    there = world(one_after_another(log, Reply(status=503)))
    evening = Span(NOON - timedelta(days=1), MIDNIGHT)
    with pytest.raises(Unavailable):
        there.pull(MORNING, evening)
    assert [w.span for w in there.ledger] == [MORNING]
    assert len(there.rows) == 5


def test_a_window_in_which_nothing_was_sent_is_entered_too(world: Build) -> None:
    there = world(FakeLog([]))
    there.pull(MORNING)
    assert [(w.span, w.rows) for w in there.ledger] == [(MORNING, 0)]
    assert day_files.live_files(there.settings.data_dir / "log") == []


def test_rows_of_several_windows_share_a_file(world: Build) -> None:
    there = world(FakeLog(traffic(60)))
    hours = [Span(NOON - timedelta(hours=n + 1), NOON - timedelta(hours=n)) for n in range(12)]
    there.pull(*hours)
    assert len(there.ledger) == 12
    assert len(day_files.live_files(there.settings.data_dir / "log")) == 1


def test_after_half_a_minute_what_was_read_is_flushed(world: Build) -> None:
    log = FakeLog(traffic(100))
    on_disk = []
    there = world(log)

    def slow(asked: Asked) -> Reply:
        there.clock.seconds += 16
        on_disk.append(len(there.rows))
        return log(asked)

    there.plivo.answer = slow
    there.pull(MORNING)
    assert on_disk[2] > 0
    assert there.uuids == uuids_of(traffic(100))


def test_a_clock_set_back_never_hides_rows_behind_older_files(world: Build) -> None:
    there = world(FakeLog(traffic(40)))
    there.pull(Span(NOON - timedelta(minutes=2), NOON))
    there.clock.seconds -= 3600
    there.pull(Span(MIDNIGHT, NOON - timedelta(minutes=2)))
    names = [path.name for path in day_files.live_files(there.settings.data_dir / "log")]
    numbers = [day_files.FileName.parse(name) for name in names]
    assert len(set(numbers)) == 2
    assert there.uuids == uuids_of(traffic(40))


def test_the_state_folder_may_be_deleted(world: Build) -> None:
    there = world(FakeLog(traffic(40)))
    there.pull(Span(NOON - timedelta(minutes=2), NOON))
    for path in (there.settings.data_dir / "state").iterdir():
        path.unlink()
    there.pull(Span(MIDNIGHT, NOON - timedelta(minutes=2)))
    assert there.uuids == uuids_of(traffic(40))


def test_minutes_are_a_limit_too_and_nobody_waits_beyond_it(world: Build) -> None:
    there = world(FakeLog(traffic(400)), LOG_REQUESTS_PER_MINUTE="5")
    result = there.pull(MORNING, max_minutes=3)
    assert result.why_stopped == "max_minutes"
    assert result.requests == 15
    assert sum(there.clock.slept) < 180


def test_time_that_plivo_no_longer_keeps_is_not_entered_as_read(world: Build) -> None:
    there = world(FakeLog([]))
    old = there.clock.now() - timedelta(days=90, hours=1)
    there.pull(Span(old, old + timedelta(hours=3)))
    assert [w.from_at for w in there.ledger] == [
        there.clock.now() - timedelta(days=90) + timedelta(seconds=1)
    ]
    there.pull(Span(old - timedelta(hours=1), old))
    assert len(there.ledger) == 1


def test_progress_tells_how_long_the_quota_makes_it_take(world: Build) -> None:
    seen: list[Progress] = []
    there = world(FakeLog(traffic(400, every=100)))
    there.pull(MORNING, progress=seen.append)
    assert [p.requests for p in seen[:3]] == [1, 2, 3]
    assert seen[-1].windows_done == seen[-1].windows == 1
    assert seen[0].minutes_left is not None
    assert seen[0].minutes_left > (seen[5].minutes_left or 0)


def test_one_message_is_fetched_and_stored_without_a_line_in_the_ledger(world: Build) -> None:
    body = json.dumps({"api_id": "x", **row("one-uuid", NOON)})
    there = world(lambda _: Reply(body))
    assert fetch_one(there.settings, "one-uuid", client=there.client, now=there.clock.now)
    assert there.plivo.asked[0].path == f"/v1/Account/{ACCOUNT}/Message/one-uuid/"
    assert [(r["record"], r["message_time"]) for r in there.rows] == [(body, NOON)]
    assert there.ledger == []


def test_open_messages_asked_singly_are_rows_like_others_without_a_line_in_the_ledger(
    world: Build,
) -> None:
    there = world(lambda asked: Reply(json.dumps(row(asked.path.split("/")[-2], NOON))))
    result = pull(
        there.settings, [Singly(MORNING, ("a", "b"))], client=there.client, now=there.clock.now
    )
    assert (result.requests, result.windows, result.complete) == (2, 1, True)
    assert there.uuids == ["a", "b"]
    assert there.ledger == []


def test_a_window_of_which_a_message_is_not_found_is_listed_after_all(world: Build) -> None:
    log = FakeLog(traffic(30))

    def forgetful(asked: Asked) -> Reply:
        return log(asked) if asked.query else Reply('{"error":"not found"}', 404)

    there = world(forgetful)
    pull(there.settings, [Singly(MORNING, ("a", "b"))], client=there.client, now=there.clock.now)
    assert [(w.span, w.rows) for w in there.ledger] == [(MORNING, 30)]
    assert len(there.plivo.asked) == 1 + 2


@pytest.mark.parametrize("uuid", ["unknown", "../../Account", "a b", ""])
def test_a_message_that_plivo_does_not_know_is_no_error(world: Build, uuid: str) -> None:
    there = world(lambda _: Reply('{"error":"not found"}', 404))
    assert not fetch_one(there.settings, uuid, client=there.client, now=there.clock.now)
    assert {asked.path for asked in there.plivo.asked} <= {
        f"/v1/Account/{ACCOUNT}/Message/unknown/"
    }


def test_refused_credentials_leave_no_trace(world: Build) -> None:
    there = world(lambda _: Reply('{"error":"bad auth"}', 401))
    with pytest.raises(Refused):
        there.pull(MORNING)
    assert there.ledger == []


def test_the_account_of_a_row_is_the_one_its_address_names(world: Build) -> None:
    sub = "SATESTACCOUNT0000002"
    uri = f"/v1/Account/{sub}/Message/b/"
    rows = [
        row("a", NOON - timedelta(hours=1)),
        row("b", NOON - timedelta(hours=2), resource_uri=uri),
    ]
    there = world(lambda _: listing(rows))
    there.pull(MORNING)
    assert {r["message_uuid"]: r["account"] for r in there.rows} == {"a": ACCOUNT, "b": sub}
