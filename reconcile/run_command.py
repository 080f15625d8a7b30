"""[I/O] `run`: the cron job, and the report that it leaves behind."""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from receiver import day_files
from receiver.config import Settings
from reconcile import merging, rate_report, redaction, report_command, selection
from reconcile import options as options_of_messages
from reconcile import run as running
from reconcile.counted_messages import Question
from reconcile.locks import Busy
from reconcile.merging import Merged
from reconcile.overview import overview
from reconcile.overview.record import Overview
from reconcile.rendering import mail, notices

_TRY_AGAIN = 75


def add_options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--since", metavar="T", help="from then on: 2026-03-01, a time, or 7d")
    command.add_argument(
        "--max-requests", metavar="N", type=options_of_messages.count, help="then stop, exit 3"
    )
    command.add_argument("--max-minutes", metavar="N", type=float, default=running.RUN_MINUTES,
                         help="then stop, exit 3 [%(default)s]")  # fmt: skip
    command.add_argument("--full", action="store_true", help="list every window, count none")
    command.add_argument(
        "--quiet", action="store_true", help="no summary: cron then mails nothing where all is well"
    )
    command.add_argument(
        "--report", metavar="FORMAT", choices=report_command.FORMATS,
        help=f"leave a report at --output ({', '.join(report_command.FORMATS)}); then print only "
        "what stands out in it, with exit 1",
    )  # fmt: skip
    command.add_argument("--output", metavar="F", help="where the report goes")
    command.add_argument(
        "--redact", action="store_true", help="numbers of people in it as keyed hashes"
    )
    command.add_argument(
        "--report-since", metavar="T", help="its messages from then on [30d, from the latest data]",
        default="30d",
    )  # fmt: skip


def carry_out(settings: Settings, given: argparse.Namespace) -> int:
    """Raises what `run` raises, and WrongQuestion, OSError."""
    if (given.report is None) != (given.output is None):
        raise selection.WrongQuestion(
            "--report and --output go together: --report html --output delivery.html"
        )
    task = running.Task(
        mode="run",
        asked=f"run {(given.since, None, False)}",
        since=selection.moment(given.since, now=datetime.now(UTC)) if given.since else None,
        full=given.full,
        max_requests=given.max_requests,
        max_minutes=given.max_minutes,
    )
    try:
        result, merged = running.run(settings, task, tell=notices.pulling())
    except Busy as busy:
        if given.report is None:
            raise
        print(f"reconcile: {busy}; the report is of what is here", file=sys.stderr)
        return 1 if _reported(settings, merging.merge(settings), given) else _TRY_AGAIN
    report = rate_report.rate_report(settings, Question(by=()), merged)
    if not given.quiet and given.report is None:
        print(notices.summary(result, report))
    if warning := notices.clock_shift(report):
        print(f"reconcile: {warning}", file=sys.stderr)
    found = given.report is not None and _reported(settings, merged, given)
    if not result.complete:
        return 3
    return 1 if found else 0


def _reported(settings: Settings, merged: Merged, given: argparse.Namespace) -> bool:
    """Leave the report; say what stands out in it, if anything does."""
    since = None
    if merged.as_of is not None:
        since = selection.moment(given.report_since, now=merged.as_of)
    hidden = redaction.of(settings.data_dir) if given.redact else None
    question = Question(since=since, redaction=hidden)
    shown: Overview = overview.overview(settings, question, merged)
    target = Path(given.output)
    day_files.write_bytes(target, report_command.rendered(settings, shown, merged, given.report))
    if not shown.findings:
        return False
    print(mail.body(shown, whole_report=str(target.resolve())), end="")
    return True
