"""Which report wins, what state and what values a part has: one rule a test, worked out by hand."""

from datetime import datetime
from decimal import Decimal

import pytest

from tests.builders import NOON, at, clock, log_row, report
from tests.reconcile.reckoning import Reckon

FIVE_PAST = at("12:05:00")
TEN_PAST = at("12:10:00")


# -- the winning report --------------------------------------------------------------------------


def test_a_final_report_wins_over_an_open_one_of_higher_sequence(reckon: Reckon) -> None:
    assert reckon(report(status="delivered", sequence=2), report(status="sent", sequence=3))[
        "report_state"
    ] == "delivered"  # fmt: skip


def test_of_two_final_reports_the_higher_sequence_wins_whenever_it_arrived(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", sequence=4, received_at=FIVE_PAST),
        report(status="undelivered", sequence=3, received_at=TEN_PAST),
    )
    assert row["state"] == "delivered"


def test_sequences_are_compared_as_numbers(reckon: Reckon) -> None:
    row = reckon(
        report(status="undelivered", sequence=9), report(status="delivered", sequence=10)
    )  # fmt: skip
    assert row["state"] == "delivered"


@pytest.mark.parametrize("no_number", [None, "", "x", "2nd"])
def test_a_sequence_that_is_no_number_ranks_below_any(
    reckon: Reckon, no_number: str | None
) -> None:
    row = reckon(
        report(status="undelivered", sequence=1),
        report(status="delivered", sequence=no_number, received_at=TEN_PAST),
    )
    assert row["state"] == "undelivered"


def test_sequence_wins_over_rank_among_open_reports(reckon: Reckon) -> None:
    assert reckon(report(status="sent", sequence=1), report(status="queued", sequence=2))[
        "state"
    ] == "queued"  # fmt: skip


def test_without_sequence_the_rank_of_the_state_decides(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", received_at=FIVE_PAST), report(status="queued", received_at=TEN_PAST)
    )
    assert row["state"] == "sent"


def test_an_unknown_word_ranks_above_queued(reckon: Reckon) -> None:
    assert reckon(report(status="accepted"), report(status="queued"))["state"] == "accepted"


def test_an_unknown_word_ranks_below_sent(reckon: Reckon) -> None:
    assert reckon(report(status="sent"), report(status="accepted"))["state"] == "sent"


def test_equal_in_sequence_and_rank_the_later_clock_of_plivo_wins(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", delivery_report_time=clock(TEN_PAST), received_at=FIVE_PAST),
        report(status="undelivered", delivery_report_time=clock(FIVE_PAST), received_at=TEN_PAST),
    )
    assert row["state"] == "delivered"


def test_the_clock_of_an_unknown_word_is_the_time_of_sending(reckon: Reckon) -> None:
    row = reckon(
        report(status="accepted", sent_time=clock(TEN_PAST), received_at=FIVE_PAST),
        report(status="enroute", sent_time=clock(FIVE_PAST), queued_time=clock(at("13:00:00"))),
    )
    assert row["state"] == "accepted"


def test_equal_in_clock_the_later_reception_wins(reckon: Reckon) -> None:
    row = reckon(
        report(status="undelivered", received_at=TEN_PAST),
        report(status="delivered", received_at=FIVE_PAST),
    )
    assert row["state"] == "undelivered"


def test_received_together_the_greater_report_id_wins(reckon: Reckon) -> None:
    row = reckon(report(status="failed", report_id="b"), report(status="rejected", report_id="a"))
    assert row["state"] == "failed"


def test_a_report_without_a_status_holds_no_state_and_ranks_below_all(reckon: Reckon) -> None:
    row = reckon(report(status="queued", sequence=1), report(status=None, sequence=9))
    assert (row["state"], row["reports"]) == ("queued", 2)


def test_a_message_of_reports_without_a_status_has_no_state(reckon: Reckon) -> None:
    row = reckon(report(status=""))
    assert (row["state"], row["report_state"], row["outcome"]) == (None, None, "pending")


def test_the_values_of_a_report_without_a_status_count(reckon: Reckon) -> None:
    row = reckon(report(status="sent", mcc=None), report(status=None, mcc="234"))
    assert (row["state"], row["mcc"]) == ("sent", "234")


