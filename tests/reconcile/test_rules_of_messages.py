"""How parts become a message, and what becomes of it: one rule a test, worked out by hand."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.builders import NOON, at, clock, log_row, report, window
from tests.reconcile.reckoning import Reckon

HORIZON = timedelta(hours=72)
MICROSECOND = timedelta(microseconds=1)

# -- roots ---------------------------------------------------------------------------------------


def part(i: int, status: str = "delivered", n: int = 2, **given: Any) -> dict[str, Any]:
    """A report of the i-th part of an old long message: an UUID of its own, the first one's root.

    As then, it has no more than one unit.
    """
    told = {"parent_message_uuid": "m1", "part_info": f"{i} of {n}", "units": 1}
    return report(f"m{i}", status, **(told | given))


def test_parts_with_one_parent_are_one_message(reckon: Reckon) -> None:
    row = reckon(part(1), part(2))
    assert (row["message_uuid"], row["parts_seen"], row["parts_expected"]) == ("m1", 2, 2)
    assert (row["outcome"], row["units"]) == ("delivered", 2)


def test_an_empty_parent_makes_a_part_its_own_root(reckon: Reckon) -> None:
    found = reckon.all(report("m1", parent_message_uuid=""), report("m2"))
    assert set(found) == {"m1", "m2"}


def test_a_root_need_not_be_a_part_that_was_seen(reckon: Reckon) -> None:
    row = reckon(part(2), part(3, n=3))
    assert (row["message_uuid"], row["parts_seen"], row["parts_expected"]) == ("m1", 2, 3)


def test_a_parent_that_only_some_reports_name_holds_for_the_part(reckon: Reckon) -> None:
    row = reckon(part(1), part(2, "sent", sequence=2), report("m2", "delivered", sequence=3))
    assert (row["message_uuid"], row["parts_seen"], row["outcome"]) == ("m1", 2, "delivered")


def test_of_two_parents_the_winning_most_reports_counts(reckon: Reckon) -> None:
    found = reckon.all(
        report("m2", "sent", parent_message_uuid="late", sequence=2),
        report("m2", "delivered", parent_message_uuid="root", sequence=3),
    )
    assert set(found) == {"root"}


def test_a_log_row_belongs_to_the_parent_that_it_names(reckon: Reckon) -> None:
    row = reckon(log_row("m1"), log_row("m2", parent_message_uuid="m1"))
    assert (row["message_uuid"], row["parts_seen"]) == ("m1", 2)


def test_a_log_row_without_a_parent_belongs_to_the_one_that_a_report_names(reckon: Reckon) -> None:
    row = reckon(part(1), part(2), log_row("m2"))
    assert (row["message_uuid"], row["parts_seen"], row["match"]) == ("m1", 2, "not_pulled")


def test_roots_are_not_followed_further(reckon: Reckon) -> None:
    found = reckon.all(
        report("c", parent_message_uuid="b"), report("b", parent_message_uuid="a"), report("a")
    )
    assert {root: row["parts_seen"] for root, row in found.items()} == {"a": 2, "b": 1}


def test_a_report_that_names_no_message_is_in_none(reckon: Reckon) -> None:
    assert reckon.all(report(None), report("")) == {}


# -- parts expected ------------------------------------------------------------------------------


def test_a_part_not_yet_seen_is_expected(reckon: Reckon) -> None:
    row = reckon(part(1, n=3), part(2, n=3))
    assert (row["parts_seen"], row["parts_expected"], row["outcome"]) == (2, 3, "pending")


def test_more_parts_than_part_info_says_are_all_expected(reckon: Reckon) -> None:
    row = reckon(part(1, n=2), part(2, n=2), report("m3", parent_message_uuid="m1"))
    assert (row["parts_seen"], row["parts_expected"]) == (3, 3)


@pytest.mark.parametrize("part_info", ["", "1/3", "all", "3 of", "of 3", "one of three", "0 of 3"])
def test_a_part_info_that_is_not_i_of_n_says_nothing(reckon: Reckon, part_info: str) -> None:
    assert reckon(report(part_info=part_info))["parts_expected"] == 1


@pytest.mark.parametrize(
    ("units", "expected", "outcome"),
    [(3, 1, "delivered"), (4, 1, "delivered"), (2, 3, "pending"), (None, 3, "pending")],
)
def test_one_uuid_with_enough_units_stands_for_all_parts(
    reckon: Reckon, units: int | None, expected: int, outcome: str
) -> None:
    row = reckon(report(part_info="1 of 3", units=units))
    assert (row["parts_seen"], row["parts_expected"], row["outcome"]) == (1, expected, outcome)


def test_one_of_one_with_three_units_is_one_part(reckon: Reckon) -> None:
    row = reckon(report(part_info="1 of 1", units=3))
    assert (row["parts_expected"], row["units"], row["outcome"]) == (1, 3, "delivered")


def test_a_part_that_is_not_its_own_root_never_stands_for_all(reckon: Reckon) -> None:
    row = reckon(part(2, n=2, units=2))
    assert (row["parts_expected"], row["outcome"]) == (2, "pending")


def test_i_of_n_is_that_of_the_winning_most_report_that_says_it(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", sequence=2, part_info="1 of 2"),
        report(status="delivered", sequence=3, part_info="1 of 4"),
        report(status="read", sequence=4, part_info=""),
    )
    assert row["parts_expected"] == 4


# -- outcomes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "outcome", "state", "mixed"),
    [
        ("delivered", "delivered", "delivered", "delivered", False),
        ("delivered", "read", "delivered", "delivered", False),
        ("read", "read", "delivered", "read", False),
        ("delivered", "failed", "failed", "failed", True),
        ("undelivered", "rejected", "failed", "rejected", True),
        ("rejected", "failed", "failed", "failed", True),
        ("sent", "failed", "failed", "failed", False),
        ("delivered", "undelivered", "undelivered", "undelivered", True),
        ("queued", "undelivered", "undelivered", "undelivered", False),
        ("delivered", "sent", "pending", "sent", False),
        ("sent", "queued", "pending", "queued", False),
        ("queued", "accepted", "pending", "accepted", False),
    ],
)
def test_the_outcome_and_state_of_two_parts(
    reckon: Reckon, first: str, second: str, outcome: str, state: str, *, mixed: bool
) -> None:
    row = reckon(part(1, first), part(2, second))
    assert (row["outcome"], row["state"], row["mixed"]) == (outcome, state, mixed)


def test_delivered_parts_are_no_delivery_while_one_is_unseen(reckon: Reckon) -> None:
    row = reckon(part(1))
    assert (row["outcome"], row["state"]) == ("pending", "delivered")


def test_at_the_horizon_a_message_is_still_pending(reckon: Reckon) -> None:
    sent = report(status="sent", sent_time=clock(NOON))
    assert reckon(sent, as_of=NOON + HORIZON)["outcome"] == "pending"
    assert reckon(sent, as_of=NOON + HORIZON + MICROSECOND)["outcome"] == "unconfirmed"


def test_the_youngest_of_plivos_times_is_the_last_sign_of_life(reckon: Reckon) -> None:
    row = reckon(
        report(status="sent", sent_time=clock(at("12:03:00")), queued_time=clock(at("12:02:00"))),
        log_row(state="sent", message_updated_time=at("12:04:00")),
    )
    assert row["last_sign_at"] == at("12:04:00")


def test_reception_is_no_sign_of_life_where_plivo_tells_a_time(reckon: Reckon) -> None:
    row = reckon(report(status="sent", received_at=NOON + 2 * HORIZON))
    assert (row["last_sign_at"], row["outcome"]) == (NOON, "unconfirmed")


def test_the_last_reception_is_the_sign_of_life_of_a_part_without_times(reckon: Reckon) -> None:
    row = reckon(
        report(status="queued", message_time=None, received_at=at("12:10:00")),
        report(status="sent", message_time=None, received_at=at("12:20:00")),
    )
    assert (row["message_time"], row["last_sign_at"]) == (at("12:10:00"), at("12:20:00"))


def test_pulling_is_no_sign_of_life(reckon: Reckon) -> None:
    row = reckon(log_row(state="sent", pulled_at=NOON + 2 * HORIZON))
    assert (row["last_sign_at"], row["outcome"]) == (NOON, "unconfirmed")


def test_now_is_the_latest_moment_that_the_folder_knows(reckon: Reckon) -> None:
    sent = report(status="sent")
    late = window() | {"read_at": (NOON + HORIZON + MICROSECOND).isoformat()}
    assert reckon(sent)["outcome"] == "pending"
    assert reckon(sent, windows=[late])["outcome"] == "unconfirmed"


def test_an_earlier_now_hides_nothing(reckon: Reckon) -> None:
    row = reckon(report(status="delivered"), as_of=NOON - HORIZON)
    assert row["outcome"] == "delivered"


# -- what a message has of its parts -------------------------------------------------------------


def test_the_error_code_is_that_of_the_first_part_in_the_messages_state(reckon: Reckon) -> None:
    row = reckon(
        part(1, n=3),
        part(3, "undelivered", n=3, error_code="30"),
        part(2, "undelivered", n=3, error_code="80"),
    )
    assert (row["state"], row["error_code"]) == ("undelivered", "80")


def test_parts_are_ordered_by_i_as_a_number_then_time_then_uuid(reckon: Reckon) -> None:
    ten = report("a", "failed", parent_message_uuid="m", part_info="10 of 10", error_code="10")
    two = report("b", "failed", parent_message_uuid="m", part_info="2 of 10", error_code="20")
    assert reckon(ten, two)["error_code"] == "20"
    later = report("a", "failed", parent_message_uuid="m", message_time=clock(NOON + MICROSECOND),
                   error_code="30")  # fmt: skip
    first = report("b", "failed", parent_message_uuid="m", error_code="40")
    assert reckon(later, first)["error_code"] == "40"
    twin = report("a", "failed", parent_message_uuid="m", error_code="50")
    assert reckon(first, twin)["error_code"] == "50"


def test_the_times_of_a_message_are_the_first_and_its_end_is_the_last(reckon: Reckon) -> None:
    def moments(second: int) -> dict[str, Any]:
        return {
            "message_time": clock(at(f"12:00:{second:02}")),
            "queued_time": clock(at(f"12:01:{second:02}")),
            "sent_time": clock(at(f"12:02:{second:02}")),
            "delivery_report_time": clock(at(f"12:03:{second:02}")),
        }

    row = reckon(part(1, **moments(9)), part(2, **moments(7)))
    assert [row[name] for name in ("message_time", "queued_at", "sent_at", "final_at")] == [
        at("12:00:07"), at("12:01:07"), at("12:02:07"), at("12:03:09"),
    ]  # fmt: skip


def test_a_message_has_no_end_while_a_part_is_open_unseen_or_without_that_time(
    reckon: Reckon,
) -> None:
    ended: dict[str, Any] = {"delivery_report_time": clock(at("12:03:00"))}
    assert reckon(part(1, **ended), part(2, **ended))["final_at"] == at("12:03:00")
    assert reckon(part(1, **ended), part(2, "sent", **ended))["final_at"] is None
    assert reckon(part(1, **ended))["final_at"] is None
    assert reckon(part(1, **ended), part(2))["final_at"] is None


def test_units_and_amounts_are_summed_over_the_parts(reckon: Reckon) -> None:
    row = reckon(
        part(1, total_amount="0.00250"),
        part(2, total_amount="0.00300"),
        log_row("m1", units=1, carrier_fees=Decimal("0.00100"), total_amount=Decimal("0.00250")),
        log_row("m2", units=2, carrier_fees=None, total_amount=None),
    )
    assert row["units"] == 3
    assert (row["total_amount"], row["carrier_fees"]) == (Decimal("0.00550"), Decimal("0.00100"))


def test_what_no_part_knows_is_null_and_not_nothing(reckon: Reckon) -> None:
    row = reckon(report())
    assert (row["units"], row["total_amount"], row["carrier_fees"]) == (None, None, None)


def test_a_guessed_part_makes_the_messages_time_a_guess(reckon: Reckon) -> None:
    row = reckon(part(1), part(2, message_time=None, received_at=at("12:30:00")))
    assert (row["message_time"], row["guessed_time"]) == (NOON, True)


def test_final_parts_and_those_whose_end_was_reported_are_counted(reckon: Reckon) -> None:
    row = reckon(part(1, n=3), part(2, "sent", n=3), log_row("m2"), part(3, "sent", n=3))
    assert (row["final_parts"], row["final_parts_reported"]) == (2, 1)


def test_a_message_of_the_log_alone_was_never_reported(reckon: Reckon) -> None:
    assert reckon(log_row())["never_reported"]
    assert not reckon(report())["never_reported"]
    assert not reckon(part(1), log_row("m1"), log_row("m2", parent_message_uuid="m1"))[
        "never_reported"
    ]


# -- labels, accounts, inbound -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"), [({"mcc": "310"}, {"mnc": "15"}), ({"mnc": "15"}, {"mcc": "310"})]
)
def test_parts_that_know_half_a_network_each_name_the_carrier(
    reckon: Reckon, one: dict[str, Any], other: dict[str, Any]
) -> None:
    row = reckon(part(1, **one), part(2, **other))
    assert (row["mcc"], row["mnc"], row["carrier"]) == ("310", "15", "Southern LINC")


def test_the_tag_is_that_of_our_own_callback_url(reckon: Reckon) -> None:
    assert reckon(report(query="tag=otp"))["tag"] == "otp"
    assert reckon(report(query="tag="))["tag"] is None
    assert reckon(report(query="a=1&tag=two+words%21"))["tag"] == "two words!"
    by_get = report(http_method="GET", body="Status=sent&tag=otp&To=1")
    assert reckon(by_get)["tag"] == "otp"
    assert reckon(report(body="tag=no", query="nottag=no"))["tag"] is None


def test_a_tag_of_bytes_that_are_no_text_costs_no_message(reckon: Reckon) -> None:
    row = reckon(report(query="tag=caf%E9"))
    assert row["outcome"] == "delivered"


def test_the_account_is_the_one_whose_token_signed_else_the_logs(reckon: Reckon) -> None:
    assert reckon(report(account="SA1"), log_row(account="MA1"))["account"] == "SA1"
    assert reckon(report(), log_row(account="MA1"))["account"] == "MA1"


def test_the_campaign_is_the_logs(reckon: Reckon) -> None:
    assert reckon(log_row(tendlc_campaign_id="CD4WJJD"))["campaign"] == "CD4WJJD"


def test_an_inbound_message_has_the_logs_state_and_no_outcome(reckon: Reckon) -> None:
    row = reckon(
        report(status=None, kind="message", error_code="10", message_time=None),
        log_row(state="undelivered", message_direction="inbound", error_code="80",
                message_updated_time=at("12:01:00")),
    )  # fmt: skip
    names = ("direction", "state", "outcome", "match", "error_code", "final_at", "mixed")
    assert [row[name] for name in names] == [
        "inbound", "undelivered", None, None, None, None, False,
    ]  # fmt: skip


def test_an_inbound_message_not_yet_in_the_log_has_no_state(reckon: Reckon) -> None:
    row = reckon(report(status=None, kind="message"))
    assert (row["direction"], row["state"], row["outcome"]) == ("inbound", None, None)


@pytest.mark.parametrize(
    "nonsense",
    ["infinity", "-infinity", "epoch", "now", "20260-03-01 12:00:00", "0000-01-01 12:00:00",
     "0044-03-15 (BC) 12:00:00", "9999-12-31 23:59:59-05:00", "2026-02-30 00:00:00", "12:00"],
)  # fmt: skip
def test_a_time_that_is_none_is_kept_out_and_counted(reckon: Reckon, nonsense: str) -> None:
    row = reckon(
        report(message_time=nonsense, delivery_report_time=nonsense, received_at=at("12:30:00"))
    )
    assert (row["message_time"], row["guessed_time"]) == (at("12:30:00"), True)
    assert (row["final_at"], row["untyped_values"]) == (None, 2)


def test_absurd_units_and_amounts_cost_no_message(reckon: Reckon) -> None:
    row = reckon(
        *(part(i, n=3, units="999999999", total_amount="9999999999999") for i in (1, 2, 3))
    )
    assert (row["outcome"], row["parts_seen"]) == ("delivered", 3)
