"""[pure] A run's findings as the body of a mail: plain text, read in half a minute."""

import textwrap

from reconcile.overview.record import Finding, Overview
from reconcile.rendering import cells, standing_out

_WIDTH = 76
_MOST_FINDINGS = 10


def body(overview: Overview, *, whole_report: str) -> str:
    """What stands out, the worst first, and where the rest is; commands are never broken."""
    report, found = overview.report, overview.findings
    rate = report.headline
    made_of = f"({rate.numerator:,} of {rate.denominator:,})"
    span = f"{cells.span(report)}, as of {cells.moment(report.as_of)}"
    verb = "stands" if len(found) == 1 else "stand"
    lines = [
        f"{cells.percent(rate.value)} {report.formula.name} {made_of}",
        f"{span}.",
        "",
        f"{cells.counted(len(found), 'thing')} {verb} out:",
    ]
    for number, finding in enumerate(found[:_MOST_FINDINGS], 1):
        lines += ["", *_finding(number, finding)]
    if len(found) > _MOST_FINDINGS:
        lines += ["", f"… and {len(found) - _MOST_FINDINGS} more."]
    return "\n".join([*lines, "", f"The whole report: {whole_report}", ""])


def _finding(number: int, finding: Finding) -> list[str]:
    mark = f"{number}. "
    lines = _wrapped(finding.title, mark)
    for text in filter(None, (standing_out.facts(finding), finding.detail)):
        lines += _wrapped(text, " " * len(mark))
    lines += _wrapped(finding.advice, " " * len(mark) + "→ ")
    if command := standing_out.command(finding):
        lines.append(" " * len(mark) + command)
    return lines


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=" " * len(first),
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