def test_a_state_is_the_same_in_capitals(reckon: Reckon) -> None:
    row = reckon(report(status="DELIVERED"), log_row(state="Delivered"))
    assert (row["state"], row["outcome"], row["match"]) == ("delivered", "delivered", "agree")


def test_an_unknown_word_is_kept_and_shown(reckon: Reckon) -> None:
    row = reckon(report(status="teleported"))
    assert (row["state"], row["outcome"], row["final_parts"]) == ("teleported", "pending", 0)


# -- copies, order of arrival, changes -----------------------------------------------------------


def test_copies_share_part_sequence_and_status(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", sequence=2), report(status="sent", sequence="02"),
        report(status="sent", sequence=3), report(status="delivered", sequence=3),
    )  # fmt: skip
    assert (row["reports"], row["duplicate_reports"]) == (4, 1)


def test_without_sequence_reports_of_the_same_status_are_copies(reckon: Reckon) -> None:
    row = reckon(report(status="sent"), report(status="sent"), report(status="sent", sequence="?"))
    assert (row["reports"], row["duplicate_reports"]) == (3, 2)


def test_a_report_is_out_of_order_after_one_of_higher_sequence(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", sequence=3, received_at=at("12:00:01")),
        report(status="sent", sequence=2, received_at=at("12:00:02")),
        report(status="queued", sequence=1, received_at=at("12:00:03")),
    )
    assert row["out_of_order_reports"] == 2


def test_the_order_of_arrival_is_judged_by_rank_where_either_has_no_sequence(
    reckon: Reckon,
) -> None:
    row = reckon(
        report(status="sent", sequence=1, received_at=at("12:00:01")),
        report(status="queued", received_at=at("12:00:02")),  # after sent: out of order
        report(status="queued", sequence=2, received_at=at("12:00:03")),  # 2 > 1, queued = queued
        report(status="sent", received_at=at("12:00:04")),
    )
    assert row["out_of_order_reports"] == 1


def test_a_numbered_report_is_out_of_order_after_an_unnumbered_one_of_higher_rank(
    reckon: Reckon,
) -> None:
    row = reckon(
        report(status="delivered", received_at=at("12:00:01")),
        report(status="sent", sequence=2, received_at=at("12:00:02")),
    )
    assert row["out_of_order_reports"] == 1


def test_a_copy_that_comes_late_is_not_out_of_order(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", sequence=2, received_at=at("12:00:01")),
        report(status="delivered", sequence=3, received_at=at("12:00:02")),
        report(status="sent", sequence=2, received_at=at("12:00:03")),
    )
    assert (row["out_of_order_reports"], row["duplicate_reports"]) == (0, 1)


def test_a_state_change_is_a_final_report_that_differs_from_its_neighbour(reckon: Reckon) -> None:
    row = reckon(
        *(
            report(status=status, sequence=number)
            for number, status in enumerate(
                ("queued", "sent", "delivered", "delivered", "read", "undelivered", "delivered")
            )
        )
    )
    assert row["state_changes"] == 2


# -- report against log --------------------------------------------------------------------------


def test_a_final_log_wins_over_an_open_report(reckon: Reckon) -> None:
    row = reckon(report(status="sent"), log_row(state="undelivered"))
    assert (row["state"], row["report_state"], row["log_state"]) == (
        "undelivered", "sent", "undelivered",
    )  # fmt: skip


def test_a_final_report_wins_over_an_open_log(reckon: Reckon) -> None:
    assert reckon(report(status="delivered"), log_row(state="sent"))["state"] == "delivered"


@pytest.mark.parametrize(
    ("reported", "logged", "state"),
    [
        ("sent", "queued", "sent"),
        ("queued", "sent", "sent"),
        ("accepted", "queued", "accepted"),
        ("accepted", "enroute", "enroute"),  # a tie
        ("queued", None, "queued"),
        (None, "queued", "queued"),
    ],
)
def test_of_two_open_states_the_higher_rank_counts_and_the_log_on_a_tie(
    reckon: Reckon, reported: str | None, logged: str | None, state: str
) -> None:
    assert reckon(report(status=reported), log_row(state=logged))["state"] == state


