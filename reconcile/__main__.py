"""[I/O] Commands of the reconciler – wiring only.

Exit codes: 0 done · 1 done, and a finding · 2 wrong usage or settings, refused credentials
· 3 incomplete but resumable · 75 try again later
"""

import argparse
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from receiver import config, day_files, journal_file, sealing
from receiver.config import Settings
from reconcile import explain, formulas, merging, rate_report, selection, stages
from reconcile import run as running
from reconcile.locks import Busy
from reconcile.merging import Merged
from reconcile.plivo_log.errors import PlivoLogError
from reconcile.rate_report import Question, RateReport
from reconcile.rendering import flat, notices, story, terminal

FORMATS = ("table", "csv", "json", "parquet", "md")


def main(arguments: list[str] | None = None) -> int:
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` is no error
    options = _parser().parse_args(arguments)
    try:
        settings = config.load(config.flags_of(options))
        return int(options.carry_out(settings, options))
    except PlivoLogError as problem:
        return _fail(problem, problem.exit_code)
    except (Busy, journal_file.NotDurable) as problem:
        return _fail(problem, 75)
    except (
        config.SettingError,
        selection.WrongQuestion,
        day_files.FileProblem,
        journal_file.DamagedJournal,
        OSError,
    ) as problem:
        return _fail(problem, 2)
    except KeyboardInterrupt:
        return _fail("stopped; what was read so far is kept", 3)


def _run(settings: Settings, options: argparse.Namespace) -> int:
    task = running.Task(
        mode="run",
        asked=_asked("run", options),
        since=_moment(options.since),
        max_requests=options.max_requests,
        max_minutes=options.max_minutes,
    )
    result, merged = running.run(settings, task, tell=notices.pulling())
    report = rate_report.rate_report(settings, Question(by=()), merged)
    print(notices.summary(result, report))
    return 0 if result.complete else 3


def _pull(settings: Settings, options: argparse.Namespace) -> int:
    sealing.seal_all(settings.data_dir)
    result = running.pull_only(settings, _pull_task(options), tell=notices.pulling())
    print(notices.pulled(result))
    return 0 if result.complete else 3


def _plan(settings: Settings, options: argparse.Namespace) -> int:
    sealing.seal_all(settings.data_dir)
    print(notices.plan(running.planned(settings, _pull_task(options))))
    return 0


def _merge(settings: Settings, options: argparse.Namespace) -> int:
    sealing.seal_all(settings.data_dir)
    merged = merging.merge(
        settings,
        since=_moment(options.since),
        until=_moment(options.until),
        always=True,
        progress=notices.progress(),
    )
    print(f"{merged.messages:,} messages; {merged.days_written} days written")
    return 0


def _report(settings: Settings, options: argparse.Namespace) -> int:
    rate_report.formula_named(options.formula)
    by = selection.dimensions(options.by) if options.by else ("day",)
    merged = _up_to_date(settings)
    as_of = selection.moment(options.as_of, now=merged.as_of) if options.as_of else None
    zone = selection.time_zone(options.tz)

    def moment(text: str | None) -> datetime | None:
        now = as_of or merged.as_of or datetime.now(UTC)  # without data any time will do
        return selection.moment(text, now=now, zone=zone) if text else None

    def question(by: tuple[str, ...]) -> RateReport:
        asked = Question(
            since=moment(options.since),
            until=moment(options.until),
            by=by,
            formula=options.formula,
            by_units=options.units,
            zone=options.tz,
            as_of=as_of,
        )
        return rate_report.rate_report(settings, asked, merged)

    report = question(by)
    overview = options.format == "table" and not options.by
    more = [question((key,)) for key in ("country", "error_code")] if overview else []
    _deliver(report, more, options)
    if not report.total:
        print(notices.no_data(merged, settings.data_dir), file=sys.stderr)
    if options.fail_under is None:
        return 0
    value = report.headline.value
    return 0 if value is not None and value >= options.fail_under else 1


def _deliver(report: RateReport, more: list[RateReport], options: argparse.Namespace) -> None:
    """Write the report to the file, whole or not at all, or to stdout."""
    target = Path(options.output) if options.output else None
    if options.format == "parquet":
        content = flat.as_parquet(report)
        if target is None and sys.stdout.isatty():
            raise selection.WrongQuestion("--format parquet is not for terminals; add --output F")
    elif options.format == "table":
        codes = {row["code"]: row["name"] for row in stages.meaning("error_codes").to_pylist()}
        if target is None:
            terminal.render(terminal.console(), report, *more, error_names=codes)
            return
        content = terminal.as_text(report, *more, error_names=codes).encode()
    else:
        render: dict[str, Callable[[RateReport], str]] = {
            "csv": flat.as_csv, "json": flat.as_json, "md": flat.as_markdown,
        }  # fmt: skip
        content = render[options.format](report).encode()
    if target is None:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
    else:
        day_files.write_bytes(target, content)


def _explain(settings: Settings, options: argparse.Namespace) -> int:
    if options.fetch and not running.fetch(settings, options.uuid):
        print(f"Plivo's log does not know {options.uuid}", file=sys.stderr)
    sealing.seal_all(settings.data_dir)
    found = explain.explain(settings, options.uuid)
    if found is None:
        print(
            f"nothing on disk knows {options.uuid}; ask Plivo for it: "
            f"python -m reconcile explain --fetch {options.uuid}",
            file=sys.stderr,
        )
        return 1
    story.render(terminal.console(), found)
    return 0


def _up_to_date(settings: Settings) -> Merged:
    sealing.seal_all(settings.data_dir)
    return merging.merge(settings, progress=notices.progress())


def _pull_task(options: argparse.Namespace) -> running.Task:
    return running.Task(
        mode="pull",
        asked=_asked("pull", options),
        since=_moment(options.since),
        until=_moment(options.until),
        again=options.again,
        max_requests=options.max_requests,
        max_minutes=options.max_minutes,
    )


def _asked(mode: str, options: argparse.Namespace) -> str:
    """The question as it was typed; limits are no part of it."""
    asked = (options.since, getattr(options, "until", None), getattr(options, "again", False))
    return f"{mode} {asked}"


def _moment(text: str | None) -> datetime | None:
    """For commands that ask Plivo, an age counts back from the clock on the wall."""
    return selection.moment(text, now=datetime.now(UTC)) if text else None


def _fail(problem: object, code: int) -> int:
    print(f"reconcile: {problem}", file=sys.stderr)
    return code


def _end(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m reconcile",
        description="Reads Plivo's message log, holds it against the reports, computes rates.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, carry_out: object, about: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(carry_out=carry_out)
        return added

    added = [
        run := command("run", _run, "the cron job: lock, pull, merge, print a summary"),
        pull := command("pull", _pull, "Plivo's message log into log/, resumable"),
        plan := command("plan", _plan, "what pull would ask for, and how long the quota makes it"),
        merge := command("merge", _merge, "derive messages/ again from what is on disk"),
        report := command("report", _report, "rates and collection audit"),
        told := command("explain", _explain, "all that is known of one message"),
    ]
    for asking in (run, pull, plan, merge, report):
        asking.add_argument("--since", metavar="T", help="from then on: 2026-03-01, a time, or 7d")
    for asking in (pull, plan, merge, report):
        asking.add_argument("--until", metavar="T", help="up to then, exclusive")
    for asking in (run, pull, plan):
        asking.add_argument("--max-requests", metavar="N", type=_count, help="then stop, exit 3")
    run.add_argument("--max-minutes", metavar="N", type=float, default=running.RUN_MINUTES,
                     help="then stop, exit 3 [%(default)s]")  # fmt: skip
    for asking in (pull, plan):
        asking.add_argument("--max-minutes", metavar="N", type=float, help="then stop, exit 3")
        asking.add_argument("--again", action="store_true", help="read all, whatever was read")
    _report_options(report)
    told.add_argument("uuid", metavar="UUID", help="of a message or of a part")
    told.add_argument("--fetch", action="store_true", help="ask Plivo for this message first")
    for any_command in added:
        config.add_flags(any_command)
    return parser


def _report_options(report: argparse.ArgumentParser) -> None:
    names = ", ".join(selection.DIMENSIONS)
    report.add_argument("--by", metavar="A,B", help=f"break-downs: {names}; none for the total")
    report.add_argument("--format", choices=FORMATS, default="table")
    report.add_argument("--output", metavar="F", help="write there instead of to stdout")
    report.add_argument(
        "--formula", default="confirmed", metavar="F",
        help=f"the headline: {', '.join(formulas.HEADLINES)} [%(default)s]",
    )  # fmt: skip
    report.add_argument("--units", action="store_true", help="weigh by units, not messages")
    report.add_argument("--tz", default="UTC", metavar="Z", help="zone of days and hours [UTC]")
    report.add_argument("--as-of", metavar="T", help="what counts as now [latest on disk]")
    report.add_argument(
        "--fail-under", metavar="R", type=_share, help="exit 1 if the headline is below this share"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return int(text)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to 1, such as 0.95")
    return share


if __name__ == "__main__":
    sys.exit(main())
