"""What is posted about a message, when, and again."""

import re
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.simulator import Order, Recorder, Settings, Simulation
from tests.simulator.messages import Message
from tests.simulator.times import parse_iso
from tests.simulator.traffic import orders, replies

HOOK = "https://hooks.example/delivery_report"
LONG_TEXT = "a" * 400
CALLBACK_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")


def a_simulation(deliver: Recorder, **settings: object) -> Simulation:
    return Simulation(Settings(**settings), deliver)  # type: ignore[arg-type]


def send_until(simulation: Simulation, words: list[str], text: str = "Hi") -> Message:
    """Sends messages until one of them lives through exactly these states."""
    for number in range(3000):
        dst = f"44740{number:07}"
        simulation.send(Order(src="ACME", dst=dst, text=text, at=simulation.now), HOOK)
        message = simulation.messages[-1]
        if [report.plan.word for report in message.parts[0].reports] == words:
            return message
    raise AssertionError(f"no message of 3000 is {words}")


def posted_about(words: list[str], **settings: object) -> list[dict[str, str]]:
    recorder = Recorder()
    simulation = a_simulation(recorder, **settings)
    message = send_until(simulation, words)
    simulation.settle()
    return recorder.of(message.message_uuid)


def test_a_delivered_message_is_reported_queued_sent_delivered() -> None:
    queued, sent, delivered = posted_about(["queued", "sent", "delivered"])
    assert [queued["Sequence"], sent["Sequence"], delivered["Sequence"]] == ["1", "2", "3"]
    assert queued["TotalRate"] == queued["TotalAmount"] == "0.00000"
    assert delivered["TotalRate"] == delivered["TotalAmount"] == "0.04300"
    assert not {"MCC", "MNC", "Type", "SentTime", "ErrorCode"} & set(queued)
    assert sent["MCC"] == "234"
    assert "DeliveryReportTime" not in sent
    assert CALLBACK_TIME.fullmatch(delivered["DeliveryReportTime"])
    assert delivered["MessageTime"] < delivered["QueuedTime"] < delivered["SentTime"]
    assert delivered["SentTime"] < delivered["DeliveryReportTime"]


def test_a_failed_message_never_reached_a_carrier_and_costs_nothing() -> None:
    _, failed = posted_about(["queued", "failed"])
    assert failed["ErrorCode"]
    assert failed["TotalAmount"] == "0.00000"
    assert failed["TotalRate"] != "0.00000"
    assert not {"SentTime", "DeliveryReportTime"} & set(failed)


def test_an_undelivered_message_is_charged() -> None:
    *_, undelivered = posted_about(["queued", "sent", "undelivered"])
    assert undelivered["TotalAmount"] == "0.04300"
    assert "ErrorCode" in undelivered


def test_some_messages_never_get_a_receipt() -> None:
    assert len(posted_about(["queued", "sent"])) == 2


def test_callbacks_of_2017_have_neither_sequence_nor_times() -> None:
    for parameters in posted_about(["queued", "sent", "delivered"], callbacks_2017_rate=1.0):
        assert not {name for name in parameters if name.endswith("Time")}
        assert not {"Sequence", "Type", "requester_ip", "PowerpackUUID"} & set(parameters)
        assert re.fullmatch(r"\d\.\d{4}", parameters["TotalRate"])


def test_today_a_long_message_is_one_part_with_units() -> None:
    recorder = Recorder()
    simulation = a_simulation(recorder)
    uuid = simulation.send(Order(src="ACME", dst="447400123456", text=LONG_TEXT), HOOK)
    simulation.settle()
    assert len(simulation.log) == 1
    for parameters in recorder.of(uuid):
        assert parameters["Units"] == "3"
        assert parameters["ParentMessageUUID"] == uuid
        assert parameters["PartInfo"] == "1 of 1"


@pytest.mark.parametrize(("part_info", "written"), [("empty", ""), ("units", "1 of 3")])
def test_part_info_of_a_long_message_can_be_chosen(part_info: str, written: str) -> None:
    recorder = Recorder()
    simulation = a_simulation(recorder, part_info=part_info)
    simulation.send(Order(src="ACME", dst="447400123456", text=LONG_TEXT), HOOK)
    simulation.settle()
    assert {posted.parameters["PartInfo"] for posted in recorder.posted} == {written}


