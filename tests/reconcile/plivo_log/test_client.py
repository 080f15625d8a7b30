"""Each kind of failure has its own error, and none looks like the end of the log."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime

import plivo.rest.client
import pytest
import requests

from receiver.account.sdk import retry_seconds
from receiver.config import SettingError, Settings
from reconcile.plivo_log import client as client_module
from reconcile.plivo_log.budget import Budget, BudgetSpent
from reconcile.plivo_log.client import RETRY_SECONDS, connect, pause_before_retry
from reconcile.plivo_log.coverage import Span
from reconcile.plivo_log.errors import BadRequest, QuotaExhausted, Refused, Unavailable
from reconcile.plivo_log.page import START
from tests.reconcile.plivo_log.conftest import Clock, World
from tests.reconcile.plivo_log.fake_plivo import (
    ACCOUNT,
    NOON,
    TOKEN,
    FakeLog,
    Reply,
    listing,
    one_after_another,
    traffic,
)

HOUR = Span(NOON.replace(hour=11), NOON)
Build = Callable[..., World]

BROKEN_PAGES = {
    "an empty body": Reply(""),
    "HTML": Reply("<html>502 Bad Gateway</html>", headers={"Content-Type": "text/html"}),
    "half a document": Reply('{"meta": {"next": null}, "objects": [{"message_uuid": "a"'),
    "less than was announced": Reply('{"objects": []}', headers={"Content-Length": "100"}),
    "an error under 200": Reply('{"api_id": "x", "error": "internal", "objects": []}'),
    "no objects": Reply('{"api_id": "x", "meta": {"next": null}}'),
    "objects null": Reply('{"objects": null, "meta": {"next": null}}'),
    "a list": Reply("[]"),
    "null": Reply("null"),
    "a number": Reply("7"),
    "text behind the document": Reply('{"objects": []} <!-- cached -->'),
    "a row without its key": Reply('{"objects": [{"message_state": "sent"}], "meta": null}'),
    "a row that is none": Reply('{"objects": [null], "meta": null}'),
    "a next without a position": Reply('{"objects": [], "meta": {"next": "/v1/?limit=20"}}'),
    "a next that is no text": Reply('{"objects": [], "meta": {"next": 20}}'),
    "204": Reply(status=204),
    "500": Reply('{"error": "internal error"}', 500),
    "502": Reply("<html>", 502),
    "503": Reply("", 503),
    "504": Reply("", 504),
    "deep nesting": Reply('{"objects": ' + "[" * 100_000),
}


@pytest.mark.parametrize("kind", BROKEN_PAGES)
def test_a_broken_page_is_asked_for_again(world: Build, kind: str) -> None:
    there = world(one_after_another(BROKEN_PAGES[kind], listing(traffic(2))))
    assert len(there.client.page(HOUR).rows) == 2
    assert len(there.plivo.asked) == 2


@pytest.mark.parametrize("kind", BROKEN_PAGES)
def test_a_page_that_stays_broken_is_unavailable_and_never_the_end(world: Build, kind: str) -> None:
    there = world(lambda _: BROKEN_PAGES[kind])
    with pytest.raises(Unavailable) as error:
        there.client.page(HOUR)
    assert error.value.exit_code == 75
    assert len(there.plivo.asked) == 3


def test_a_row_without_its_key_is_named(world: Build) -> None:
    there = world(lambda _: Reply('{"objects": [{"message_uuid": "a"}, {"units": 1}]}'))
    with pytest.raises(Unavailable, match="row 2 has no message_uuid"):
        there.client.page(HOUR)


def test_a_dead_address_is_unavailable(settings_for: Callable[..., Settings]) -> None:
    settings = settings_for(PLIVO_API_URL="http://127.0.0.1:9")
    with connect(settings) as client, pytest.raises(Unavailable, match="ConnectionError"):
        client.page(HOUR)


@pytest.mark.parametrize("status", [401, 403])
def test_wrong_credentials_are_refused_at_once(world: Build, status: int) -> None:
    there = world(lambda _: Reply('{"error": "authentication failed"}', status))
    with pytest.raises(Refused, match="authentication failed") as error:
        there.client.page(HOUR)
    assert error.value.exit_code == 2
    assert len(there.plivo.asked) == 1


def test_a_bad_request_says_what_plivo_said(world: Build) -> None:
    there = world(lambda _: Reply('{"api_id": "x", "error": "limit\\nis wrong"}', 400))
    with pytest.raises(BadRequest, match=r"\(400: limit is wrong\)"):
        there.client.page(HOUR)
    assert len(there.plivo.asked) == 1


def test_a_log_that_does_not_exist_is_not_an_empty_one(world: Build) -> None:
    there = world(lambda _: Reply('{"error": "not found"}', 404))
    with pytest.raises(BadRequest, match="PLIVO_API_URL"):
        there.client.page(HOUR)


def test_too_many_requests_are_waited_for_however_many_retries_there_are(
    world: Build, clock: Clock
) -> None:
    refusals = [Reply('{"error": "too many requests"}', 429)] * 5
    there = world(one_after_another(*refusals, listing(traffic(1))))
    assert len(there.client.page(HOUR).rows) == 1
    assert clock.slept == pytest.approx([1, 2, 4, 8, 16])


def test_retry_after_is_honoured(world: Build, clock: Clock) -> None:
    refusal = Reply("", 429, {"Retry-After": "37"})
    there = world(one_after_another(refusal, listing([])))
    there.client.page(HOUR)
    assert clock.slept == pytest.approx([37])


def test_a_pause_counts_for_everyone_on_the_data_folder(world: Build, clock: Clock) -> None:
    there = world(one_after_another(Reply("", 429, {"Retry-After": "37"}), listing([])))
    with connect(there.settings, clock=clock, sleep=clock.sleep) as other:
        with pytest.raises(BudgetSpent):
            there.client.page(HOUR, budget=Budget(most_requests=1))
        other.page(HOUR)
    assert sum(clock.slept) == pytest.approx(37)


def test_refusals_for_more_than_five_minutes_exhaust_the_quota(world: Build, clock: Clock) -> None:
    there = world(lambda _: Reply('{"error": "too many requests"}', 429))
    with pytest.raises(QuotaExhausted) as error:
        there.client.page(HOUR)
    assert error.value.exit_code == 3
    assert 200 < sum(clock.slept) <= 300


def test_an_hour_of_retry_after_is_not_waited_for(world: Build, clock: Clock) -> None:
    there = world(lambda _: Reply("", 429, {"Retry-After": "3600"}))
    with pytest.raises(QuotaExhausted):
        there.client.page(HOUR)
    assert clock.slept == []


def test_every_request_takes_from_quota_and_budget_retries_too(world: Build) -> None:
    there = world(one_after_another(Reply("", 500), Reply("", 429), listing([])))
    budget = Budget()
    there.client.page(HOUR, budget=budget)
    assert budget.requests == len(there.plivo.asked) == 3


def test_a_spent_budget_sends_nothing(world: Build) -> None:
    there = world(lambda _: Reply("", 500))
    budget = Budget(most_requests=2)
    with pytest.raises(BudgetSpent):
        there.client.page(HOUR, budget=budget)
    assert len(there.plivo.asked) == 2


def test_the_server_may_say_when_to_try_again_as_long_as_that_is_soon() -> None:
    passing = client_module._PassingError("503", retry_after=20)
    assert pause_before_retry(passing, 5.0) == 20
    assert pause_before_retry(passing, RETRY_SECONDS - 10) is False
    assert pause_before_retry(client_module._PassingError("503"), 5.0) is True
    assert pause_before_retry(ValueError(), 0.0) is False


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7),
        ("Fri, 20 Nov 2026 12:00:30 GMT", 30),
        ("Fri, 20 Nov 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    assert retry_seconds(header, NOON.timestamp()) == seconds


def test_what_is_asked_is_a_closed_window_in_utc_without_suffix(world: Build) -> None:
    there = world(FakeLog([]))
    there.client.page(HOUR, START)
    asked = there.plivo.asked[0]
    assert asked.path == f"/v1/Account/{ACCOUNT}/Message/"
    assert asked.query == {
        "message_time__gte": "2026-11-20 11:00:00",
        "message_time__lt": "2026-11-20 12:00:00",
        "limit": "20",
    }
    assert asked.headers["Authorization"] == requests.auth._basic_auth_str(ACCOUNT, TOKEN)


def test_only_this_client_is_sent_elsewhere(world: Build) -> None:
    world(FakeLog([])).client.page(HOUR)
    assert plivo.rest.client.PLIVO_API_BASE_URI == "https://api.plivo.com/v1/Account"


@pytest.mark.parametrize("name", ["PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN"])
def test_missing_credentials_name_the_setting(
    settings_for: Callable[..., Settings], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "the SDK would take it from here")
    with pytest.raises(SettingError, match=name):
        connect(settings_for(**{name: ""}))


@pytest.mark.parametrize("auth_id", ["MA123", TOKEN, "XX" + 18 * "A", "MA/" + 17 * "A"])
def test_a_malformed_auth_id_is_a_setting_error_that_does_not_show_it(
    settings_for: Callable[..., Settings], auth_id: str
) -> None:
    with pytest.raises(SettingError, match="MA or SA") as error:
        connect(settings_for(PLIVO_AUTH_ID=auth_id))
    assert auth_id not in str(error.value)


@pytest.mark.parametrize("reply", [Reply("", 401), Reply("", 400), Reply("", 500), Reply("", 429)])
def test_no_error_and_no_log_carries_the_token(
    world: Build, reply: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    there = world(lambda _: reply)
    with caplog.at_level(logging.INFO), pytest.raises(Exception, match=r"Plivo|answer") as error:
        there.client.page(HOUR)
    assert TOKEN not in str(error.value) + caplog.text


def test_bytes_that_are_no_utf8_do_not_lose_the_page(world: Build) -> None:
    body = b'{"objects": [{"message_uuid": "a", "error_message": "caf\xe9"}]}'
    there = world(lambda _: Reply(body, headers={"Content-Type": "text/plain"}))
    assert there.client.page(HOUR).rows[0].columns["error_message"] == "caf\ufffd"


def test_a_fetched_message_is_typed_like_a_row_of_the_list(world: Build) -> None:
    there = world(
        lambda _: Reply('\n{"message_uuid": "a", "message_time": "2026-11-20 12:00:00"}\n')
    )
    row = there.client.message("a")
    assert row is not None
    assert row.message_time == datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert row.record == '{"message_uuid": "a", "message_time": "2026-11-20 12:00:00"}'
