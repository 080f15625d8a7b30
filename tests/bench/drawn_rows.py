"""[pure] Drawn parts as rows of `reports/` and `log/`: as our receiver and reconciler fill them.

What a report and a log row say is put together of few pieces: texts of a fixed width, and words
that hang on the route, the state and the like and are made once for all.
"""

from itertools import product

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from receiver.columns import REPORTS, UTC_TIME
from reconcile.columns import LOG, MONEY
from tests.bench import drawn_text as text
from tests.bench.drawn_parts import (
    DELIVERED,
    FAILED,
    NEVER,
    QUEUED,
    SENT,
    STATES,
    TAGS,
    UNDELIVERED,
    Array,
)  # fmt: skip
from tests.bench.drawn_slots import Slots
from tests.bench.drawn_text import Words, strings
from tests.simulator.log_rows import ERROR_MESSAGES
from tests.simulator.routes import ROUTES

ACCOUNT = "MABENCHBENCHBENCHBEN"

_MOST_UNITS = 3
_ADDRESSES = 4
_MOST_PARTS = 6
_ZERO = "0.00000"


def few_texts(schema: pa.Schema, *, apart: frozenset[str]) -> pa.Schema:
    """The schema that rows have here: all texts but those `apart` as numbers of few words."""
    words = pa.dictionary(pa.int16(), pa.string())
    return pa.schema(
        pa.field(field.name, words, field.nullable)
        if field.type == pa.string() and field.name not in apart
        else field
        for field in schema
    )


REPORT_ROWS = few_texts(REPORTS, apart=frozenset((
    "report_id", "body", "message_uuid", "parent_message_uuid", "to_number", "message_time",
    "queued_time", "sent_time", "delivery_report_time",
)))  # fmt: skip
LOG_ROWS = few_texts(LOG, apart=frozenset((
    "message_uuid", "record", "parent_message_uuid", "to_number", "resource_uri",
)))  # fmt: skip


class _Codes:
    """What a part's end says: nothing, 000, or the code of its slot."""

    def __init__(self, slots: Slots) -> None:
        self.words = [
            "", "000", *sorted({*slots.undelivered_codes, *slots.failure_codes} - {"", "000"})
        ]  # fmt: skip
        self._undelivered = np.array([self.words.index(code) for code in slots.undelivered_codes])
        self._failure = np.array([self.words.index(code) for code in slots.failure_codes])

    def of(self, state: Array, slot: Array) -> Array:
        delivered = state == DELIVERED
        code = np.where(state == UNDELIVERED, self._undelivered[slot], delivered)
        return np.where(state == FAILED, self._failure[slot], code)


