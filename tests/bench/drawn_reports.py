"""[pure] Drawn parts as rows of `reports/`: as our receiver fills them from what was posted."""

from itertools import product

import numpy as np
import pyarrow as pa

from receiver.columns import REPORTS
from tests.bench import drawn_text as text
from tests.bench.drawn_columns import (
    ACCOUNT,
    ADDRESSES,
    MOST_UNITS,
    Codes,
    always,
    few_texts,
    joined,
    moments,
    uuids,
)  # fmt: skip
from tests.bench.drawn_parts import (
    DELIVERED,
    FAILED,
    NEVER,
    STATES,
    TAGS,
    UNDELIVERED,
    Array,
)  # fmt: skip
from tests.bench.drawn_slots import Slots
from tests.bench.drawn_text import Words, strings
from tests.simulator.routes import ROUTES

REPORT_ROWS = few_texts(REPORTS, apart=frozenset((
    "report_id", "body", "message_uuid", "parent_message_uuid", "to_number", "message_time",
    "queued_time", "sent_time", "delivery_report_time",
)))  # fmt: skip

_TIMES = ("message_time", "queued_at", "sent_at", "ended_at")
_ZERO = "0.00000"


class ReportRows:
    """Rows of `reports/`. A report's kind: 1 queued, 2 sent, 3 the end."""

    def __init__(self, slots: Slots, source: str) -> None:
        self._slots, self._source = slots, source.encode() + b"-"
        self._codes = Codes(slots)
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
        self._units = Words([str(units) for units in range(MOST_UNITS + 1)])
        self._mcc = Words([*(route.mcc for route in ROUTES), None])
        self._mnc = Words([*(route.mnc for route in ROUTES), None])
        self._address = Words([*ADDRESSES, None])
        self._priced = [*product(ROUTES, range(MOST_UNITS + 1), (0, 1, 2))]
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
            for address in ADDRESSES
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
        priced = (route * (MOST_UNITS + 1) + units) * 3 + how
        address = part["message"] % len(ADDRESSES)
        was_sent = later & (part["sent_at"] < NEVER)
        was_ended = end & ~failed
        uuid, root = uuids(part)
        to_number = pa.array(part["to_number"]).cast(pa.string())
        clocks = {name: text.clocks(part[name]) for name in _TIMES}
        times = {name: plain for name, (plain, _) in clocks.items()}
        encoded = {name: posted for name, (_, posted) in clocks.items()}
        nothing = pa.nulls(len(part), REPORT_ROWS.field("text").type)
        body = joined(
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
            self._said_last.strings(priced * len(ADDRESSES) + address),
        )  # fmt: skip
        numbers = first_number + np.arange(len(part))
        arrays = {
            "report_id": strings(text.packed(self._source, text.sixteen_digits(numbers))),
            "received_at": moments(post["received_at"]),
            "kind": always("delivery_report", part),
            "http_method": always("POST", part),
            "account": always(ACCOUNT, part),
            "signature": always("v3", part),
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
            "requester_ip": self._address.column(np.where(later, address, len(ADDRESSES))),
            "text": nothing,
        }
        return pa.table(arrays, schema=REPORT_ROWS)


def _digit(numbers: Array) -> Array:
    return (numbers + ord("0")).astype("u1").view("S1")
