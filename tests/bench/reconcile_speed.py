"""What a merge takes, beside others doing its job: `make bench-reconcile`.

Makes folders of reports and log (`report_folder`), and runs each variant (`reconcile_variants`) on
them by turns, each as a process of its own: seconds from its start to its end, those of processors
(which neighbours do not lengthen as much), the most memory it held; the median of the turns. What
is counted, ours included, is held against the truth of the folder: a difference ends it with 1.

    --sizes 0.1M,1M,10M    --variants ours,bare    --turns 3    --profile
    --incremental --days 90 --messages 100k        a new hour beside so many days of so many a day
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from tests.bench.reconcile_runs import MOST_MIB, Ran, TooMuch, make, reconcile, wrong
from tests.bench.report_folder import days_for, number

COMPARED = ("ours", "bare", "scan", "pandas", "polars")
_TURNS = ((200_000, 5), (2_000_000, 3))  # up to so many messages; above, one


def forget(data_dir: Path) -> None:
    """Nothing was ever merged here, and no file is known to be sound."""
    for name in ("messages", "state"):
        shutil.rmtree(data_dir / name, ignore_errors=True)


def compare(
    place: Path, messages: int, variants: Sequence[str], turns: int | None
) -> tuple[dict[str, Ran | None], list[str]]:
    """The median of each variant, None for one that wanted too much memory; what was wrong."""
    truth = make(place, messages, days_for(messages))
    turns = turns or next((turns for most, turns in _TURNS if messages <= most), 1)
    taken: dict[str, list[Ran]] = {variant: [] for variant in variants}
    problems: dict[str, None] = {}
    too_much: set[str] = set()
    for turn in range(turns):
        for variant in [variant for variant in variants if variant not in too_much]:
            print(f"turn {turn + 1} of {turns}: {variant}", file=sys.stderr, flush=True)
            if variant == "ours":
                forget(place)
            try:
                ran = reconcile(variant, place)
            except TooMuch:
                too_much.add(variant)
                continue
            taken[variant].append(ran)
            problems |= dict.fromkeys(wrong(variant, place, ran, truth))
    medians = {
        variant: None if variant in too_much else _median(runs) for variant, runs in taken.items()
    }
    return medians, list(problems)


def _median(runs: Sequence[Ran]) -> Ran:
    return Ran(
        median(ran.seconds for ran in runs),
        median(ran.busy for ran in runs),
        median(ran.mebibytes for ran in runs),
    )


def by_size(given: argparse.Namespace) -> tuple[Table, list[str]]:
    """Growth is that of the time a message takes, from one size to the next."""
    table = Table(title="from reports and log to messages")
    for title in ("messages", "", "seconds", "x bare", "growth", "processor s", "x bare", "growth",
                  "most MiB"):  # fmt: skip
        table.add_column(title, justify="right" if title else "left")
    problems: list[str] = []
    before: dict[str, tuple[int, Ran]] = {}
    for messages in given.sizes:
        with tempfile.TemporaryDirectory(dir=given.folder) as name:
            place = Path(name) / "data"
            medians, found = compare(place, messages, given.variants, given.turns)
            problems += [f"{messages:,} messages: {problem}" for problem in found]
            if given.profile:
                forget(place)
                print(reconcile("profile", place).said)
        for variant, ran in medians.items():
            table.add_row(
                f"{messages:,}", variant,
                *_cells(messages, ran, medians.get("bare"), before.get(variant)),
            )  # fmt: skip
            if ran:
                before[variant] = (messages, ran)
        table.add_section()
    return table, problems


def _cells(
    messages: int, ran: Ran | None, bare: Ran | None, before: tuple[int, Ran] | None
) -> list[str]:
    if ran is None:
        return ["", "", "", "", "", "", f"more than {MOST_MIB:,}"]
    cells = []
    for name in ("seconds", "busy"):
        took = getattr(ran, name)
        cells += [
            f"{took:.1f}",
            f"{took / getattr(bare, name):.2f}" if bare else "",
            f"{took / messages / (getattr(before[1], name) / before[0]):.2f}" if before else "",
        ]
    return [*cells, f"{ran.mebibytes:,.0f}"]


def incremental(given: argparse.Namespace) -> tuple[Table, list[str]]:
    """A folder of many days, merged; one more hour of the newest; that day alone."""
    table = Table(title=f"a new hour beside {given.days} days of {given.messages:,} messages")
    for title in ("merge", "seconds", "x that day", "processor s", "x that day", "most MiB"):
        table.add_column(title, justify="left" if title == "merge" else "right")
    whole = given.messages * given.days
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        data_dir, alone = Path(name) / "data", Path(name) / "alone"
        make(data_dir, whole, given.days, "--new-hour", "left-out")
        ran = {"all of it, the first time": reconcile("ours", data_dir)}
        truth = make(data_dir, whole, given.days, "--new-hour", "added")
        ran["a new hour"] = reconcile("ours", data_dir)
        problems = wrong("ours", data_dir, ran["a new hour"], truth)
        ran["nothing new"] = reconcile("ours", data_dir)
        newest = max((data_dir / "reports").glob("date=*")).name
        for folder in ("reports", "log"):
            shutil.copytree(data_dir / folder / newest, alone / folder / newest)
        shutil.copy(data_dir / "log" / "_windows.jsonl", alone / "log")
        ran["the newest day alone"] = day = reconcile("ours", alone)
        ran["(starting Python)"] = reconcile("nothing", data_dir)
    for what, one in ran.items():
        table.add_row(
            what, f"{one.seconds:.2f}", f"{one.seconds / day.seconds:.2f}", f"{one.busy:.2f}",
            f"{one.busy / day.busy:.2f}", f"{one.mebibytes:,.0f}",
        )  # fmt: skip
    return table, problems


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reconcile_speed")
    parser.add_argument("--sizes", type=lambda text: [number(one) for one in text.split(",")],
                        default="0.1M,1M", help="0.1M,1M,10M")  # fmt: skip
    parser.add_argument("--variants", type=lambda text: text.split(","), default=list(COMPARED))
    parser.add_argument("--turns", type=int, help="else 5, 3 or 1, the larger the fewer")
    parser.add_argument("--profile", action="store_true", help="where the time of ours goes")
    parser.add_argument("--folder", type=Path, help="where to make folders; 0.4 GiB a million")
    parser.add_argument("--incremental", action="store_true")
    parser.add_argument("--days", type=int, default=90, help="with --incremental")
    parser.add_argument("--messages", type=number, default="100k", help="a day, with --incremental")
    given = parser.parse_args()
    try:
        table, problems = incremental(given) if given.incremental else by_size(given)
    except TooMuch as too_much:
        sys.exit(str(too_much))
    Console(width=110).print(table)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
