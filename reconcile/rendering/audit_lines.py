"""[pure] The collection audit as lines of a figure and what it is: can the numbers be trusted?"""

from collections.abc import Iterator
from typing import Any

from reconcile.rate_report import RateReport
from reconcile.rendering import cells

Line = tuple[str, str]

WORTH_SAYING_SECONDS = 600  # the last minutes are always still to be read

_MATCHES = {"open": "neither side knows an end yet (match=open)"}
_WORDS = {
    "never_reported": "messages of the log without any report (no url set?)",
    "duplicate_reports": "reports that came more than once",
    "out_of_order_reports": "reports that came after a later one",
    "state_changes": "final states that changed",
    "guessed_times": "messages whose time had to be guessed",
    "untyped_values": "values that could not be understood",
    "reports_without_uuid": "reports on disk that name no message (no MessageUUID)",
}


def lines(report: RateReport) -> Iterator[Line]:
    """Match, then what was odd, then what was not read, and when nobody listened."""
    audit = report.audit
    for word, messages in audit["match"].items():
        yield cells.count(messages), f"messages: {_MATCHES.get(word, word.replace('_', ' '))}"
    yield from _oddities(audit)
    yield from _reading(audit)
    if negative := (report.total or {}).get("negative_receipts"):
        yield cells.count(negative), "receipts earlier than the message itself"


def _oddities(audit: dict[str, Any]) -> Iterator[Line]:
    for name, words in _WORDS.items():
        if audit[name]:
            yield cells.count(audit[name]), words
    for word, messages in audit["unknown_states"].items():
        yield cells.count(messages), f"messages in a state unknown to us: {word}"
    if shift := audit["clock_shift"]:
        words = f"messages whose reports' clock is {shift['minutes']:+d} minutes from the log's"
        yield cells.count(shift["messages"]), f"{words} (CALLBACK_TIME_ZONE)"


def _reading(audit: dict[str, Any]) -> Iterator[Line]:
    if audit["seconds_not_read"] >= WORTH_SAYING_SECONDS:
        hours = _hours(audit["seconds_not_read"])
        yield hours, "of the message log not read yet: python -m reconcile run"
    if audit["seconds_counted"]:
        hours = _hours(audit["seconds_counted"])
        yield hours, "of the log counted, not listed: all messages known, not all states"
    if sample := audit["counted_sample"]:
        at_most = cells.percent(sample["at_most"])
        words = f"of {sample['asked']:,} asked there singly end otherwise; of all at most {at_most}"
        yield cells.count(sample["differing"]), words
    for outage in audit["outages"]:
        yield (
            _hours(outage["seconds"]),
            f"no receiver was alive, from {outage['from'][:16]} to {outage['until'][:16]} UTC",
        )


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:,.1f} h"