@pytest.mark.parametrize(
    ("reported", "logged", "state"),
    [("read", "delivered", "read"), ("delivered", "read", "read"), ("read", "read", "read"),
     ("delivered", "delivered", "delivered")],
)  # fmt: skip
def test_a_message_was_read_if_either_side_says_so(
    reckon: Reckon, reported: str, logged: str, state: str
) -> None:
    row = reckon(report(status=reported), log_row(state=logged))
    assert (row["state"], row["outcome"], row["match"]) == (state, "delivered", "agree")


@pytest.mark.parametrize(
    ("reported_at", "logged_at", "state"),
    [
        (FIVE_PAST, TEN_PAST, "delivered"),
        (TEN_PAST, FIVE_PAST, "undelivered"),
        (TEN_PAST, TEN_PAST, "delivered"),
        (TEN_PAST, None, "delivered"),
        (None, FIVE_PAST, "delivered"),
    ],
)
def test_of_two_different_ends_the_logs_counts_unless_the_report_is_known_to_be_later(
    reckon: Reckon, reported_at: datetime | None, logged_at: datetime | None, state: str
) -> None:
    drt = clock(reported_at) if reported_at else None
    row = reckon(
        report(status="undelivered", delivery_report_time=drt),
        log_row(state="delivered", message_updated_time=logged_at),
    )
    assert (row["state"], row["match"]) == (state, "status_differs")


def test_failed_and_rejected_are_two_different_ends(reckon: Reckon) -> None:
    row = reckon(report(status="failed"), log_row(state="rejected"))
    assert (row["state"], row["match"], row["outcome"]) == ("rejected", "status_differs", "failed")


def test_the_log_row_pulled_last_is_the_latest(reckon: Reckon) -> None:
    row = reckon(
        log_row(state="delivered", pulled_at=at("14:00:00")),
        log_row(state="sent", pulled_at=at("13:00:00")),
    )
    assert row["state"] == "delivered"


# -- values --------------------------------------------------------------------------------------


def money(text: str) -> Decimal:
    return Decimal(text)


def test_a_final_log_row_tells_the_price(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", total_amount="0.00500", units=2),
        log_row(state="delivered", total_amount=money("0.00250"), units=1),
    )
    assert (row["total_amount"], row["units"]) == (money("0.00250"), 1)


def test_before_the_log_is_final_the_winning_most_report_tells_the_price(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", sequence=2, total_amount="0.00500", units=2),
        report(status="queued", sequence=1, total_amount="0.00100", units=3),
        log_row(state="sent", total_amount=money("0.00250"), units=1),
    )
    assert (row["total_amount"], row["units"]) == (money("0.00500"), 2)


def test_an_open_log_row_tells_what_no_report_has(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", total_amount=None, units=""),
        log_row(state="sent", total_amount=money("0.00250"), units=4),
    )
    assert (row["total_amount"], row["units"]) == (money("0.00250"), 4)


def test_what_a_final_log_row_lacks_comes_from_the_reports(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", total_amount="0.0025", mcc="234", mnc="15"),
        log_row(state="delivered", total_amount=None, mcc="", mnc=None),
    )
    assert (row["total_amount"], row["mcc"], row["mnc"]) == (money("0.00250"), "234", "15")


def test_the_zero_of_an_open_report_never_overwrites_a_reported_amount(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", sequence=2, total_amount="0.00250"),
        report(status="accepted", sequence=3, total_amount="0.00000"),
    )
    assert row["total_amount"] == money("0.00250")


def test_the_zero_of_an_open_report_never_overwrites_the_amount_of_the_log(reckon: Reckon) -> None:
    row = reckon(
        report(status="queued", total_amount="0.00000"),
        log_row(state="sent", total_amount=money("0.00250")),
    )
    assert row["total_amount"] == money("0.00250")


def test_the_zero_of_a_final_report_is_an_amount(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", sequence=2, total_amount="0.00250"),
        report(status="failed", sequence=3, total_amount="0.00000"),
    )
    assert row["total_amount"] == money("0.00000")


def test_the_zero_of_a_final_log_row_is_an_amount(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", total_amount="0.00250"),
        log_row(state="failed", total_amount=money("0.00000")),
    )
    assert row["total_amount"] == money("0.00000")


def test_a_zero_alone_is_an_amount(reckon: Reckon) -> None:
    assert reckon(report(status="queued", total_amount="0"))["total_amount"] == 0


