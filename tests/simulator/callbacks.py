"""Pure: what Plivo posts: the parameters of a delivery report or of an inbound message."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from tests.simulator.messages import Message, Part, PlannedReport, Report
from tests.simulator.settings import Account, Signatures
from tests.simulator.signing import Pairs, make_nonce, signature_headers
from tests.simulator.times import callback_time


@dataclass(frozen=True, slots=True)
class Callback:
    """One request to a receiver; `payload` is a POST's body or what a GET adds to the query."""

    url: str
    method: str
    headers: Mapping[str, str]
    payload: str


def full_url(url: str, query: str) -> str:
    """The URL with a query added to its own."""
    return f"{url}{'&' if '?' in url else '?'}{query}"


def report_parameters(message: Message, part: Part, report: PlannedReport) -> Pairs:
    """Of a status: only what is known by then (a captured `queued` one has no MCC, no Type)."""
    pairs = {
        "From": message.src,
        "To": redact(message.dst) if message.manners.redacted_in_reports else message.dst,
        "MessageUUID": part.plan.message_uuid,
        "ParentMessageUUID": message.message_uuid,
        "PartInfo": _part_info(message, part),
        "Status": report.word,
        "Units": str(part.plan.units),
        "TotalRate": _money(message, report.total_rate),
        "TotalAmount": _money(message, report.total_amount),
    }
    if report.knows_carrier and message.route:
        pairs |= {"MCC": message.route.mcc, "MNC": message.route.mnc}
    if report.word in ("failed", "rejected", "undelivered"):
        pairs["ErrorCode"] = report.error_code or ""
    elif report.word == "delivered" and message.manners.no_error is not None:
        pairs["ErrorCode"] = message.manners.no_error
    if not message.manners.of_2017:
        pairs |= _newer_parameters(message, part, report)
    return sorted(pairs.items())


def inbound_parameters(message: Message, part: Part) -> Pairs:
    """Of a message that a phone sent to one of our numbers."""
    pairs = {
        "From": message.src,
        "To": message.dst,
        "MessageUUID": part.plan.message_uuid,
        "Text": message.order.text,
        "Type": "sms",
        "Units": str(message.units),
        "TotalRate": "0",
        "TotalAmount": "0",
        "MessageIntent": _intent(message.order.text),
        "PowerpackUUID": "",
    }
    return sorted(pairs.items())


def callback_of(
    message: Message, part: Part, report: Report, account: Account, signatures: Signatures
) -> Callback:
    """The signed request of this report's next post."""
    assert message.url is not None
    if message.direction == "inbound":
        pairs = inbound_parameters(message, part)
    else:
        pairs = report_parameters(message, part, report.plan)
    nonce = make_nonce(part.plan.message_uuid, report.plan.sequence, len(report.answers))
    headers = signature_headers(
        method=message.method,
        url=message.url,
        pairs=pairs,
        nonce=nonce,
        token=account.token_of(message.auth_id) or "",
        main_token=account.main.auth_token,
        families=signatures,
    )
    if message.method == "POST":
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return Callback(message.url, message.method, headers, urlencode(pairs))


def redact(number: str) -> str:
    """As with log=false: the last three digits are hidden."""
    return number[:-3] + "***"


def _newer_parameters(message: Message, part: Part, report: PlannedReport) -> dict[str, str]:
    pairs = {
        "MessageTime": callback_time(message.message_time),
        "QueuedTime": callback_time(part.plan.queued_at),
        "PowerpackUUID": message.order.powerpack or "",
    }
    if not message.manners.without_sequence:
        pairs["Sequence"] = str(report.sequence)
    if report.word != "queued":
        pairs |= {"Type": "sms", "requester_ip": message.order.requester_ip}
    if part.plan.sent_at is not None and part.plan.sent_at <= report.generated_at:
        pairs["SentTime"] = callback_time(part.plan.sent_at)
    if report.receipt_at is not None:
        pairs["DeliveryReportTime"] = callback_time(report.receipt_at)
    return pairs


def _part_info(message: Message, part: Part) -> str:
    if message.manners.legacy:
        return f"{part.plan.number} of {part.plan.of}"
    if message.manners.part_info == "empty":
        return ""
    return f"1 of {message.units}" if message.manners.part_info == "units" else "1 of 1"


def _money(message: Message, amount: Decimal) -> str:
    # Four places in the captures of 2017, five in those of 2021.
    return str(amount.quantize(Decimal("0.0001"))) if message.manners.of_2017 else str(amount)


def _intent(text: str) -> str:
    word = text.strip().upper()
    if word in ("STOP", "END", "QUIT", "CANCEL", "UNSUBSCRIBE", "UNSUB", "STOP ALL"):
        return "optout"
    if word in ("START", "UNSTOP"):
        return "optin"
    return "help" if word == "HELP" else ""
