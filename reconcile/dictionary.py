"""[pure] What every column of a result means: the one place that `--columns` and the docs show.

Names and types are those of the schemas, formulas those that are computed; here are the words.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from reconcile import conditions, formulas, rate_rows, stages
from reconcile.columns import MESSAGES, UTC_TIME
from reconcile.selection import DIMENSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """`type` is Arrow's name, as Parquet and pandas have it; `formula` is in names of columns."""

    name: str
    type: str
    unit: str
    meaning: str
    formula: str = ""


_MATCHES = stages.meaning("matches")["word"].to_pylist()
_OF_MESSAGES = {
    "message_uuid": ("", "the message's UUID: that of the root of its parts"),
    "direction": ("", "outbound or inbound"),
    "type": ("", "sms, mms or whatsapp"),
    "from_number": ("", "sender: a number or a name"),
    "to_number": ("", "recipient"),
    "country": ("ISO 3166-1 alpha-2", "destination: the log's, else the MCC's, else the number's"),
    "mcc": ("", "mobile country code of the network"),
    "mnc": ("", "mobile network code within the MCC"),
    "carrier": ("", "the log's network, else the name of MCC and MNC"),
    "powerpack_uuid": ("", "Powerpack that chose the sender"),
    "message_time": ("UTC", "when the message was submitted; its day and hour are of this time"),
    "queued_at": ("UTC", "when Plivo queued it"),
    "sent_at": ("UTC", "when Plivo handed it over"),
    "final_at": ("UTC", "when it ended, by Plivo's clock; none while a part is open"),
    "state": ("", "Plivo's word for where it stands, the worst of its parts"),
    "outcome": ("", "failed, undelivered, delivered, unconfirmed or pending; of outbound ones"),
    "error_code": ("", "Plivo's code of why it was lost; none without a loss"),
    "parts_seen": ("parts", "parts that report or log named"),
    "parts_expected": ("parts", "parts that the message was split into"),
    "units": ("units", "billed segments, summed over the parts"),
    "total_amount": ("account's currency", "charged, carrier fees apart; summed over the parts"),
    "carrier_fees": ("account's currency", "carriers' surcharges, not part of total_amount"),
    "match": ("", f"how report and log compare: {', '.join(_MATCHES)}"),
    "report_state": ("", "the state by the reports alone"),
    "log_state": ("", "the state by the message log alone"),
    "reports": ("reports", "delivery reports held, copies included"),
    "duplicate_reports": ("reports", "copies among them"),
    "mixed": ("", "its parts ended differently"),
    "last_sign_at": ("UTC", "the youngest time that Plivo named: the horizon counts from here"),
    "final_parts": ("parts", "parts that have ended"),
    "final_parts_reported": ("parts", "those of them whose end came as a report"),
    "out_of_order_reports": ("reports", "reports that came after a later one"),
    "state_changes": ("", "times that a final state was followed by another one"),
    "guessed_time": ("", "message_time is that of the first reception: nobody told it"),
    "never_reported": ("", "in the log, and no report ever came (sent without url?)"),
    "account": ("", "account or subaccount, where known"),
    "campaign": ("", "10DLC campaign"),
    "tag": ("", "the tag parameter of our callback URL"),
    "untyped_values": ("values", "values of report or log that could not be understood"),
    "window_read": ("", "the log was read for its message_time"),
    "window_how": ("", "how the log was read there: listed, counted or imported"),
    "clock_shift_minutes": ("minutes", "the reports' clock minus the log's; none: not comparable"),
    # what it counts as in a report
    "fate": ("", "the count it is in: failed, queued, delivered, undelivered, unconfirmed, open"),
    "captured": ("", "each part that ended has a final report; none: not ended, or log not read"),
    "negative_receipt": ("", "its receipt claims to be earlier than the sending"),
    "unknown_state": ("", "report or log use a state that we do not know"),
}  # fmt: skip
_OF_TIME = {
    "day": ("zone of --tz", "day of message_time", pa.date32()),
    "hour": ("UTC", "start of the hour of message_time, as hours begin in --tz", UTC_TIME),
    "week": ("zone of --tz", "Monday of the week", pa.date32()),
    "month": ("zone of --tz", "first day of the month", pa.date32()),
    "weekday": ("zone of --tz", "1 Monday to 7 Sunday", pa.int32()),
    "hour_of_day": ("zone of --tz", "0 to 23", pa.int32()),
    "parts": ("parts", "parts_expected of the messages", pa.int32()),
}
_COUNTED = "messages (units with --units)"
_COUNTS = {
    "submitted": "sent by us",
    "failed": "failed or were rejected before a carrier took them",
    "queued": "not handed over yet",
    "handed_over": "handed to a carrier",
    "delivered": "a receipt says that they arrived",
    "undelivered": "a receipt says that they did not arrive",
    "unconfirmed": "no receipt within the horizon (RECEIPT_HORIZON_HOURS)",
    "open": "no receipt yet, within the horizon",
}
_RATES = {
    "confirmed_rate": "share delivered of those whose fate is known",
    "receipt_coverage": "share whose fate is known",
    "strict_rate": "share proved to have arrived",
    "lenient_rate": "share that arrived, if no receipt within the horizon means success",
    "acceptance_rate": "share that Plivo and the carriers took",
}
_MONEY = {
    "total_amount": ("charged for all of them, carrier fees apart", ""),
    "amount_per_message": ("per message, however weighed", "total_amount / submitted"),
    "amount_per_delivered": ("all that was spent, per one delivered", "total_amount / delivered"),
    "amount_undelivered": ("spent on undelivered ones", ""),
    "carrier_fees": ("carriers' surcharges, not part of total_amount", ""),
}  # fmt: skip


