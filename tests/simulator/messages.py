"""The records of this world: what was ordered, what was planned for it, what has come of it."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

from tests.simulator.routes import Route

Direction = Literal["outbound", "inbound"]
WrittenPartInfo = Literal["one", "empty", "units"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What somebody asks to be sent; `at` None means now, `tag` goes into the callback URL."""

    dst: str
    text: str
    src: str | None = None
    powerpack: str | None = None
    at: datetime | None = None
    tag: str | None = None
    log: str = "true"
    subaccount: str | None = None
    requester_ip: str = "203.0.113.7"


@dataclass(frozen=True, slots=True)
class Fate:
    """From this moment on the phone has it, or never will."""

    at: datetime
    word: str
    error_code: str | None


@dataclass(frozen=True, slots=True)
class LogState:
    """What the log says of a part from `at` on; `at` is its message_updated_time."""

    at: datetime
    word: str
    error_code: str | None
    total_amount: Decimal
    carrier_fees: Decimal


@dataclass(frozen=True, slots=True)
class PlannedReport:
    """One report of a part; `post_at` None means that it is never posted."""

    sequence: int
    word: str
    error_code: str | None
    generated_at: datetime
    receipt_at: datetime | None
    total_rate: Decimal
    total_amount: Decimal
    knows_carrier: bool
    post_at: datetime | None
    copy_after: timedelta | None
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartPlan:
    """Everything that will happen to one part, decided when it was sent."""

    message_uuid: str
    number: int
    of: int
    units: int
    queued_at: datetime
    sent_at: datetime | None
    fates: tuple[Fate, ...]
    reports: tuple[PlannedReport, ...]
    log: tuple[LogState, ...]
    visible_at: datetime
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Manners:
    """How Plivo speaks of a message: era, and what it leaves out of its reports."""

    legacy: bool
    of_2017: bool
    without_sequence: bool
    part_info: WrittenPartInfo
    no_error: str | None
    redacted_in_reports: bool
    redacted_in_log: bool


@dataclass(slots=True)
class Report:
    """A report's history: when it was posted, and the status each post got (0: no answer)."""

    plan: PlannedReport
    posted_at: list[datetime] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    copied: bool = False


@dataclass(slots=True)
class Part:
    """A part as it stands; an inbound one's log depends on how the receiver answers."""

    plan: PartPlan
    log: list[LogState]
    reports: list[Report]


def quiet_at(part: Part) -> datetime:
    """When the last planned thing has happened to it, posts left aside."""
    return max(
        part.plan.visible_at,
        *(state.at for state in part.log),
        *(fate.at for fate in part.plan.fates),
        *(report.generated_at for report in part.plan.reports),
    )


@dataclass(slots=True)
class Message:
    """What a person sent, all parts of it."""

    index: int
    direction: Direction
    order: Order
    auth_id: str
    message_time: datetime
    src: str
    dst: str
    route: Route | None
    units: int
    manners: Manners
    url: str | None
    method: str
    tag: str | None
    parts: list[Part]

    @property
    def message_uuid(self) -> str:
        """The root: the first part's."""
        return self.parts[0].plan.message_uuid
