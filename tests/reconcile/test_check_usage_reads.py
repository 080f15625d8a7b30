"""A usage summary is read however a spreadsheet wrote it, or the line that cannot be is named."""

import gzip
import io
import zipfile
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile import stages
from reconcile.usage import command, file, summary
from reconcile.usage.sheet import NotASummary
from reconcile.usage.summary import Line

COUNTRIES = command.countries()
CSV = "Date,Total Count\r\n2026-03-01,4\r\n"


def read(*lines: str) -> tuple[Line, ...]:
    return summary.summary("\n".join(lines), COUNTRIES).lines


def days(*dates: str) -> list[date]:
    return [line.day for line in read("Date,Total Count", *(f'"{text}",1' for text in dates))]


def country(name: str) -> str | None:
    return read("Date,To Country,Total Count", f'2026-03-01,"{name}",1')[0].country


@pytest.mark.parametrize(
    "text",
    ["2026-03-01", "2026/3/1", "2026-03-01 00:00:00", "2026-03-01T00:00:00.000Z", "01-Mar-2026",
     "1 March 2026", "2026-03-01T00:00:00+05:30", "01-MAR-2026 12:00 AM"],
)  # fmt: skip
def test_dates_are_read_in_every_common_way(text: str) -> None:
    assert days(text) == [date(2026, 3, 1)]


def test_month_and_day_are_told_apart_by_the_file_itself() -> None:
    assert days("03/01/2026", "03/13/2026")[0] == date(2026, 3, 1)
    assert days("01/03/2026", "13/03/2026")[0] == date(2026, 3, 1)
    assert days("03/03/2026") == [date(2026, 3, 3)]


def test_a_date_with_two_readings_is_refused_with_both() -> None:
    with pytest.raises(NotASummary, match=r"line 2: 03/04/2026 .*2026-03-04.*2026-04-03.*settles"):
        days("03/04/2026", "05/06/2026")


def test_dates_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(NotASummary, match=r"13/03/2026 can only be DD/MM, 03/14/2026 only MM/DD"):
        days("13/03/2026", "03/14/2026")


@given(st.lists(st.dates(date(2010, 1, 1), date(2100, 12, 31)), min_size=1), st.booleans())
def test_slashed_dates_are_read_right_or_not_at_all(held: list[date], month_first: bool) -> None:
    written = [f"{d:%m/%d/%Y}" if month_first else f"{d:%d/%m/%Y}" for d in held]
    if any(d.day > 12 for d in held) or all(d.day == d.month for d in held):
        assert days(*written) == held
    else:
        with pytest.raises(NotASummary, match="MM/DD"):
            days(*written)


@pytest.mark.parametrize("text", ["", "0000-01-01", "2026-02-30", "99/99/2026", "31/02/2026",
                                  "00/05/2026", "01-Foo-2026", "1.3.26", "٣/٣/2026"])  # fmt: skip
def test_what_is_no_date_is_named(text: str) -> None:
    with pytest.raises(NotASummary, match=r"line 2: .*no date"):
        days(text, "2026-03-01")


@pytest.mark.parametrize(
    ("name", "iso2"),
    [("US", "US"), ("us", "US"), ("USA", "US"), ("United States of America", "US"), ("UK", "GB"),
     ("U.K.", "GB"), ("NA", "NA"), ("Namibia", "NA"), ("Côte d’Ivoire", "CI"),
     ("Cote d'Ivoire", "CI"), ("Trinidad and Tobago", "TT"), ("Saint Lucia", "LC"),
     ("Hong Kong", "HK"), ("TURKEY", "TR"), ("The Gambia", "GM"), ("Viet Nam", "VN"),
     ("Korea, South", "KR"), ("Kosovo", "XK"), ("", None), ("N/A", None), ("Unknown", None)],
)  # fmt: skip
def test_countries_are_read_by_code_and_by_name(name: str, iso2: str | None) -> None:
    assert country(name) == iso2


def test_every_country_that_our_tables_know_can_be_read() -> None:
    ours = {row["country"] for table in ("mcc_countries", "number_prefixes")
            for row in stages.meaning(table).to_pylist()}  # fmt: skip
    assert ours <= set(COUNTRIES.values())
    assert {country(code) for code in ours} == ours


def test_no_name_belongs_to_two_countries() -> None:
    rows = stages.meaning("country_names").to_pylist()
    assert all(country(row["name"]) == row["iso2"] for row in rows)


