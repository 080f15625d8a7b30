"""A few rounds of the crash test; `python -m tests.receiver.crash --rounds 1000` plays many."""

from pathlib import Path

from tests.receiver.crash import crash


def test_nothing_acknowledged_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    """At random moments and at every named step; a reader never sees a report twice."""
    result = crash(tmp_path / "data", rounds=6, seed=7)
    assert result.fine, result.table()
    assert len(result.books.acked) > 50