def test_a_legacy_message_has_a_report_series_and_a_row_for_each_part() -> None:
    recorder = Recorder()
    simulation = a_simulation(recorder, legacy_rate=1.0)
    root = simulation.send(Order(src="ACME", dst="447400123456", text=LONG_TEXT), HOOK)
    simulation.settle()
    parts = simulation.truth()[0].parts
    assert len(simulation.log) == len(parts) == 3
    assert parts[0].message_uuid == root
    for number, part in enumerate(parts, start=1):
        for parameters in recorder.of(part.message_uuid):
            assert parameters["ParentMessageUUID"] == root
            assert parameters["PartInfo"] == f"{number} of 3"
            assert parameters["Units"] == "1"


def test_a_report_is_retried_after_60_120_and_240_seconds_and_then_given_up() -> None:
    simulation = a_simulation(Recorder(lambda _parameters, _before: 503))
    simulation.send(Order(src="ACME", dst="447400123456", text="Hi"), HOOK)
    simulation.settle()
    reports = simulation.truth()[0].parts[0].reports
    for report in reports:
        at = [parse_iso(written) for written in report.posted_at]
        waits = [(b - a).total_seconds() for a, b in pairwise(at)]
        assert waits == [60, 120, 240]
        assert report.answers == [503] * 4
        assert report.acknowledged == 0
    assert simulation.counts.reports_failed == len(reports)


def test_no_answer_is_an_answer_of_0_and_a_retry_may_succeed() -> None:
    posts = iter(range(100))

    def deliver(*_request: object) -> int:
        if next(posts) == 0:
            raise ConnectionRefusedError
        return 200

    simulation = Simulation(deliver=deliver)
    simulation.send(Order(src="ACME", dst="447400123456", text="Hi"), HOOK)
    simulation.settle()
    first, *others = simulation.truth()[0].parts[0].reports
    assert first.answers == [0, 200]
    assert all(report.answers == [200] for report in others)


def test_a_message_without_url_is_never_reported() -> None:
    recorder = Recorder()
    simulation = Simulation(deliver=recorder)
    simulation.send(Order(src="ACME", dst="447400123456", text="Hi"))
    simulation.settle()
    assert not recorder.posted
    assert simulation.truth()[0].parts[0].log_row is not None


def test_the_senders_own_query_is_kept_and_the_tag_added() -> None:
    recorder = Recorder()
    simulation = Simulation(deliver=recorder)
    simulation.send(Order(src="ACME", dst="447400123456", text="Hi", tag="a b"), HOOK + "?x=1")
    simulation.settle()
    assert {posted.url for posted in recorder.posted} == {HOOK + "?x=1&tag=a+b"}
    assert simulation.truth()[0].tag == "a b"


def test_time_moves_only_as_far_as_it_is_let() -> None:
    recorder = Recorder()
    simulation = Simulation(deliver=recorder)
    start = simulation.now
    simulation.generate(orders(1, 50, start, start + timedelta(hours=10)), HOOK)
    simulation.advance(start + timedelta(hours=5))
    assert simulation.now == start + timedelta(hours=5)
    assert 0 < len(simulation.messages) < 50
    assert all(message.message_time <= simulation.now for message in simulation.messages)


def test_inbound_messages_are_judged_by_the_receivers_answer() -> None:
    hook = "https://hooks.example/message"
    recorder = Recorder(lambda parameters, _before: 500 if parameters["From"] < "5" else 200)
    simulation = Simulation(deliver=recorder)
    start = simulation.now
    simulation.generate_inbound(replies(1, 40, start, start + timedelta(hours=5)), hook)
    simulation.settle()
    words: dict[bool, set[str]] = {True: set(), False: set()}
    for message in simulation.truth():
        row = message.parts[0].log_row
        assert row is not None
        words[message.from_number < "5"].add(row.state)
    assert words == {True: {"undelivered"}, False: {"delivered"}}
    assert recorder.posted[0].parameters["Text"]


def test_an_inbound_message_without_message_url_stays_received() -> None:
    simulation = Simulation(deliver=Recorder())
    simulation.receive(Order(src="447400123456", dst="14155550101", text="STOP"))
    simulation.settle()
    row = simulation.truth()[0].parts[0].log_row
    assert row is not None
    assert row.state == "received"
