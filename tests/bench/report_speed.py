"""What a report of a large folder takes: `make bench-report MESSAGES=30M`.

Makes `messages/` of thirty days and as many messages, then measures whole processes, from start to
end, and the most memory that they held. Nothing is merged: there are no reports and no log to merge
from, so the overview is asked directly, as the command asks it after a merge.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from receiver import config
from reconcile.counted_messages import Question
from reconcile.merging import Merged
from reconcile.overview.overview import overview
from reconcile.rate_report import rate_report
from reconcile.rendering.html.page import page
from tests.bench import message_folder

_SUFFIXES = {"k": 1_000, "M": 1_000_000}


def ask(what: str, data_dir: str) -> None:
    """Carried out in a process of its own, so that none has the memory of another."""
    if what.startswith("make "):
        message_folder.make(Path(data_dir), number(what.removeprefix("make ")))
        return
    settings = config.load({"DATA_DIR": data_dir}, environment={})
    merged = Merged(message_folder.AS_OF, 0, 0)
    if what == "overview":
        overview(settings, Question(), merged)
    elif what == "page":
        page(overview(settings, Question(), merged))
    elif what == "rates by day":
        rate_report(settings, Question(), merged)
    elif what != "nothing":
        sys.exit(f"unknown: {what}")


def measured(what: str, data_dir: Path) -> tuple[float, float, float]:
    """Seconds, those of processors (which neighbours do not lengthen as much), the most MiB."""
    begun = time.monotonic()
    command = [sys.executable, "-m", "tests.bench.report_speed", "--ask", what, str(data_dir)]
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{what} failed")
    busy = usage.ru_utime + usage.ru_stime
    return time.monotonic() - begun, busy, usage.ru_maxrss / 1024


def number(text: str) -> int:
    """3M, 500k or 1000."""
    factor = _SUFFIXES.get(text[-1:], 1)
    return int(text.rstrip("kM")) * factor


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--messages", type=number, default="3M")
    given.add_argument("--ask", nargs=2, metavar=("WHAT", "DATA_DIR"))
    options = given.parse_args()
    if options.ask:
        ask(*options.ask)
        return
    table = Table(title=f"{options.messages:,} messages in {message_folder.DAYS} days")
    for title in ("whole process", "seconds", "processor s", "most MiB"):
        table.add_column(title, justify="left" if title == "whole process" else "right")
    with tempfile.TemporaryDirectory() as name:
        seconds, *_ = measured(f"make {options.messages}", Path(name))
        size = sum(path.stat().st_size for path in Path(name).rglob("*.parquet")) / 2**20
        print(f"made {size:,.0f} MiB in {seconds:.0f} s", file=sys.stderr)
        for what in ("nothing", "overview", "page", "rates by day"):
            seconds, busy, mebibytes = measured(what, Path(name))
            table.add_row(what, f"{seconds:.1f}", f"{busy:.1f}", f"{mebibytes:,.0f}")
    Console().print(table)


if __name__ == "__main__":
    main()
