"""A pull that was stopped goes on with its own beginning."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconcile.plivo_log import unfinished

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def test_the_same_task_goes_on_and_another_begins(tmp_path: Path) -> None:
    assert unfinished.begin(tmp_path / "state", "pull 7d", NOW) == NOW
    assert unfinished.begin(tmp_path / "state", "pull 7d", LATER) == NOW
    assert unfinished.begin(tmp_path / "state", "pull 1d", LATER) == LATER


def test_asking_whether_it_goes_on_changes_nothing(tmp_path: Path) -> None:
    assert unfinished.going_on(tmp_path, "pull 7d", NOW) is None
    unfinished.begin(tmp_path, "pull 7d", NOW)
    assert unfinished.going_on(tmp_path, "pull 7d", LATER) == NOW
    assert unfinished.going_on(tmp_path, "pull 1d", LATER) is None


def test_a_finished_pull_begins_anew(tmp_path: Path) -> None:
    unfinished.begin(tmp_path, "pull 7d", NOW)
    unfinished.finish(tmp_path)
    unfinished.finish(tmp_path)
    assert unfinished.begin(tmp_path, "pull 7d", LATER) == LATER


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"task": "pull 7d", "started_at": 7}'])
def test_damage_is_a_new_beginning(tmp_path: Path, damage: str) -> None:
    (tmp_path / "pull.json").write_text(damage)
    assert unfinished.begin(tmp_path, "pull 7d", NOW) == NOW
    assert unfinished.begin(tmp_path, "pull 7d", LATER) == NOW


def test_a_beginning_in_the_future_does_not_count(tmp_path: Path) -> None:
    unfinished.begin(tmp_path, "pull 7d", LATER)
    assert unfinished.begin(tmp_path, "pull 7d", NOW) == NOW
