"""Messages from phones: posted to an Application's message_url, judged by its answer."""

from datetime import datetime
from random import Random

from tests.simulator.lives import NOTHING
from tests.simulator.messages import (
    LogState,
    Manners,
    Message,
    Order,
    Part,
    PartPlan,
    PlannedReport,
    Report,
)
from tests.simulator.routes import route_of
from tests.simulator.settings import Settings
from tests.simulator.times import seconds
from tests.simulator.units import units_of
from tests.simulator.uuids import time_uuid

_PLAIN = Manners(
    legacy=False,
    of_2017=False,
    without_sequence=False,
    part_info="one",
    no_error=None,
    redacted_in_reports=False,
    redacted_in_log=False,
)


def arrive(
    order: Order, *, at: datetime, index: int, settings: Settings, url: str | None, method: str
) -> Message:
    """The message as received; Plivo has joined its parts, so that it is always one."""
    chance = Random(f"{settings.seed}/{index}")
    units = units_of(order.text)
    plan = PartPlan(
        message_uuid=time_uuid(at, chance),
        number=1,
        of=1,
        units=units,
        queued_at=at,
        sent_at=None,
        fates=(),
        reports=(_plan_post(at, chance, settings),),
        log=(),
        visible_at=at,
        faults=(),
    )
    received = LogState(at, "received", None, NOTHING, NOTHING)
    return Message(
        index=index,
        direction="inbound",
        order=order,
        auth_id=order.subaccount or settings.account.main.auth_id,
        message_time=at,
        src=(order.src or "").lstrip("+"),
        dst=order.dst.lstrip("+"),
        route=route_of((order.src or "").lstrip("+")),
        units=units,
        manners=_PLAIN,
        url=url,
        method=method,
        tag=order.tag,
        parts=[Part(plan, [received], [Report(report) for report in plan.reports])],
    )


def judge(part: Part, at: datetime, *, ok: bool, given_up: bool) -> None:
    """`delivered` and `undelivered` of an inbound message say how the receiver behaved."""
    if part.log[-1].word == "delivered" or not (ok or given_up):
        return
    word, code = ("delivered", "000") if ok else ("undelivered", None)
    part.log.append(LogState(at + seconds(0.05), word, code, NOTHING, NOTHING))


def _plan_post(at: datetime, chance: Random, settings: Settings) -> PlannedReport:
    lost = chance.random() < settings.faults.lost
    doubled = chance.random() < settings.faults.doubled
    return PlannedReport(
        sequence=1,
        word="received",
        error_code=None,
        generated_at=at,
        receipt_at=None,
        total_rate=NOTHING,
        total_amount=NOTHING,
        knows_carrier=False,
        post_at=None if lost else at + seconds(chance.uniform(0.02, 0.5)),
        copy_after=seconds(chance.uniform(1, 300)) if doubled and not lost else None,
        faults=("lost",) if lost else ("doubled",) if doubled else (),
    )
