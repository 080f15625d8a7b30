"""[I/O] `report`: from the options to the question, from the answer to the format asked for."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

from receiver.config import Settings
from reconcile import formulas, options, rate_report, selection, stages
from reconcile.counted_messages import Question
from reconcile.merging import Merged
from reconcile.overview import overview
from reconcile.rate_report import RateReport
from reconcile.rendering import flat, notices, terminal
from reconcile.rendering.cells import percent

_FORMATS = ("table", "csv", "json", "html", "parquet", "md")


def add_options(report: argparse.ArgumentParser) -> None:
    options.add(report, formats=_FORMATS)
    names = ", ".join(selection.DIMENSIONS)
    report.add_argument(
        "--by", metavar="A,B",
        help=f"break-downs: {names}; none for the total; a page (html) always has its own",
    )  # fmt: skip
    report.add_argument(
        "--top", metavar="N", type=options.count,
        help="only the N largest groups, largest first; not of a page",
    )  # fmt: skip
    report.add_argument(
        "--formula", default="confirmed", metavar="F",
        help=f"the headline: {', '.join(formulas.HEADLINES)} [%(default)s]",
    )  # fmt: skip
    report.add_argument("--units", action="store_true", help="weigh by units, not messages")
    report.add_argument(
        "--fail-under", metavar="R", type=_share, help="exit 1 if the headline is below this share"
    )


def carry_out(settings: Settings, given: argparse.Namespace) -> int:
    rate_report.formula_named(given.formula)
    by = selection.dimensions(given.by) if given.by else ("day",)
    question, merged = options.asked(settings, given)
    question = replace(question, by=by, top=given.top, formula=given.formula, by_units=given.units)
    if given.format == "html":
        report = _deliver_page(settings, question, merged, given)
        return _judge(report, question, merged, settings, given)
    report = rate_report.rate_report(settings, question, merged)
    whole = given.format == "table" and not given.by
    more = [
        rate_report.rate_report(settings, replace(question, by=(key,), top=None), merged)
        for key in (("country", "error_code") if whole else ())
    ]
    _deliver(report, more, given)
    return _judge(report, question, merged, settings, given)


def _judge(
    report: RateReport, question: Question, merged: Merged, settings: Settings,
    given: argparse.Namespace,
) -> int:  # fmt: skip
    """The exit code; what one should know besides goes to stderr."""
    for warning in filter(None, (notices.clock_shift(report), *report.hints)):
        print(f"reconcile: {warning}", file=sys.stderr)
    if not report.total and not report.hints:
        print(notices.none_found(question, merged, settings.data_dir), file=sys.stderr)
    if given.fail_under is None:
        return 0
    value = report.headline.value
    if value is not None and value >= given.fail_under:
        return 0
    said = "there is no rate" if value is None else f"{report.formula.name} is {percent(value)}"
    print(f"reconcile: {said}, below --fail-under {given.fail_under:.1%}", file=sys.stderr)
    return 1


def _deliver_page(
    settings: Settings, question: Question, merged: Merged, given: argparse.Namespace
) -> RateReport:
    # Altair alone takes longer to import than a table takes to print.
    from reconcile.rendering.html.page import page  # noqa: PLC0415

    shown = overview.overview(settings, question, merged)
    options.deliver(page(shown).encode(), given)
    return shown.report


def _deliver(report: RateReport, more: list[RateReport], given: argparse.Namespace) -> None:
    if given.format == "parquet":
        options.deliver(flat.as_parquet(report), given)
    elif given.format == "table":
        codes = {row["code"]: row["name"] for row in stages.meaning("error_codes").to_pylist()}
        if given.output is None:
            terminal.render(terminal.console(), report, *more, error_names=codes)
        else:
            options.deliver(terminal.as_text(report, *more, error_names=codes).encode(), given)
    else:
        render: dict[str, Callable[[RateReport], str]] = {
            "csv": flat.as_csv, "json": flat.as_json, "md": flat.as_markdown,
        }  # fmt: skip
        options.deliver(render[given.format](report).encode(), given)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to 1, such as 0.95")
    return share
