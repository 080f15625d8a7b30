"""Where the receiver's limits are: `make bench-receiver-limits REPORTS=1000000`.

How many signed posts a second it takes over 1 to 1,000 connections, beside a bare Bottle on
waitress that stores nothing; and how much memory it holds while a million reports pass through it
into Parquet.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from receiver import day_files
from tests.bench.receiver_speed import LUA, saturate, served, signed_posts

CROWDS = (1, 4, 16, 64, 256, 1000)


def resident_mebibytes(process_id: int) -> float:
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    (kibibytes,) = (line.split()[1] for line in lines if line.startswith("VmRSS"))
    return int(kibibytes) / 1024


def crowds(script: Path, seconds: int) -> Table:
    table = Table(title="signed posts a second by connections")
    for title in ("connections", "bare", "ours", "of bare", "errors"):
        table.add_column(title, justify="right")
    for crowd in CROWDS:
        found = {}
        for variant in ("bare", "ours"):
            with tempfile.TemporaryDirectory() as place, served(variant, Path(place)) as process:
                saturate(process.url, script, 1, crowd)
                found[variant] = saturate(process.url, script, seconds, crowd)
        bare, ours = found["bare"], found["ours"]
        ratio = f"{ours[0] / bare[0]:.0%}" if bare[0] else "–"
        table.add_row(f"{crowd:,}", f"{bare[0]:,.0f}", f"{ours[0]:,.0f}", ratio, str(ours[1]))
    return table


def memory(script: Path, reports: int) -> Table:
    """Post until so many reports are stored; look at the process after each tenth."""
    table = Table(title="memory while reports pass through, sealed every 5 s")
    for title in ("reports stored", "resident MiB"):
        table.add_column(title, justify="right")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with served("ours", folder, SEAL_SECONDS="5") as process:
            load = subprocess.Popen(
                ["wrk", "-t1", "-c64", "-d1h", "-s", str(script), process.url],
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            try:
                for tenth in range(1, 11):
                    while stored(folder) < tenth * reports / 10:
                        time.sleep(0.5)
                    resident = resident_mebibytes(process.process.pid)
                    table.add_row(f"{stored(folder):,}", f"{resident:,.0f}")
            finally:
                load.kill()
                load.wait()
    return table


def stored(folder: Path) -> int:
    """From the names of the files, which say from which row to which they hold."""
    files = day_files.live_files(folder / "data" / "reports")
    names = filter(None, (day_files.FileName.parse(path.name) for path in files))
    return sum(name.last - name.first + 1 for name in names)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.receiver_limits")
    parser.add_argument("--reports", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        print("wrk is needed: apt-get install wrk", file=sys.stderr)
        return 2
    console = Console(width=100)
    with tempfile.TemporaryDirectory() as place:
        script = Path(place) / "posts.lua"
        rows = ",".join("{" + ",".join(map(json.dumps, post)) + "}" for post in signed_posts(500))
        script.write_text(LUA % rows)
        console.print(crowds(script, options.seconds))
        console.print(memory(script, options.reports))
    return 0


if __name__ == "__main__":
    sys.exit(main())
