"""A past that is planned anew at each look shows the log that a simulation in full shows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from tests.simulator import (
    Faults,
    Order,
    Orders,
    PastSimulation,
    Recorder,
    Settings,
    Simulation,
    orders,
    reports_of,
    rows_of,
)

AUTH = ("MAPRETENDPLIVOACCT01", "pretend-token-of-the-main-account")
LOG = f"/v1/Account/{AUTH[0]}/Message/"
URL = "https://hooks.example/delivery_report"
Serve = Callable[[Simulation], str]


def both(messages: int, **given: Any) -> tuple[Simulation, PastSimulation]:
    """The same orders: lived through, and as a past."""
    settings = Settings(list_requests_per_minute=None, **given)
    end = settings.start + timedelta(days=2)
    sent = list(orders(settings.seed, messages, settings.start, end))
    lived = Simulation(settings, Recorder())
    lived.generate(sent, url=URL)
    lived.settle()
    lived.advance(end + timedelta(days=5))
    planned = Orders(settings, sent, URL)
    rows = [row for message in planned for row in rows_of(message)]
    return lived, PastSimulation(settings, planned, rows, lambda: lived.now)


@pytest.mark.parametrize("paging", ["offset", "cursor", "hybrid"])
def test_a_past_is_paged_and_filtered_like_the_simulation_it_replaces(
    serve: Serve, paging: str
) -> None:
    faults = Faults(log_behind=0.1, status_conflict=0.1, final_change=0.1, unknown_word=0.1)
    lived, past = both(300, legacy_rate=0.3, paging=paging, faults=faults)
    since = lived.settings.start
    window = {
        "message_time__gte": f"{since + timedelta(hours=3):%Y-%m-%d %H:%M}",
        "message_time__lt": f"{since + timedelta(hours=40):%Y-%m-%d %H:%M}",
    }
    asked: list[dict[str, Any]] = [
        {**window, **filters, "offset": offset}
        for offset in (0, 1, 19, 20, 100, 10_000)
        for filters in (
            {}, {"message_state": "sent"}, {"message_state": "queued"},
            {"message_direction": "outbound", "message_state": "delivered"},
            {"message_direction": "inbound"}, {"error_code": "80"},
            {"destination_country_iso2": "US", "message_direction": "outbound"},
        )
    ]  # fmt: skip
    there, here = serve(lived), serve(past)
    for query in asked:
        pages = [
            requests.get(url + LOG, query, auth=AUTH, timeout=5).json() for url in (there, here)
        ]
        pages = [{k: v for k, v in page.items() if k != "api_id"} for page in pages]
        assert pages[0] == pages[1], query


def test_a_past_walked_by_its_cursors_shows_every_row_once(serve: Serve) -> None:
    lived, past = both(110, paging="cursor")
    url, following, seen = serve(past), LOG + "?message_time__gte=2026-11-01%2000:00", []
    while following:
        page = requests.get(url + following, auth=AUTH, timeout=5).json()
        seen += [row["message_uuid"] for row in page["objects"]]
        following = page["meta"]["next"]
    assert sorted(seen) == sorted(p.message_uuid for m in lived.truth() for p in m.parts)


def test_a_past_tells_single_rows_and_the_truth_alike(serve: Serve) -> None:
    lived, past = both(60, legacy_rate=0.3, faults=Faults(status_conflict=0.2))
    there, here = serve(lived), serve(past)
    for message, other in zip(lived.truth(), past.truth(), strict=True):
        for part, same in zip(message.parts, other.parts, strict=True):
            assert (part.message_uuid, part.fate, part.final_at, part.log_row) == (
                same.message_uuid, same.fate, same.final_at, same.log_row
            )  # fmt: skip
            single = f"{LOG}{part.message_uuid}/"
            rows = [
                requests.get(url + single, auth=AUTH, timeout=5).json() for url in (there, here)
            ]
            assert {**rows[0], "api_id": ""} == {**rows[1], "api_id": ""}
    assert requests.get(f"{here}{LOG}unknown/", auth=AUTH, timeout=5).status_code == 404


def test_the_reports_of_a_past_are_those_that_would_be_posted() -> None:
    lived, past = both(60, faults=Faults(lost=0.2, late=0.1))
    posted = {
        (part.message_uuid, report.sequence, report.posted_at[0][:19])
        for message in lived.truth() for part in message.parts
        for report in part.reports if report.posted_at
    }  # fmt: skip
    told = {
        (part.plan.message_uuid, report.sequence, came_at.isoformat()[:19])
        for message in past.messages for part, report, came_at in reports_of(message)
    }  # fmt: skip
    assert told == posted


def test_nothing_can_be_sent_into_a_past_and_none_is_served_before_it_is_over() -> None:
    lived, past = both(5)
    with pytest.raises(RuntimeError, match="over"):
        past.send(Order(src="ACME", dst="447400123456", text="Hi"))
    rows = [row for message in past.messages for row in rows_of(message)]
    with pytest.raises(ValueError, match="to happen"):
        PastSimulation(past.settings, past.messages, rows, lambda: lived.settings.start)