def test_an_unknown_country_is_named_with_its_line() -> None:
    with pytest.raises(NotASummary, match=r"line 2: 'Atlantis' is no country.*two letters"):
        country("Atlantis")


def test_headers_match_without_case_and_signs() -> None:
    (line,) = read("date;TOTAL_COUNT;Total Spend Including Carrier Passthrough Fee (USD);Foo",
                   "2026-03-01;1 234;$1,234.50;x")  # fmt: skip
    assert (line.messages, line.spend) == (1234, Decimal("1234.50"))


@pytest.mark.parametrize(
    ("header", "said"),
    [("", "Date"), ("Date", "Total Count"), ("Day,Total Count", "Date"),
     ("Date,Total Count,total_count", "keep one")],
)  # fmt: skip
def test_a_header_that_lacks_a_column_says_which(header: str, said: str) -> None:
    with pytest.raises(NotASummary, match=said):
        read(header, "2026-03-01,1,1")


@pytest.mark.parametrize("total", [",100", "Total,100", "Grand Total,100", '"Total:","1,00"'])
def test_a_totals_line_and_empty_lines_are_left_out(total: str) -> None:
    assert len(read("", "Date,Total Count", "", "2026-03-01,100", ",", total, "")) == 1


def test_a_missing_date_elsewhere_is_named() -> None:
    with pytest.raises(NotASummary, match="line 2: '' is no date"):
        read("Date,Total Count", ",100", "2026-03-01,100")


def test_a_number_cut_in_two_by_its_separator_is_noticed() -> None:
    with pytest.raises(NotASummary, match="line 2 has 3 values, the header 2"):
        read("Date,Total Count", "2026-03-01,1,234")


@pytest.mark.parametrize("text", ["-1", "1.5", "1.000", "1,23", "1e3", "many", "²", "9" * 5000])
def test_what_is_no_count_is_named(text: str) -> None:
    with pytest.raises(NotASummary, match=r"line 2: .*whole number"):
        read("Date,Total Count", f'2026-03-01,"{text}"')


def test_many_unreadable_lines_are_named_up_to_a_few() -> None:
    with pytest.raises(NotASummary, match="and 15 more"):
        days(*["x"] * 20)


def test_an_endless_value_is_no_csv() -> None:
    with pytest.raises(NotASummary, match="line 2 is no CSV"):
        read("Date,Total Count", "1" * 200_000)


def test_a_file_of_inbound_lines_has_nothing_to_compare() -> None:
    with pytest.raises(NotASummary, match="no outbound line"):
        read("Date,Direction,Total Count", "2026-03-01,inbound,1")
    with pytest.raises(NotASummary, match="line 2: Direction 'sideways'"):
        read("Date,Direction,Total Count", "2026-03-01,sideways,1")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"Date,Hour,To Country,Total Count,Total Spend\n{text}"):
        with suppress(NotASummary):
            assert summary.summary(whole, COUNTRIES).lines


@given(st.integers(0, 10**12 - 1), st.decimals(0, 10**9, places=5))
def test_numbers_survive_being_written_with_separators(number: int, amount: Decimal) -> None:
    (line,) = read("Date,Total Count,Total Spend", f'2026-03-01,"{number:,}","{amount:,}"')
    assert (line.messages, line.spend) == (number, amount)


def zipped(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "."), content)
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [CSV.encode(), CSV.encode("utf-8-sig"), CSV.encode("utf-16"), gzip.compress(CSV.encode()),
     zipped(usage_csv=CSV)],
    ids=["plain", "BOM", "UTF-16", "gzip", "zip"],
)  # fmt: skip
def test_every_packing_is_read(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "usage.csv"
    path.write_bytes(content)
    assert summary.summary(file.text(path), COUNTRIES).lines[0].messages == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [(gzip.compress(CSV.encode())[:-9], "cannot be unpacked"), (b"PK\x03\x04", "cannot be"),
     (zipped(xl_xml=CSV), "no CSV file"), (zipped(a_csv=CSV, b_csv=CSV), "2 CSV files"),
     (b"Date,Total Count\n\xff", "line 2 is not UTF-8")],
    ids=["torn gzip", "torn zip", "workbook", "two", "other bytes"],
)  # fmt: skip
def test_what_cannot_be_unpacked_says_what_to_do(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "usage.csv"
    path.write_bytes(content)
    with pytest.raises(NotASummary, match=said):
        file.text(path)
