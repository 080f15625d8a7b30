"""Never more than N requests in any 60 seconds, whoever asks and however often one restarts."""

import math
from bisect import bisect_left
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconcile.plivo_log.quota import MOST_STAMPS, WINDOW_SECONDS, Quota
from tests.reconcile.plivo_log.conftest import Clock


def quota(path: Path, per_minute: int, clock: Clock) -> Quota:
    return Quota(path / "state" / "quota.json", per_minute, clock=clock, sleep=clock.sleep)


def most_within_a_minute(stamps: list[float]) -> int:
    return max(bisect_left(stamps, stamp + 60) - place for place, stamp in enumerate(stamps))


@settings(deadline=None, max_examples=60)
@given(
    per_minute=st.sampled_from([1, 2, 5, 20]),
    pauses=st.lists(st.tuples(st.floats(0, 70), st.integers(0, 1)), min_size=1, max_size=60),
)
def test_no_minute_sees_more_than_n_requests_of_two_who_share_the_file(
    per_minute: int, pauses: list[tuple[float, int]]
) -> None:
    with TemporaryDirectory() as folder:
        clock = Clock()
        both = [quota(Path(folder), per_minute, clock) for _ in range(2)]
        stamps = []
        for pause, who in pauses:
            clock.seconds += pause
            both[who].take()
            stamps.append(clock.seconds)
        assert most_within_a_minute(stamps) <= per_minute


def test_a_burst_of_n_needs_no_waiting_and_the_next_one_waits_for_the_first(tmp_path: Path) -> None:
    clock = Clock()
    shared = quota(tmp_path, 20, clock)
    for _ in range(20):
        shared.take()
    assert clock.slept == []
    assert shared.delay() == pytest.approx(WINDOW_SECONDS)
    shared.take()
    assert sum(clock.slept) == pytest.approx(WINDOW_SECONDS)


def test_large_quotas_are_paced_evenly(tmp_path: Path) -> None:
    clock = Clock()
    shared = quota(tmp_path, MOST_STAMPS * 6, clock)
    stamps = []
    for _ in range(200):
        shared.take()
        stamps.append(clock.seconds)
    assert stamps[-1] - stamps[0] >= 199 * 60 / (MOST_STAMPS * 6)
    assert (tmp_path / "state" / "quota.json").stat().st_size < 200


def test_a_pause_holds_for_both_and_a_shorter_one_does_not_end_it(tmp_path: Path) -> None:
    clock = Clock()
    one, other = quota(tmp_path, 20, clock), quota(tmp_path, 20, clock)
    one.back_off(30)
    one.back_off(5)
    other.take()
    assert sum(clock.slept) == pytest.approx(30)


@pytest.mark.parametrize(
    "damage",
    [
        b"", b"{", b"[]", b"null", b'{"stamps": 1, "not_before": 0}', b"\x00\xff",
        b'{"stamps": [NaN], "not_before": Infinity}', b'{"stamps": [], "not_before": 9e15}',
        b'{"stamps": [9e15], "not_before": 0}',
    ],
)  # fmt: skip
def test_a_damaged_file_starts_anew(tmp_path: Path, damage: bytes) -> None:
    clock = Clock()
    path = tmp_path / "state" / "quota.json"
    path.parent.mkdir()
    path.write_bytes(damage)
    shared = quota(tmp_path, 1, clock)
    shared.take()
    assert clock.slept == []
    assert math.isclose(shared.delay(), WINDOW_SECONDS)


def test_a_clock_set_back_does_not_block_for_long(tmp_path: Path) -> None:
    clock = Clock()
    shared = quota(tmp_path, 1, clock)
    shared.take()
    clock.seconds -= 86_400
    shared.take()
    assert clock.slept == []
