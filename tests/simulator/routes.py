"""Pure: where messages go, and what tends to become of them there."""

from dataclasses import dataclass
from decimal import Decimal
from zlib import crc32


@dataclass(frozen=True)
class Country:
    """A country of the world, with prefixes of its mobile numbers and digits that follow them."""

    iso2: str
    prefix: str
    mobile_prefixes: tuple[str, ...]
    digits_after: int
    senders: tuple[str, ...]
    weight: int


@dataclass(frozen=True)
class Route:
    """One carrier and its habits; rates are shares, medians are seconds, money is per unit."""

    country: str
    mcc: str
    mnc: str
    carrier: str
    failed_rate: float
    no_receipt_rate: float
    undelivered_rate: float
    undelivered_codes: tuple[tuple[str | None, int], ...]
    handover_median: float
    receipt_median: float
    receipt_spread: float
    price: Decimal
    carrier_fee: Decimal = Decimal("0.00000")


COUNTRIES = (
    Country(
        "US",
        "1",
        ("1212", "1415", "1713", "1305", "1206"),
        7,
        ("18445550100", "14155550101", "12125550102"),
        30,
    ),
    Country("GB", "44", ("44740", "44754", "44775", "44787"), 7, ("447418340001", "ACME"), 14),
    Country("IN", "91", ("9198", "9197", "9170", "9163"), 8, ("ACMEIN", "ACMOTP"), 18),
    Country("DE", "49", ("49151", "49152", "49176"), 8, ("491512000001", "ACME"), 10),
    Country("BR", "55", ("55119", "55219", "55319"), 8, ("28801",), 8),
    Country("NG", "234", ("234803", "234802", "234805"), 7, ("ACME",), 6),
    Country("FR", "33", ("3361", "3362", "3366", "3367"), 7, ("38001", "ACME"), 8),
    Country("ID", "62", ("62812", "62815", "62817"), 8, ("ACME",), 6),
)

# What a carrier says of a message it could not deliver; many say nothing (None).
_TELLING: tuple[tuple[str | None, int], ...] = (("70", 4), ("80", 6), ("30", 3), ("20", 2))
_TERSE: tuple[tuple[str | None, int], ...] = ((None, 8), ("80", 2), ("20", 1))
_STRICT: tuple[tuple[str | None, int], ...] = (("30", 8), ("70", 3), ("10", 2), ("160", 1))

# Before the carrier: wrong sender, wrong number, STOP, barred country, expired, no credit.
FAILURE_CODES: tuple[tuple[str, int], ...] = (
    ("50", 8), ("200", 6), ("40", 3), ("420", 2), ("450", 1), ("900", 1),
)  # fmt: skip

_FEE = Decimal("0.00300")

# MCC and MNC are the real ones of each carrier; rates, latencies and prices are inventions.
ROUTES = (
    Route("US", "311", "480", "Verizon", 0.020, 0.06, 0.030, _STRICT, 0.6, 3.0, 1.0,
          Decimal("0.00550"), Decimal("0.00310")),
    Route("US", "310", "410", "AT&T", 0.020, 0.04, 0.025, _STRICT, 0.6, 4.0, 1.1,
          Decimal("0.00550"), _FEE),
    Route("US", "310", "260", "T-Mobile", 0.015, 0.03, 0.040, _STRICT, 0.5, 3.0, 0.9,
          Decimal("0.00550"), _FEE),
    Route("GB", "234", "30", "EE", 0.010, 0.01, 0.030, _TELLING, 0.8, 5.0, 1.2,
          Decimal("0.04300")),
    Route("GB", "234", "10", "O2", 0.010, 0.01, 0.035, _TELLING, 0.8, 5.0, 1.2,
          Decimal("0.04300")),
    Route("GB", "234", "15", "Vodafone", 0.010, 0.02, 0.030, _TERSE, 0.9, 6.0, 1.3,
          Decimal("0.04300")),
    Route("IN", "404", "10", "Airtel", 0.030, 0.02, 0.070, _TELLING, 1.2, 7.0, 1.6,
          Decimal("0.00250")),
    Route("IN", "405", "857", "Jio", 0.030, 0.02, 0.050, _TERSE, 1.2, 5.0, 1.4,
          Decimal("0.00250")),
    Route("IN", "404", "20", "Vi India", 0.030, 0.05, 0.090, _TELLING, 1.5, 11.0, 1.8,
          Decimal("0.00250")),
    Route("DE", "262", "01", "Telekom", 0.010, 0.01, 0.020, _TELLING, 0.7, 4.0, 1.1,
          Decimal("0.09510")),
    Route("DE", "262", "02", "Vodafone", 0.010, 0.01, 0.025, _TELLING, 0.7, 4.0, 1.1,
          Decimal("0.09510")),
    Route("DE", "262", "03", "O2", 0.010, 0.02, 0.030, _TERSE, 0.8, 5.0, 1.2,
          Decimal("0.09510")),
    Route("BR", "724", "06", "Vivo", 0.020, 0.10, 0.050, _TELLING, 1.0, 8.0, 1.5,
          Decimal("0.02500")),
    Route("BR", "724", "05", "Claro", 0.020, 0.12, 0.060, _TERSE, 1.0, 9.0, 1.5,
          Decimal("0.02500")),
    Route("BR", "724", "02", "TIM", 0.020, 0.10, 0.055, _TELLING, 1.1, 9.0, 1.6,
          Decimal("0.02500")),
    Route("NG", "621", "30", "MTN", 0.040, 0.20, 0.120, _TERSE, 2.0, 20.0, 2.0,
          Decimal("0.16500")),
    Route("NG", "621", "20", "Airtel", 0.040, 0.25, 0.130, _TERSE, 2.0, 25.0, 2.0,
          Decimal("0.16500")),
    Route("FR", "208", "01", "Orange", 0.010, 0.01, 0.025, _TELLING, 0.7, 4.0, 1.1,
          Decimal("0.06800")),
    Route("FR", "208", "10", "SFR", 0.010, 0.01, 0.030, _TELLING, 0.8, 5.0, 1.2,
          Decimal("0.06800")),
    Route("FR", "208", "20", "Bouygues", 0.010, 0.02, 0.030, _TERSE, 0.8, 5.0, 1.2,
          Decimal("0.06800")),
    Route("ID", "510", "10", "Telkomsel", 0.030, 0.08, 0.080, _TELLING, 1.5, 12.0, 1.7,
          Decimal("0.38000")),
    Route("ID", "510", "01", "Indosat", 0.030, 0.10, 0.090, _TERSE, 1.5, 14.0, 1.8,
          Decimal("0.38000")),
    Route("ID", "510", "11", "XL", 0.030, 0.10, 0.085, _TELLING, 1.6, 13.0, 1.7,
          Decimal("0.38000")),
)  # fmt: skip

_BY_COUNTRY = {
    country.iso2: tuple(route for route in ROUTES if route.country == country.iso2)
    for country in COUNTRIES
}


def country_of(number: str) -> Country | None:
    """The country whose prefix the number has, None for one this world does not have."""
    return next((c for c in COUNTRIES if number.startswith(c.prefix)), None)


def route_of(number: str) -> Route | None:
    """The same number always has the same carrier: numbers are ported, so prefixes don't tell."""
    country = country_of(number)
    if country is None:
        return None
    carriers = _BY_COUNTRY[country.iso2]
    return carriers[crc32(number.encode()) % len(carriers)]
