"""Pure: what really happened, told by the one who made it happen; nothing of the future."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from tests.simulator.log_rows import campaign_of
from tests.simulator.message_log import log_state_at
from tests.simulator.messages import Message, Part, Report
from tests.simulator.times import iso, iso_or_none


@dataclass(frozen=True, slots=True)
class ReportTruth:
    """One generated report; times are ISO-8601 UTC; an answer of 0 is no answer."""

    sequence: int
    status: str
    error_code: str | None
    generated_at: str
    delivery_report_time: str | None
    total_amount: str
    posted_at: list[str]
    answers: list[int]
    acknowledged: int
    lost: bool
    faults: list[str]


@dataclass(frozen=True, slots=True)
class LogRowTruth:
    """What the log says now; `parent_message_uuid` and the like are for who reads the row."""

    state: str
    error_code: str | None
    total_amount: str
    carrier_fees: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class PartTruth:
    """What has become of a part; `fate` is the last true final word, None while there is none."""

    message_uuid: str
    part: int
    of: int
    units: int
    fate: str | None
    error_code: str | None
    queued_at: str | None
    sent_at: str | None
    final_at: str | None
    reports: list[ReportTruth]
    log_row: LogRowTruth | None
    faults: list[str]


@dataclass(frozen=True, slots=True)
class MessageTruth:
    """A message with its parts; `message_uuid` is the root; numbers are whole, never redacted."""

    message_uuid: str
    direction: str
    era: str
    account: str
    from_number: str
    to_number: str
    country: str | None
    mcc: str | None
    mnc: str | None
    carrier: str | None
    campaign: str | None
    powerpack_uuid: str | None
    tag: str | None
    url: str | None
    method: str
    text_length: int
    units: int
    price_per_unit: str | None
    message_time: str
    callbacks_of_2017: bool
    without_sequence: bool
    redacted_in_reports: bool
    redacted_in_log: bool
    parts: list[PartTruth]

    def as_json(self) -> dict[str, Any]:
        """Plain dicts, lists, strings, numbers and None."""
        return asdict(self)


def truth_of(message: Message, now: datetime) -> MessageTruth:
    """The message as of `now`."""
    route, manners = message.route, message.manners
    return MessageTruth(
        message_uuid=message.message_uuid,
        direction=message.direction,
        era="legacy" if manners.legacy else "today",
        account=message.auth_id,
        from_number=message.src,
        to_number=message.dst,
        country=route.country if route else None,
        mcc=route.mcc if route else None,
        mnc=route.mnc if route else None,
        carrier=route.carrier if route else None,
        campaign=campaign_of(message),
        powerpack_uuid=message.order.powerpack,
        tag=message.tag,
        url=message.url,
        method=message.method,
        text_length=len(message.order.text),
        units=message.units,
        price_per_unit=str(route.price) if route else None,
        message_time=iso(message.message_time),
        callbacks_of_2017=manners.of_2017,
        without_sequence=manners.without_sequence,
        redacted_in_reports=manners.redacted_in_reports,
        redacted_in_log=manners.redacted_in_log,
        parts=[_part_truth(message, part, now) for part in message.parts],
    )


def _part_truth(message: Message, part: Part, now: datetime) -> PartTruth:
    plan = part.plan
    fate = next((fate for fate in reversed(plan.fates) if fate.at <= now), None)
    state = log_state_at(part, now) if message.message_time <= now else None
    sent = plan.sent_at is not None and plan.sent_at <= now
    return PartTruth(
        message_uuid=plan.message_uuid,
        part=plan.number,
        of=plan.of,
        units=plan.units,
        fate=fate.word if fate else None,
        error_code=fate.error_code if fate else None,
        queued_at=iso_or_none(plan.queued_at if plan.queued_at <= now else None),
        sent_at=iso_or_none(plan.sent_at if sent else None),
        final_at=iso_or_none(fate.at if fate else None),
        reports=[
            _report_truth(report, of_2017=message.manners.of_2017)
            for report in part.reports
            if report.plan.generated_at <= now
        ],
        log_row=LogRowTruth(
            state.word,
            state.error_code,
            str(state.total_amount),
            str(state.carrier_fees),
            iso(state.at),
        )
        if state
        else None,
        faults=list(plan.faults),
    )


def _report_truth(report: Report, *, of_2017: bool) -> ReportTruth:
    plan = report.plan
    return ReportTruth(
        sequence=plan.sequence,
        status=plan.word,
        error_code=plan.error_code,
        generated_at=iso(plan.generated_at),
        delivery_report_time=None if of_2017 else iso_or_none(plan.receipt_at),
        total_amount=str(plan.total_amount),
        posted_at=[iso(at) for at in report.posted_at],
        answers=list(report.answers),
        acknowledged=report.answers.count(200),
        lost=plan.post_at is None,
        faults=list(plan.faults),
    )
