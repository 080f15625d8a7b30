"""Does our number equal the Plivo console's, and if not, why? Nothing is claimed without proof."""

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.builders import NOON, at, log_row, report, window, write_folder
from tests.processes import command

WHOLE_DAY = window("00:00:00", "2026-03-02T00:00:00")
COUNTS = "Date,Message State,Total Count"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three delivered messages and one undelivered to the US on 1 March 2026, log wholly read."""
    rows = [log_row(f"m{n}", carrier_fees=Decimal("0.00300")) for n in range(3)]
    return write_folder(
        tmp_path / "data",
        log=[*rows, log_row("m3", "undelivered", carrier_fees=Decimal("0.00300"))],
        windows=[WHOLE_DAY],
    )


def check(folder: Path, *lines: str, tz: str = "UTC") -> tuple[int, dict[str, Any]]:
    """The exit code and the JSON for a file of these lines."""
    path = folder.parent / "usage.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = run(folder, str(path), "--format", "json", "--tz", tz)
    return done[0], json.loads(done[1]) if done[1] else {"error": done[2]}


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = command("reconcile", "check-usage", *arguments, settings={"DATA_DIR": str(folder)})
    assert "Traceback" not in done.stderr + done.stdout
    return done.returncode, done.stdout, done.stderr


def causes(answer: dict[str, Any]) -> set[str]:
    return {row["cause"] for row in answer["rows"] if not row["equal"]}


def test_equal_numbers_are_called_equal(folder: Path) -> None:
    code, answer = check(
        folder,
        "Date,To Country,Message State,Total Count,Total Units,Total Spend Including Carrier "
        "Passthrough Fee",
        "2026-03-01,US,delivered,3,3,0.0165",
        "2026-03-01,United States,undelivered,1,1,0.0055",
    )
    assert code == 0
    assert answer["equal"] is True
    assert answer["finding"] == (
        "Equal: 4 messages on both sides on 2026-03-01; Plivo's spend is our total_amount + "
        "carrier_fees."
    )
    assert answer["rows"][0] | {"because": None} == answer["rows"][0]
    assert answer["rows"][0]["their_spend"] == "0.0165"
    assert answer["rows"][0]["our_total_amount"] == "0.00750"
    assert answer["rows"][0]["our_carrier_fees"] == "0.00900"
    assert answer["total"]["spend_difference"] == "0.00000"


def test_spend_without_carrier_fees_is_recognised_as_such(folder: Path) -> None:
    code, answer = check(folder, "Date,Total Count,Total Spend", "2026-03-01,4,0.01")
    assert code == 0
    assert answer["total"]["spend_is"] == "total_amount"


def test_spend_that_is_neither_sum_is_a_difference(folder: Path) -> None:
    code, answer = check(folder, "Date,Total Count,Total Spend", "2026-03-01,4,0.02000")
    assert code == 1
    assert answer["total"]["spend_is"] is None
    assert "fits neither" in answer["finding"]
    assert causes(answer) == {"unknown"}


def test_only_outbound_lines_of_the_columns_that_are_there_are_compared(folder: Path) -> None:
    code, answer = check(
        folder, "direction,DATE,Total_Units", "inbound,2026-03-01,77", "Outbound,2026-03-01,4"
    )
    assert code == 0
    assert next(iter(answer["rows"][0])) == "day"
    assert "state" not in answer["rows"][0]
    assert answer["rows"][0]["their_messages"] is None


def test_a_difference_is_a_finding_and_ends_with_one_sentence(folder: Path) -> None:
    path = folder.parent / "usage.csv"
    path.write_text("Date,Total Count\n2026-03-01,5\n", encoding="utf-8")
    code, shown, _ = run(folder, str(path))
    assert code == 1
    assert shown.splitlines()[-1] == (
        "Differs by 1 message (20.0%): Plivo counts 5, on disk are 4 on 2026-03-01, cause unknown."
    )


def test_hours_of_the_log_that_were_not_read_are_named(tmp_path: Path) -> None:
    write_folder(tmp_path / "data", log=[log_row()], windows=[window("00:00:00", "18:00:00")])
    code, answer = check(tmp_path / "data", COUNTS, "2026-03-01,delivered,4")
    assert code == 1
    assert causes(answer) == {"not_read"}
    assert "because 6.0 hours of 2026-03-01 are not read" in answer["finding"]


def test_without_data_everything_is_still_to_be_read(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("Date,Total Count\n2026-03-01,4\n", encoding="utf-8")
    code, shown, hint = run(tmp_path / "nothing", str(path))
    assert code == 1
    assert "24.0 hours" in shown
    assert "reconcile run" in hint
    assert not (tmp_path / "nothing").exists()


def test_days_of_another_zone_are_found_with_the_zone_that_fits(tmp_path: Path) -> None:
    """Messages at 20:00 UTC are the next day's in India."""
    times = [at("2026-03-01T12:00:00"), at("2026-03-01T20:00:00"), at("2026-03-02T20:00:00")]
    rows = [log_row(f"m{n}", message_time=time) for n, time in enumerate(times)]
    write_folder(tmp_path / "data", log=rows, windows=[window("2026-02-28", "2026-03-05")])
    lines = ("Date,Total Count", "2026-03-01,1", "2026-03-02,1", "2026-03-03,1")
    code, answer = check(tmp_path / "data", *lines)
    assert code == 1
    assert causes(answer) == {"time_zone"}
    zone = answer["finding"].partition("--tz ")[2].split()[0]
    assert check(tmp_path / "data", *lines, tz=zone)[0] == 0
    assert check(tmp_path / "data", *lines, tz="Asia/Kolkata")[0] == 0


