"""Pure: a row of the message log as JSON, in the words and types of Plivo's API."""

from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any
from zlib import crc32

from tests.simulator.callbacks import redact
from tests.simulator.lives import NOTHING
from tests.simulator.messages import LogState, Message, Part
from tests.simulator.routes import country_of
from tests.simulator.times import log_time, short_log_time

_CAMPAIGNS = ("CD4WJJD", "CX7K2QP")

ERROR_MESSAGES = {
    "10": "Invalid Message",
    "20": "Network Error",
    "30": "Spam Detected",
    "40": "Invalid Source Number",
    "50": "Invalid Destination Number",
    "70": "Destination Permanently Unavailable",
    "80": "Destination Temporarily Unavailable",
    "100": "Prohibited by Carrier",
    "110": "Message Too Long",
    "200": "Source Number Blocked by STOP from Destination",
    "420": "Message Expired",
    "450": "Destination Country Barred",
    "900": "Insufficient Credit",
}


def campaign_of(message: Message) -> str | None:
    """The 10DLC campaign its US sender is registered for."""
    if message.direction == "inbound" or message.manners.legacy or message.route is None:
        return None
    if message.route.country != "US" or not message.src.isdigit():
        return None
    return _CAMPAIGNS[crc32(message.src.encode()) % len(_CAMPAIGNS)]


def log_row(
    message: Message,
    part: Part,
    state: LogState,
    zone: tzinfo,
    *,
    with_mcc: bool,
    with_parent: bool,
) -> dict[str, Any]:
    """The row as it reads while `state` holds."""
    row = _oldest_fields(message, part, state, zone)
    if message.manners.legacy:
        if with_parent and part.plan.of > 1:
            row["parent_message_uuid"] = message.message_uuid
        return row
    if message.direction == "outbound":
        row |= _newer_fields(message, part, state)
        if with_mcc and message.route and state.word != "queued":
            row |= {"mcc": message.route.mcc, "mnc": message.route.mnc}
    return row


def _oldest_fields(message: Message, part: Part, state: LogState, zone: tzinfo) -> dict[str, Any]:
    """Those of plivo-python's list fixture."""
    redacted = message.manners.redacted_in_log
    sent_at: datetime | None = part.plan.sent_at
    if sent_at is not None and state.at < sent_at:
        sent_at = None
    return {
        "error_code": state.error_code,
        "error_message": ERROR_MESSAGES.get(state.error_code or "", ""),
        "from_number": message.src,
        "message_direction": message.direction,
        "message_sent_time": short_log_time(sent_at, zone) if sent_at else None,
        "message_state": state.word,
        "message_time": log_time(message.message_time, zone),
        "message_type": "sms",
        "message_updated_time": short_log_time(state.at, zone),
        "message_uuid": part.plan.message_uuid,
        "resource_uri": f"/v1/Account/{message.auth_id}/Message/{part.plan.message_uuid}/",
        "to_number": redact(message.dst) if redacted else message.dst,
        "total_amount": str(state.total_amount),
        "total_rate": str(_rate(message)),
        "units": part.plan.units,
    }


def _rate(message: Message) -> Decimal:
    # Inbound is free in the captures ("0").
    return message.route.price if message.route and message.direction == "outbound" else NOTHING


def _newer_fields(message: Message, part: Part, state: LogState) -> dict[str, Any]:
    country, sender = country_of(message.dst), country_of(message.src)
    fee_rate = message.route.carrier_fee if message.route else NOTHING
    campaign = campaign_of(message)
    fields: dict[str, Any] = {
        "carrier_fees": str(state.carrier_fees),
        "carrier_fees_rate": str(fee_rate),
        "destination_country_iso2": country.iso2 if country else "",
        "destination_network": message.route.carrier if message.route else "",
        "is_domestic": bool(country and sender and country is sender),
        "log": message.order.log,
        "powerpack_id": message.order.powerpack,
        "replaced_sender": "",
        "requester_ip": message.order.requester_ip,
    }
    if campaign is not None:
        fields |= {"tendlc_campaign_id": campaign, "tendlc_registration_status": "registered"}
    return fields
