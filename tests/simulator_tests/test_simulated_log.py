"""The message log over HTTP: pages, filters, times, quota, broken pages."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests

from tests.simulator import Faults, Order, Recorder, Settings, Simulation, orders
from tests.simulator.settings import Paging

AUTH = ("MAPRETENDPLIVOACCT01", "pretend-token-of-the-main-account")
LOG = f"/v1/Account/{AUTH[0]}/Message/"
EVERYTHING = {"message_time__gte": "2026-11-01 00:00"}
Serve = Callable[[Simulation], str]


def a_simulation(messages: int = 0, **settings: Any) -> Simulation:
    settings = {"list_requests_per_minute": None, **settings}
    simulation = Simulation(Settings(**settings), Recorder())
    start = simulation.now
    for order in orders(5, messages, start, start + timedelta(days=2)):
        simulation.send(order)
    simulation.settle()
    return simulation


def get(url: str, query: dict[str, Any] | None = None) -> requests.Response:
    return requests.get(url + LOG, params=query, auth=AUTH, timeout=5)


def walk(url: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """As a client that follows meta.next and sends its own filters again."""
    while True:
        page = get(url, query).json()
        yield from page["objects"]
        if page["meta"]["next"] is None:
            return
        following = dict(parse_qsl(urlsplit(page["meta"]["next"]).query))
        position = {k: v for k, v in following.items() if k in {"limit", "offset", "cursor"}}
        query = {k: v for k, v in query.items() if k != "offset"} | position


@pytest.mark.parametrize("paging", ["offset", "cursor", "hybrid"])
@pytest.mark.parametrize("bare", [True, False])
def test_each_way_of_paging_walks_all_rows_once_newest_first(
    serve: Serve, paging: Paging, *, bare: bool
) -> None:
    simulation = a_simulation(107, paging=paging, next_keeps_filters=not bare, legacy_rate=0.3)
    rows = list(walk(serve(simulation), dict(EVERYTHING)))
    expected = {part.message_uuid for m in simulation.truth() for part in m.parts}
    assert len(rows) == len(expected)
    assert {row["message_uuid"] for row in rows} == expected
    times = [row["message_time"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_an_offset_pins_a_hybrid_walk_to_its_first_page(serve: Serve) -> None:
    url = serve(a_simulation(45, paging="hybrid"))
    first = get(url, EVERYTHING).json()
    cursor = dict(parse_qsl(urlsplit(first["meta"]["next"]).query))["cursor"]
    pinned = get(url, {**EVERYTHING, "cursor": cursor, "offset": 20}).json()
    assert pinned["objects"] == first["objects"]
    onward = get(url, {**EVERYTHING, "cursor": cursor}).json()
    assert onward["objects"] != first["objects"]


def test_a_cursor_deployment_ignores_the_clients_offset(serve: Serve) -> None:
    url = serve(a_simulation(45, paging="cursor"))
    first = get(url, EVERYTHING).json()
    assert get(url, {**EVERYTHING, "offset": 20}).json()["objects"] == first["objects"]


def test_a_page_has_twenty_rows_at_most_and_no_total(serve: Serve) -> None:
    page = get(serve(a_simulation(30)), {**EVERYTHING, "limit": 100}).json()
    assert len(page["objects"]) == 20
    assert set(page["meta"]) == {"limit", "offset", "next", "previous"}
    assert page["api_id"]


@pytest.mark.parametrize(("has_next", "expected"), [(True, True), (False, False)])
def test_a_full_last_page_may_have_a_next(serve: Serve, *, has_next: bool, expected: bool) -> None:
    page = get(serve(a_simulation(20, full_page_has_next=has_next)), EVERYTHING).json()
    assert (page["meta"]["next"] is not None) == expected


def test_windows_are_half_open_in_utc(serve: Serve) -> None:
    simulation = a_simulation()
    at = simulation.now
    for minutes in (0, 10, 20):
        simulation.send(
            Order(src="ACME", dst="447400123456", text="Hi", at=at + timedelta(minutes=minutes))
        )
    simulation.settle()
    simulation.advance(at + timedelta(hours=1))
    url = serve(simulation)
    for suffixes, found in (
        (("__gte", "__lt"), 1),
        (("__gt", "__lte"), 1),
        (("__gte", "__lte"), 2),
    ):
        query = {
            "message_time" + suffixes[0]: "2026-11-14 00:00",
            "message_time" + suffixes[1]: "2026-11-14 00:10:00.000000",
        }
        assert len(get(url, query).json()["objects"]) == found
    assert len(get(url, {"message_time": "2026-11-14 00:20"}).json()["objects"]) == 1


@pytest.mark.parametrize("written", ["2026-11-14T00:00", "2026-11-14 00:00+00:00", "yesterday"])
def test_a_time_filter_of_another_form_is_refused(serve: Serve, written: str) -> None:
    answer = get(serve(a_simulation()), {"message_time__gte": written})
    assert answer.status_code == 400
    assert "message_time__gte" in answer.json()["error"]


def test_without_a_window_a_day_is_shown_and_never_more_than_90(serve: Serve) -> None:
    simulation = a_simulation()
    at = simulation.now
    for days in (0, 88.5, 89.5):
        simulation.send(
            Order(src="ACME", dst="447400123456", text="Hi", at=at + timedelta(days=days))
        )
    simulation.advance(at + timedelta(days=90, hours=1))
    url = serve(simulation)
    assert len(get(url).json()["objects"]) == 1
    assert len(get(url, EVERYTHING).json()["objects"]) == 2


def test_filters_select_rows(serve: Serve) -> None:
    simulation = a_simulation(150)
    url, truth = serve(simulation), simulation.truth()
    by_country = [m for m in truth if m.country == "GB"]
    assert len(list(walk(url, EVERYTHING | {"destination_country_iso2": "GB"}))) == len(by_country)
    delivered = [m for m in truth if m.parts[0].fate == "delivered"]
    assert len(list(walk(url, EVERYTHING | {"message_state": "delivered"}))) == len(delivered)
    number = "+" + truth[0].to_number
    assert len(list(walk(url, EVERYTHING | {"to_number": number}))) == 1
    assert not list(walk(url, EVERYTHING | {"message_direction": "inbound"}))


def test_times_are_printed_in_the_accounts_zone_with_its_offset(serve: Serve) -> None:
    simulation = a_simulation(60)
    truth = {m.message_uuid: m for m in simulation.truth()}
    for row in walk(serve(simulation), dict(EVERYTHING)):
        assert row["message_time"].endswith("+05:30")
        at = datetime.fromisoformat(row["message_time"]).astimezone(UTC)
        told = truth[row["message_uuid"]]
        assert at == datetime.fromisoformat(told.message_time)
        log_row = told.parts[0].log_row
        assert log_row is not None
        updated = datetime.fromisoformat(row["message_updated_time"])
        assert updated == datetime.fromisoformat(log_row.updated_at)
        assert not row["message_updated_time"].split("+")[0].endswith("0")


def test_the_log_follows_a_message_through_its_states(serve: Serve) -> None:
    simulation = a_simulation()
    uuid = simulation.send(Order(src="ACME", dst="447400123456", text="Hi"))
    url = serve(simulation)
    row = get(url).json()["objects"][0]
    assert (row["message_state"], row["error_code"]) == ("queued", None)
    assert row["total_amount"] == "0.00000"
    simulation.settle()
    single = requests.get(f"{url}{LOG}{uuid}/", auth=AUTH, timeout=5).json()
    assert single["message_state"] in {"sent", "delivered", "undelivered", "failed"}
    assert single["message_state"] == simulation.truth()[0].parts[0].log_row.state  # type: ignore[union-attr]


def test_an_unknown_message_is_404(serve: Serve) -> None:
    answer = requests.get(serve(a_simulation()) + LOG + "nothing/", auth=AUTH, timeout=5)
    assert answer.status_code == 404
    assert set(answer.json()) == {"api_id", "error"}


def test_wrong_credentials_are_401(serve: Serve) -> None:
    answer = requests.get(serve(a_simulation()) + LOG, auth=(AUTH[0], "wrong"), timeout=5)
    assert answer.status_code == 401
    assert answer.json()["error"]


def test_a_subaccount_sees_its_own_messages_only(serve: Serve) -> None:
    simulation = a_simulation(5)
    sub = simulation.settings.account.subaccounts[0]
    simulation.send(Order(src="ACME", dst="447400123456", text="Hi", subaccount=sub.auth_id))
    url = f"{serve(simulation)}/v1/Account/{sub.auth_id}/Message/"
    rows = requests.get(url, EVERYTHING, auth=(sub.auth_id, sub.auth_token), timeout=5).json()[
        "objects"
    ]
    assert len(rows) == 1


def test_twenty_list_requests_a_minute_of_virtual_time_are_answered(serve: Serve) -> None:
    simulation = a_simulation(list_requests_per_minute=20, retry_after=7)
    url = serve(simulation)
    statuses = [get(url).status_code for _ in range(21)]
    assert statuses == [200] * 20 + [429]
    refused = get(url)
    assert refused.json()["error"] == "too many requests"
    assert refused.headers["Retry-After"] == "7"
    simulation.advance(simulation.now + timedelta(seconds=61))
    assert get(url).status_code == 200
    assert simulation.counts.list_requests_refused == 2


def test_pages_break_on_demand(serve: Serve) -> None:
    simulation = a_simulation(5, faults=Faults(page_error=1.0))
    url = serve(simulation)
    answers = [get(url, EVERYTHING) for _ in range(30)]
    assert {answer.status_code for answer in answers} == {200, 500, 502, 503}
    for answer in answers:
        if answer.status_code == 200:
            with pytest.raises(requests.exceptions.JSONDecodeError):
                answer.json()
    simulation.settings = replace(simulation.settings, faults=Faults(page_429=1.0))
    assert get(url).status_code == 429
    simulation.settings = replace(simulation.settings, faults=Faults(slow_page=0.05))
    assert get(url).elapsed > timedelta(seconds=0.05)


def test_a_number_that_was_sent_with_log_false_is_redacted(serve: Serve) -> None:
    simulation = a_simulation()
    simulation.send(Order(src="ACME", dst="447400123456", text="Hi", log="false"))
    row = get(serve(simulation)).json()["objects"][0]
    assert (row["to_number"], row["log"]) == ("447400123***", "false")


def test_a_legacy_row_names_its_parent_if_wanted(serve: Serve) -> None:
    for named in (True, False):
        simulation = a_simulation(legacy_rate=1.0, legacy_rows_name_parent=named)
        root = simulation.send(Order(src="ACME", dst="447400123456", text="a" * 300))
        rows = get(serve(simulation)).json()["objects"]
        assert len(rows) == 2
        assert {row.get("parent_message_uuid") for row in rows} == {root if named else None}