def test_one_day_alone_proves_no_zone(folder: Path) -> None:
    """Some zone puts three of four messages into nearly any day: that may be chance."""
    write_folder(folder, log=[log_row("late", message_time=at("23:00:00"))])
    _, answer = check(folder, "Date,Total Count", "2026-03-01,4")
    assert causes(answer) == {"unknown"}


def test_hours_prove_the_zone_of_one_day(tmp_path: Path) -> None:
    times = [at("03:00:00"), at("20:00:00"), at("21:00:00")]
    rows = [log_row(f"m{n}", message_time=time) for n, time in enumerate(times)]
    write_folder(tmp_path / "data", log=rows, windows=[window("2026-02-28", "2026-03-05")])
    _, answer = check(tmp_path / "data", "Date,Hour,Total Count", "2026-03-01,8,1")
    assert causes(answer) == {"time_zone"}
    assert "Asia/Kolkata" in answer["finding"]


def test_hours_are_no_cells_of_their_own(folder: Path) -> None:
    assert check(folder, "Date,Hour,Total Count", "2026-03-01,12,3", "2026-03-01,13:00,1")[0] == 0


def test_a_day_not_wholly_read_hides_no_other_zone(tmp_path: Path) -> None:
    rows = [log_row(f"m{n}", message_time=at(f"2026-03-0{n}T20:00:00")) for n in range(1, 5)]
    write_folder(tmp_path / "data", log=rows, windows=[window("2026-02-27", "2026-03-04T12:00:00")])
    lines = ("2026-03-01,0", "2026-03-02,1", "2026-03-03,1", "2026-03-04,7")
    _, answer = check(tmp_path / "data", "Date,Total Count", *lines)
    assert [row["cause"] for row in answer["rows"]] == ["unknown", None, None, "not_read"]
    rows = [log_row("more", message_time=at("2026-03-02T21:00:00"))]
    write_folder(tmp_path / "data", log=rows)
    lines = ("2026-03-01,0", "2026-03-02,1", "2026-03-03,2", "2026-03-04,7")
    _, answer = check(tmp_path / "data", "Date,Total Count", *lines)
    assert [row["cause"] for row in answer["rows"]] == ["time_zone"] * 3 + ["not_read"]


def test_messages_that_only_reports_know_are_named(folder: Path) -> None:
    write_folder(folder, reports=[report("gone")])
    _, answer = check(folder, COUNTS, "2026-03-01,delivered,3", "2026-03-01,undelivered,1")
    assert causes(answer) == {"only_reported"}
    assert "though read, does not hold them" in answer["finding"]


@pytest.mark.parametrize(
    ("sent", "said"), [(2, "the export is older"), (0, "what is on disk is older")]
)
def test_states_that_moved_on_say_which_side_is_older(tmp_path: Path, sent: int, said: str) -> None:
    rows = [log_row("m0"), log_row("m1"), log_row("m2", "sent")]
    write_folder(tmp_path / "data", log=rows, windows=[WHOLE_DAY])
    lines = (f"2026-03-01,delivered,{3 - sent}", f"2026-03-01,sent,{sent}")
    _, answer = check(tmp_path / "data", COUNTS, *lines)
    assert causes(answer) == {"state_moving"}
    assert said in answer["finding"]
    assert "Differs by 1 message (33.3%) between cells" in answer["finding"]


def test_a_final_state_does_not_move_into_another(folder: Path) -> None:
    _, answer = check(folder, COUNTS, "2026-03-01,delivered,2", "2026-03-01,undelivered,2")
    assert causes(answer) == {"unknown"}


