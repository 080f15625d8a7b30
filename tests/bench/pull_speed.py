"""How fast and how cheaply the log is read, beside others, in one run: `make bench-pull`.

Against the pretend Plivo as a process of its own, over HTTP, every page taking 100 ms. Two tables:
speed at a true quota (nothing is sped up; the 20 a minute are held for three minutes, side by side,
since there is nothing to do but wait), and the requests of a whole day of `MESSAGES` in four
cases. For the latter the quota is that of a million a day in proportion, and waiting for it is
leapt over: the requests are real, the minutes are requests / quota.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from tests.bench.log_day import DAY, day_began_at
from tests.bench.pull_variants import MAIN
from tests.bench.report_speed import number
from tests.processes import ROOT, environment, get, running

LATENCY = 0.1
SLOW, FAST = 20, 3_600  # requests a minute
PAGES_AT_SLOW = 61  # three minutes and the first request after them
SINCE, UNTIL = (f"{at:%Y-%m-%d %H:%M:%S}" for at in (day_began_at(), day_began_at() + DAY))


@dataclass(frozen=True)
class Ran:
    """One process from its start to its end."""

    seconds: float
    cpu: float
    said: str


def run(arguments: Sequence[str], settings: Mapping[str, str]) -> Ran:
    began_at = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=environment(settings),
            stdout=said, stderr=said,
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - began_at
        said.seek(0)
        text = said.read()
    if process.returncode not in (0, 3):
        raise SystemExit(f"{arguments} ended with {process.returncode}: {text[-2000:]}")
    return Ran(seconds, used.ru_utime + used.ru_stime, text)


@contextmanager
def day(folder: Path, messages: int, *more: str) -> Iterator[str]:
    arguments = ["tests.bench.log_day", str(folder), "--messages", str(messages), *more]
    with running(arguments, {}, folder.parent / "day.log") as process:
        yield process.url


def settings_of(url: str, data_dir: Path, per_minute: int, **more: str) -> dict[str, str]:
    return {
        "PLIVO_AUTH_ID": MAIN.auth_id, "PLIVO_AUTH_TOKEN": MAIN.auth_token, "PLIVO_API_URL": url,
        "DATA_DIR": str(data_dir), "LOG_REQUESTS_PER_MINUTE": str(per_minute), **more,
    }  # fmt: skip


def answered(url: str) -> int:
    """Pages that the pretend Plivo gave so far; it does not count those it refused."""
    return int(json.loads(get(f"{url}/simulator/status"))["list_requests_answered"])


@dataclass(frozen=True)
class Speed:
    """What starting costs is taken off, and with it the first page."""

    rows: int
    requests: int
    rows_per_second: float
    cpu_per_1000_rows: float
    start_cpu: float

    @property
    def efficiency(self) -> float:
        return ceil(self.rows / 20) / self.requests


def speed(variant: str, place: Path, *, free: str, url: str, per_minute: int, pages: int) -> Speed:
    """One page of the day at `free`, to know what starting costs, then in earnest from `url`."""
    _, start = read(variant, place / "start", free, per_minute, 1)
    before = answered(url)
    rows, whole = read(variant, place / "whole", url, per_minute, pages)
    return Speed(
        rows,
        answered(url) - before,
        (rows - 20) / (whole.seconds - start.seconds),
        1_000 * (whole.cpu - start.cpu) / (rows - 20),
        start.cpu,
    )


def read(variant: str, data_dir: Path, url: str, per_minute: int, pages: int) -> tuple[int, Ran]:
    """So many pages, or the whole day if it has fewer; how many rows were got."""
    if variant in ("sdk", "plain"):
        given = [variant, url, SINCE, UNTIL, str(per_minute), str(pages)]
        ran = run(["tests.bench.pull_variants", *given], {})
        return int(json.loads(ran.said)["rows"]), ran
    module = ["reconcile"] if variant == "ours" else ["tests.bench.pull_variants", "serial"]
    limits = ["--since", SINCE, "--until", UNTIL, "--max-requests", str(pages)]
    ran = run([*module, "pull", *limits], settings_of(url, data_dir, per_minute))
    return len(uuids(data_dir / "log")), ran


def speeds(messages: int) -> Table:
    table = Table(title=f"speed, each page taking {LATENCY * 1000:.0f} ms; nothing sped up")
    for title in ("quota", "", "rows", "requests", "rows/s", "CPU s per 1,000 rows",
                  "CPU s to start", "efficiency"):  # fmt: skip
        table.add_column(title, justify="right")
    names = {"ours": "ours", "serial": "ours, one at a time", "sdk": "the SDK", "plain": "requests"}
    latency = ("--latency", str(LATENCY), "--per-minute")

    def show(quota: str, variant: str, of: Speed) -> None:
        table.add_row(quota, names[variant], f"{of.rows:,}", f"{of.requests:,}",
                      f"{of.rows_per_second:,.1f}", f"{of.cpu_per_1000_rows:.3f}",
                      f"{of.start_cpu:.1f}", f"{of.efficiency:.3f}")  # fmt: skip

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        place = Path(name)
        free = stack.enter_context(day(place / "free", 1_000))
        slow = {
            variant: stack.enter_context(day(place / variant, 2_000, *latency, str(SLOW)))
            for variant in ("ours", "sdk", "plain")
        }
        with ThreadPoolExecutor() as side_by_side:
            found = {
                variant: side_by_side.submit(
                    speed, variant, place / f"slow-{variant}", free=free, url=url,
                    per_minute=SLOW, pages=PAGES_AT_SLOW,
                )
                for variant, url in slow.items()
            }  # fmt: skip
        for variant, one in found.items():
            show("20/min", variant, one.result())
        fast = stack.enter_context(day(place / "fast", messages, *latency, str(FAST)))
        for variant in names:
            show("60/s", variant, speed(variant, place / f"fast-{variant}", free=free, url=fast,
                                        per_minute=FAST, pages=10**9))  # fmt: skip
    return table


CASES = {
    "whole": "all whole",
    "outage": "no reports for two hours",
    "lost": "1 message in 1,000 never reported",
    "single": "1 report in 2,900 lost",
}
MOST_TO_LIST = 200_000  # messages; to list more takes hours
FIRST_LEG = 1_000  # of a million messages: after so many requests the plan is asked once more


def costs(messages: int, url: str, place: Path) -> Table:
    """Requests for the same day in four cases, and whether all of it is known then."""
    quota = max(1, round(20 * messages / 1_000_000))
    table = Table(title=f"requests for a day of {messages:,} messages, quota {quota}/min")
    for title in ("", "reports of", "requests", "pages", "states", "single", "plan said", "real",
                  "at the quota", "all known", "ends wrong", "s here"):  # fmt: skip
        table.add_column(title, justify="right")
    parts = int(json.loads(get(f"{url}/simulator/status"))["messages"])
    least = ceil(parts / 20)
    table.add_row("least to list", "", f"{least:,}", f"{least:,}", *[""] * 4, _time(least, quota))
    with tempfile.TemporaryDirectory(dir=place) as name:
        for case, named in CASES.items():
            data_dir = _copy(place / case, Path(name) / case)
            leg = max(1, FIRST_LEG * messages // 1_000_000) if case == "lost" else None
            table.add_row(named, *cost(data_dir, place / "truth", url, quota, leg=leg))
        if parts <= MOST_TO_LIST:
            data_dir = _copy(place / "whole", Path(name) / "full")
            row = cost(data_dir, place / "truth", url, quota, "--full")
            table.add_row("--full, whatever came", *row)
    return table


def _copy(folder: Path, to: Path) -> Path:
    """Files of a folder are never changed, only replaced."""
    return Path(shutil.copytree(folder, to, copy_function=os.link))


def cost(
    data_dir: Path, truth: Path, url: str, quota: int, *how: str, leg: int | None = None
) -> list[str]:
    """One row of the table; said as soon as it is known, too, since a million take their time.

    With a `leg` the plan is asked once more after so many requests: before them it cannot know
    how many messages were never reported.
    """
    settings = settings_of(url, data_dir, quota)
    asked = ["--since", SINCE, "--until", UNTIL, *how]
    heard = len(uuids(data_dir / "reports"))
    said = [planned(asked, settings)]
    kinds: Counter[str] = Counter()
    requests: list[int] = []
    seconds = 0.0
    for limit in ([leg] if leg else []) + [None]:
        limits = ["--max-requests", str(limit)] if limit else []
        before = answered(url)
        ran = run(["tests.bench.pull_variants", "leaping", "pull", *asked, *limits], settings)
        made = Counter(json.loads(ran.said.splitlines()[-1]))
        kinds += made
        requests.append(answered(url) - before + made["singles"])
        seconds += ran.seconds
        if limit:
            said.append(planned(asked, settings))
    real = [sum(requests), *requests[1:]]
    run(["reconcile", "merge"], settings)
    known = uuids(data_dir / "reports", data_dir / "log")
    row = [
        f"{heard:,}", f"{sum(requests):,}",
        *(f"{kinds[kind]:,}" for kind in ("pages", "states", "singles")),
        ", then ".join(f"{number:,}" for number in said),
        ", then ".join(f"{number:,}" for number in real),
        _time(sum(requests), quota), _compared(known, uuids(truth)),
        f"{wrong_ends(data_dir, truth):,}", f"{seconds:,.0f}",
    ]  # fmt: skip
    print(data_dir.name, *row, sep="  ", file=sys.stderr, flush=True)
    return row


def planned(asked: Sequence[str], settings: Mapping[str, str]) -> int:
    told = run(["reconcile", "plan", *asked], settings).said
    expected = re.search(r"at least ([0-9,]+) requests?", told)
    return int(expected[1].replace(",", "")) if expected else 0


def uuids(*folders: Path) -> pa.Array:
    """The messages that the files of these folders name."""
    files = [path for folder in folders for path in folder.rglob("[!_.]*.parquet")]
    columns = [pq.read_table(path, columns=["message_uuid"])["message_uuid"] for path in files]
    chunks = [chunk for column in columns for chunk in column.chunks]
    return pc.unique(pa.chunked_array(chunks, pa.string()))


def _compared(known: pa.Array, true: pa.Array) -> str:
    missing = pc.sum(pc.invert(pc.is_in(true, value_set=known))).as_py() or 0
    invented = pc.sum(pc.invert(pc.is_in(known, value_set=true))).as_py() or 0
    return "yes" if missing == invented == 0 else f"{missing:,} not, {invented:,} invented"


def wrong_ends(data_dir: Path, truth: Path) -> int:
    """Messages whose state is another than the pretend Plivo knows; `read` is not among these."""
    ends = ("delivered", "undelivered", "failed", "rejected")
    true = pq.read_table(truth)
    found = pq.read_table(data_dir / "messages", columns=["message_uuid", "state"])
    joined = true.join(found, "message_uuid", join_type="full outer")
    fate = joined["fate"].fill_null("none")
    state = joined["state"].fill_null("missing")
    is_open = pc.invert(pc.is_in(state, value_set=pa.array([*ends, "missing"])))
    right = pc.or_(pc.equal(fate, state), pc.and_(pc.equal(fate, "none"), is_open))
    return sum(not one for one in right.to_pylist())


def _time(requests: int, per_minute: int) -> str:
    hours = requests / per_minute / 60
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:,.0f} min"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.pull_speed")
    parser.add_argument("--messages", type=number, default=50_000, help="of the day of four cases")
    parser.add_argument("--rows", type=int, default=20_000, help="of the day read at 60/s")
    parser.add_argument("--only", choices=("speed", "cost"))
    parser.add_argument("--url", help="a log_day that is up already, of so many messages ...")
    parser.add_argument("--folder", type=Path, help="... and its folder")
    options = parser.parse_args()
    console = Console(width=150)
    if options.only != "cost":
        console.print(speeds(options.rows))
    if options.only != "speed":
        if options.url:
            console.print(costs(options.messages, options.url, options.folder))
            return 0
        with tempfile.TemporaryDirectory() as name:
            place = Path(name) / "day"
            with day(place, options.messages) as url:
                console.print(costs(options.messages, url, place))
    return 0


if __name__ == "__main__":
    sys.exit(main())
