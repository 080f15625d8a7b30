"""[I/O] `forget`: `log/` and `messages/` without the rows that are not to be kept."""

import argparse
import sys
from pathlib import Path

import pyarrow.compute as pc

from receiver import day_files, forgetting, sealing, unwanted
from receiver.archive import away
from receiver.config import Settings
from receiver.unwanted import Unwanted
from reconcile import merging
from reconcile import run as running
from reconcile.rendering import notices

_CLOCK = "message_time"
_NEEDED = ["from_number", "to_number", _CLOCK]


def add_options(command: argparse.ArgumentParser) -> None:
    unwanted.add_options(command, what="messages")


def carry_out(settings: Settings, options: argparse.Namespace) -> int:
    """Raises FileProblem, ArchiveError, locks.Busy, OSError."""
    meant = unwanted.asked(options)
    sealing.seal_all(settings.data_dir)
    with away.nobody_ships(settings.data_dir), running.alone(settings.data_dir):
        done = forgetting.rewrite(settings.data_dir / "log", lambda rows: meant.rows(rows, _CLOCK))
        done += forgetting.rewrite_dropped(settings, "log", meant, _CLOCK)
    tell = notices.progress()
    merging.merge(settings, progress=tell)
    tell("")
    print(
        f"forgot {done.rows:,} log rows in {done.files:,} files; messages/ is without them"
        + (", the archive with the next ship" if settings.archive_url else "")
    )
    if left := _left(settings.data_dir / "messages", meant):
        print(
            f"reconcile: {left:,} such messages are still known by their delivery reports; "
            "python -m receiver forget takes these out, too",
            file=sys.stderr,
        )
    if done.rows:
        print("Plivo keeps its own log for 90 days; a window that is read again brings rows back")
    return 0


def _left(messages: Path, meant: Unwanted) -> int:
    tables = (day_files.read(path, _NEEDED) for path in day_files.live_files(messages))
    return sum(pc.sum(meant.rows(table, _CLOCK)).as_py() or 0 for table in tables)
