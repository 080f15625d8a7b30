"""[pure] What would explain many cells at once: fewer accounts, or parts instead of messages."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reconcile.usage.comparison import Cell, Comparison


@dataclass(frozen=True, slots=True)
class Cause:
    """A word for programs, a clause for people."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """If it held, these two would be equal in every cell."""

    cause: Cause
    theirs: Callable[[Cell], int]
    ours: Callable[[Cell], int]

    def holds(self, cell: Cell) -> bool:
        return self.theirs(cell) == self.ours(cell)


def borne_out(comparison: Comparison, differing: Sequence[Cell]) -> tuple[Cause, list[Cell]] | None:
    """The first that explains most of these cells and contradicts none that agrees, and where."""
    agreeing = [cell for cell in comparison.cells if not comparison.difference(cell)]
    for hypothesis in hypotheses(comparison):
        explained = [cell for cell in differing if hypothesis.holds(cell)]
        if 2 * len(explained) > len(differing) and all(map(hypothesis.holds, agreeing)):
            return hypothesis.cause, explained
    return None


def hypotheses(comparison: Comparison) -> Iterator[Hypothesis]:
    measure = comparison.counted
    ours = {group.account for group in comparison.total.groups if group.account}
    named = {line.subaccount for line in comparison.total.lines if line.subaccount}
    for kept in _kept_accounts(comparison, ours, named):
        yield _fewer_accounts(measure, kept, ours)
    if named - ours and named & ours:
        yield _more_accounts(measure, named - ours)
    if measure == "messages":
        yield from map(_parts, ("parts", "units"))


def _kept_accounts(comparison: Comparison, ours: set[str], named: set[str]) -> list[set[str]]:
    """Sets of our accounts that may be all that the file counts."""
    if not named:
        return [{account} for account in sorted(ours)] if len(ours) > 1 else []
    unnamed = any(line.subaccount is None for line in comparison.total.lines)
    # lines without a subaccount are those of the main account
    main = {account for account in ours if unnamed and not account.startswith("SA")}
    kept = (ours & named) | main
    return [kept] if kept and kept < ours else []


def _fewer_accounts(measure: str, kept: set[str], ours: set[str]) -> Hypothesis:
    def of_kept(cell: Cell) -> int:
        return sum(getattr(group, measure) for group in cell.groups if group.account in kept)

    text = f"the file counts only {_list(kept)}; on disk is also {_list(ours - kept)}"
    return Hypothesis(Cause("subaccount", text), lambda cell: int(cell.theirs(measure)), of_kept)


def _more_accounts(measure: str, others: set[str]) -> Hypothesis:
    def of_ours(cell: Cell) -> int:
        return sum(getattr(line, measure) for line in cell.lines if line.subaccount not in others)

    text = f"the file also counts {_list(others)}, of which nothing is on disk"
    return Hypothesis(Cause("subaccount", text), of_ours, lambda cell: int(cell.ours(measure)))


def _parts(measure: str) -> Hypothesis:
    """The console may count each part of a long message, as old rows of the log do."""
    text = f"the file counts long messages several times: its number is that of our {measure}"
    return Hypothesis(
        Cause("parts", text),
        lambda cell: int(cell.theirs("messages")),
        lambda cell: int(cell.ours(measure)),
    )


def _list(names: set[str]) -> str:
    return " and ".join(sorted(names))
