"""What `explain` says of reports, log rows, parts and messages: one rule a test."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from reconcile.explaining.evidence import of_message
from reconcile.explaining.explain import Explanation, explain
from tests.builders import NOON, at, clock, log_row, report, window
from tests.reconcile import reckoning
from tests.reconcile.reckoning import Stages

Row = dict[str, Any]
HORIZON = timedelta(hours=72)


class Tell:
    """The explanation of the message m1 that these reports and log rows make."""

    def __init__(self, stages: Stages) -> None:
        self._stages = stages

    def __call__(self, *rows: Row, windows: tuple[Row, ...] = (), **given: Any) -> Explanation:
        reports = [row for row in rows if "report_id" in row]
        log = [row for row in rows if "report_id" not in row]
        self._stages.messages(reports, log, windows, every_report=True, **given)
        held = of_message(
            self._stages.engine,
            "m1",
            windows=[reckoning.window(line) for line in windows],
            as_of=given.get("as_of"),
            horizon=HORIZON,
        )
        assert held is not None
        return explain(held)

    def part(self, *rows: Row, windows: tuple[Row, ...] = ()) -> Row:
        (part,) = self(*rows, windows=windows).parts
        return part

    def why(self, name: str, *rows: Row, **given: Any) -> Row:
        found: Row = self(*rows, **given).message["why"][name]
        return found


@pytest.fixture
def tell(stages: Stages) -> Tell:
    return Tell(stages)


# -- reports -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("better", "worse", "rule", "says"),
    [
        ({"status": "queued"}, {"status": None}, "status",
         ("has a status, #1 has none", "has no status, so it holds no state")),
        ({"status": "delivered"}, {"status": "sent", "sequence": 9}, "final",
         ("final, #1 is not", "not final")),
        ({"status": "sent", "sequence": 3}, {"status": "sent", "sequence": 2}, "sequence",
         ("Sequence 3, #1 has 2", "Sequence 2, #2 has 3")),
        ({"status": "sent", "sequence": 3}, {"status": "queued"}, "sequence",
         ("Sequence 3, #1 has none", "no Sequence, #2 has 3")),
        ({"status": "sent"}, {"status": "queued"}, "rank",
         ("sent ranks above queued", "queued ranks below sent")),
        ({"status": "failed", "delivery_report_time": clock(NOON)}, {"status": "undelivered"},
         "clock", ("Plivo's clock later: #1 has none",
                   "no clock of Plivo's, #2 has 2026-03-01 12:00:00 UTC")),
        ({"status": "failed"}, {"status": "rejected"}, "received_at",
         ("received later than #1", "received before #2")),
    ],
)  # fmt: skip
def test_each_criterion_of_the_winning_order_is_named_on_both_sides(
    tell: Tell, better: Row, worse: Row, rule: str, says: tuple[str, str]
) -> None:
    first, last = {"received_at": at("12:01:00")}, {"received_at": at("12:02:00")}
    winner, loser = tell.part(report(**(better | last)), report(**(worse | first)))["reports"]
    assert (winner["verdict"], winner["rule"], winner["why"]) == ("wins", rule, says[0])
    assert (loser["verdict"], loser["rule"], loser["why"]) == ("loses", rule, says[1])


def test_the_report_id_decides_last(tell: Tell) -> None:
    winner, loser = tell.part(report(status="failed"), report(status="rejected"))["reports"]
    assert (winner["rule"], loser["rule"]) == ("report_id", "report_id")


def test_a_report_alone_wins_as_the_only_one(tell: Tell) -> None:
    (only,) = tell.part(report())["reports"]
    assert (only["verdict"], only["why"]) == ("wins", "the only report")


def test_reports_have_their_number_of_arrival_and_stand_in_the_winning_order(tell: Tell) -> None:
    rows = tell.part(
        report(status="sent", sequence=2, received_at=at("12:00:03")),
        report(status="delivered", sequence=3, received_at=at("12:00:02")),
        report(status="queued", sequence=1, received_at=at("12:00:01")),
    )["reports"]
    assert [(row["state"], row["number"]) for row in rows] == [
        ("delivered", 2), ("sent", 3), ("queued", 1),
    ]  # fmt: skip
    assert [row["out_of_order_after"] for row in rows] == [None, 2, None]


def test_a_copy_is_named_as_that_of_the_first_that_arrived_even_where_it_wins(tell: Tell) -> None:
    rows = tell.part(
        report(status="sent", sequence=2, received_at=at("12:00:01")),
        report(status="delivered", sequence=3, received_at=at("12:00:02")),
        report(status="delivered", sequence=3, received_at=at("12:00:09")),
    )["reports"]
    assert [(row["number"], row["verdict"], row["copy_of"]) for row in rows] == [
        (3, "wins", 2), (2, "loses", None), (1, "loses", None),
    ]  # fmt: skip
    assert rows[0]["why"] == "final, #1 is not", "against what said something else"


def test_a_value_that_could_not_be_typed_is_shown_as_it_came(tell: Tell) -> None:
    (row,) = tell.part(report(units="three", total_amount="free", sequence=""))["reports"]
    assert row["untyped"] == {"units": "three", "total_amount": "free"}


# -- log rows ------------------------------------------------------------------------------------


def test_the_latest_reading_wins_and_the_others_are_older(tell: Tell) -> None:
    rows = tell.part(
        log_row(state="sent", pulled_at=at("13:00:00")), log_row(pulled_at=at("14:00:00"))
    )["log_rows"]
    assert [(row["number"], row["verdict"], row["why"]) for row in rows] == [
        (2, "wins", "latest reading"), (1, "loses", "older reading"),
    ]  # fmt: skip


def test_rows_that_were_pulled_together_are_told_apart_by_their_record(tell: Tell) -> None:
    rows = tell.part(log_row(state="sent", mcc="1"), log_row(state="sent", mcc="2"))["log_rows"]
    assert [row["rule"] for row in rows] == ["record", "record"]
    assert "2" in rows[0]["record"]


def test_a_value_of_the_log_that_could_not_be_typed_is_shown_as_it_came(tell: Tell) -> None:
    record = '{"message_uuid": "m1", "units": "many"}'
    (row,) = tell.part(log_row(units=None) | {"record": record})["log_rows"]
    assert row["untyped"] == {"units": "many"}


# -- report against log --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reported", "logged", "side", "rule"),
    [
        ("sent", "delivered", "log", "final_beats_open"),
        ("delivered", "sent", "report", "final_beats_open"),
        ("delivered", "delivered", "log", "same_end"),
        ("read", "delivered", "log", "same_end"),
        ("delivered", "undelivered", "log", "log_over_report"),
        ("sent", "queued", "report", "higher_rank"),
        ("queued", "sent", "log", "higher_rank"),
        ("accepted", "enroute", "log", "log_on_tie"),
    ],
)
def test_the_rule_between_report_and_log_is_named(
    tell: Tell, reported: str, logged: str, side: str, rule: str
) -> None:
    verdict = tell.part(report(status=reported), log_row(state=logged))["verdict"]
    assert (verdict["side"], verdict["rule"]) == (side, rule)


def test_one_side_alone_wins_because_it_is_alone(tell: Tell) -> None:
    assert tell.part(report())["verdict"]["rule"] == "only_reports"
    assert tell.part(log_row())["verdict"]["rule"] == "only_log"


def test_the_message_was_read_if_either_side_says_so_and_which_one_does(tell: Tell) -> None:
    part = tell.part(report(status="read"), log_row(state="delivered"))
    assert part["state"] == "read"
    assert part["verdict"]["why"].endswith("the report says read")


def test_of_two_different_ends_both_clocks_are_shown(tell: Tell) -> None:
    def verdict(logged_at: str) -> Row:
        found: Row = tell.part(
            report(status="delivered", delivery_report_time=clock(at("12:00:05"))),
            log_row(state="undelivered", message_updated_time=at(logged_at)),
        )["verdict"]
        return found

    later, earlier = verdict("12:00:04"), verdict("12:00:06")
    assert (later["side"], later["rule"]) == ("report", "later_report")
    assert (earlier["side"], earlier["rule"]) == ("log", "log_over_report")
    assert "2026-03-01 12:00:05 UTC" in earlier["why"]
    assert "2026-03-01 12:00:06 UTC" in earlier["why"]
    assert (earlier["report_clock"], earlier["log_clock"]) == (at("12:00:05"), at("12:00:06"))


def test_a_missing_clock_is_named(tell: Tell) -> None:
    part = tell.part(report(status="delivered"), log_row(state="undelivered"))
    assert part["verdict"]["why"].endswith("since no clock of the report and the log is known")


@pytest.mark.parametrize(
    ("how", "word"), [("listed", "log_missing"), ("counted", "counted"), (None, "not_pulled")]
)
def test_the_match_says_which_window_covers_the_part_or_that_none_does(
    tell: Tell, how: str | None, word: str
) -> None:
    match = tell.part(report(), windows=(window(how=how),) if how else ())["match"]
    assert match["word"] == word
    assert (match["window"] and match["window"]["how"]) == how
    assert (
        f"a window {how}" if how else "no reading of a log that is sure to hold it covers"
    ) in match["why"]


# -- values --------------------------------------------------------------------------------------


def test_each_value_names_the_row_that_it_came_from(tell: Tell) -> None:
    part = tell.part(
        report(status="sent", sequence=2, mcc="234", received_at=at("12:00:01")),
        report(status="delivered", sequence=3, units=3, received_at=at("12:00:02")),
        log_row(state="sent", total_amount=Decimal("0.00250")),
    )
    assert part["values"]["why"] == "the reports first, because the log's state is not final"
    found = {name: (row["side"], row["number"]) for name, row in part["values"]["from"].items()}
    assert found["units"] == ("report", 2)
    assert found["mcc"] == ("report", 1)
    assert found["total_amount"] == ("log", 1)


def test_an_error_code_that_the_other_side_lends_is_named_as_its_own(tell: Tell) -> None:
    part = tell.part(report(status="undelivered", error_code="80"), log_row(state="undelivered"))
    assert part["verdict"]["side"] == "log"
    assert part["values"]["from"]["error_code"]["side"] == "report"


# -- the message ---------------------------------------------------------------------------------


def part_of(i: int, status: str, n: int = 2) -> Row:
    return report(f"m{i}", status, parent_message_uuid="m1", part_info=f"{i} of {n}", units=1)


def test_the_part_that_made_it_fail_is_named(tell: Tell) -> None:
    why = tell.why("outcome", part_of(1, "delivered"), part_of(2, "rejected"))
    assert (why["rule"], why["parts"]) == ("part_failed", ["m2"])
    assert why["why"] == "part 2 of 2 is rejected"


def test_delivered_counts_the_expected_parts(tell: Tell) -> None:
    why = tell.why("outcome", part_of(1, "delivered"), part_of(2, "delivered"))
    assert why["why"] == "all 2 expected parts are delivered"


@pytest.mark.parametrize(("hours", "rule"), [(72, "within_horizon"), (73, "beyond_horizon")])
def test_silence_is_told_with_the_last_sign_of_life_horizon_and_now(
    tell: Tell, hours: int, rule: str
) -> None:
    why = tell.why("outcome", part_of(1, "delivered"), as_of=NOON + timedelta(hours=hours))
    assert why["rule"] == rule
    for said in ("1 of 2 expected parts", "2026-03-01 12:00:00 UTC", f"{hours}.0 h", "of 72 h"):
        assert said in why["why"]


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([part_of(1, "sent", n=3)], "part_info"),
        ([report("m1"), report("m2", parent_message_uuid="m1")], "parts_seen"),
        ([report("m1", units=3, part_info="1 of 3")], "one_uuid_for_all"),
        ([report("m1", units=3)], "one_uuid_for_all"),
    ],
)
def test_the_expected_parts_have_a_reason(tell: Tell, rows: list[Row], rule: str) -> None:
    assert tell.why("parts_expected", *rows)["rule"] == rule


@pytest.mark.parametrize(
    ("given", "country", "carrier"),
    [
        ({"destination_country_iso2": "DE", "destination_network": "Telekom"}, "log", "log"),
        ({"mcc": "202", "mnc": "01"}, "mcc", "mcc_mnc"),
        ({}, "prefix", "unknown"),
        ({"to_number": "ACME"}, "unknown", "unknown"),
    ],
)
def test_country_and_carrier_say_where_they_came_from(
    tell: Tell, given: Row, country: str, carrier: str
) -> None:
    told = tell(log_row(**given))
    assert told.message["why"]["country"]["rule"] == country
    assert told.message["why"]["carrier"]["rule"] == carrier


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([report(), log_row()], "log"),
        ([report()], "MessageTime"),
        ([report(message_time=None, queued_time=clock(NOON))], "QueuedTime"),
        ([report(message_time=None)], "received_at"),
    ],
)
def test_the_time_of_the_message_has_a_source(tell: Tell, rows: list[Row], rule: str) -> None:
    why = tell.why("message_time", *rows)
    assert why["rule"] == rule
    assert why["why"].startswith("guessed") == (rule == "received_at")


def test_nothing_is_held_against_an_inbound_message(tell: Tell) -> None:
    told = tell(
        report(status=None, kind="message"),
        log_row(state="undelivered", message_direction="inbound", error_code="30"),
    )
    (part,) = told.parts
    assert (part["state"], part["match"], part["error_code"]) == ("undelivered", None, None)
    assert part["verdict"]["rule"] == "inbound"
    assert told.message["why"]["outcome"]["rule"] == "inbound"


def test_a_message_that_a_part_of_another_names_is_linked_and_not_mixed_in(tell: Tell) -> None:
    told = tell(report("m1"), report("m2", parent_message_uuid="m1"),
                report("m3", parent_message_uuid="m2"))  # fmt: skip
    assert [part["message_uuid"] for part in told.parts] == ["m1", "m2"]
    assert told.linked_messages == ["m2"]