class ReportRows:
    """Rows of `reports/`. A report's kind: 1 queued, 2 sent, 3 the end."""

    def __init__(self, slots: Slots, source: str) -> None:
        self._slots, self._source = slots, source.encode() + b"-"
        self._codes = _Codes(slots)
        codes = self._codes.words
        self._code = Words([code or None for code in codes] + [None])
        self._said_code = Words([f"ErrorCode={code}&" for code in codes] + [None])
        self._from = Words(slots.senders)
        self._said_from = Words(
            [f"From={sender}" for sender in slots.senders]
            + [f"From={sender}&MCC={ROUTES[route].mcc}&MNC={ROUTES[route].mnc}"
               for sender, route in zip(slots.senders, slots.route, strict=True)]
        )  # fmt: skip
        self._sequence = Words(["1", "2", "3", None])
        sequences = ("&Sequence=1", "&Sequence=2", "&Sequence=3", "")
        self._said_state = Words(
            [f"{sequence}&Status={state}&To=" for sequence, state in product(sequences, STATES)]
        )
        self._part_info = Words(
            [f"{part} of {parts}" for part, parts in product(range(7), range(7))]
        )
        self._state, self._tag = Words(STATES), Words([tag and f"tag={tag}" for tag in TAGS])
        self._units = Words([str(units) for units in range(_MOST_UNITS + 1)])
        self._mcc = Words([*(route.mcc for route in ROUTES), None])
        self._mnc = Words([*(route.mnc for route in ROUTES), None])
        self._address = Words([*_addresses(), None])
        self._priced = [*product(ROUTES, range(_MOST_UNITS + 1), (0, 1, 2))]
        rates = [f"{route.price:.5f}" if how else _ZERO for route, _, how in self._priced]
        amounts = [
            f"{route.price * units:.5f}" if how == 2 else _ZERO
            for route, units, how in self._priced
        ]
        self._rate, self._amount = Words(rates), Words(amounts)
        self._said_last = Words([
            f"&TotalAmount={amount}&TotalRate={rate}"
            + (f"&Type=sms&Units={units}&requester_ip={address}" if how else f"&Units={units}")
            for (_, units, how), rate, amount in zip(self._priced, rates, amounts, strict=True)
            for address in _addresses()
        ])  # fmt: skip

    def rows(self, part: Array, post: Array, first_number: int) -> pa.Table:
        """Of each post its part; numbered on from the first."""
        kind, slot = post["kind"], part["slot"]
        later, end, old = kind > 1, kind == 3, part["old"]
        state = np.where(end, part["word"], kind - 1)
        failed = state == FAILED
        sequence = np.where(old, 3, np.where(failed, 1, kind - 1))
        coded = (state == FAILED) | (state == UNDELIVERED) | ((state == DELIVERED) & ~old)
        code = np.where(coded, self._codes.of(state, slot), len(self._codes.words))
        route, units = self._slots.route[slot], part["units"]
        how = np.where(later, np.where(failed, 1, 2), 0)
        priced = (route * (_MOST_UNITS + 1) + units) * 3 + how
        address = part["message"] % _ADDRESSES
        was_sent = later & (part["sent_at"] < NEVER)
        was_ended = end & ~failed
        uuid, root = _uuids(part)
        to_number = pa.array(part["to_number"]).cast(pa.string())
        clocks = {name: text.clocks(part[name]) for name in _TIMES}
        times = {name: plain for name, (plain, _) in clocks.items()}
        encoded = {name: posted for name, (_, posted) in clocks.items()}
        nothing = pa.nulls(len(part), REPORT_ROWS.field("text").type)
        body = _joined(
            strings(text.packed(b"DeliveryReportTime=", encoded["ended_at"], b"&"), was_ended),
            self._said_code.strings(code),
            self._said_from.strings(np.where(later, slot + self._slots.count, slot)),
            strings(text.packed(
                b"&MessageTime=", encoded["message_time"], b"&MessageUUID=", uuid,
                b"&ParentMessageUUID=", root, b"&PartInfo=", _digit(part["part"]), b"+of+",
                _digit(part["parts"]), b"&PowerpackUUID=&QueuedTime=", encoded["queued_at"],
            )),
            strings(text.packed(b"&SentTime=", encoded["sent_at"]), was_sent),
            self._said_state.strings(sequence * len(STATES) + state),
            to_number,
            self._said_last.strings(priced * _ADDRESSES + address),
        )  # fmt: skip
        numbers = first_number + np.arange(len(part))
        arrays = {
            "report_id": strings(text.packed(self._source, text.sixteen_digits(numbers))),
            "received_at": _moments(post["received_at"]),
            "kind": _always("delivery_report", part),
            "http_method": _always("POST", part),
            "account": _always(ACCOUNT, part),
            "signature": _always("v3", part),
            "body": body,
            "query": self._tag.column(part["tag"]),
            "message_uuid": strings(uuid),
            "parent_message_uuid": strings(root),
            "part_info": self._part_info.column(part["part"] * 7 + part["parts"]),
            "sequence": self._sequence.column(sequence),
            "status": self._state.column(state),
            "error_code": self._code.column(code),
            "from_number": self._from.column(slot),
            "to_number": to_number,
            "type": Words([None, "sms"]).column(later.astype("i1")),
            "units": self._units.column(units),
            "total_rate": self._rate.column(priced),
            "total_amount": self._amount.column(priced),
            "mcc": self._mcc.column(np.where(later, route, -1)),
            "mnc": self._mnc.column(np.where(later, route, -1)),
            "message_time": strings(times["message_time"]),
            "queued_time": strings(times["queued_at"]),
            "sent_time": strings(times["sent_at"], was_sent),
            "delivery_report_time": strings(times["ended_at"], was_ended),
            "powerpack_uuid": nothing,
            "requester_ip": self._address.column(np.where(later, address, _ADDRESSES)),
            "text": nothing,
        }
        return pa.table(arrays, schema=REPORT_ROWS)


