"""When states were counted: remembered over runs, for one account, and worth nothing if damaged."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconcile.plivo_log.asked_states import AskedStates
from reconcile.plivo_log.coverage import Span

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SPAN = Span(NOON, NOON + timedelta(hours=2))
LATER = NOON + timedelta(hours=6)


def test_the_last_time_counts_and_only_within_the_span(tmp_path: Path) -> None:
    asked = AskedStates(tmp_path / "state", "MA1")
    asked.note(SPAN, LATER)
    asked.note(SPAN, LATER + timedelta(hours=1))
    again = AskedStates(tmp_path / "state", "MA1")
    assert again.last(NOON) == LATER + timedelta(hours=1)
    assert again.last(SPAN.until_at) is None


def test_accounts_are_told_apart(tmp_path: Path) -> None:
    AskedStates(tmp_path, "MA1").note(SPAN, LATER)
    assert AskedStates(tmp_path, "MA2").last(NOON) is None


@pytest.mark.parametrize("content", ["", "{", "[{}]", "[1]", '[{"from": "2026"}]', "{}"])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "states.json").write_text(content)
    asked = AskedStates(tmp_path, "MA1")
    assert asked.last(NOON) is None
    asked.note(SPAN, LATER)
    assert AskedStates(tmp_path, "MA1").last(NOON) == LATER


def test_what_is_due_no_more_is_forgotten(tmp_path: Path) -> None:
    asked = AskedStates(tmp_path, "MA1")
    asked.note(SPAN, LATER)
    asked.note(Span(SPAN.until_at, LATER), LATER + timedelta(days=6))
    assert asked.last(NOON) is None
