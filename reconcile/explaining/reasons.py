"""[pure] Why a message is what it is: its outcome, its parts, its country, carrier and time.

The stage `messages` decides; this puts its rules into words. A reason is `{"rule", "why"}`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from reconcile.explaining.winning_order import spoken

Row = dict[str, Any]

_HOUR = timedelta(hours=1)
_LONGEST_PREFIX = 7
TIMES = {
    "message_time": ("MessageTime", "MessageTime of the reports"),
    "queued_time": ("QueuedTime", "QueuedTime of the reports, which have no MessageTime"),
    "received_at": ("received_at", "guessed: the earliest reception, no side tells it"),
    "pulled_at": ("pulled_at", "guessed: when its log row was pulled, no side tells it"),
}


def of_outcome(
    message: Row, parts: Sequence[Row], as_of: datetime | None, horizon: timedelta
) -> Row:
    """Why failed, undelivered, delivered, unconfirmed or pending; `parts` are those it is for."""
    outcome = message["outcome"]
    if outcome is None:
        return _reason("inbound", "an inbound message has none", parts=[])
    if outcome in ("failed", "undelivered"):
        guilty = [part for part in parts if part["counts_as"] == outcome]
        said = "; ".join(f"{named(part, parts)} is {part['state']}" for part in guilty)
        return _reason(f"part_{outcome}", said, parts=[p["message_uuid"] for p in guilty])
    delivered = [part for part in parts if part["counts_as"] == "delivered"]
    expected = message["parts_expected"]
    if outcome == "delivered":
        said = f"all {expected} expected parts are delivered"
        if len(parts) == 1:
            said = f"{named(parts[0], parts)} is {parts[0]['state']}"
        return _reason("all_delivered", said, parts=[p["message_uuid"] for p in delivered])
    silent = [part["message_uuid"] for part in parts if part["counts_as"] != "delivered"]
    return _silence(message, expected - len(delivered), as_of, horizon) | {"parts": silent}


def of_parts_expected(message: Row, parts: Sequence[Row]) -> Row:
    named_parts = max((part["part_count"] or 0 for part in parts), default=0)
    only, seen = parts[0], len(parts)
    units = only["units"] or 0
    if (
        seen == 1
        and only["message_uuid"] == message["message_uuid"]
        and units > 1
        and units >= named_parts
    ):
        return _reason("one_uuid_for_all", f"one MessageUUID stands for all {units} units")
    if named_parts >= seen:
        return _reason("part_info", f"PartInfo says “of {named_parts}”")
    less = f", though PartInfo says “of {named_parts}”" if named_parts else "; no PartInfo"
    return _reason("parts_seen", f"as many as were seen{less}")


def of_country(
    message: Row,
    parts: Sequence[Row],
    mcc_countries: Mapping[str, str],
    prefixes: Mapping[str, str],
) -> Row:
    if any(part["log_country"] for part in parts):
        return _reason("log", "named by the log")
    if message["mcc"] in mcc_countries:
        return _reason("mcc", f"that of the MCC {message['mcc']}")
    head = (message["to_number"] or "")[:_LONGEST_PREFIX]
    known = [prefix for prefix in prefixes if head.startswith(prefix)]
    if known:
        return _reason("prefix", f"that of the number's prefix {max(known, key=len)}")
    return _reason("unknown", "neither the log, the MCC nor the number tells it")


def of_carrier(message: Row, parts: Sequence[Row]) -> Row:
    if any(part["log_carrier"] for part in parts):
        return _reason("log", "named by the log")
    if message["carrier"]:
        return _reason("mcc_mnc", f"that of MCC {message['mcc']} and MNC {message['mnc']}")
    return _reason("unknown", "neither the log nor MCC and MNC tell it")


def of_message_time(parts: Sequence[Row]) -> Row:
    """That of the part which has the earliest one."""
    first = min(parts, key=lambda part: part["message_time"])
    origin = first["values"]["from"]["message_time"]
    column = origin["column"]
    if (origin["side"], column) == ("log", "message_time"):
        rule, why = "log", "the log's"
    else:
        rule, why = TIMES[column]
    if any(part["guessed_time"] for part in parts) and not first["guessed_time"]:
        why += "; that of another part is guessed"
    return _reason(rule, why)


def of_match(part: Row, window: Row | None) -> str:
    """What the log, and the window that the part lies in, have to do with its match."""
    held = "the log holds its row" if part["in_log"] else "the log on disk has no row of it"
    if window is None:
        return f"{held}; no reading of a log that is sure to hold it covers its time"
    said = (
        f"{held}; its time lies in a window {window['how']} at {spoken(window['read_at'])}, "
        f"from {spoken(window['from'])} until {spoken(window['until'])}"
    )
    if part["guessed_time"] and not part["in_log"]:
        said += ", but that time is guessed"
    return said


def of_message_match(message: Row, parts: Sequence[Row], meanings: Mapping[str, str]) -> Row:
    """The worst of its parts; the rule is the word."""
    word = message["match"]
    if word is None:
        return _reason("inbound", "an inbound message is not matched", meaning=None, parts=[])
    worst = [part for part in parts if part["match"]["word"] == word]
    said = ", ".join(named(part, parts) for part in worst)
    if len(worst) == len(parts) > 1:
        said = "each of its parts"
    uuids = [part["message_uuid"] for part in worst]
    return _reason(word, f"that of {said}", meaning=meanings[word], parts=uuids)


def named(part: Row, parts: Sequence[Row]) -> str:
    """A part as one speaks of it among the others."""
    if len(parts) == 1 and part["part_count"] in (None, 1):
        return "its only part"
    if part["part_number"] is None:
        return f"part {part['message_uuid']}"
    return f"part {part['part_number']} of {part['part_count']}"


def _silence(message: Row, missing: int, as_of: datetime | None, horizon: timedelta) -> Row:
    sign = message["last_sign_at"] or message["message_time"]
    now = as_of or sign
    expected = message["parts_expected"]
    of_what = "it" if expected == 1 else f"{missing} of {expected} expected parts"
    beyond = message["outcome"] == "unconfirmed"
    age = f"{(now - sign) / _HOUR:,.1f} h before" if now >= sign else "later than"
    return _reason(
        "beyond_horizon" if beyond else "within_horizon",
        f"no end is known of {of_what}; the last sign of life, {spoken(sign)}, is {age} as_of, "
        f"{spoken(now)}: {'beyond' if beyond else 'within'} the horizon of {horizon / _HOUR:g} h",
    )


def _reason(rule: str, why: str, **more: Any) -> Row:
    return {"rule": rule, "why": why, **more}
