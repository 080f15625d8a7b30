"""[pure] The collection audit as lines of a figure and what it is: can the numbers be trusted?"""

from collections.abc import Iterator
from typing import Any

from reconcile.rate_report import RateReport
from reconcile.rendering import cells

Line = tuple[str, str]

WORTH_SAYING_SECONDS = 600  # the last minutes are always still to be read

_MATCHES = {"open": "neither side knows an end yet (match=open)"}
_ODD = {
    "never_reported": ("message", "of the log without any report (no url set?)"),
    "duplicate_reports": ("report", "that came more than once"),
    "out_of_order_reports": ("report", "that came after a later one"),
    "state_changes": ("final state", "that changed"),
    "guessed_times": ("message", "whose time had to be guessed"),
    "untyped_values": ("value", "that could not be understood"),
    "reports_without_uuid": ("report", "on disk without a message's name (no MessageUUID)"),
}


def lines(report: RateReport) -> Iterator[Line]:
    """Match, then what was odd, then what was not read, and when nobody listened."""
    audit = report.audit
    for word, messages in audit["match"].items():
        words = _MATCHES.get(word, word.replace("_", " "))
        yield cells.count(messages), f"{cells.nouns(messages, 'message')}: {words}"
    yield from _oddities(audit)
    yield from _reading(audit)
    if negative := (report.total or {}).get("negative_receipts"):
        words = f"{cells.nouns(negative, 'receipt')} earlier than the message itself"
        yield cells.count(negative), words


def _oddities(audit: dict[str, Any]) -> Iterator[Line]:
    for name, (noun, words) in _ODD.items():
        if audit[name]:
            yield cells.count(audit[name]), f"{cells.nouns(audit[name], noun)} {words}"
    for word, messages in audit["unknown_states"].items():
        noun = cells.nouns(messages, "message")
        yield cells.count(messages), f"{noun} in a state unknown to us: {word}"
    if shift := audit["clock_shift"]:
        noun = cells.nouns(shift["messages"], "message")
        words = f"{noun} whose reports' clock is {shift['minutes']:+d} minutes from the log's"
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
