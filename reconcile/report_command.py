"""[I/O] `report`: from the options to the question, from the answer to the format asked for."""

import argparse
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from receiver import day_files, sealing
from receiver.config import Settings
from reconcile import formulas, merging, rate_report, selection, stages
from reconcile.rate_report import Question, RateReport
from reconcile.rendering import flat, notices, terminal

FORMATS = ("table", "csv", "json", "parquet", "md")


def add_options(report: argparse.ArgumentParser) -> None:
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


def carry_out(settings: Settings, options: argparse.Namespace) -> int:
    rate_report.formula_named(options.formula)
    by = selection.dimensions(options.by) if options.by else ("day",)
    sealing.seal_all(settings.data_dir)
    zone = selection.time_zone(options.tz)
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

    def question(by: tuple[str, ...]) -> RateReport:
        asked = Question(
            since=since,
            until=until,
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
    if warning := notices.clock_shift(report):
        print(f"reconcile: {warning}", file=sys.stderr)
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


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to 1, such as 0.95")
    return share