def of_rates() -> tuple[Column, ...]:
    """Columns of `report` and `reconcile.rates`: first what can be a key, then the values."""
    types = dict(rate_rows.VALUE_COLUMNS)
    described = {column.name: column for column in _values(types)}
    return (*(_key(name) for name in DIMENSIONS), *(described[name] for name in types))


def of_messages() -> tuple[Column, ...]:
    """Columns that `messages --columns` takes; those of `messages/` first."""
    return tuple(_key(name) for name in conditions.columns())


def _key(name: str) -> Column:
    if name in _OF_TIME:
        unit, meaning, kind = _OF_TIME[name]
    else:
        unit, meaning = _OF_MESSAGES[name]
        finding = pa.string() if name == "fate" else pa.bool_()
        kind = MESSAGES.field(name).type if name in MESSAGES.names else finding
    return Column(name=name, type=_named(kind), unit=unit, meaning=meaning)


def _values(types: dict[str, pa.DataType]) -> Iterator[Column]:
    handed_over = "submitted - failed - queued"
    for name, meaning in _COUNTS.items():
        formula = handed_over if name == "handed_over" else ""
        yield _value(types, name, _COUNTED, meaning, formula)
    for name, meaning in _RATES.items():
        above, below = map(_in_words, formulas.COLUMN_RATES[name])
        yield _value(types, name, "share, 0 to 1", meaning, f"{_side(above)} / {_side(below)}")
        yield _value(types, f"{name}_numerator", _COUNTED, f"what {name} divides", above)
        yield _value(types, f"{name}_denominator", _COUNTED, f"what {name} is divided by", below)
        for end, word in (("low", "lower"), ("high", "upper")):
            interval = f"{word} end of the Wilson 95 % interval of {name}"
            yield _value(types, f"{name}_{end}", "share, 0 to 1", interval)
    headline = "the rate by the formula asked for (--formula), by default confirmed_rate"
    yield _value(types, "headline_rate", "share, 0 to 1", headline)
    for name, (meaning, formula) in _MONEY.items():
        yield _value(types, name, "account's currency", meaning, formula)
    for since, clock in (("sent", "sent_at"), ("message", "message_time")):
        for share in (50, 90, 95, 99):
            meaning = f"{share} % of the receipts had come by then"
            formula = f"percentile {share} of final_at - {clock}"
            yield _value(types, f"{since}_to_receipt_p{share}", "seconds", meaning, formula)
    for span, words in (("10s", "10 seconds"), ("60s", "60 seconds"), ("5min", "5 minutes")):
        meaning = f"share of all handed over whose receipt came within {words} of sent_at"
        yield _value(types, f"within_{span}", "share, 0 to 1", meaning)
    negative = "receipts that claim to be earlier than the sending"
    yield _value(types, "negative_receipts", "messages", negative)


def _value(
    types: dict[str, pa.DataType], name: str, unit: str, meaning: str, formula: str = ""
) -> Column:
    return Column(name=name, type=_named(types[name]), unit=unit, meaning=meaning, formula=formula)


def _in_words(letters: str) -> str:
    names = {**rate_rows.LETTERS, "H": "handed_over"}
    return " + ".join(names[letter] for letter in letters.split(" + "))


def _side(words: str) -> str:
    return f"({words})" if " " in words else words


def _named(kind: pa.DataType) -> str:
    return "float64" if pa.types.is_float64(kind) else str(kind)
