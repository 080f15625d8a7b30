"""[pure] Drawn parts as rows of `log/`: as our reconciler fills them from Plivo's JSON."""

from itertools import product

import numpy as np
import pyarrow as pa

from reconcile.columns import LOG, MONEY
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
    QUEUED,
    SENT,
    STATES,
    UNDELIVERED,
    Array,
)  # fmt: skip
from tests.bench.drawn_slots import Slots
from tests.bench.drawn_text import Words, strings
from tests.simulator.log_rows import ERROR_MESSAGES
from tests.simulator.routes import ROUTES

LOG_ROWS = few_texts(LOG, apart=frozenset((
    "message_uuid", "record", "parent_message_uuid", "to_number", "resource_uri",
)))  # fmt: skip


class LogRows:
    """Rows of `log/`."""

    def __init__(self, slots: Slots) -> None:
        self._slots, self._codes = slots, Codes(slots)
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
        self._address = Words(ADDRESSES)
        self._said_address = Words([
            f'", "powerpack_id": null, "replaced_sender": "", "requester_ip": "{address}", '
            f'"resource_uri": "/v1/Account/{ACCOUNT}/Message/' for address in ADDRESSES
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
        billed = [*product(ROUTES, range(MOST_UNITS + 1), (0, 1))]
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
        billed = (route * (MOST_UNITS + 1) + part["units"]) * 2 + paid
        updated_at = np.where(
            state == SENT, part["sent_at"],
            np.where(state == QUEUED, part["queued_at"], part["ended_at"]),
        )  # fmt: skip
        was_sent = part["sent_at"] < NEVER
        uuid, root = uuids(part)
        address = part["message"] % len(ADDRESSES)
        to_number = pa.array(part["to_number"]).cast(pa.string())
        uri = strings(text.packed(f"/v1/Account/{ACCOUNT}/Message/".encode(), uuid, b"/"))
        record = joined(
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
            "pulled_at": moments(read["read_at"]),
            "record": record,
            "account": always(ACCOUNT, part),
            "parent_message_uuid": strings(root, old),
            "message_time": moments(part["message_time"]),
            "message_sent_time": moments(part["sent_at"]),
            "message_updated_time": moments(updated_at),
            "message_direction": always("outbound", part),
            "message_state": self._state.column(state),
            "message_type": always("sms", part),
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
            "log": always("true", part),
            "resource_uri": uri,
            "untyped_values": pa.array(np.zeros(len(part), "i4")),
        }
        return pa.table(
            [arrays.get(field.name, pa.nulls(len(part), field.type)) for field in LOG_ROWS],
            schema=LOG_ROWS,
        )


def _quoted(code: str | None) -> str:
    return "null" if code is None else f'"{code}"'
