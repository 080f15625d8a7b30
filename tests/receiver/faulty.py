"""The real commands with accidents: a process that dies at a named step, or lives days ahead.

python -m tests.receiver.faulty --die-at "file written:2" --days-ahead 3 -- serve
"""

import argparse
import functools
import os
import signal
import sys
from datetime import datetime, timedelta, tzinfo
from typing import Self

from receiver import __main__ as receiver
from receiver import day_files, sealing, serve, steps
from reconcile import __main__ as reconcile

# Each on its way to disk; what has happened by then stands in the code beside the name.
STEPS = (
    "batch committed",
    "seal planned",
    "file written",
    "file renamed",
    "files verified",
    "rows cleared",
    "journal cleared",
    "day compacted",
    "superseded file removed",
)

# On the way of a sealed file into the archive.
SHIPPING_STEPS = (
    "file sent",
    "file verified there",
    "file written",
    "superseded file removed there",
    "note left",
    "local file dropped",
)


def die_at(last_step: str, times: int) -> None:
    """SIGKILL when the step is reached for that time."""
    left = times

    def reached(step: str) -> None:
        nonlocal left
        if step == last_step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    steps.reached = reached


def live_ahead(days: int) -> None:
    """The receiver's clock, and with it its days, are that far in the future."""

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp((datetime.now(tz) + timedelta(days=days)).timestamp(), tz)

    serve.datetime = Ahead  # type: ignore[attr-defined]


def shorten_grace(seconds: float) -> None:
    """Superseded files go sooner."""
    day_files.remove_superseded = functools.partial(
        day_files.remove_superseded, grace_seconds=seconds
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--die-at", metavar="STEP:TIMES", default="")
    parser.add_argument("--days-ahead", type=int, default=0)
    parser.add_argument("--grace", type=float)
    parser.add_argument("--clear-rows", type=int, default=sealing._CLEAR_ROWS)
    parser.add_argument("--reconcile", action="store_true", help="its command, not a receiver's")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.die_at:
        step, _, times = options.die_at.partition(":")
        die_at(step, int(times))
    if options.days_ahead:
        live_ahead(options.days_ahead)
    if options.grace is not None:
        shorten_grace(options.grace)
    sealing._CLEAR_ROWS = options.clear_rows
    command = [part for part in options.command if part != "--"]
    return reconcile.main(command) if options.reconcile else receiver.main(command)


if __name__ == "__main__":
    sys.exit(main())
