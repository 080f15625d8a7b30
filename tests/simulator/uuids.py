"""Pure: message UUIDs, as Plivo makes them in both versions, from a given source of chance."""

from datetime import UTC, datetime
from random import Random
from uuid import UUID

_GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)
# The node of the captured UUIDs (…-0242ac110005) is a container's, its last bytes vary.
_NODE = 0x0242AC110000


def time_uuid(at: datetime, chance: Random) -> str:
    """Version 1: carries the moment it was made."""
    since = at - _GREGORIAN
    ticks = (since.days * 86_400 + since.seconds) * 10_000_000 + since.microseconds * 10
    ticks += chance.randrange(10)
    clock = chance.getrandbits(14)
    fields = (
        ticks & 0xFFFFFFFF,
        (ticks >> 32) & 0xFFFF,
        (ticks >> 48) & 0x0FFF | 0x1000,
        (clock >> 8) | 0x80,
        clock & 0xFF,
        _NODE | chance.getrandbits(16),
    )
    return str(UUID(fields=fields))


def random_uuid(chance: Random) -> str:
    """Version 4."""
    return str(UUID(int=chance.getrandbits(128), version=4))
