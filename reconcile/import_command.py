"""[I/O] `import-log`: the message log as Plivo's console exports it, into `log/`."""

import argparse
import gc
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from receiver.config import Settings
from reconcile import run as running
from reconcile import selection
from reconcile.plivo_log import console_csv, console_file, console_import
from reconcile.plivo_log.console_columns import NotAnExport
from reconcile.plivo_log.console_import import Import, Imported
from reconcile.plivo_log.coverage import SECOND
from reconcile.rendering import notices


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("file", metavar="FILE.csv", type=Path, help="or .csv.gz, or .zip")
    command.add_argument(
        "--exported-at", metavar="T",
        help="when Plivo made it; newer rows win [as first imported, else the file's last change]",
    )  # fmt: skip
    command.add_argument(
        "--tz", default="UTC", metavar="Z", help="zone of times that name none [UTC]"
    )


def carry_out(settings: Settings, given: argparse.Namespace) -> int:
    """Raises WrongQuestion, FileProblem, locks.Busy, OSError."""
    zone = selection.time_zone(given.tz)
    now = datetime.now(UTC)
    exported_at = None
    if given.exported_at is not None:
        exported_at = selection.moment(given.exported_at, now=now, zone=zone)
        if exported_at > now:
            raise selection.WrongQuestion(
                f"--exported-at {given.exported_at} lies in the future; it is {_shown(now)}"
            )
    try:
        file = console_file.read(given.file)
        layout = console_csv.layout(file.lines, zone)
    except NotAnExport as problem:
        raise selection.WrongQuestion(f"{given.file}: {problem}") from problem
    task = Import(file=file, layout=layout, exported_at=exported_at, account=settings.plivo_auth_id)
    gc.set_threshold(200_000)  # rows make no cycles; looking for them takes a quarter of the time
    tell = notices.progress()
    with running.alone(settings.data_dir):
        done = console_import.bring_in(
            settings.data_dir, task, now=now, progress=lambda rows: tell(f"{rows:,} rows")
        )
    tell("")
    _say(done)
    return 1 if done.refused else 0


def _say(done: Imported) -> None:
    for refused in done.refused:
        print(f"reconcile: {refused}", file=sys.stderr)
    if more := done.refusals - len(done.refused):
        print(f"reconcile: … and {more:,} more that are no row", file=sys.stderr)
    for warning in _warnings(done):
        print(f"reconcile: {warning}", file=sys.stderr)
    told = "when the file was last changed; --exported-at T says better"
    whence = f" ({told})" if done.by_the_file else ""
    print(f"exported at {_shown(done.exported_at)}{whence}")
    print(f"{done.rows - done.already_there:,} rows imported, {done.already_there:,} already there")
    if done.span is None:
        return
    last = done.span.until_at - SECOND
    print(f"messages from {_shown(done.span.from_at)} to {_shown(last)}")
    if done.already_there == done.rows and not done.ledger_line_added:
        print("nothing to do: this export was imported before")
    print("next: python -m reconcile report")


def _warnings(done: Imported) -> Iterator[str]:
    if done.untyped_values:
        yield f"{done.untyped_values:,} values are not what their columns hold; kept in record only"
    if done.repeated_times:
        yield (
            f"{done.repeated_times:,} times are shown twice by a clock that is set back; taken as "
            "the first"
        )
    if done.after_export:
        yield (
            f"{done.after_export:,} messages are from after the export: --tz or --exported-at is "
            "wrong; the same file imported again takes the place of this import"
        )


def _shown(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
