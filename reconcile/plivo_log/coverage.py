"""[pure] Spans of time, and which of them were read, when and how.

All spans are half-open [from_at, until_at), in UTC.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, get_args

How = Literal["listed", "counted", "imported"]
HOWS: tuple[How, ...] = get_args(How)
_WEIGHT = {"imported": 0, "counted": 1, "listed": 2}
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    from_at: datetime
    until_at: datetime

    def holds(self, at: datetime) -> bool:
        return self.from_at <= at < self.until_at


@dataclass(frozen=True, slots=True)
class Window:
    """A line of the ledger: this span was read then, in that way."""

    from_at: datetime
    until_at: datetime
    read_at: datetime
    how: How = "listed"
    rows: int = 0
    account: str | None = None

    @property
    def span(self) -> Span:
        return Span(self.from_at, self.until_at)


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch that was read, by the best way it was."""

    from_at: datetime
    until_at: datetime
    how: How


@dataclass(frozen=True, slots=True)
class Reading:
    """A stretch whose last reading was this window."""

    span: Span
    window: Window


def coverage(windows: Iterable[Window]) -> list[Interval]:
    """Disjoint, sorted, merged: listed beats counted beats imported."""
    merged: list[Interval] = []
    for stretch, window in _topmost(windows, lambda w: _WEIGHT[w.how]):
        last = merged[-1] if merged else None
        if last and last.until_at == stretch.from_at and last.how == window.how:
            merged[-1] = Interval(last.from_at, stretch.until_at, window.how)
        else:
            merged.append(Interval(stretch.from_at, stretch.until_at, window.how))
    return merged


def may_hold(window: Window, account: str | None) -> bool:
    """Whether messages of this account could stand in the log that the window is of."""
    if window.account is None or account is None or window.account == account:
        return True
    return account.startswith("SA") and not window.account.startswith("SA")


def coverage_for(account: str | None, windows: Sequence[Window]) -> list[Interval]:
    """What was read of the log in which this account's messages stand.

    A main account's log (MA…) holds those of its subaccounts (SA…), a subaccount's only its own.
    Nobody tells to which main account a subaccount belongs: with several of them counts what was
    read of all. Likewise for a message of which no account is known.
    """
    own = [window for window in windows if window.account in (None, account)]
    others = {window.account for window in windows if window.account not in (None, account)}
    mains = {other for other in others if other and not other.startswith("SA")}
    holders = set() if account and not account.startswith("SA") else mains
    shared: list[Interval] | None = None
    for holder in sorted(filter(None, holders)):
        read = coverage([window for window in windows if window.account == holder])
        shared = read if shared is None else _read_by_both(shared, read)
    return coverage([*own, *map(_as_window, shared or [])])


def by_account(
    windows: Sequence[Window], accounts: Iterable[str | None]
) -> dict[str, list[Interval]]:
    """What was read of the log in which each account's messages stand; no account is ''."""
    names = sorted({account or "" for account in accounts})
    return {name: coverage_for(name or None, windows) for name in names}


def readings(windows: Iterable[Window]) -> list[Reading]:
    """Disjoint and sorted: every moment that was listed, with the last window that did."""
    merged: list[Reading] = []
    listed = [window for window in windows if window.how == "listed"]
    for stretch, window in _topmost(listed, lambda w: w.read_at):
        last = merged[-1] if merged else None
        if last and last.window is window and last.span.until_at == stretch.from_at:
            merged[-1] = Reading(Span(last.span.from_at, stretch.until_at), window)
        else:
            merged.append(Reading(stretch, window))
    return merged


def latest_read_at(windows: Iterable[Window]) -> datetime | None:
    return max((window.read_at for window in windows), default=None)


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What is left of the disjoint spans, sorted."""
    left = []
    holes = sorted(taken)
    for span in sorted(spans):
        low = span.from_at
        for hole in holes:
            if hole.from_at >= span.until_at:
                break
            if hole.until_at <= low:
                continue
            if hole.from_at > low:
                left.append(Span(low, hole.from_at))
            low = hole.until_at
        if low < span.until_at:
            left.append(Span(low, span.until_at))
    return left


def overlap(span: Span, other: Span) -> Span | None:
    low, high = max(span.from_at, other.from_at), min(span.until_at, other.until_at)
    return Span(low, high) if low < high else None


def second_of(at: datetime) -> datetime:
    """The whole second that the moment lies in: Plivo's filters are asked on whole seconds."""
    return at.astimezone(UTC).replace(microsecond=0)


def halves(span: Span) -> list[Span]:
    """The newer first, parted at a whole second."""
    middle = second_of(span.from_at + (span.until_at - span.from_at) / 2)
    return [Span(middle, span.until_at), Span(span.from_at, middle)]


def _read_by_both(some: Iterable[Interval], more: Sequence[Interval]) -> list[Interval]:
    """Where both read, in the lesser of their ways."""
    return [
        Interval(shared.from_at, shared.until_at, min(one.how, other.how, key=_WEIGHT.__getitem__))
        for one in some
        for other in more
        if (shared := overlap(_span(one), _span(other)))
    ]


def _span(interval: Interval) -> Span:
    return Span(interval.from_at, interval.until_at)


def _as_window(interval: Interval) -> Window:
    return Window(interval.from_at, interval.until_at, interval.from_at, interval.how)


def _topmost(
    windows: Iterable[Window], weight: Callable[[Window], Any]
) -> Iterator[tuple[Span, Window]]:
    """A sweep along the borders; of equal weight the later line counts."""
    ranked = list(enumerate(sorted(windows, key=weight)))
    borders = sorted({at for _, w in ranked for at in (w.from_at, w.until_at)})
    coming = sorted(ranked, key=lambda pair: pair[1].from_at, reverse=True)
    active: list[tuple[int, Window]] = []
    for low, high in pairwise(borders):
        while coming and coming[-1][1].from_at <= low:
            rank, window = coming.pop()
            heapq.heappush(active, (-rank, window))
        while active and active[0][1].until_at <= low:
            heapq.heappop(active)
        if active:
            yield Span(low, high), active[0][1]
