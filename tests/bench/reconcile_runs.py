"""[I/O] Making folders and reconciling them, each time in a process of its own, and measured.

This process stays small: what it held would count as memory of those it starts.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from tests.bench import report_folder
from tests.bench.report_folder import Truth

MOST_MIB = 14_000  # a process that wants more is ended: the machine may have neighbours
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Ran:
    """One process from its start to its end; `busy` are the seconds of processors."""

    seconds: float
    busy: float
    mebibytes: float
    said: str = ""


class TooMuch(Exception):
    """The process wanted more memory than it may have."""


def reconcile(variant: str, data_dir: Path) -> Ran:
    """Raises TooMuch."""
    return _run("tests.bench.reconcile_variants", variant, str(data_dir))


def make(place: Path, messages: int, days: int, *more: str) -> Truth:
    """What is true of the folder then."""
    said = f"{messages:,} messages in {days} days {' '.join(more)}".rstrip()
    print(f"making {said} …", file=sys.stderr, flush=True)
    options = ["--messages", str(messages), "--days", str(days), *more]
    ran = _run("tests.bench.report_folder", str(place), *options)
    size = sum(path.stat().st_size for path in place.rglob("*.parquet")) / 2**20
    print(f"{size:,.0f} MiB after {ran.seconds:.0f} s", file=sys.stderr, flush=True)
    return report_folder.read_truth(place)


def wrong(variant: str, data_dir: Path, ran: Ran, truth: Truth) -> list[str]:
    """What this run counted, ours in `messages/`, and is not so in truth; in words."""
    said = reconcile("counts", data_dir).said if variant == "ours" else ran.said
    counts: dict[str, str] = json.loads(said) if said else {}
    return [
        f"{variant}: {name} is {count}, in truth {getattr(truth, name)}"
        for name, count in counts.items()
        if Decimal(count) != Decimal(str(getattr(truth, name)))
    ]


def _run(module: str, *given: str) -> Ran:
    with tempfile.TemporaryFile("w+") as said:
        begun = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", module, *given], stdout=said)
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            if _held(process.pid) > MOST_MIB:
                process.kill()
                process.wait()
                raise TooMuch(f"{' '.join(given)} wanted more than {MOST_MIB:,} MiB")
            time.sleep(_POLL_SECONDS)
        seconds = time.monotonic() - begun
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{module} {' '.join(given)} ended with {process.returncode}")
        said.seek(0)
        return Ran(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, said.read())


def _held(pid: int) -> float:
    """MiB in memory."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
