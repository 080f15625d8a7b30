"""The docstrings of the functions for Python name columns that exist, with the types they have."""

import re
from pathlib import Path

import pandas as pd
import pytest

import reconcile
from tests.builders import log_row, report, window, write_folder

NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("frames")
    return write_folder(folder, reports=[report("m1")], log=[log_row("m1")], windows=[window()])


def named(function: object) -> set[str]:
    """What a docstring names that is written like a column."""
    return set(NAME.findall(function.__doc__ or ""))


def test_messages_names_columns_that_exist(folder: Path) -> None:
    frame = reconcile.messages(data_dir=folder)
    assert named(reconcile.messages) - {"log_missing"} <= set(frame.columns)
    assert len(named(reconcile.messages)) > 10


def test_rates_names_columns_that_exist(folder: Path) -> None:
    frame = reconcile.rates(data_dir=folder)
    assert named(reconcile.rates) <= set(frame.columns)
    for rate in ("confirmed_rate", "receipt_coverage", "strict_rate", "lenient_rate"):
        for part in ("", "_numerator", "_denominator", "_low", "_high"):
            assert rate + part in frame


def test_audit_names_what_is_in_it(folder: Path) -> None:
    audit = reconcile.audit(data_dir=folder)
    assert named(reconcile.audit) <= set(audit)


def test_findings_names_columns_that_exist(folder: Path) -> None:
    frame = reconcile.findings(data_dir=folder)
    kinds = {"route_fell", "route_poor", "error_surge", "receipts_missing"}
    assert named(reconcile.findings) - kinds <= set(frame.columns)
    assert {"kind", "title", "detail", "advice", "since", "until", "where"} <= set(frame.columns)


def test_types_are_as_told(folder: Path) -> None:
    messages, rates = reconcile.messages(data_dir=folder), reconcile.rates(data_dir=folder)
    told = {
        "message_time": "timestamp[us, tz=UTC]", "units": "int32", "outcome": "string",
        "total_amount": "decimal128(18, 5)", "mixed": "bool",
    }  # fmt: skip
    assert {name: _arrow(messages, name) for name in told} == told
    told = {"submitted": "int64", "confirmed_rate": "double", "total_amount": "decimal128(38, 5)"}
    assert {name: _arrow(rates, name) for name in told} == told


def test_a_message_shows_itself_and_an_unknown_one_is_an_error(folder: Path) -> None:
    told = reconcile.explain("m1", data_dir=folder)
    assert told.message["outcome"] == "delivered"
    assert "wins" in told._repr_html_()
    with pytest.raises(LookupError, match="nobody"):
        reconcile.explain("nobody", data_dir=folder)


def _arrow(frame: pd.DataFrame, name: str) -> str:
    dtype = frame[name].dtype
    assert isinstance(dtype, pd.ArrowDtype)
    return str(dtype.pyarrow_dtype)
