"""A console export, line by line: what each cell becomes, and what is no row."""

import io
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.plivo_log import console_csv
from reconcile.plivo_log.console_columns import IMPORTED, NotAnExport
from reconcile.plivo_log.console_csv import Exported, Refused
from reconcile.plivo_log.log_row import LogRow
from tests.builders import at
from tests.reconcile.plivo_log.exports import DOWNLOADED, E_MAILED, export, line


def read(text: str, zone: str = "UTC") -> list[Exported | Refused]:
    def lines() -> io.StringIO:
        return io.StringIO(text, newline="")

    return list(console_csv.rows(lines, console_csv.layout(lines, ZoneInfo(zone))))


def rows(text: str, zone: str = "UTC") -> list[LogRow]:
    found = read(text, zone)
    assert not [one for one in found if isinstance(one, Refused)]
    return [one.row for one in found if isinstance(one, Exported)]


def refusals(text: str, zone: str = "UTC") -> list[str]:
    return [str(one) for one in read(text, zone) if isinstance(one, Refused)]


def times(*texts: str, zone: str = "UTC") -> list[datetime | None]:
    return [row.message_time for row in rows(export(*(line(time=t) for t in texts)), zone)]


def test_a_downloaded_row_fills_the_columns_of_the_log() -> None:
    (row,) = rows(export(line(Status="undelivered", Error_Code="30", Error_Reason="Spam")))
    assert row.message_uuid == "m1"
    assert row.untyped == ()
    assert {name: value for name, value in row.columns.items() if value is not None} == {
        "message_time": at("12:00:00"),
        "message_state": "undelivered",
        "message_direction": "outbound",
        "from_number": "18445550100",
        "to_number": "14155550100",
        "destination_country_iso2": "US",
        "error_code": "30",
        "error_message": "Spam",
        "units": 1,
        "total_rate": Decimal("0.00250"),
        "carrier_fees_rate": Decimal("0.00300"),
        "total_amount": Decimal("0.00250"),
        "carrier_fees": Decimal("0.00300"),
    }


def test_an_emailed_row_fills_what_it_has() -> None:
    (row,) = rows(export(line(Units="2", Amount="0.00500"), columns=E_MAILED))
    assert row.columns["message_time"] == at("12:00:00")
    assert row.columns["units"] == 2
    assert row.columns["total_amount"] == Decimal("0.00500")
    assert row.columns["total_rate"] == Decimal("0.00250")
    assert "error_code" not in row.columns


@pytest.mark.parametrize(
    ("units", "total", "amount", "fees"),
    [
        ("3", "0.01650", Decimal("0.00750"), Decimal("0.00900")),
        ("1", "0.00000", Decimal("0.00000"), None),  # failed: nothing charged
        ("2", "0.00500", Decimal("0.00500"), None),  # fees are not inside
        ("many", "0.00550", Decimal("0.00550"), None),
    ],
)
def test_carrier_fees_stand_beside_the_amount_where_the_figures_show_that_they_are_inside(
    units: str, total: str, amount: Decimal, fees: Decimal | None
) -> None:
    (row,) = rows(export(line(**{"Units": units, "Total Charge (USD)": total})))
    assert row.columns["total_amount"] == amount
    assert row.columns.get("carrier_fees") == fees


def test_names_of_columns_are_compared_without_case_spaces_underscores_and_bom() -> None:
    first, rest = export(line()).split("\r\n", 1)
    for header in (first.upper(), first.replace(" ", "_"), "\ufeff" + first.replace(" ", "")):
        (row,) = rows(f"{header}\r\n{rest}")
        assert row.columns["total_rate"] == Decimal("0.00250"), header


def test_a_row_in_another_currency_is_a_row() -> None:
    (row,) = rows(export(line()).replace("(USD)", "(INR)"))
    assert row.columns["total_amount"] == Decimal("0.00250")
    assert "Total Charge (INR)" in json.loads(row.record)