def test_an_empty_value_of_a_later_report_overwrites_nothing(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", sequence=2, mcc="234", mnc="15", type="sms"),
        report(status="delivered", sequence=3, mcc="", mnc=None, type=""),
    )
    assert (row["mcc"], row["mnc"], row["type"]) == ("234", "15", "sms")


@pytest.mark.parametrize("column", ["from_number", "to_number"])
@pytest.mark.parametrize("logged", ["sent", "delivered"])
def test_a_redacted_number_never_overwrites_a_whole_one(
    reckon: Reckon, column: str, logged: str
) -> None:
    row = reckon(
        report(status="sent", sequence=2, **{column: "14155550100"}),
        report(status="delivered", sequence=3, **{column: "14155550***"}),
        log_row(state=logged, **{column: "14155550***"}),
    )
    assert row[column] == "14155550100"


@pytest.mark.parametrize("column", ["from_number", "to_number"])
def test_the_logs_whole_number_fills_in_for_redacted_reports(reckon: Reckon, column: str) -> None:
    row = reckon(report(**{column: "14155550***"}), log_row("m1", "sent", **{column: "+1415"}))
    assert row[column] == "1415"


def test_a_redacted_number_is_better_than_none(reckon: Reckon) -> None:
    row = reckon(report(to_number=None), log_row(state="sent", to_number="14155550***"))
    assert (row["to_number"], row["country"]) == ("14155550***", "US")


def test_numbers_lose_their_plus(reckon: Reckon) -> None:
    row = reckon(report(from_number="+18445550100", to_number="+447400123456"))
    assert (row["from_number"], row["to_number"]) == ("18445550100", "447400123456")


def test_values_that_cannot_be_understood_are_counted_and_overwrite_nothing(
    reckon: Reckon,
) -> None:
    row = reckon(
        report(status="sent", sequence=1, units=2, total_amount="0.0025"),
        report(status="delivered", units="two", total_amount="free", sequence="second",
               sent_time="2026-02-30 00:00:00"),
    )  # fmt: skip
    assert (row["units"], row["total_amount"], row["sent_at"]) == (2, money("0.00250"), None)
    assert row["untyped_values"] == 4


# -- error codes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "rejected", "undelivered"])
def test_what_did_not_arrive_has_an_error_code(reckon: Reckon, state: str) -> None:
    assert reckon(report(status=state, error_code="80"))["error_code"] == "80"


@pytest.mark.parametrize("state", ["queued", "sent", "delivered", "read", "accepted"])
def test_any_other_state_has_no_error_code(reckon: Reckon, state: str) -> None:
    row = reckon(report(status=state, error_code="80"), log_row(state=state, error_code="80"))
    assert row["error_code"] is None


@pytest.mark.parametrize("nothing", ["000", "0", "", None])
def test_a_code_of_zeros_or_none_is_no_error_code(reckon: Reckon, nothing: str | None) -> None:
    assert reckon(report(status="undelivered", error_code=nothing))["error_code"] is None


def test_the_error_code_is_that_of_the_side_whose_state_won(reckon: Reckon) -> None:
    reported = report(status="failed", error_code="30")
    assert reckon(reported, log_row(state="undelivered", error_code="80"))["error_code"] == "80"


def test_the_other_side_lends_its_error_code_if_it_says_the_same_state(reckon: Reckon) -> None:
    reported = report(status="undelivered", error_code="80")
    assert reckon(reported, log_row(state="undelivered", error_code=None))["error_code"] == "80"


def test_the_other_side_lends_no_error_code_if_it_says_another_state(reckon: Reckon) -> None:
    reported = report(status="failed", error_code="30")
    assert reckon(reported, log_row(state="undelivered", error_code="000"))["error_code"] is None


# -- country and carrier -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logged", "mcc", "to_number", "country"),
    [
        ("DE", "234", "14155550100", "DE"),
        ("", "234", "14155550100", "GB"),
        (None, None, "14165550100", "CA"),  # Toronto: the longest prefix, not the 1 of the US
        (None, "901", "447400123456", "GB"),  # a code of no country
        (None, None, "ACME", None),
    ],
)
def test_the_country_is_the_logs_else_the_networks_else_the_numbers(
    reckon: Reckon, logged: str | None, mcc: str | None, to_number: str, country: str | None
) -> None:
    row = reckon(
        report(mcc=mcc, to_number=to_number),
        log_row(destination_country_iso2=logged, to_number=to_number),
    )
    assert row["country"] == country


