"""The real SDK against the served simulation."""

from collections.abc import Callable
from typing import Any

import plivo.exceptions
import pytest

from tests.simulator import Order, Recorder, Settings, Simulation

Connect = Callable[[Simulation], Any]


def test_the_sdk_sends_and_reads_messages(connect: Connect) -> None:
    recorder = Recorder()
    simulation = Simulation(deliver=recorder)
    client = connect(simulation)
    answer = client.messages.create(
        src="14155550101",
        dst="447400123456<4915112345678<12",
        text="Hi",
        url="https://hooks.example/delivery_report?tag=otp",
    )
    assert answer.message == "message(s) queued"
    assert len(answer.message_uuid) == 2
    assert answer.invalid_number == ["12"]
    simulation.settle()
    assert len(recorder.of(answer.message_uuid[1])) >= 2
    page = client.request("GET", ("Message",), {"message_time__gte": "2026-11-14 00:00"})
    assert {row.message_uuid for row in page.objects} == set(answer.message_uuid)
    assert client.messages.get(answer.message_uuid[0]).units == 1
    assert len(client.messages.list(limit=1)) == 1
    assert [message.tag for message in simulation.truth()] == ["otp", "otp"]


def test_the_sdks_iterator_walks_all_pages(connect: Connect) -> None:
    simulation = Simulation(deliver=Recorder())
    client = connect(simulation)
    numbers = "<".join(f"4474001234{number:02}" for number in range(45))
    client.messages.create(src="ACME", dst=numbers, text="Hi")
    assert len({message.message_uuid for message in client.messages}) == 45


def test_a_powerpack_chooses_the_sender(connect: Connect) -> None:
    simulation = Simulation(deliver=Recorder())
    client = connect(simulation)
    pack = "1d5f3dd8-b207-4738-b59f-3c2ac7d3461c"
    uuid = client.messages.create(dst="14155550123", powerpack_uuid=pack, text="Hi").message_uuid
    row = client.messages.get(uuid[0])
    assert row.powerpack_id == pack
    assert row.from_number in {"18445550100", "14155550101", "12125550102"}


def test_what_cannot_be_sent_is_refused(connect: Connect) -> None:
    client = connect(Simulation(deliver=Recorder()))
    with pytest.raises(plivo.exceptions.ValidationError):
        client.messages.create(src="ACME", dst="12", text="Hi")
    with pytest.raises(plivo.exceptions.ResourceNotFoundError):
        client.messages.get("nothing")


def test_the_sdk_sets_an_application_up_and_inbound_messages_reach_it(connect: Connect) -> None:
    recorder = Recorder()
    simulation = Simulation(deliver=recorder)
    client = connect(simulation)
    hook = "https://hooks.example/message"
    app_id = client.applications.create("inbound", message_url=hook).app_id
    assert client.applications.get(app_id).message_url == hook
    assert [app.app_name for app in client.applications.list()] == ["inbound"]
    client.numbers.update("14155550101", app_id=app_id)
    assert client.numbers.get("14155550101").application.endswith(f"/{app_id}/")
    assert "14155550101" in {number.number for number in client.numbers.list()}
    other = "https://hooks.example/other"
    client.applications.update(app_id, message_url=other, message_method="GET")

    simulation.receive(Order(src="447400123456", dst="14155550101", text="Yes"))
    simulation.settle()
    assert [(posted.url, posted.method) for posted in recorder.posted] == [(other, "GET")]
    client.applications.delete(app_id)
    with pytest.raises(plivo.exceptions.ResourceNotFoundError):
        client.applications.get(app_id)


def test_the_account_tells_its_time_zone(connect: Connect) -> None:
    assert connect(Simulation()).account.get().timezone == "Asia/Kolkata"


def test_the_sdk_rents_a_number_and_it_is_offered_no_more(connect: Connect) -> None:
    client = connect(Simulation(deliver=Recorder()))
    app_id = client.applications.create("inbound").app_id
    offers = [offer.number for offer in client.numbers.search("US", services="sms").objects]
    answer = client.numbers.buy(offers[0], app_id=app_id)
    assert (answer.status, answer.numbers[0].status) == ("fulfilled", "Success")
    assert client.numbers.get(offers[0]).application.endswith(f"/{app_id}/")
    assert [offer.number for offer in client.numbers.search("US").objects] == offers[1:]


def test_a_number_that_wants_documents_stays_pending(connect: Connect) -> None:
    client = connect(Simulation(deliver=Recorder()))
    offer = client.numbers.search("DE").objects[0]
    assert offer.restriction == "city-address"
    assert client.numbers.buy(offer.number).numbers[0].status == "pending"
    with pytest.raises(plivo.exceptions.ResourceNotFoundError):
        client.numbers.get(offer.number)


@pytest.mark.parametrize(
    ("updates_reset", "left"), [(False, "https://hooks.example/answer"), (True, None)]
)
def test_an_update_resets_what_it_leaves_out_only_where_it_is_told_to(
    connect: Connect, *, updates_reset: bool, left: str | None
) -> None:
    client = connect(Simulation(Settings(updates_reset=updates_reset), deliver=Recorder()))
    answer_url = "https://hooks.example/answer"
    app_id = client.applications.create("both", answer_url=answer_url).app_id
    client.applications.update(app_id, message_url="https://hooks.example/message")
    assert client.applications.get(app_id).answer_url == left
