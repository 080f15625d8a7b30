"""[I/O] What commands share: how mistakes are told, which messages, in which zone, the output."""

import argparse
import io
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from receiver import day_files, sealing
from receiver.config import Settings
from reconcile import conditions, merging, redaction, selection
from reconcile.counted_messages import Question
from reconcile.dictionary import Column
from reconcile.merging import Merged
from reconcile.rendering import column_table, excel, flat, markdown, notices, terminal

ROWS = {
    "csv": flat.rows_as_csv, "excel-csv": excel.as_csv, "json": flat.rows_as_json,
    "parquet": flat.rows_as_parquet, "md": markdown.rows_as_markdown,
}  # fmt: skip


class Parser(argparse.ArgumentParser):
    """Answers a mistake with what is wrong and where help is, not with all options there are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\nAll options: {self.prog} --help\n")


def add(command: argparse.ArgumentParser, *, formats: tuple[str, ...]) -> None:
    command.add_argument("--since", metavar="T", help="from then on: 2026-03-01, a time, or 7d")
    command.add_argument("--until", metavar="T", help="up to then, exclusive")
    command.add_argument(
        "--where", metavar="A=X,B!=Y", action="append", default=[],
        help="only these messages: country=US,match=log_missing; also !=, > and <",
    )  # fmt: skip
    command.add_argument("--format", choices=formats, default="table")
    command.add_argument("--output", metavar="F", help="write there instead of to stdout")
    command.add_argument("--tz", default="UTC", metavar="Z", help="zone of days and hours [UTC]")
    command.add_argument("--as-of", metavar="T", help="what counts as now [latest on disk]")
    command.add_argument(
        "--redact", action="store_true", help="numbers of people as keyed hashes that still group"
    )


def asked(settings: Settings, options: argparse.Namespace) -> tuple[Question, Merged]:
    """The question as far as these options tell it, and the messages brought up to date for it.

    Raises WrongQuestion, FileProblem, journal_file.JournalError, locks.Busy.
    """
    where = conditions.parse(options.where)
    zone = selection.time_zone(options.tz)
    sealing.seal_all(settings.data_dir)
    tell = notices.progress()
    merged = merging.merge(settings, progress=tell)
    tell("")
    as_of = selection.moment(options.as_of, now=merged.as_of, zone=zone) if options.as_of else None

    def moment(text: str | None) -> datetime | None:
        now = as_of or merged.as_of or datetime.now(UTC)  # without data any time will do
        return selection.moment(text, now=now, zone=zone) if text else None

    since, until = moment(options.since), moment(options.until)
    if since is not None and until is not None and since >= until:
        raise selection.WrongQuestion(
            f"--since {options.since} is not before --until {options.until}; nothing lies between"
        )
    hidden = redaction.of(settings.data_dir) if options.redact else None
    if hidden is not None:
        where = tuple(hidden.condition(condition) for condition in where)
    question = Question(
        since=since, until=until, where=where, zone=options.tz, as_of=as_of, redaction=hidden
    )
    return question, merged


def deliver(content: bytes, options: argparse.Namespace) -> None:
    """To the file, whole or not at all, or to stdout. Raises WrongQuestion, OSError."""
    if options.output:
        target = Path(options.output)
        if target.exists() and not target.is_file():  # a pipe, a device
            target.write_bytes(content)
        else:
            day_files.write_bytes(target, content)
        return
    if options.format in ("parquet", "html") and sys.stdout.isatty():
        raise selection.WrongQuestion(
            f"--format {options.format} is not for terminals; add --output F"
        )
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def deliver_dictionary(columns: Sequence[Column], options: argparse.Namespace) -> int:
    """What the columns mean, in the format asked for. Raises WrongQuestion, OSError."""
    if options.format == "table" and options.output is None:
        column_table.render(terminal.console(), columns)
    elif options.format == "table":
        out = io.StringIO()
        column_table.render(terminal.console(file=out), columns)
        deliver(out.getvalue().encode(), options)
    elif options.format not in ROWS:
        raise selection.WrongQuestion(
            f"--columns has no --format {options.format}; there are table, {', '.join(ROWS)}"
        )
    else:
        deliver(ROWS[options.format](column_table.as_table(columns)), options)
    return 0


def count(text: str) -> int:
    """A whole number above 0, as argparse wants it."""
    if not re.fullmatch("[0-9]{1,15}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)
