"""What is counted and how it is divided: small folders, every number worked out by hand."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import reconcile
from receiver import config
from reconcile.counted_messages import Question
from reconcile.merging import merge
from reconcile.rate_report import rate_report
from tests.builders import NOON, at, clock, log_row, report, window, write_folder

LATER = at("2026-03-10T00:00:00")  # beyond the horizon of whatever happened on 1 March


def end(uuid: str, status: str = "delivered", **given: Any) -> dict[str, Any]:
    return report(uuid, status, **given)


def total(folder: Path, **asked: Any) -> dict[str, Any]:
    """The rate report's only row."""
    frame = reconcile.rates(data_dir=folder, by="none", **asked)
    (row,) = frame.to_dict("records")
    return {str(name): None if pd.isna(value) else value for name, value in row.items()}


def audit(folder: Path) -> dict[str, Any]:
    settings = config.load({"DATA_DIR": str(folder)}, environment={})
    return rate_report(settings, Question(), merge(settings)).audit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten messages: F 1 (2 units), Q 1, D 3, U 2, X 2 (one US, one GB), O 1 (US)."""
    old, young = clock(NOON), clock(at("2026-03-09T12:00:00"))
    return write_folder(
        tmp_path,
        reports=[
            end("f", "failed", units=2, total_amount="0.00000", message_time=old),
            end("q", "queued", units=1, message_time=old),
            end("d1", units=1, total_amount="0.00250", message_time=old),
            end("d2", units=3, total_amount="0.00750", message_time=old),
            end("d3", "read", units=None, total_amount=None, message_time=old),
            end("u1", "undelivered", units=2, total_amount="0.00500", message_time=old),
            end("u2", "undelivered", units=1, total_amount="0.00300", message_time=old),
            end("x1", "sent", units=4, total_amount="0.01000", message_time=old),
            end("x2", "sent", units=1, to_number="447400123456", message_time=old),
            end("o", "accepted", units=1, message_time=young),
        ],
    )


def test_every_message_counts_as_one_letter(folder: Path) -> None:
    row = total(folder, as_of=LATER)
    names = ("submitted", "failed", "queued", "handed_over", "delivered", "undelivered",
             "unconfirmed", "open")  # fmt: skip
    assert [row[name] for name in names] == [10, 1, 1, 8, 3, 2, 2, 1]


def test_an_old_queued_message_is_queued_and_not_unconfirmed(folder: Path) -> None:
    assert (total(folder, as_of=LATER)["queued"], total(folder, as_of=LATER)["unconfirmed"]) == (
        1, 2,
    )  # fmt: skip


def test_now_moves_the_horizon_and_nothing_else(folder: Path) -> None:
    row = total(folder, as_of=NOON)
    assert [row[name] for name in ("submitted", "delivered", "unconfirmed", "open")] == [
        10, 3, 0, 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "numerator", "denominator"),
    [("confirmed_rate", 3, 5), ("receipt_coverage", 5, 8), ("strict_rate", 3, 8),
     ("lenient_rate", 5, 8), ("acceptance_rate", 8, 10)],
)  # fmt: skip
def test_each_rate_has_its_parts_beside_it(
    folder: Path, name: str, numerator: int, denominator: int
) -> None:
    row = total(folder, as_of=LATER)
    assert row[name] == numerator / denominator
    assert row[f"{name}_numerator"] == numerator
    assert row[f"{name}_denominator"] == denominator


@pytest.mark.parametrize(
    ("formula", "rate"),
    [
        ("confirmed", 3 / 5), ("strict", 3 / 8), ("cm", 3 / 8), ("vonage", 3 / 8),
        ("lenient", 5 / 8), ("notify", 3 / 8), ("aws", 3 / 7),
        ("plivo-us", 5 / 8),  # x1 and o went to the US, x2 did not
    ],
)  # fmt: skip
def test_the_headline_divides_as_its_formula_says(folder: Path, formula: str, rate: float) -> None:
    assert total(folder, as_of=LATER, formula=formula)["headline_rate"] == rate


def test_units_weigh_counts_and_rates_and_unknown_ones_weigh_one(folder: Path) -> None:
    row = total(folder, as_of=LATER, units=True)
    names = ("submitted", "failed", "queued", "handed_over", "delivered", "undelivered",
             "unconfirmed", "open")  # fmt: skip
    assert [row[name] for name in names] == [17, 2, 1, 14, 5, 3, 5, 1]
    assert row["confirmed_rate"] == 5 / 8
    assert total(folder, as_of=LATER, units=True, formula="plivo-us")["headline_rate"] == 10 / 14


def test_messages_of_no_units_are_still_there_when_units_weigh(tmp_path: Path) -> None:
    row = total(write_folder(tmp_path, log=[log_row(units=0)]), units=True)
    assert (row["submitted"], row["confirmed_rate"], row["total_amount"]) == (
        0, None, Decimal("0.00250"),
    )  # fmt: skip


def test_the_interval_is_wilsons(folder: Path) -> None:
    # 3 of 5: centre (0.6 + z²/10) / (1 + z²/5), z = 1.96: 0.2307 to 0.8824, as in the literature
    row = total(folder, as_of=LATER)
    assert row["confirmed_rate_low"] == pytest.approx(0.230724, abs=1e-6)
    assert row["confirmed_rate_high"] == pytest.approx(0.882379, abs=1e-6)


def test_weighing_by_units_keeps_the_interval_on_messages(folder: Path) -> None:
    # 5 of 8 units, yet of 5 messages
    row = total(folder, as_of=LATER, units=True)
    assert row["confirmed_rate_low"] == pytest.approx(0.24699, abs=1e-5)
    assert row["confirmed_rate_high"] == pytest.approx(0.89439, abs=1e-5)


def test_nobody_delivered_is_a_rate_of_zero_with_an_interval(tmp_path: Path) -> None:
    row = total(write_folder(tmp_path, reports=[end("u", "undelivered")]))
    assert (row["confirmed_rate"], row["confirmed_rate_low"]) == (0.0, 0.0)
    assert row["confirmed_rate_high"] == pytest.approx(0.793450, abs=1e-6)


def test_without_a_denominator_there_is_no_rate(tmp_path: Path) -> None:
    row = total(write_folder(tmp_path, reports=[end("f", "failed")]))
    assert (row["acceptance_rate"], row["submitted"]) == (0.0, 1)
    for name in ("confirmed_rate", "receipt_coverage", "strict_rate", "lenient_rate"):
        assert (row[name], row[f"{name}_low"], row[f"{name}_high"]) == (None, None, None)
        assert (row[f"{name}_numerator"], row[f"{name}_denominator"]) == (0, 0)
    assert (row["headline_rate"], row["within_10s"]) == (None, None)


def test_money_is_exact_and_its_quotients_have_five_places(folder: Path) -> None:
    row = total(folder, as_of=LATER)
    assert row["total_amount"] == Decimal("0.02800")
    assert row["amount_per_message"] == Decimal("0.00280")
    assert row["amount_per_delivered"] == Decimal("0.00933")
    assert row["amount_undelivered"] == Decimal("0.00800")


@pytest.mark.parametrize(("amount", "each"), [("0.00001", "0.00000"), ("0.00003", "0.00002")])
def test_half_a_hundred_thousandth_goes_to_the_even_side(
    tmp_path: Path, amount: str, each: str
) -> None:
    folder = write_folder(tmp_path, reports=[end("a", total_amount=amount), end("b")])
    assert total(folder)["amount_per_message"] == Decimal(each)


def test_carrier_fees_stand_beside_the_amount(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, log=[log_row(carrier_fees=Decimal("0.00300"))])
    row = total(folder)
    assert (row["total_amount"], row["carrier_fees"]) == (Decimal("0.00250"), Decimal("0.00300"))


def receipt(uuid: str, seconds: int, status: str = "delivered", **given: Any) -> dict[str, Any]:
    """Sent a minute past noon, received so many seconds later."""
    sent = at("12:01:00")
    moments = {"sent_time": clock(sent), "delivery_report_time": clock(sent + seconds * SECOND)}
    return report(uuid, status, **(moments | given))


SECOND = at("12:00:01") - NOON


def test_the_time_to_receipt_is_interpolated(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path,
        reports=[receipt("a", 10), receipt("b", 20), receipt("c", 60, "undelivered"),
                 receipt("d", 500, "failed"), receipt("e", 900, sent_time=None)],
    )  # fmt: skip
    row = total(folder)
    shares = ("p50", "p90", "p95", "p99")
    assert [row[f"sent_to_receipt_{share}"] for share in shares] == pytest.approx(
        [20, 52, 56, 59.2]
    )
    # from noon: 70, 80, 120 and 960 seconds
    assert [row[f"message_to_receipt_{share}"] for share in shares] == pytest.approx(
        [100, 708, 834, 934.8]
    )


def test_within_is_a_share_of_all_handed_over(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path,
        reports=[receipt("a", 10), receipt("b", 60), receipt("c", 300, "undelivered"),
                 end("d"), end("e", "sent"), end("f", "failed"), end("q", "queued")],
    )  # fmt: skip
    row = total(folder)
    assert [row[name] for name in ("within_10s", "within_60s", "within_5min")] == [0.2, 0.4, 0.6]


def test_a_receipt_before_the_sending_is_counted_and_not_clipped(tmp_path: Path) -> None:
    row = total(write_folder(tmp_path, reports=[receipt("a", -5), receipt("b", 5)]))
    assert (row["negative_receipts"], row["sent_to_receipt_p50"]) == (1, 0.0)


def test_inbound_messages_enter_no_rate(tmp_path: Path) -> None:
    inbound = [log_row("i", "undelivered", message_direction="inbound")]
    assert total(write_folder(tmp_path, log=[log_row("o"), *inbound]))["submitted"] == 1


def test_a_day_is_that_of_the_messages_time_in_utc(tmp_path: Path) -> None:
    moments = ("2026-03-01T23:59:59.999999", "2026-03-02T00:00:00")
    reports = [end(f"m{i}", message_time=clock(at(moment)), received_at=at("2026-03-05T00:00:00"))
               for i, moment in enumerate(moments)]  # fmt: skip
    frame = reconcile.rates(data_dir=write_folder(tmp_path, reports=reports))
    assert [str(day) for day in frame["day"]] == ["2026-03-01", "2026-03-02"]
    assert list(frame["submitted"]) == [1, 1]


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("2026-03-31T23:59:59.999999", "2026-04-01T00:00:00"),
        ("2028-02-28T23:59:59.999999", "2028-02-29T00:00:00"),
        ("2028-02-29T23:59:59.999999", "2028-03-01T00:00:00"),
        ("2027-02-28T23:59:59.999999", "2027-03-01T00:00:00"),
        ("2026-12-31T23:59:59.999999", "2027-01-01T00:00:00"),
    ],
)
def test_a_microsecond_parts_days_months_and_years(tmp_path: Path, last: str, first: str) -> None:
    write_folder(
        tmp_path,
        reports=[report("old", message_time=clock(at(last))),
                 report("new", message_time=clock(at(first)))],
    )  # fmt: skip
    days = reconcile.rates(by="day", data_dir=tmp_path)
    assert [str(day) for day in days["day"]] == [last[:10], first[:10]]
    held = {path.parent.name for path in (tmp_path / "messages").glob("date=*/*.parquet")}
    assert held == {f"date={last[:10]}", f"date={first[:10]}"}


def test_since_and_until_are_half_open_and_all_reports_of_a_message_count(tmp_path: Path) -> None:
    late = end("m", received_at=at("2026-03-04T00:00:00"), message_time=clock(NOON))
    other = end("n", message_time=clock(at("2026-03-02T00:00:00")))
    write_folder(tmp_path, reports=[late, other])
    row = total(tmp_path, since="2026-03-01", until="2026-03-02")
    assert (row["submitted"], row["delivered"]) == (1, 1)
    assert total(tmp_path, since="2026-03-02", until="2026-03-03")["submitted"] == 1


def test_groups_are_sorted_by_their_keys_with_nulls_last(tmp_path: Path) -> None:
    numbers = {"a": "447400123456", "b": "ACME", "c": "4915112345678"}
    reports = [end(uuid, to_number=number) for uuid, number in numbers.items()]
    frame = reconcile.rates(data_dir=write_folder(tmp_path, reports=reports), by="country")
    assert [None if pd.isna(country) else country for country in frame["country"]] == [
        "DE", "GB", None,
    ]  # fmt: skip


# -- the collection audit ------------------------------------------------------------------------


def test_the_capture_rate_is_of_messages_in_windows_that_were_read(tmp_path: Path) -> None:
    parts = [log_row("p2", parent_message_uuid="p1"), log_row("p1")]
    write_folder(
        tmp_path,
        reports=[end("both"), end("half", "sent"), end("p1", parent_message_uuid="p1"),
                 end("outside", message_time=clock(at("20:00:00"))), end("young", "sent")],
        log=[log_row("both"), log_row("half"), log_row("alone"), *parts],
        windows=[window("11:00:00", "13:00:00")],
    )  # fmt: skip
    found = audit(tmp_path)
    assert (found["capture_rate_numerator"], found["capture_rate_denominator"]) == (1, 4)
    assert found["capture_rate"] == 0.25
    assert found["never_reported"] == 1


def test_without_any_window_there_is_no_capture_rate(tmp_path: Path) -> None:
    assert audit(write_folder(tmp_path, reports=[end("m")]))["capture_rate"] is None


def test_the_audit_counts_messages_by_match(tmp_path: Path) -> None:
    write_folder(
        tmp_path, reports=[end("a"), end("b"), end("c", "failed")], log=[log_row("a"), log_row("c")]
    )
    assert audit(tmp_path)["match"] == {"status_differs": 1, "not_pulled": 1, "agree": 1}


def test_the_audit_counts_copies_disorder_changes_guesses_and_oddities(tmp_path: Path) -> None:
    reports = [
        end("m", "delivered", sequence=2, received_at=at("12:00:01")),
        end("m", "sent", sequence=1, received_at=at("12:00:02")),
        end("m", "sent", sequence=1, received_at=at("12:00:03")),
        end("m", "undelivered", sequence=3, units="x", received_at=at("12:00:04")),
        end("n", "enroute", message_time=None),
    ]
    log = [log_row("n", "teleported", units=None, record='{"units": "many"}')]
    found = audit(write_folder(tmp_path, reports=reports, log=log))
    names = ("duplicate_reports", "out_of_order_reports", "state_changes", "guessed_times",
             "untyped_values")  # fmt: skip
    assert [found[name] for name in names] == [1, 1, 1, 0, 2]
    assert found["unknown_states"] == {"enroute": 1, "teleported": 1}


def test_seconds_not_read_begin_with_the_oldest_message_and_end_now(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        reports=[end("m", received_at=at("12:30:00"))],
        windows=[window("11:00:00", "12:05:00"), window("12:04:00", "12:10:00", "counted"),
                 window("12:15:00", "12:20:00", "imported"),
                 window("12:50:00", "14:00:00") | {"read_at": "2026-03-01T13:00:00+00:00"}],
    )  # fmt: skip
    # 12:10-12:15 and 12:20-12:50, as of 13:00
    assert audit(tmp_path)["seconds_not_read"] == 35 * 60


def test_the_audit_leaves_inbound_messages_out(tmp_path: Path) -> None:
    inbound = [report("i", None, kind="message", message_time=None) for _ in range(2)]
    found = audit(write_folder(tmp_path, reports=[*inbound, end("m")]))
    assert (found["duplicate_reports"], found["guessed_times"]) == (0, 0)
