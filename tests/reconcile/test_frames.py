"""What Python and notebooks get: findings, the whole report, one message explained."""

from pathlib import Path

import pandas as pd
import pytest

import reconcile
from tests.builders import log_row, report, window, write_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Thirty messages whose numbers are markup; the log knows of forty more without a report."""
    seen = [report(f"m{n}", "delivered", from_number="<script>[bold]") for n in range(30)]
    log = [log_row(f"m{n}", from_number="<script>[bold]") for n in range(30)] + [
        log_row(f"x{n}") for n in range(40)
    ]
    return write_folder(tmp_path, reports=seen, log=log, windows=[window()])


def test_findings_are_a_frame_with_the_same_columns_whatever_is_found(folder: Path) -> None:
    found = reconcile.findings(data_dir=folder)
    nothing = reconcile.findings(data_dir=folder, where="country=XX")
    assert list(found.columns) == list(nothing.columns)
    assert list(found.dtypes) == list(nothing.dtypes)
    assert len(nothing) == 0
    assert "untrusted" in set(found["kind"])


def test_the_condition_of_a_finding_lists_its_messages(folder: Path) -> None:
    found = reconcile.findings(data_dir=folder)
    captured = found[found["where"] == "captured=false"]
    assert len(captured) == 1
    assert len(reconcile.messages(where=captured["where"].iloc[0], data_dir=folder)) == 40


def test_the_report_holds_rows_like_those_of_rates(folder: Path) -> None:
    told = reconcile.report(data_dir=folder)
    rates = reconcile.rates(by="country", data_dir=folder)
    assert list(pd.DataFrame(told.by_country)["submitted"]) == list(rates["submitted"])
    assert set(rates.columns) <= set(told.by_country[0])


def test_a_notebook_shows_an_explanation_and_never_its_markup(folder: Path) -> None:
    told = reconcile.explain("m1", data_dir=folder)
    assert told.message["message_uuid"] == "m1"
    shown = told._repr_html_()
    assert "Message" in shown
    assert "&lt;script&gt;[bold]" in shown
    assert "<script>" not in shown


def test_an_unknown_uuid_is_no_message(folder: Path) -> None:
    with pytest.raises(LookupError, match="nobody"):
        reconcile.explain("nobody", data_dir=folder)