@pytest.mark.parametrize(
    ("logged", "mcc", "mnc", "carrier"),
    [("Telekom", "202", "01", "Telekom"), ("", "202", "01", "Cosmote"),
     (None, "202", "001", "Cosmote"), (None, "202", None, None), (None, "202", "999", None)],
)  # fmt: skip
def test_the_carrier_is_the_logs_network_else_that_of_mcc_and_mnc(
    reckon: Reckon, logged: str | None, mcc: str, mnc: str | None, carrier: str | None
) -> None:
    row = reckon(report(mcc=mcc, mnc=mnc), log_row(destination_network=logged))
    assert row["carrier"] == carrier


# -- times ---------------------------------------------------------------------------------------


def test_the_time_of_a_message_is_the_logs_else_message_time_else_queued_time(
    reckon: Reckon,
) -> None:
    whole = report(message_time=clock(at("12:00:02")), queued_time=clock(at("12:00:03")))
    assert reckon(whole, log_row(message_time=at("12:00:01")))["message_time"] == at("12:00:01")
    assert reckon(whole)["message_time"] == at("12:00:02")
    queued = report(message_time="soon", queued_time=clock(at("12:00:03")))
    assert reckon(queued)["message_time"] == at("12:00:03")
    assert not reckon(queued)["guessed_time"]


def test_a_message_without_a_time_is_dated_by_its_earliest_reception(reckon: Reckon) -> None:
    row = reckon(
        report(message_time=None, received_at=TEN_PAST, status="sent"),
        report(message_time=None, received_at=FIVE_PAST),
    )
    assert (row["message_time"], row["guessed_time"]) == (FIVE_PAST, True)


def test_sent_at_is_the_reports_else_the_logs(reckon: Reckon) -> None:
    logged = log_row(message_sent_time=TEN_PAST)
    assert reckon(report(sent_time=clock(FIVE_PAST)), logged)["sent_at"] == FIVE_PAST
    assert reckon(report(), logged)["sent_at"] == TEN_PAST


def test_final_at_is_when_the_final_state_was_reported_first(reckon: Reckon) -> None:
    row = reckon(
        report(status="undelivered", sequence=3, delivery_report_time=clock(at("12:00:01"))),
        report(status="delivered", sequence=5, delivery_report_time=clock(at("12:00:09"))),
        report(status="delivered", sequence=4, delivery_report_time=clock(at("12:00:05"))),
    )
    assert row["final_at"] == at("12:00:05")


def test_reading_does_not_move_the_time_of_delivery(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", sequence=3, delivery_report_time=clock(FIVE_PAST)),
        report(status="read", sequence=4, delivery_report_time=clock(TEN_PAST)),
    )
    assert (row["state"], row["final_at"]) == ("read", FIVE_PAST)


def test_a_first_report_without_that_time_leaves_it_to_the_next(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", sequence=3),
        report(status="delivered", sequence=4, delivery_report_time=clock(TEN_PAST)),
    )
    assert row["final_at"] == TEN_PAST


def test_where_no_report_has_that_time_the_logs_counts_if_it_says_the_state(
    reckon: Reckon,
) -> None:
    delivered = report(status="delivered")
    said = log_row(state="read", message_updated_time=TEN_PAST)
    assert reckon(delivered, said)["final_at"] == TEN_PAST
    open_row = log_row(state="sent", message_updated_time=TEN_PAST)
    assert reckon(delivered, open_row)["final_at"] is None


def test_the_time_of_another_final_state_is_not_final_at(reckon: Reckon) -> None:
    row = reckon(
        report(status="delivered", delivery_report_time=clock(FIVE_PAST)),
        log_row(state="undelivered", message_updated_time=None),
    )
    assert (row["state"], row["final_at"]) == ("undelivered", None)


def test_reception_is_never_taken_for_the_time_of_the_end(reckon: Reckon) -> None:
    assert reckon(report(received_at=TEN_PAST, message_time=clock(NOON)))["final_at"] is None
