"""Pure: a message's whole plan from (seed, its place in the order of sending, what was asked)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random

from tests.simulator.faults import Faults
from tests.simulator.lives import NOTHING, Life, Outcome, Price, Step, course, draw_outcome, life_of
from tests.simulator.messages import Manners, Order, PartPlan, PlannedReport, WrittenPartInfo
from tests.simulator.mishaps import bend_course, part_ways, shuffle_posts
from tests.simulator.routes import Route
from tests.simulator.settings import Settings
from tests.simulator.times import seconds
from tests.simulator.units import too_long, units_of
from tests.simulator.uuids import random_uuid, time_uuid

# How often a further part of a message shares the first one's fate.
_SHARED_FATE = 0.9
_PART_INFOS: tuple[WrittenPartInfo, ...] = ("one", "empty", "units")


@dataclass(frozen=True)
class MessagePlan:
    """What `plan_message` decides."""

    message_time: datetime
    units: int
    manners: Manners
    parts: tuple[PartPlan, ...]


@dataclass(frozen=True)
class _Planner:
    """A part's two streams of chance: switching a fault on draws no other outcome."""

    chance: Random
    mishaps: Random
    faults: Faults
    manners: Manners
    route: Route | None


def plan_message(
    order: Order, at: datetime, route: Route | None, index: int, settings: Settings
) -> MessagePlan:
    """The same arguments always give the same plan."""
    chance = Random(f"{settings.seed}/{index}")
    mishaps = Random(f"{settings.seed}/{index}/mishaps")
    manners = _manners(chance, mishaps, order, settings)
    if manners.legacy:
        # The oldest rows have whole seconds.
        at = at.replace(microsecond=0)
    units = units_of(order.text)
    count, each = (units, 1) if manners.legacy else (1, units)
    outcomes = list(_outcomes(chance, order, route, count, legacy=manners.legacy))
    parts = []
    for number, outcome in enumerate(outcomes, start=1):
        planner = _Planner(
            Random(f"{settings.seed}/{index}/{number}"), mishaps, settings.faults, manners, route
        )
        parts.append(_plan_part(planner, at, outcome, place=(number, count), units=each))
    return MessagePlan(at, units, manners, tuple(parts))


def _manners(chance: Random, mishaps: Random, order: Order, settings: Settings) -> Manners:
    legacy = chance.random() < settings.legacy_rate
    of_2017 = chance.random() < settings.callbacks_2017_rate
    part_info = chance.choice(_PART_INFOS)
    no_error = chance.choice((None, "", "000"))
    redacted, where = mishaps.random(), mishaps.random()
    without_sequence = mishaps.random() < settings.faults.no_sequence
    asked = order.log in {"false", "content_only"}
    hit = redacted < settings.faults.redacted
    return Manners(
        legacy=legacy,
        of_2017=of_2017,
        without_sequence=without_sequence,
        part_info=part_info if settings.part_info == "mixed" else settings.part_info,
        no_error="" if of_2017 else no_error,
        redacted_in_reports=asked or (hit and where < 0.7),
        redacted_in_log=asked or (hit and where > 0.4),
    )


def _outcomes(
    chance: Random, order: Order, route: Route | None, count: int, *, legacy: bool
) -> Iterator[Outcome]:
    """The parts of a message mostly share its fate, but not always."""
    long = too_long(order.text)
    first = draw_outcome(chance, route, legacy=legacy, too_long=long)
    yield first
    for _ in range(count - 1):
        if chance.random() < _SHARED_FATE:
            yield first
        else:
            yield draw_outcome(chance, route, legacy=legacy, too_long=long)


def _plan_part(
    planner: _Planner, at: datetime, outcome: Outcome, *, place: tuple[int, int], units: int
) -> PartPlan:
    chance, mishaps, route = planner.chance, planner.mishaps, planner.route
    rate, fee = (route.price, route.carrier_fee) if route else (NOTHING, NOTHING)
    message_uuid = _uuid(chance, at)
    steps, suffered = bend_course(mishaps, course(chance, at, outcome, route), planner.faults)
    life = life_of(chance, steps, Price(rate * units, fee * units))
    life.faults.extend(suffered)
    part_ways(mishaps, life, planner.faults, clocked=not planner.manners.of_2017)
    visible_at = at
    late_row, delay = mishaps.random(), mishaps.uniform(60, 900)
    if late_row < planner.faults.late_row:
        life.faults.append("late_row")
        visible_at = at + seconds(delay)
    return PartPlan(
        message_uuid=message_uuid,
        number=place[0],
        of=place[1],
        units=units,
        queued_at=life.queued_at,
        sent_at=life.sent_at,
        fates=tuple(life.fates),
        reports=tuple(_plan_reports(planner, life, rate, units)),
        log=tuple(life.log),
        visible_at=visible_at,
        faults=tuple(life.faults),
    )


def _uuid(chance: Random, at: datetime) -> str:
    """Both versions occur; the captured version 1 was made 24 microseconds before MessageTime."""
    if chance.random() < 0.3:
        return random_uuid(chance)
    return time_uuid(at - timedelta(microseconds=24), chance)


def _plan_reports(
    planner: _Planner, life: Life, rate: Decimal, units: int
) -> Iterator[PlannedReport]:
    mishaps, faults = planner.mishaps, planner.faults
    times, suffered = shuffle_posts(mishaps, faults, _undisturbed(planner.chance, life.steps))
    for number, step in enumerate(life.steps):
        lost, doubled = mishaps.random() < faults.lost, mishaps.random() < faults.doubled
        copy_after = seconds(mishaps.uniform(1, 300))
        if lost:
            suffered[number] = ["lost"]
        elif doubled:
            suffered[number].append("doubled")
        free = life.sent_at is None or step.at < life.sent_at
        yield PlannedReport(
            sequence=number + 1,
            word=step.word,
            error_code=step.error_code,
            generated_at=step.at,
            receipt_at=_receipt_at(step),
            total_rate=NOTHING if step.word == "queued" else rate,
            total_amount=NOTHING if free else rate * units,
            knows_carrier=step.word != "queued",
            post_at=None if lost else times[number],
            copy_after=copy_after if doubled and not lost else None,
            faults=tuple(suffered[number]),
        )


def _receipt_at(step: Step) -> datetime | None:
    # A part that failed inside Plivo has no carrier's receipt, so no DeliveryReportTime.
    return step.at if step.word in {"delivered", "undelivered", "rejected"} else None


def _undisturbed(chance: Random, steps: list[Step]) -> list[datetime]:
    """A moment after each was generated, in order."""
    times: list[datetime] = []
    for step in steps:
        at = step.at + seconds(chance.uniform(0.02, 0.5))
        if times and at <= times[-1]:
            at = times[-1] + seconds(0.01)
        times.append(at)
    return times
