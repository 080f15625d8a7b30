"""[pure] The one-minute story: is delivery fine, where not, since when, why, what does it cost."""

from collections.abc import Mapping
from dataclasses import dataclass

from reconcile.charts import rows
from reconcile.charts.rows import at as day
from reconcile.charts.waiting import duration
from reconcile.overview.record import Finding, Overview
from reconcile.rendering import cells
from reconcile.rendering.html.tables import amount

Names = Mapping[str, str]

FAULTS = {"sender": "the sender", "recipient": "the recipient", "carrier": "the carrier",
          "plivo": "Plivo", "account": "the account", "content": "the text",
          "unknown": "nobody known yet"}  # fmt: skip
_STEADY = 0.01  # from one time to the next
_NUMBERS = ("", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`tone`: fine | warn | plain. `link`: the section that says more."""

    question: str
    short: str
    more: str
    link: str
    tone: str = "plain"


def verdict(overview: Overview) -> str:
    """The page's first sentence."""
    total, change = overview.report.total, overview.change
    if total is None:
        return "There are no messages to report on"
    if overview.report.headline.value is None:
        gone = total["failed"] == total["submitted"]
        return (
            "Every message failed before a carrier had it" if gone else "No message has an end yet"
        )
    if total["submitted"] < rows.FEW:
        return f"{_messages(total['submitted'])}: too few to judge"
    if change is None or change.now.value is None:
        said = f"{cells.percent(overview.report.headline.value)} arrived"
    elif change.clear and change.points:
        fell = "fell" if change.points < 0 else "rose"
        said = f"Delivery {fell} by {points(change.points)}"
    else:
        steady = abs(change.points) < _STEADY
        said = "Delivery is steady" if steady else "Delivery shows no clear change"
    found = len(overview.findings)
    if not found:
        return f"{said}; nothing stands out"
    number = _NUMBERS[found] if found < len(_NUMBERS) else f"{found:,}"
    return f"{said}; {number} thing{' stands' if found == 1 else 's stand'} out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The rate of a time and of the time before: their spans, rates and what lies between."""

    before_span: str
    before: str
    now_span: str
    now: str
    said: str
    fell: bool


def compared(overview: Overview) -> Compared | None:
    change = overview.change
    if change is None or change.now.value is None or change.before.value is None:
        return None
    side = "less" if change.points < 0 else "more"
    return Compared(
        before_span=rows.days(change.before_from, change.now_from, overview),
        before=cells.percent(change.before.value),
        now_span=rows.days(change.now_from, change.now_until, overview),
        now=cells.percent(change.now.value),
        said=f"{points(change.points)} {side}" if change.clear else "no clear difference",
        fell=change.clear and change.points < 0,
    )


def answers(overview: Overview, names: Names) -> list[Answer]:
    if overview.report.total is None:
        return []
    return [
        _where(overview, names), _since(overview), _why(overview), _speed(overview),
        _cost(overview), _trust(overview),
    ]  # fmt: skip


def points(share: float) -> str:
    return f"{abs(share) * 100:.1f} points"


def _where(overview: Overview, names: Names) -> Answer:
    total = overview.report.total or {}
    routes = [row for row in overview.routes if rows.lost(row)]
    if not routes:
        return Answer(question="Where not?", short="nowhere", link="where", tone="fine",
                      more="No message failed or was undelivered.")  # fmt: skip
    worst, lost = routes[0], rows.lost(total)
    return Answer(
        question="Where not?", short=rows.route(worst, names), link="where",
        more=f"lost {rows.lost(worst):,} of the {lost:,} that failed or were undelivered.",
    )  # fmt: skip


def _since(overview: Overview) -> Answer:
    began = [
        (found.since, found.title)
        for found in overview.findings
        if found.since is not None and found.kind != "outage"  # it loses receipts, no messages
    ]
    if not began:
        return Answer(question="Since when?", short="no break", link="time", tone="fine",
                      more="No fall stands out in this time.")  # fmt: skip
    since, title = began[0]
    return Answer(question="Since when?", short=day(since, overview), link="time",
                  more=f"{title}.", tone="warn")  # fmt: skip


def _why(overview: Overview) -> Answer:
    if not overview.errors:
        return Answer(question="Why?", short="no errors", link="why", tone="fine",
                      more="No message failed or was undelivered.")  # fmt: skip
    first = overview.errors[0]
    messages = first.undelivered + first.failed
    code = f"{first.code} {first.name}" if first.code else first.name
    fault = FAULTS.get(first.fault, first.fault)
    return Answer(question="Why?", short=code, link="why",
                  more=f"{_messages(messages)}; it lies with {fault}. {first.advice}")  # fmt: skip


def _speed(overview: Overview) -> Answer:
    total = overview.report.total or {}
    median, slow = total["sent_to_receipt_p50"], total["sent_to_receipt_p95"]
    if median is None:
        return Answer(question="How fast?", short="unknown", link="speed",
                      more="No receipt names both times.")  # fmt: skip
    return Answer(question="How fast?", short=duration(median), link="speed",
                  more=f"for half of the receipts, {duration(slow)} for 95 %.")  # fmt: skip


def _cost(overview: Overview) -> Answer:
    total = overview.report.total or {}
    if total["amount_per_delivered"] is None:
        return Answer(question="What does it cost?", short="unknown", link="cost",
                      more="The amounts of these messages are not known.")  # fmt: skip
    return Answer(
        question="What does it cost?", short=str(total["amount_per_delivered"]), link="cost",
        more=f"per delivered message; {amount(total['amount_undelivered'])} of "
        f"{amount(total['total_amount'])} went to undelivered ones.",
    )  # fmt: skip


def _trust(overview: Overview) -> Answer:
    total, audit = overview.report.total or {}, overview.report.audit
    coverage, capture = total["receipt_coverage"], audit["capture_rate"]
    sure = bool(coverage and coverage >= 0.9 and (capture is None or capture >= 0.95))
    doubt = [finding.title for finding in overview.findings if finding.kind == "untrusted"]
    heard = (
        "The log was not read yet, so nobody can tell what did not reach us"
        if capture is None else f"{cells.percent(capture)} of ends reached us as a report"
    )  # fmt: skip
    more = f"of the messages handed over have a receipt. {heard}."
    return Answer(
        question="Can I trust it?", short=cells.percent(coverage), link="trust",
        more=" ".join([more, *(f"{title}." for title in doubt)]),
        tone="fine" if sure and not doubt else "warn",
    )  # fmt: skip


def finding_time(finding: Finding, overview: Overview) -> str:
    if finding.since is None:
        return ""
    if finding.until is None:
        return f"since {day(finding.since, overview)}"
    return f"{day(finding.since, overview)} – {day(finding.until, overview)}"


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"
