"""[pure] Slots: where a message goes and what tends to become of it there, each as likely."""

from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Self

import numpy as np

from tests.bench.drawn_parts import Array
from tests.simulator.routes import COUNTRIES, FAILURE_CODES, ROUTES, Country, Route

_FOR_WEIGHT = 60  # so many that senders, prefixes and codes come out mixed


@dataclass(frozen=True, slots=True)
class _Slot:
    route: int  # its place in ROUTES
    prefix: int
    digits: int
    sender: str
    undelivered_code: str
    failure_code: str
    tells_sent: bool


class Slots:
    """As many to a country and carrier as they have traffic; one column an array."""

    def __init__(self, slots: list[_Slot]) -> None:
        self.count = len(slots)
        self.senders = [slot.sender for slot in slots]
        self.undelivered_codes = [slot.undelivered_code for slot in slots]
        self.failure_codes = [slot.failure_code for slot in slots]
        self.route = np.array([slot.route for slot in slots], "i2")
        self.room = np.array([10**slot.digits for slot in slots], "i8")  # numbers of a prefix
        self.first_number = np.array([slot.prefix * 10**slot.digits for slot in slots], "i8")
        self.tells_sent = np.array([slot.tells_sent for slot in slots])
        self.price = self._of_route([_hundred_thousandths(route.price) for route in ROUTES])
        self.failed_rate = self._of_route([route.failed_rate for route in ROUTES])
        self.no_receipt_rate = self._of_route([route.no_receipt_rate for route in ROUTES])
        self.undelivered_rate = self._of_route([route.undelivered_rate for route in ROUTES])
        self.handover_median = self._of_route([route.handover_median for route in ROUTES])
        self.receipt_median = self._of_route([route.receipt_median for route in ROUTES])
        self.receipt_spread = self._of_route([route.receipt_spread for route in ROUTES])

    def _of_route(self, values: list[int] | list[float]) -> Array:
        of_slot: Array = np.array(values)[self.route]
        return of_slot

    @classmethod
    def of_all_routes(cls) -> Self:
        chance = Random(0)
        slots: list[_Slot] = []
        for country in COUNTRIES:
            carriers = [route for route in ROUTES if route.country == country.iso2]
            slots += [
                _slot(country, carriers[place % len(carriers)], chance)
                for place in range(_FOR_WEIGHT * country.weight)
            ]
        return cls(slots)


def _slot(country: Country, route: Route, chance: Random) -> _Slot:
    codes, often = zip(*route.undelivered_codes, strict=True)
    failures, how_often = zip(*FAILURE_CODES, strict=True)
    return _Slot(
        route=ROUTES.index(route),
        prefix=int(chance.choice(country.mobile_prefixes)),
        digits=country.digits_after,
        sender=chance.choice(country.senders),
        undelivered_code=chance.choices(codes, often)[0] or "",
        failure_code=chance.choices(failures, how_often)[0],
        tells_sent=chance.random() < 0.25,
    )


def _hundred_thousandths(amount: Decimal) -> int:
    return int(amount * 100_000)
