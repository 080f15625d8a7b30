"""Pure: believable orders from a seed: a day's rhythm, many countries, long texts, tags."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from tests.simulator.messages import Order
from tests.simulator.routes import COUNTRIES, Country

# How busy each hour of the day is, UTC; nights are quiet, evenings are not.
_RHYTHM = (3, 2, 2, 2, 3, 5, 8, 12, 16, 18, 18, 17, 17, 18, 19, 19, 18, 17, 16, 14, 11, 8, 6, 4)
_TAGS = ("otp", "reminder", "promo", "receipt")
_TAG_WEIGHTS = (45, 25, 15, 15)
_POWERPACK = str(UUID(int=0x1D5F3DD8B2074738B59F3C2AC7D3461C))

_SHORT = (
    "{code} is your verification code. It expires in 10 minutes.",
    "Your table is booked for tonight at {hour}:30. Reply STOP to opt out.",
    "Your parcel {code} arrives today between {hour}:00 and {hour}:59.",
    "Payment of {hour}.95 received, thank you. Reference {code}.",
)
_LONG = (
    "Dear customer, your order {code} has left our warehouse and will be with you soon. "
    "You can follow it in our app, change the day of delivery until midnight, or choose a "
    "neighbour who takes it in. Questions? Call us any day until {hour}:00.{more}"
)
_UNICODE = (
    "आपका कोड {code} है। इसे किसी के साथ साझा न करें।",
    "Your order {code} is on its way 🚚",
    "Ihr Code lautet {code}, bitte niemandem zeigen ✅",
)
_REPLIES = ("Thanks!", "STOP", "Yes", "When will it arrive?", "START", "Danke schön", "HELP", "👍")


def orders(
    seed: int,
    messages: int,
    start: datetime,
    end: datetime,
    *,
    countries: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    powerpack_rate: float = 0.1,
    long_rate: float = 0.08,
    unicode_rate: float = 0.08,
) -> Iterator[Order]:
    """Exactly so many orders between start and end, oldest first; `countries` by ISO2."""
    chance = Random(f"{seed}/orders")
    chosen = [c for c in COUNTRIES if countries is None or c.iso2 in countries]
    weights = [country.weight for country in chosen]
    for at in _moments(chance, messages, start, end):
        country = chance.choices(chosen, weights)[0]
        by_powerpack = chance.random() < powerpack_rate
        yield Order(
            at=at,
            dst=phone_number(chance, country),
            src=None if by_powerpack else chance.choice(country.senders),
            powerpack=_POWERPACK if by_powerpack else None,
            text=_text(chance, long_rate, unicode_rate),
            tag=_tag(chance, tags),
        )


def replies(seed: int, messages: int, start: datetime, end: datetime) -> Iterator[Order]:
    """Inbound messages, oldest first: `src` is a phone, `dst` one of our numbers."""
    chance = Random(f"{seed}/replies")
    reachable = [c for c in COUNTRIES if any(sender.isdigit() for sender in c.senders)]
    for at in _moments(chance, messages, start, end):
        country = chance.choice(reachable)
        ours = next(sender for sender in country.senders if sender.isdigit())
        text = chance.choice(_REPLIES)
        yield Order(at=at, src=phone_number(chance, country), dst=ours, text=text)


def phone_number(chance: Random, country: Country) -> str:
    """A mobile number of the right shape, digits only."""
    digits = (str(chance.randrange(10)) for _ in range(country.digits_after - 1))
    return chance.choice(country.mobile_prefixes) + str(chance.randrange(2, 10)) + "".join(digits)


def _moments(chance: Random, count: int, start: datetime, end: datetime) -> list[datetime]:
    """Sorted, denser where the day is busy."""
    step = min(timedelta(hours=1), end - start)
    if step <= timedelta(0):
        raise ValueError("end is not after start")
    bins = [start + step * number for number in range(-(-(end - start) // step))]
    busy = [_RHYTHM[at.hour] for at in bins]
    # The last bin may reach beyond the end.
    return sorted(
        min(at + step * chance.random(), end - timedelta(microseconds=1))
        for at in chance.choices(bins, busy, k=count)
    )


def _tag(chance: Random, tags: Sequence[str] | None) -> str | None:
    if tags is None:
        return chance.choices(_TAGS, _TAG_WEIGHTS)[0]
    return chance.choice(tags) if tags else None


def _text(chance: Random, long_rate: float, unicode_rate: float) -> str:
    kind = chance.random()
    filled = {"code": chance.randrange(100_000, 1_000_000), "hour": chance.randrange(10, 22)}
    if kind < long_rate:
        more = " Thank you for shopping with us." * chance.randrange(0, 6)
        return _LONG.format(**filled, more=more)
    if kind < long_rate + unicode_rate:
        return chance.choice(_UNICODE).format(**filled)
    return chance.choice(_SHORT).format(**filled)