def test_the_record_holds_every_cell_as_received_and_that_it_was_imported() -> None:
    (row,) = rows(export(line(Status=" Delivered ", Note="first\r\nsecond, „third“"), end="\n"))
    record = json.loads(row.record)
    assert record.pop(IMPORTED) == "console export, times in UTC"
    assert list(record) == [*DOWNLOADED, "Note"]
    assert record["Note"] == "first\r\nsecond, „third“"
    assert record["Status"] == " Delivered "
    assert row.columns["message_state"] == "Delivered"


def test_no_column_hides_the_mark_or_another_column() -> None:
    (row,) = rows(export(line(**{IMPORTED: "mine", f"{IMPORTED} (2)": "too", " ": ""})))
    record = json.loads(row.record)
    assert record[IMPORTED].startswith("console export")
    assert "mine" in record.values()
    assert len(record) == len(DOWNLOADED) + 4


def test_a_value_that_cannot_be_typed_is_null_named_and_kept() -> None:
    (row,) = rows(export(line(**{"Units": "1.5", "Total Charge (USD)": "$0.01"})))
    assert (row.columns["units"], row.columns["total_amount"]) == (None, None)
    assert sorted(row.untyped) == ["total_amount", "units"]
    assert json.loads(row.record)["Total Charge (USD)"] == "$0.01"


@pytest.mark.parametrize(
    ("cell", "account"),
    [("SATEST0000000000001", "SATEST0000000000001"), ("Marketing", None), ("", None)],
)
def test_a_subaccounts_id_says_whose_row_it_is_its_name_does_not(
    cell: str, account: str | None
) -> None:
    (row,) = rows(export(line(Subaccount_ID=cell)))
    assert row.account == account


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 12:00:00",
        "2026-03-01T12:00",
        "2026/03/01 12:00:00.000",
        "2026-03-01 17:30:00+05:30",
        "2026-03-01 04:00:00-0800",
        "2026-03-01T12:00:00.000000000Z",
        "2026-03-01 12:00:00 UTC",
        "01/03/2026 12:00:00 PM",
        "1 Mar 2026 12:00:00",
        "March 1, 2026, 12:00 pm",
    ],
)
def test_a_time_may_be_written_in_many_ways(text: str) -> None:
    assert times(text, "13/03/2026 00:00:00")[0] == at("12:00:00")


@pytest.mark.parametrize(
    ("zone", "text", "utc"),
    [
        ("Asia/Kolkata", "2026-03-01 12:00:00", "06:30:00"),
        ("America/New_York", "2026-03-08 01:59:59", "2026-03-08T06:59:59"),
        ("America/New_York", "2026-03-08 03:00:00", "2026-03-08T07:00:00"),
        ("Europe/Berlin", "2026-10-25 03:00:00", "2026-10-25T02:00:00"),
        ("Europe/Berlin", "2026-03-01 12:00:00Z", "12:00:00"),
        ("Europe/Berlin", "2026-03-01 12:00:00-01:00", "13:00:00"),
    ],
)
def test_a_time_without_offset_is_in_the_zone_asked_for(zone: str, text: str, utc: str) -> None:
    assert times(text, zone=zone) == [at(utc)]


def test_a_time_that_the_clock_shows_twice_is_the_first_and_counted() -> None:
    (row,) = read(export(line(time="2026-10-25 02:30:00")), "Europe/Berlin")
    assert isinstance(row, Exported)
    assert row.repeated_time
    assert row.row.message_time == at("2026-10-25T00:30:00")


def test_a_time_that_the_clock_skips_is_refused() -> None:
    (said,) = refusals(export(line(time="2026-03-29 02:30:00")), "Europe/Berlin")
    assert said == (
        "line 2: 2026-03-29 02:30:00 does not exist in Europe/Berlin: its clocks skip that time"
    )


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-03-01", "2026-02-30 12:00:00", "2026-03-01 24:00:00",
     "1 Foo 2026 12:00", "2026-03-01 12:60", "0001-01-01 00:00:00+05:30", "9999-12-31 23:59:59",
     "2026-03-01 13:00 PM",
     "1767225600", "2026-03-01 12:00:00+24:00", "99/99/2026 12:00:00", "٢٠٢٦-03-01 12:00:00"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    (said,) = refusals(export(line(time=text)))
    assert said.startswith("line 2: ")
    assert "no time" in said


