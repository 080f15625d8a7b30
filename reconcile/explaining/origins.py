"""[pure] From which row each value of a part came: the log's, or which report's.

The stage `parts` chooses the values; this says again where it found them, so that one can ask.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

Row = dict[str, Any]
Found = tuple[str, Row, str]  # side, row, its column

VALUES = ("units", "total_amount", "mcc", "mnc", "type", "powerpack_uuid", "from_number",
          "to_number")  # fmt: skip


def of_values(part: Row, reports: Sequence[Row], log: Row | None) -> dict[str, Found]:
    """Every value that the part has, with the side, the row and the column that it came from.

    `reports` are the part's, best first; `log` its latest row as the stage `log_parts` has it.
    """
    found = {name: _value(name, reports, log) for name in VALUES}
    found["carrier_fees"] = _logged(log, "carrier_fees")
    found["error_code"] = _error_code(part, reports, log)
    found["message_time"] = _message_time(reports, log)
    found["queued_at"] = _reported(reports, "queued_time")
    found["sent_at"] = _reported(reports, "sent_time") or _logged(log, "message_sent_time")
    found["final_at"] = _final_at(part, reports, log)
    return {name: origin for name, origin in found.items() if origin and part[name] is not None}


def reason(reports: Sequence[Row], log: Row | None) -> str:
    """Which side is asked first."""
    if log is None:
        return "the reports' alone, the log on disk does not hold it"
    if not reports:
        return "the log row's alone, no report came"
    if log["final"]:
        return "the log row first, because its state is final"
    return "the reports first, because the log's state is not final"


def _value(name: str, reports: Sequence[Row], log: Row | None) -> Found | None:
    candidates = list(_candidates(name, reports, log))
    gives_way: Callable[[Found], bool] = {
        "total_amount": _open_zero,
        "from_number": _redacted,
        "to_number": _redacted,
    }.get(name, lambda _: False)
    return min(candidates, key=gives_way, default=None)


def _candidates(name: str, reports: Sequence[Row], log: Row | None) -> Iterator[Found]:
    """All that have the value, the side first that is asked first."""
    logged = _logged(log, name)
    if logged and log and log["final"]:
        yield logged
    yield from (("report", row, name) for row in reports if row[name] is not None)
    if logged and log and not log["final"]:
        yield logged


def _open_zero(origin: Found) -> bool:
    side, row, name = origin
    return side == "report" and not row["final"] and row[name] == 0


def _redacted(origin: Found) -> bool:
    _, row, name = origin
    return "***" in row[name]


def _error_code(part: Row, reports: Sequence[Row], log: Row | None) -> Found | None:
    """Of the side whose state won, else of the other."""
    told = _reported(reports, "error_code"), _logged(log, "error_code")
    mine, other = told if part["winner"] == "report" else told[::-1]
    return mine or other


def _message_time(reports: Sequence[Row], log: Row | None) -> Found | None:
    known = (
        _logged(log, "message_time")
        or _reported(reports, "message_time")
        or _reported(reports, "queued_time")
    )
    if known or not reports:
        return known or _logged(log, "pulled_at")
    first = min(reports, key=lambda row: row["received_at"])
    return "report", first, "received_at"


def _final_at(part: Row, reports: Sequence[Row], log: Row | None) -> Found | None:
    """The first report, by Sequence and clock, that says the final state held."""
    for row in reversed(reports):
        if row["compared_as"] == part["compared_as"] and row["delivery_report_time"] is not None:
            return "report", row, "delivery_report_time"
    return _logged(log, "message_updated_time")


def _reported(reports: Sequence[Row], name: str) -> Found | None:
    return next((("report", row, name) for row in reports if row[name] is not None), None)


def _logged(log: Row | None, name: str) -> Found | None:
    return None if log is None or log[name] is None else ("log", log, name)
