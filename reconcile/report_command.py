"""[I/O] `report`: from the options to the question, from the answer to the format asked for."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace

from receiver.config import Settings
from reconcile import dictionary, formulas, options, rate_report, selection, trends
from reconcile.counted_messages import Question
from reconcile.merging import Merged
from reconcile.overview import overview
from reconcile.overview.record import Overview
from reconcile.rate_report import RateReport
from reconcile.rendering import excel, flat, markdown, notices, terminal
from reconcile.rendering.cells import percent
from reconcile.rendering.terminal import Told
from reconcile.trends import Trends

_RENDER: dict[str, Callable[[RateReport], bytes]] = {
    "csv": flat.as_csv,
    "excel-csv": lambda report: excel.as_csv(report.table()),
    "json": flat.as_json,
    "parquet": flat.as_parquet,
}
FORMATS = ("table", *_RENDER, "md", "html")
_MOST_COUNTRIES = 20


def add_options(report: argparse.ArgumentParser) -> None:
    options.add(report, formats=FORMATS)
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
    report.add_argument(
        "--columns", action="store_true", help="what each column of a flat result means; no data"
    )


def carry_out(settings: Settings, given: argparse.Namespace) -> int:
    if given.columns:
        return options.deliver_dictionary(dictionary.of_rates(), given)
    rate_report.formula_named(given.formula)
    by = selection.dimensions(given.by) if given.by else ("day",)
    question, merged = options.asked(settings, given)
    question = replace(question, by=by, top=given.top, formula=given.formula, by_units=given.units)
    if given.format == "html":
        report = _deliver_page(settings, question, merged, given)
        return _judge(report, question, merged, settings, given)
    report = rate_report.rate_report(settings, question, merged)
    if given.format == "table":
        _show(_told(settings, report, merged, whole=not given.by), given)
    elif given.format == "md":
        around = None if given.by else overview.overview(settings, question, merged)
        options.deliver(markdown.as_markdown(report, around), given)
    else:
        options.deliver(_RENDER[given.format](report), given)
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


def _told(settings: Settings, report: RateReport, merged: Merged, *, whole: bool) -> Told:
    """What a person is shown: without a break-down of their own, the whole picture."""
    if not whole:
        return Told(report=report, trends=trends.trends(settings, report))
    return Told(
        report=report,
        overview=overview.overview(settings, report.question, merged),
        by_country=_by_country(settings, report.question, merged),
    )


def _by_country(
    settings: Settings, question: Question, merged: Merged
) -> tuple[RateReport, Trends | None]:
    question = replace(question, by=("country",), top=_MOST_COUNTRIES)
    by_country = rate_report.rate_report(settings, question, merged)
    return by_country, trends.trends(settings, by_country)


def rendered(settings: Settings, shown: Overview, merged: Merged, form: str) -> bytes:
    """The report that the overview is of, in this format."""
    if form == "html":
        return _page(shown)
    if form == "md":
        return markdown.as_markdown(shown.report, shown)
    if form == "table":
        by_country = _by_country(settings, shown.report.question, merged)
        told = Told(report=shown.report, overview=shown, by_country=by_country)
        return terminal.as_text(told).encode()
    return _RENDER[form](shown.report)


def _deliver_page(
    settings: Settings, question: Question, merged: Merged, given: argparse.Namespace
) -> RateReport:
    shown = overview.overview(settings, question, merged)
    options.deliver(_page(shown), given)
    return shown.report


def _page(shown: Overview) -> bytes:
    # Altair alone takes longer to import than a table takes to print.
    from reconcile.rendering.html.page import page  # noqa: PLC0415

    return page(shown).encode()


def _show(told: Told, given: argparse.Namespace) -> None:
    if given.output is None:
        terminal.render(terminal.console(), told)
    else:
        options.deliver(terminal.as_text(told).encode(), given)


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a share from 0 to 1, such as 0.95")
    return share