class LogRows:
    """Rows of `log/`."""

    def __init__(self, slots: Slots) -> None:
        self._slots, self._codes = slots, _Codes(slots)
        codes = [code or None for code in self._codes.words]
        wrong = [*product((False, True), codes)]  # a message only of what went wrong
        told = [ERROR_MESSAGES.get(code or "") if bad else None for bad, code in wrong]
        self._code = Words([*(code for _, code in wrong), None])
        self._error_message = Words([*told, None])
        self._said_code = Words([
            f', "error_code": {_quoted(code)}, "error_message": "{message or ""}", "from_number": "'
            for (_, code), message in zip(wrong, told, strict=True)
        ] + [', "error_code": null, "error_message": "", "from_number": "'])  # fmt: skip
        self._from = Words(slots.senders)
        self._state = Words(STATES)
        self._said_state = Words(
            [f', "message_state": "{state}", "message_time": "' for state in STATES]
        )
        self._address = Words(_addresses())
        self._said_address = Words([
            f'", "powerpack_id": null, "replaced_sender": "", "requester_ip": "{address}", '
            f'"resource_uri": "/v1/Account/{ACCOUNT}/Message/' for address in _addresses()
        ])  # fmt: skip
        self._country = Words([route.country for route in ROUTES])
        self._network = Words([route.carrier for route in ROUTES])
        self._mcc = Words([route.mcc for route in ROUTES])
        self._mnc = Words([route.mnc for route in ROUTES])
        self._said_mcc = Words([
            f'", "is_domestic": false, "log": true, "mcc": "{route.mcc}", "message_direction": '
            '"outbound", "message_sent_time": ' for route in ROUTES
        ])  # fmt: skip
        self._said_mnc = Words([f'", "mnc": "{route.mnc}' for route in ROUTES])
        billed = [*product(ROUTES, range(_MOST_UNITS + 1), (0, 1))]
        fees = [route.carrier_fee * units * paid for route, units, paid in billed]
        amounts = [route.price * units * paid for route, units, paid in billed]
        self._fees, self._amounts = pa.array(fees, MONEY), pa.array(amounts, MONEY)
        self._fee = pa.array([route.carrier_fee for route in ROUTES], MONEY)
        self._price = pa.array([route.price for route in ROUTES], MONEY)
        self._said_first = Words([
            f'{{"carrier_fees": "{fee:.5f}", "carrier_fees_rate": "{route.carrier_fee:.5f}", '
            f'"destination_country_iso2": "{route.country}", '
            f'"destination_network": "{route.carrier}"'
            for (route, _, _), fee in zip(billed, fees, strict=True)
        ])  # fmt: skip
        self._said_last = Words([
            f'", "total_amount": "{amount:.5f}", "total_rate": "{route.price:.5f}", '
            f'"units": {units}}}'
            for (route, units, _), amount in zip(billed, amounts, strict=True)
        ])  # fmt: skip

    def rows(self, part: Array, read: Array) -> pa.Table:
        """Of each read its part."""
        state, slot, old = read["state"], part["slot"], part["old"]
        route, count = self._slots.route[slot], len(self._codes.words)
        bad = (state == FAILED) | (state == UNDELIVERED)
        code = np.where(state < DELIVERED, 2 * count, bad * count + self._codes.of(state, slot))
        paid = (state != FAILED) & (state != QUEUED)
        billed = (route * (_MOST_UNITS + 1) + part["units"]) * 2 + paid
        updated_at = np.where(
            state == SENT, part["sent_at"],
            np.where(state == QUEUED, part["queued_at"], part["ended_at"]),
        )  # fmt: skip
        was_sent = part["sent_at"] < NEVER
        uuid, root = _uuids(part)
        address = part["message"] % _ADDRESSES
        to_number = pa.array(part["to_number"]).cast(pa.string())
        uri = strings(text.packed(f"/v1/Account/{ACCOUNT}/Message/".encode(), uuid, b"/"))
        record = _joined(
            self._said_first.strings(billed),
            self._said_code.strings(code),
            self._from.strings(slot),
            self._said_mcc.strings(route),
            strings(text.packed(b'"', text.clock(part["sent_at"]), b'+00:00"'), was_sent),
            Words([None, "null"]).strings((~was_sent).astype("i1")),
            self._said_state.strings(state),
            strings(text.packed(
                text.clock(part["message_time"]), b'+00:00", "message_type": "sms", '
                b'"message_updated_time": "', text.clock(updated_at),
                b'+00:00", "message_uuid": "', uuid,
            )),
            self._said_mnc.strings(route),
            strings(text.packed(b'", "parent_message_uuid": "', root), old),
            self._said_address.strings(address),
            strings(text.packed(uuid, b'/", "to_number": "')),
            to_number,
            self._said_last.strings(billed),
        )  # fmt: skip
        arrays = {
            "message_uuid": strings(uuid),
            "pulled_at": _moments(read["read_at"]),
            "record": record,
            "account": _always(ACCOUNT, part),
            "parent_message_uuid": strings(root, old),
            "message_time": _moments(part["message_time"]),
            "message_sent_time": _moments(part["sent_at"]),
            "message_updated_time": _moments(updated_at),
            "message_direction": _always("outbound", part),
            "message_state": self._state.column(state),
            "message_type": _always("sms", part),
            "from_number": self._from.column(slot),
            "to_number": to_number,
            "units": pa.array(part["units"].astype("i4")),
            "total_rate": self._price.take(pa.array(route)),
            "total_amount": self._amounts.take(pa.array(billed)),
            "carrier_fees": self._fees.take(pa.array(billed)),
            "carrier_fees_rate": self._fee.take(pa.array(route)),
            "error_code": self._code.column(code),
            "error_message": self._error_message.column(code),
            "destination_country_iso2": self._country.column(route),
            "destination_network": self._network.column(route),
            "mcc": self._mcc.column(route),
            "mnc": self._mnc.column(route),
            "requester_ip": self._address.column(address),
            "is_domestic": pa.array(np.zeros(len(part), bool)),
            "log": _always("true", part),
            "resource_uri": uri,
            "untyped_values": pa.array(np.zeros(len(part), "i4")),
        }
        return pa.table(
            [arrays.get(field.name, pa.nulls(len(part), field.type)) for field in LOG_ROWS],
            schema=LOG_ROWS,
        )


_TIMES = ("message_time", "queued_at", "sent_at", "ended_at")


def _uuids(part: Array) -> tuple[Array, Array]:
    """Of the part and of its root, which mostly is the part itself."""
    uuid = text.uuid(part["uuid"])
    root = uuid.copy()
    root[part["old"]] = text.uuid(part["root"][part["old"]])
    return uuid, root


def _joined(*pieces: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*pieces, "", null_handling="skip")


def _moments(micros: Array) -> pa.Array:
    times = np.ascontiguousarray(micros)
    return pa.array(times, mask=times == NEVER).view(UTC_TIME)


def _always(word: str, rows: Array) -> pa.Array:
    return Words([word]).column(np.zeros(len(rows), "i1"))


def _digit(numbers: Array) -> Array:
    return (numbers + ord("0")).astype("u1").view("S1")


def _quoted(code: str | None) -> str:
    return "null" if code is None else f'"{code}"'


def _addresses() -> list[str]:
    return [f"203.0.113.{number}" for number in range(_ADDRESSES)]
