"""Counting finds what listing finds: on logs in memory, whatever is lost, tied or rounded."""

import random
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.plivo_log.counting import (
    Answer,
    Asking,
    Count,
    Found,
    Listing,
    Look,
    Probe,
    Seen,
)
from reconcile.plivo_log.coverage import Span, second_of
from reconcile.plivo_log.held import MARGIN, MOST_OFFSET, Held

MIDNIGHT = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Span(MIDNIGHT, MIDNIGHT + timedelta(days=1))
PAGE = 20
Part = tuple[datetime, str]


@dataclass
class Log:
    """A log of rows with times, newest first; it counts what is asked of it."""

    rows: list[Part]
    requests: int = 0
    ordered: Callable[[list[Part]], list[Part]] = lambda rows: rows[::-1]  # newest first
    listed: list[Span] = field(default_factory=list)
    shown: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.rows.sort()
        self._times = [at for at, _ in self.rows]

    def within(self, span: Span) -> list[Part]:
        low, high = (bisect_left(self._times, at) for at in (span.from_at, span.until_at))
        return self.ordered(self.rows[low:high])

    def probe(self, probe: Probe) -> Seen:
        rows = self.within(probe.span)
        self.requests += 1
        page = rows[probe.offset : probe.offset + PAGE]
        self.shown |= {uuid for _, uuid in page}
        return Seen(tuple((uuid, at) for at, uuid in page), more=len(rows) > probe.offset + PAGE)

    def look(self, span: Span) -> Seen:
        rows = self.within(span)
        self.requests += max(1, -(-len(rows) // PAGE))
        self.shown |= {uuid for _, uuid in rows}
        return Seen(tuple((uuid, at) for at, uuid in rows))


def counted(log: Log, held: Sequence[Part], spans: Sequence[Span]) -> tuple[Count, list[Found]]:
    count = Count(Held({uuid: at for at, uuid in held}))
    return count, [found for span in spans for found in told(log, count.window(span))]


def told(log: Log, asking: Asking) -> Iterator[Found]:
    answer: Answer = None
    while True:
        try:
            ask = asking.send(answer)
        except StopIteration:
            return
        answer = None
        if isinstance(ask, Found):
            yield ask
        elif isinstance(ask, Listing):
            log.listed.append(ask.span)
            yield Found(ask.span, len(log.look(ask.span).rows))
        elif isinstance(ask, Look):
            answer = log.look(ask.span)
        else:
            answer = log.probe(ask)


def windows(held: Sequence[Part], span: Span, most: int = MOST_OFFSET) -> list[Span]:
    return Held({uuid: at for at, uuid in held}).spans(span, most=most)


def traffic(number: int, seed: int = 1) -> list[Part]:
    draw = random.Random(seed)
    return [
        (MIDNIGHT + timedelta(microseconds=draw.randrange(86_400_000_000)), f"m{n}")
        for n in range(number)
    ]


def everything_known(log: Log, held: Sequence[Part], found: Sequence[Found]) -> None:
    """All rows of the log are held or were shown, and every moment stands in one finding."""
    assert {uuid for _, uuid in log.rows} <= log.shown | {uuid for _, uuid in held}
    spans = sorted(each.span for each in found)
    assert (spans[0].from_at, spans[-1].until_at) == (DAY.from_at, DAY.until_at)
    assert all(one.until_at == other.from_at for one, other in pairwise(spans))
    assert sum(each.rows for each in found) == len(log.rows)


def test_whole_reports_prove_a_window_with_one_request() -> None:
    parts = traffic(2_000)
    log = Log(list(parts))
    assert counted(log, parts, [DAY])[1] == [Found(DAY, 2_000)]
    assert log.requests == 1


def test_an_empty_window_is_proved_empty() -> None:
    log = Log([])
    assert counted(log, [], [DAY])[1] == [Found(DAY, 0)]
    assert log.requests == 1


def test_a_window_of_one_unknown_row_is_known_from_the_probe() -> None:
    log = Log(traffic(1))
    _, found = counted(log, [], [DAY])
    assert log.requests == 1
    everything_known(log, [], found)


@pytest.mark.parametrize("messages", [50_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("lost", "share"), [(lambda _: False, 500e-6), (lambda n: n % 1_000 == 7, 10_000e-6)]
)
def test_a_million_messages_cost_few_requests(
    messages: int, lost: Callable[[int], bool], share: float
) -> None:
    """500 of whole reports, 10,000 where one in a thousand is lost; of fewer their share."""
    parts = traffic(messages)
    most = share * messages
    held = [part for n, part in enumerate(parts) if not lost(n)]
    log = Log(parts)
    _, found = counted(log, held, windows(held, DAY))
    assert log.requests <= most
    everything_known(log, held, found)


def test_a_window_that_is_mostly_unknown_is_listed_at_once() -> None:
    parts = traffic(20_000)
    held = parts[::2]
    log = Log(parts)
    _, found = counted(log, held, windows(held, DAY))
    assert log.requests <= 1.1 * 20_000 / PAGE
    everything_known(log, held, found)


Losing = Callable[[int], set[int]]


def at_random(number: int, messages: int = 100_000) -> set[int]:
    return set(random.Random(number).sample(range(messages), number))


def in_a_burst(number: int, messages: int = 100_000) -> set[int]:
    begin = random.Random(number).randrange(messages - number)
    return set(range(begin, begin + number))


def requests_of(parts: Sequence[Part], lost: set[int], *, by_rank: bool) -> int:
    held = [part for n, part in enumerate(parts) if n not in lost]
    log = Log(list(parts))
    count = Count(Held({uuid: at for at, uuid in held}), by_rank=by_rank)
    found = [each for span in windows(held, DAY) for each in told(log, count.window(span))]
    everything_known(log, held, found)
    assert not count.odd
    return log.requests


@pytest.mark.parametrize("losing", [at_random, in_a_burst])
@pytest.mark.parametrize("number", [1, 10, 100, 1_000])
def test_ranks_never_cost_more_than_halves_of_time_and_mostly_less(
    number: int, losing: Losing
) -> None:
    """The table of COUNTING.md, for a tenth of its messages and so ten times as dense a loss."""
    parts = sorted(traffic(100_000))
    lost = losing(number)
    by_time = requests_of(parts, lost, by_rank=False)
    by_rank = requests_of(parts, lost, by_rank=True)
    assert by_rank <= by_time + 1
    if losing is at_random and number >= 10:
        assert by_rank - 20 <= 0.85 * (by_time - 20)  # 20 windows take one each anyway


def oldest_first(rows: list[Part]) -> list[Part]:
    return rows


def jumbled(rows: list[Part]) -> list[Part]:
    return random.Random(len(rows)).sample(rows, len(rows))


def falling_pages_in_a_wrong_order(rows: list[Part]) -> list[Part]:
    """Each page falls, so that no page gives it away."""
    newest = rows[::-1]
    pages = [newest[begin : begin + 7] for begin in range(0, len(rows), 7)]
    return [row for page in jumbled_pages(pages) for row in page]


def jumbled_pages(pages: list[list[Part]]) -> list[list[Part]]:
    return random.Random(3).sample(pages, len(pages))


@pytest.mark.parametrize("ordered", [oldest_first, jumbled, falling_pages_in_a_wrong_order])
@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_order_of_the_log_all_is_found(
    ordered: Callable[[list[Part]], list[Part]], seed: int
) -> None:
    parts = traffic(3_000, seed)
    lost = set(random.Random(seed).sample(range(3_000), 9))
    held = [part for n, part in enumerate(parts) if n not in lost]
    log = Log(parts, ordered=ordered)
    _, found = counted(log, held, windows(held, DAY))
    everything_known(log, held, found)


def test_ties_in_the_order_of_the_log_do_not_matter() -> None:
    """Whole seconds, ten rows each, in any order within the second."""
    draw = random.Random(9)
    parts = [(MIDNIGHT + timedelta(seconds=n // 10), f"m{draw.random()}") for n in range(4_000)]
    held = [part for n, part in enumerate(parts) if n not in (17, 1_234, 3_999)]
    log = Log(parts)
    count, found = counted(log, held, windows(held, DAY))
    everything_known(log, held, found)
    assert not count.odd
    assert not log.listed


def test_a_second_that_fills_pages_is_halved_by_time_down_to_itself() -> None:
    """A burst of 300 in one second tells no rank, so that second is seen."""
    burst = MIDNIGHT + timedelta(hours=9)
    parts = traffic(2_000) + [(burst + timedelta(milliseconds=5 + n), f"b{n}") for n in range(300)]
    held = [part for part in parts if part[1] != "b150"]
    log = Log(parts)
    count, found = counted(log, held, windows(held, DAY))
    everything_known(log, held, found)
    assert not count.odd
    assert log.requests <= 40


moments = st.integers(0, 40_000_000).map(lambda micros: MIDNIGHT + timedelta(microseconds=micros))
UNHURRIED = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=300)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Part], list[Part], int]:
    """A log with ties, what we hold of it, and how many parts a window may have."""
    times = draw(st.lists(moments, max_size=120))
    if draw(st.booleans()):
        times = [second_of(at) for at in times]
    rows = [(at, f"m{n}") for n, at in enumerate(times)]
    lost = draw(st.sets(st.integers(0, len(rows)), max_size=30))
    return rows, [row for n, row in enumerate(rows) if n not in lost], draw(st.integers(2, 50))


@UNHURRIED
@given(world=worlds())
def test_whatever_is_lost_is_found(world: tuple[list[Part], list[Part], int]) -> None:
    rows, held, most = world
    log = Log(list(rows))
    everything_known(log, held, counted(log, held, windows(held, DAY, most))[1])


@UNHURRIED
@given(world=worlds(), seed=st.integers(0, 99), whole=st.booleans())
def test_times_that_differ_a_little_or_lost_their_fraction_hide_nothing(
    world: tuple[list[Part], list[Part], int], seed: int, *, whole: bool
) -> None:
    rows, held, most = world
    draw = random.Random(seed)

    def in_the_log(at: datetime) -> datetime:
        if whole:
            return second_of(at)
        return max(at + timedelta(microseconds=draw.randrange(-999, 999)), MIDNIGHT)

    log = Log([(in_the_log(at), uuid) for at, uuid in rows])
    spans = windows(held, DAY, most)
    count, found = counted(log, held, spans)
    everything_known(log, held, found)
    # No span is unequal for rounding alone, so that no neighbour need be asked.
    assert not count.odd
    assert all(len(log.within(span)) >= count.held.within(span) for span in spans)
    if len(held) == len(rows):
        assert log.requests == len(spans)


@UNHURRIED
@given(world=worlds())
def test_borders_keep_clear_of_what_is_held(world: tuple[list[Part], list[Part], int]) -> None:
    _, held, most = world
    spans = windows(held, DAY, most)
    assert (spans[-1].from_at, spans[0].until_at) == (DAY.from_at, DAY.until_at)
    for span in spans[1:]:
        assert all(abs(at - span.until_at) >= MARGIN for at, _ in held)


def test_a_row_at_the_probe_that_we_do_not_know_sends_the_window_to_listing() -> None:
    """As many as ours, but not ours: what we hold is of another account, or forged."""
    parts = traffic(50)
    oldest = min(parts)
    held = [part for part in parts if part != oldest] + [(oldest[0], "forged")]
    log = Log(parts)
    count, found = counted(log, held, [DAY])
    assert (log.listed, count.odd) == ([DAY], [DAY])
    assert found == [Found(DAY, 50)]


def test_a_row_of_another_time_than_reported_sends_the_window_to_listing() -> None:
    parts = traffic(50)
    log = Log([(at + timedelta(seconds=2), uuid) for at, uuid in parts])
    assert counted(log, parts, [DAY])[0].odd == [DAY]


def test_a_log_with_fewer_rows_than_ours_sends_the_window_to_listing() -> None:
    parts = traffic(60)
    log = Log(parts[:40])
    assert counted(log, parts, [DAY])[0].odd == [DAY]
    assert log.listed == [DAY]


@pytest.mark.parametrize("near", [0, 400_000, 999_999])
def test_what_is_listed_begins_and_ends_on_whole_seconds_that_no_part_is_near(near: int) -> None:
    tick = timedelta(microseconds=1)
    noon = MIDNIGHT + timedelta(hours=12)
    parts = [noon - tick, noon + timedelta(seconds=9) + tick]
    held = Held({str(at): at for at in parts})
    span = Span(noon + timedelta(microseconds=near), noon + timedelta(seconds=8, microseconds=near))
    wider = held.wider(span, DAY)
    assert wider.from_at == noon - timedelta(seconds=1)
    assert wider.until_at == noon + timedelta(seconds=8 if not near else 10)
    assert held.wider(DAY, DAY) == DAY
