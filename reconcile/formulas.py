"""[pure] From counts to rates: how each rate divides, its interval, money.

Letters: N submitted · F failed · Q queued · H handed over (N - F - Q) · D delivered ·
U undelivered · X unconfirmed (no receipt within the horizon) · O open · R those of X and O that
went to the US and Canada. H = D + U + X + O.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal

Counts = Mapping[str, int]

_Z = 1.959963984540054  # the normal quantile of a 95 % interval
_FIVE_PLACES = Decimal("0.00001")
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True)
class Formula:
    """A rate in letters, whose practice it is, and what it hides."""

    name: str
    numerator: str
    denominator: str
    used_by: str
    hides: str

    def __str__(self) -> str:
        def side(letters: str) -> str:
            return f"({letters})" if " " in letters else letters

        return f"{side(self.numerator)} / {side(self.denominator)}"


@dataclass(frozen=True, slots=True)
class Rate:
    """A share with what it was made of. No denominator, no rate: then all three are None."""

    numerator: int
    denominator: int
    value: float | None
    low: float | None
    high: float | None


COLUMN_RATES = {
    "confirmed_rate": ("D", "D + U"),
    "receipt_coverage": ("D + U", "H"),
    "strict_rate": ("D", "H"),
    "lenient_rate": ("D + X", "H"),
    "acceptance_rate": ("H", "N"),
}

HEADLINES = {
    formula.name: formula
    for formula in (
        Formula("confirmed", "D", "D + U", "share of known fates",
                "how many fates are unknown; read it with receipt coverage"),
        Formula("strict", "D", "H", "CM.com's delivery dashboard",
                "nothing, but punishes routes that give no receipts"),
        Formula("lenient", "D + X", "H", "no receipt taken for success", "silent loss"),
        Formula("cm", "D", "H", "CM.com: delivered / submitted",
                "nothing, but punishes routes that give no receipts"),
        Formula("plivo-us", "D + R", "H",
                "Plivo support: in the US and Canada read sent and delivered as delivered",
                "everything after the hand-over in the US and Canada"),
        Formula("vonage", "D", "H", "Vonage: read as change per network, beside receipt coverage",
                "the absolute level"),
        Formula("notify", "D", "D + U + F + X",
                "GOV.UK Notify: no receipt after 72 h is a temporary failure",
                "countries that give no receipts"),
        Formula("aws", "D", "D + U + X", "AWS: unknown after 72 h is an outcome of its own",
                "messages that failed before the hand-over"),
    )
}  # fmt: skip


def rate(numerator: str, denominator: str, weighted: Counts, messages: Counts) -> Rate:
    """The rate of the weighted counts; its Wilson 95 % interval rests on messages.

    The parts of one message share its fate, so weighing by units does not narrow the interval.
    """
    above, below = _sum(numerator, weighted), _sum(denominator, weighted)
    if below == 0:
        return Rate(above, below, None, None, None)
    value = above / below
    low, high = wilson(value, _sum(denominator, messages))
    return Rate(above, below, value, low, high)


def wilson(share: float, trials: int) -> tuple[float, float]:
    """Wilson's 95 % score interval for a share seen in this many trials."""
    square = _Z * _Z
    centre = (share + square / (2 * trials)) / (1 + square / trials)
    margin = (
        _Z / (1 + square / trials)
        * math.sqrt(share * (1 - share) / trials + square / (4 * trials * trials))
    )  # fmt: skip
    # At 0 and 1 the bound is exact; rounding must not push it past the share.
    return min(max(centre - margin, 0.0), share), max(min(centre + margin, 1.0), share)


def apart(one: Rate, other: Rate) -> bool:
    """Whether the two intervals do not touch: then the rates differ by more than chance."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def quotient(amount: Decimal | None, by: int) -> Decimal | None:
    """Money divided, to five places, half even. None where there is nothing to divide by."""
    if amount is None or by == 0:
        return None
    return _EXACT.divide(amount, Decimal(by)).quantize(_FIVE_PLACES, context=_EXACT)


def _sum(letters: str, counts: Counts) -> int:
    return sum(counts[letter] for letter in letters.split(" + "))
