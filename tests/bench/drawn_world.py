"""[pure] A world of messages, drawn day by day into arrays: the same seed, the same world.

    parts ──► posts      the reports that the receiver stores, in the order they came
          ├─► reads      what the reconciler pulls of the log, hour by hour
          └─► truth      what can be known of it

Every block of messages has chances of its own, which hang on the seed and its first number alone:
a day drawn again is the same, whatever was drawn before it. Which share is late, lost, silent or
of the older era is an invention; rates, prices and carriers are those of the pretend Plivo. Times
are microseconds since 1970, `NEVER` for what does not happen.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np

from tests.bench import drawn_truth
from tests.bench.drawn_parts import NEVER, Array, DrawnParts, draw_parts
from tests.bench.drawn_slots import Slots

FIRST_DAY = date(2026, 3, 1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = 1 << 16  # messages: what is made of them stays in the processor's cache
_HOUR = 3_600_000_000
_READ_AGAIN = tuple(hours * _HOUR for hours in (0, 1, 6, 24, 72))
_READ = np.dtype([("part", "i4"), ("read_at", "i8"), ("state", "i1")])
_POST = np.dtype([("part", "i4"), ("received_at", "i8"), ("kind", "i1")])


@dataclass(frozen=True, slots=True)
class World:
    """So many messages in so many days."""

    messages: int
    days: int
    seed: int = 1

    @property
    def end(self) -> datetime:
        return midnight(self.days)

    @property
    def source(self) -> str:
        """Who wrote the files: as random an id as a journal's."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def numbers(self, day: int) -> range:
        return range(self.messages * day // self.days, self.messages * (day + 1) // self.days)


@dataclass(frozen=True, slots=True)
class DrawnDay:
    """What came and was read on a day; `posts` and `reads` name their part by its place."""

    parts: Array
    posts: Array  # by time of reception; `kind` 1 queued, 2 sent, 3 the end
    reads: Array  # of the day's messages, by UUID and time; `state` as of the reading
    truth: dict[str, int]


@dataclass(frozen=True, slots=True)
class _Block:
    parts: Array
    posts: Array
    reads: Array
    truth: dict[str, int]


class Drawing:
    """The world as it can be known at `until`, of which what happened before `since` is no news."""

    def __init__(
        self, world: World, until: datetime, *, since: datetime = _EPOCH, beside: Executor
    ) -> None:
        self.slots = Slots.of_all_routes()
        self._world, self._until, self._since = world, micros(until), micros(since)
        self._beside = beside

    def days(self) -> Iterator[DrawnDay]:
        """Each day with the reports that came on it, late ones of the days before among them."""
        late = None
        for day in range(self._world.days):
            blocks = [*self._beside.map(self._block, *zip(*self._spans(day), strict=True))]
            if late:
                blocks.append(late)
            drawn, late = self._day(blocks, before=min(micros(midnight(day + 1)), self._until))
            yield drawn

    def _spans(self, day: int) -> list[tuple[int, int, float, float]]:
        """Of each block its first number, how many, when it begins, and the time for a message."""
        numbers, begin = self._world.numbers(day), micros(midnight(day))
        pace = 24 * _HOUR / max(1, len(numbers))
        return [
            (first, min(_BLOCK, numbers.stop - first), begin + (first - numbers.start) * pace, pace)
            for first in range(numbers.start, max(numbers.stop, numbers.start + 1), _BLOCK)
        ]

    def _block(self, first: int, messages: int, begin: float, pace: float) -> _Block:
        chance = np.random.Generator(np.random.SFC64([self._world.seed, first]))
        drawn = draw_parts(chance, self.slots, messages, begin, pace)
        reads, seen_ended = self._reads(drawn)
        posts = _posts(chance, drawn)
        posts = posts[posts["received_at"] >= self._since]
        truth = drawn_truth.known(drawn, self.slots, self._until, seen_ended)
        news = reads[reads["read_at"] >= self._since]
        return _Block(drawn.parts, posts, news, truth | {"log_rows": len(reads)})

    def _reads(self, drawn: DrawnParts) -> tuple[Array, Array]:
        """An hour is listed once it is over; what is final on neither side is read again later."""
        parts, ended_at = drawn.parts, drawn.parts["ended_at"]
        seen_ended = np.zeros(len(parts), bool)
        found = []
        open_still = np.ones(len(parts), bool)
        for after in _READ_AGAIN:
            read_at = drawn.listed_at + after
            places = np.flatnonzero(open_still & (read_at < self._until))
            read = np.empty(len(places), _READ)
            read["part"], read["read_at"] = places, read_at[places]
            ended = ended_at[places] <= read["read_at"]
            sent = parts["sent_at"][places] <= read["read_at"]
            read["state"] = np.where(ended, parts["word"][places], sent)
            seen_ended[places] |= ended
            found.append(read)
            open_still &= (ended_at > read_at) & (drawn.end_arrived_at > read_at)
        return np.concatenate(found), seen_ended

    def _day(self, blocks: list[_Block], *, before: int) -> tuple[DrawnDay, _Block]:
        """One day of its blocks; what is under way then."""
        starts = np.cumsum([0, *(len(block.parts) for block in blocks)])
        for start, block in zip(starts, blocks, strict=False):
            block.posts["part"] += start
            block.reads["part"] += start
        parts, posts, reads = (
            np.concatenate([getattr(block, name) for block in blocks])
            for name in ("parts", "posts", "reads")
        )
        come = posts["received_at"] < before
        late, posts = posts[~come], posts[come]
        posts = posts[np.argsort(posts["received_at"], kind="stable")]
        of_read = parts["uuid"][reads["part"]]
        # stable: those of a part stand in order of time already
        order = np.lexsort([np.ascontiguousarray(of_read[half]) for half in ("low", "high")])
        late_parts = parts[late["part"]]
        late["part"] = np.arange(len(late))
        sums = {name: sum(block.truth.get(name, 0) for block in blocks) for name in blocks[0].truth}
        return DrawnDay(parts, posts, reads[order], sums), _Block(late_parts, late, reads[:0], {})


def _posts(chance: np.random.Generator, drawn: DrawnParts) -> Array:
    """One per report that arrives, copies too: one in a hundred comes a second time."""
    found = []
    for kind, arrived_at in enumerate(
        (drawn.queued_arrived_at, drawn.sent_arrived_at, drawn.end_arrived_at), start=1
    ):
        arrived = np.flatnonzero(arrived_at < NEVER)
        again = arrived[chance.random(len(arrived)) < 0.01]
        later = 1_000_000 + chance.integers(300_000_000, size=len(again))
        post = np.empty(len(arrived) + len(again), _POST)
        post["part"] = np.concatenate([arrived, again])
        post["received_at"] = np.concatenate([arrived_at[arrived], arrived_at[again] + later])
        post["kind"] = kind
        found.append(post)
    return np.concatenate(found)


def midnight(day: int) -> datetime:
    return datetime.combine(FIRST_DAY + day * DAY, datetime.min.time(), UTC)


def micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