def test_a_count_of_parts_is_recognised(tmp_path: Path) -> None:
    rows = [log_row("m0", units=3), log_row("m1", "undelivered", units=2), log_row("m2", "sent")]
    write_folder(tmp_path / "data", log=rows, windows=[WHOLE_DAY])
    lines = ("2026-03-01,delivered,3", "2026-03-01,undelivered,2", "2026-03-01,sent,1")
    _, answer = check(tmp_path / "data", COUNTS, *lines)
    assert causes(answer) == {"parts"}


@pytest.mark.parametrize(
    "lines",
    [
        ("Date,Total Count", "2026-03-01,2"),
        ("Date,Subaccount ID,Total Count", "2026-03-01,SA1,2"),
        ("Date,Subaccount ID,Total Count", "2026-03-01,SA1,2", "2026-03-01,SA2,3",
         "2026-03-01,,1"),
    ],
    ids=["one account without its name", "one account by name", "an account unknown here"],
)  # fmt: skip
def test_another_set_of_accounts_is_recognised(tmp_path: Path, lines: tuple[str, ...]) -> None:
    rows = [log_row("m0", account="SA1"), log_row("m1", account="SA1"), log_row("m2", account="MA")]
    write_folder(tmp_path / "data", log=rows, windows=[WHOLE_DAY])
    _, answer = check(tmp_path / "data", *lines)
    assert causes(answer) == {"subaccount"}
    assert "SA" in answer["finding"]


def test_what_no_line_names_asks_whether_the_export_was_filtered(folder: Path) -> None:
    write_folder(folder, log=[log_row("fr", to_number="33612345678")])
    _, answer = check(folder, "Date,To Country,Total Count", "2026-03-01,US,4")
    assert causes(answer) == {"not_in_file"}
    assert "no line for FR" in answer["finding"]


def test_messages_without_a_country_are_named(folder: Path) -> None:
    write_folder(folder, log=[log_row("nowhere", to_number="")])
    _, answer = check(folder, "Date,To Country,Total Count", "2026-03-01,US,5")
    assert causes(answer) == {"country"}
    assert [row["country"] for row in answer["rows"]] == ["US", None]


def test_missing_amounts_explain_spend_alone(tmp_path: Path) -> None:
    rows = [log_row("m0"), log_row("m1", total_amount=None)]
    write_folder(tmp_path / "data", log=rows, windows=[WHOLE_DAY])
    _, answer = check(tmp_path / "data", "Date,Total Count,Total Spend", "2026-03-01,2,0.00500")
    assert causes(answer) == {"no_amount"}


def test_rounded_spend_is_equal_within_its_rounding(folder: Path) -> None:
    fields = ("Date,Message State,Total Count,Total Spend", "2026-03-01,delivered,3,0.02")
    assert check(folder, *fields, "2026-03-01,undelivered,1,0.01")[0] == 0
    assert check(folder, *fields, "2026-03-01,undelivered,1,0.02")[0] == 1


@pytest.mark.parametrize("width", [80, 100])
def test_a_pipe_gets_every_number_whole(folder: Path, width: int) -> None:
    path = folder.parent / "usage.csv"
    path.write_text(
        "Date,To Country,Message State,Total Count,Total Units,Total Spend\n"
        '2026-03-01,US,undelivered,"12,345,678","23,456,789","123,456.70001"\n',
        encoding="utf-8",
    )
    settings = {"DATA_DIR": str(folder), "COLUMNS": str(width)}
    shown = command("reconcile", "check-usage", str(path), settings=settings).stdout
    assert "\x1b" not in shown
    numbers = ["12,345,678", "-12,345,677"]
    for number in numbers if width == 80 else [*numbers, "-23,456,788", "-123,456.69751"]:
        assert number in shown
    assert all(len(line) <= width for line in shown.splitlines()[:-1])


def test_days_outside_the_file_do_not_count(folder: Path) -> None:
    write_folder(folder, log=[log_row("next", message_time=NOON + timedelta(days=1))])
    assert check(folder, "Date,Total Count", "2026-03-01,4")[0] == 0


def test_a_wrong_file_is_named_with_line_and_next_step(folder: Path) -> None:
    code, answer = check(folder, "Date,Total Count", "2026-03-01,4", "2026-03-01,many")
    assert code == 2
    assert "usage.csv: line 3: 'many' is no whole number" in answer["error"]
    assert "export the file again" in answer["error"]
    code, _, said = run(folder, str(folder / "absent.csv"))
    assert code == 2
    assert "export the usage summary" in said
    assert run(folder, str(folder))[0] == 2
    assert check(folder, "Date,Total Count", "2026-03-01,4", tz="Mars")[0] == 2
