"""[pure] One message told whole: every report and log row, which won by which rule, and why.

The names here are those of `explain --format json`; they only ever become more.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconcile.columns import MESSAGES
from reconcile.explaining import origins, reasons, verdicts
from reconcile.explaining.evidence import Evidence
from reconcile.plivo_log import log_row
from reconcile.plivo_log.coverage import Window, may_hold

Row = dict[str, Any]

PART = ("message_uuid", "part_number", "part_count", "state", "final", "verdict", "match",
        "error_code", "error_name", "message_time", "queued_at", "sent_at", "final_at",
        "last_sign_at", "guessed_time", "units", "total_amount", "carrier_fees", "mcc", "mnc",
        "type", "from_number", "to_number", "powerpack_uuid", "values", "report_state",
        "log_state", "duplicate_reports", "out_of_order_reports", "state_changes",
        "untyped_values", "reports", "log_rows")  # fmt: skip
REPORT = ("number", "place", "verdict", "rule", "why", "copy_of", "out_of_order_after", "report_id",
          "received_at", "state", "final", "sequence", "clock", "error_code", "units",
          "total_amount", "message_time", "queued_time", "sent_time", "delivery_report_time",
          "part_number", "part_count", "parent_message_uuid", "kind", "account", "untyped",
          "body", "query")  # fmt: skip
LOG_ROW = ("number", "place", "verdict", "rule", "why", "pulled_at", "state", "error_code",
           "message_time", "message_sent_time", "message_updated_time", "units", "total_amount",
           "carrier_fees", "parent_message_uuid", "account", "untyped", "record")  # fmt: skip
UNPLACED = ("report_id", "received_at", "status", "why", "body")
_TYPED = ("sequence", "units", "total_amount", "message_time", "queued_time", "sent_time",
          "delivery_report_time")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A message with the reasons of what it is, its parts, and what belongs to neither."""

    message: Row
    parts: list[Row]
    unplaced_reports: list[Row]
    linked_messages: list[str]
    as_of: datetime | None
    horizon_hours: float


def explain(held: Evidence) -> Explanation:
    parts = [_part(held, part) for part in held.parts]
    return Explanation(
        message={name: held.message[name] for name in MESSAGES.names}
        | {"why": _why(held, parts)},
        parts=[_only(PART, part) for part in parts],
        unplaced_reports=[
            _only(UNPLACED, row | {"why": "names this message as its parent, but no part"})
            for row in held.unplaced_reports
        ],
        linked_messages=held.linked_messages,
        as_of=held.as_of,
        horizon_hours=held.horizon.total_seconds() / 3600,
    )  # fmt: skip


def _why(held: Evidence, parts: Sequence[Row]) -> dict[str, Row]:
    message, meanings = held.message, held.meanings
    return {
        "outcome": reasons.of_outcome(message, parts, held.as_of, held.horizon),
        "match": reasons.of_message_match(message, parts, meanings["matches"]),
        "parts_expected": reasons.of_parts_expected(message, parts),
        "country": reasons.of_country(
            message, parts, meanings["mcc_countries"], meanings["number_prefixes"]
        ),
        "carrier": reasons.of_carrier(message, parts),
        "message_time": reasons.of_message_time(parts),
    }


def _part(held: Evidence, part: Row) -> Row:
    """The part as the stage has it, with the verdicts on all that was said of it."""
    uuid = part["message_uuid"]
    reports = verdicts.of_reports(held.reports.get(uuid, []))
    log_rows = verdicts.of_log_rows(held.log_rows.get(uuid, []))
    log = held.latest[uuid] | {"number": log_rows[0]["number"]} if log_rows else None
    report = reports[0] if reports else None
    ruling = verdicts.of_part(report, log, shift=part["clock_shift_minutes"])
    told = part | {
        "error_name": held.meanings["error_codes"].get(part["error_code"]),
        "verdict": {
            "side": part["winner"],
            "rule": ruling.rule,
            "why": ruling.why,
            "report_clock": report and report["clock"],
            "log_clock": log and log["message_updated_time"],
        },
        "match": _match(part, held.windows, held.meanings["matches"]),
        "values": _values(part, reports, log),
        "reports": [_only(REPORT, row | {"untyped": _untyped_report(row)} | _received(row))
                    for row in reports],
        "log_rows": [_only(LOG_ROW, row | {"untyped": _untyped_log(row)}) for row in log_rows],
    }  # fmt: skip
    return _inbound(told) if held.message["direction"] == "inbound" else told


def _inbound(part: Row) -> Row:
    """The log says how our own server answered; nothing is held against it."""
    nothing = dict.fromkeys(("error_code", "error_name", "final_at", "match"))
    ruling = {"side": "log", "rule": "inbound", "why": "an inbound message has the log's state"}
    values = part["values"] | {
        "from": {name: row for name, row in part["values"]["from"].items() if name not in nothing}
    }
    return (
        part
        | nothing
        | {"state": part["log_state"], "verdict": part["verdict"] | ruling, "values": values}
    )


def _values(part: Row, reports: Sequence[Row], log: Row | None) -> Row:
    return {
        "why": origins.reason(reports, log),
        "from": {
            name: {"side": side, "number": row["number"], "column": column}
            for name, (side, row, column) in origins.of_values(part, reports, log).items()
        },
    }


def _match(part: Row, windows: Sequence[Window], meanings: Mapping[str, str]) -> Row:
    """With the reading that covers the part: of those of the best kind the last."""
    covering = [
        window
        for window in windows
        if window.how == part["window_how"]
        and window.span.holds(part["message_time"])
        and may_hold(window, part["account"])
    ]
    last = max(covering, key=lambda window: window.read_at, default=None)
    window: Row | None = None
    if last:
        window = {"how": last.how, "from": last.from_at, "until": last.until_at,
                  "read_at": last.read_at}  # fmt: skip
    return {
        "word": part["match"],
        "meaning": meanings[part["match"]],
        "why": reasons.of_match(part, window),
        "window": window,
    }


def _untyped_report(report: Row) -> dict[str, str]:
    """What could not be typed, as it came."""
    came = report["came"]
    return {
        name: came[name]
        for name in _TYPED
        if report[name] is None and (came[name] or "").strip(" ")
    }


def _untyped_log(row: Row) -> dict[str, str]:
    """Values of the row as received that their columns do not show."""
    try:
        names = log_row.read_row(row["record"] or "{}").untyped
        said = json.loads(row["record"] or "{}")
    except (ValueError, RecursionError):
        return {}
    return {name: str(said.get(name)) for name in names if row.get(name) is None}


def _received(report: Row) -> Row:
    return {name: report["came"][name] for name in ("body", "query")}


def _only(names: Sequence[str], row: Mapping[str, Any]) -> Row:
    return {name: row[name] for name in names}
