"""Pure: what becomes of a part on its route, and when, if nothing goes wrong at Plivo."""

import math
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from random import Random

from tests.simulator.messages import Fate, LogState
from tests.simulator.routes import FAILURE_CODES, Route
from tests.simulator.times import seconds

NOTHING = Decimal("0.00000")
# Plivo gives up on a message that is still queued after three hours (error 420).
EXPIRY_SECONDS = 10_800
_LONGEST_RECEIPT_SECONDS = 20 * 3600


@dataclass(frozen=True)
class Outcome:
    """How it ends: a final word, or None for a part that never gets a receipt."""

    word: str | None
    error_code: str | None = None


@dataclass(frozen=True)
class Price:
    """What a part costs once it is handed over."""

    amount: Decimal
    fees: Decimal


@dataclass(frozen=True)
class Step:
    """A change of state; `final` is also true of the first of two final words."""

    word: str
    at: datetime
    error_code: str | None = None
    final: bool = False
    known_to_log: bool = True


@dataclass
class Life:
    """The steps of a part in the order they happened, what the log says, what is true."""

    steps: list[Step]
    log: list[LogState]
    fates: list[Fate]
    faults: list[str]

    @property
    def queued_at(self) -> datetime:
        """The first step is always this one."""
        return self.steps[0].at

    @property
    def sent_at(self) -> datetime | None:
        """None when it never reached a carrier."""
        return next((step.at for step in self.steps if step.word == "sent"), None)

    @property
    def receipted(self) -> bool:
        """Whether a carrier's receipt came last."""
        return self.steps[-1].word in ("delivered", "undelivered")


def draw_outcome(chance: Random, route: Route | None, *, legacy: bool, too_long: bool) -> Outcome:
    """What the route tends to do; a number of no known country is barred."""
    if route is None or too_long:
        return Outcome("failed", "450" if route is None else "110")
    if chance.random() < route.failed_rate:
        # `rejected` is in the old documentation only: regulations, says the carrier.
        if legacy and chance.random() < 0.25:
            return Outcome("rejected", "100")
        codes, weights = zip(*FAILURE_CODES, strict=True)
        return Outcome("failed", chance.choices(codes, weights)[0])
    if chance.random() < route.no_receipt_rate:
        return Outcome(None)
    if chance.random() < route.undelivered_rate:
        told, often = zip(*route.undelivered_codes, strict=True)
        return Outcome("undelivered", chance.choices(told, often)[0])
    return Outcome("delivered")


def course(chance: Random, at: datetime, outcome: Outcome, route: Route | None) -> list[Step]:
    """queued, sent, a final word; or queued, failed."""
    queued_at = at + seconds(chance.uniform(0.0005, 0.005))
    steps = [Step("queued", queued_at)]
    if outcome.word in ("failed", "rejected") or route is None:
        expired = outcome.error_code == "420"
        wait = EXPIRY_SECONDS if expired else _log_normal(chance, 0.8, 0.8)
        end = Step(
            outcome.word or "failed", queued_at + seconds(wait), outcome.error_code, final=True
        )
        return [*steps, end]
    sent_at = queued_at + seconds(_log_normal(chance, route.handover_median, 0.7))
    steps.append(Step("sent", sent_at))
    if outcome.word is not None:
        wait = _log_normal(chance, route.receipt_median, route.receipt_spread)
        final_at = sent_at + seconds(min(max(wait, 1.0), _LONGEST_RECEIPT_SECONDS))
        steps.append(Step(outcome.word, final_at, outcome.error_code, final=True))
    return steps


def life_of(chance: Random, steps: list[Step], price: Price) -> Life:
    """The log follows each step within milliseconds."""
    return Life(
        steps=steps,
        log=[_log_state(chance, step, price) for step in steps if step.known_to_log],
        fates=[Fate(step.at, step.word, step.error_code) for step in steps if step.final],
        faults=[],
    )


def _log_state(chance: Random, step: Step, price: Price) -> LogState:
    # Charged from the hand-over on: sent, delivered and undelivered, never failed.
    free = step.word in ("queued", "failed", "rejected")
    return LogState(
        step.at + seconds(chance.uniform(0.001, 0.03)),
        step.word,
        "000" if step.word == "delivered" else step.error_code,
        NOTHING if free else price.amount,
        NOTHING if free else price.fees,
    )


def _log_normal(chance: Random, median: float, spread: float) -> float:
    return chance.lognormvariate(math.log(median), spread)