def test_the_file_itself_settles_whether_the_day_comes_first() -> None:
    day, month = at("2026-04-03T12:00:00"), at("2026-03-04T12:00:00")
    assert times("03/04/2026 12:00", "13/04/2026 12:00")[0] == day
    assert times("03.04.2026 12:00", "30.04.2026 12:00")[0] == day
    assert times("03/04/2026 12:00", "04/13/2026 12:00")[0] == month
    assert times("03/03/2026 12:00") == [at("2026-03-03T12:00:00")]


def test_unsettled_dates_are_refused_with_both_readings() -> None:
    with pytest.raises(NotAnExport, match="3 April or 4 March 2026"):
        times("03/04/2026 25:00", "03/03/2026 12:00")
    with pytest.raises(NotAnExport, match="'13/04/2026 12:00' has the day first, '04/13/2026 12:0"):
        times("13/04/2026 12:00", "04/13/2026 12:00")


def test_lines_that_are_no_row_are_named_and_the_others_read() -> None:
    text = export(line("m1", Error_Reason="of\r\ntwo lines"), line(""), line("m2"), line(time="?"))
    text += "m3,too,short\r\n\r\n  \r\n" + '"m4\r\n",' + "," * 20 + "\r\n"
    assert refusals(text) == [
        "line 4: no message UUID",
        "line 6: '?' is no time",
        "line 7: 3 columns where the first line has 14",
        "lines 10–11: 22 columns where the first line has 14",
    ]
    assert [r.row.message_uuid for r in read(text) if isinstance(r, Exported)] == ["m1", "m2"]


def test_a_quote_that_never_ends_spoils_no_more_than_its_field_may_hold() -> None:
    many = export(*(line(f"m{n:05d}") for n in range(3000)))
    found = read(many.replace("m00001,", '"m00001,', 1))
    assert len([one for one in found if isinstance(one, Exported)]) > 1000
    assert str(next(one for one in found if isinstance(one, Refused))).startswith("lines 3–")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Found: nothing. Expected: Message UUID"),
        ("a,b\r\n1,2\r\n", "no column Message UUID, Message Time or Time, Direction, Status"),
        ("Call UUID,From,To\r\n", "Found: 'Call UUID', 'From', 'To'. Expected: Message UUID, From"),
        (export(line(Time="2026-03-01 12:00:00"), columns=[*DOWNLOADED, "Time"]),
         "two columns, 'Message Time' and 'Time', for one value"),
        ("\x1b[31m,\x00", r"Found: '\x1b[31m', '\x00'"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_refused_with_the_columns_found_and_expected(
    text: str, said: str
) -> None:
    with pytest.raises(NotAnExport) as problem:
        read(text)
    assert said in str(problem.value)


MOMENTS = st.integers(2**30, 2**31).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timezone(timedelta(minutes=m)))
MONEY = st.decimals(0, 99, places=5)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(
    moment=MOMENTS, offset=OFFSETS, rate=MONEY, fee=MONEY, units=st.integers(1, 20),
    status=st.sampled_from(["sent", "delivered", "failed"]), reason=TEXT, more=TEXT,
)  # fmt: skip
def test_a_row_survives_the_round_trip(
    *, moment: datetime, offset: timezone, rate: Decimal, fee: Decimal, units: int, status: str,
    reason: str, more: str,
) -> None:  # fmt: skip
    cells = {
        "Status": status, "Error Reason": reason, "Units": str(units), "More": more,
        "Rate Per Unit (USD)": str(rate), "Carrier Surcharge Per Unit (USD)": str(fee),
        "Total Charge (USD)": str(units * (rate + fee)),
    }  # fmt: skip
    written = line("m1", time=str(moment.astimezone(offset)), **cells)
    (row,) = rows(export(written))
    record = json.loads(row.record)
    assert {name: record[name] for name in cells} == cells
    assert row.untyped == ()
    assert row.columns["message_time"] == moment
    assert (row.columns.get("error_message") or "") == reason.strip()
    assert row.columns["message_state"] == status
    assert (row.columns["units"], row.columns["total_rate"]) == (units, rate)
    assert row.columns["total_amount"] == units * rate
    assert row.columns["carrier_fees"] == units * fee
