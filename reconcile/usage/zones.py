"""[pure] Whether the file's days are those of another time zone, by the numbers alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

# Every offset that people live by, in the zone that most of them know; then the bare offsets.
CANDIDATES = (
    "UTC", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles",
    "Europe/London", "Europe/Berlin", "Europe/Athens", "Asia/Kolkata", "Asia/Singapore",
    "Asia/Tokyo", "Australia/Sydney", "America/Phoenix", "America/Anchorage", "Pacific/Honolulu",
    "America/Halifax", "America/St_Johns", "America/Sao_Paulo", "Europe/Istanbul", "Asia/Jerusalem",
    "Asia/Tehran", "Asia/Dubai", "Asia/Kabul", "Asia/Karachi", "Asia/Kathmandu", "Asia/Dhaka",
    "Asia/Yangon", "Asia/Bangkok", "Australia/Brisbane", "Australia/Adelaide", "Australia/Darwin",
    "Pacific/Auckland", "Pacific/Marquesas",
    *(f"Etc/GMT+{hours}" for hours in range(1, 13)),
    *(f"Etc/GMT-{hours}" for hours in range(1, 15)),
)  # fmt: skip
_ENOUGH = 2  # one number that fits may be chance

Slot = tuple[date, int | None]
"""A day of the file, or an hour of it where the file has hours."""

Profile = Mapping[Slot, int]


@dataclass(frozen=True, slots=True)
class OtherZone:
    """In each of these zones the days have the file's numbers, in the asked one they have not."""

    names: tuple[str, ...]
    days: frozenset[date]


def other_zone(
    theirs: Profile,
    by_zone: Mapping[str, Profile],
    asked: str,
    wholly_read: Callable[[date, str], bool],
) -> OtherZone | None:
    """The zones in which all days agree, else those in which all wholly read days do.

    At least two numbers must differ in the asked zone: of a single one it cannot be told.
    """
    days = {day for day, _ in theirs}
    for only_read in (False, True):
        found: dict[str, frozenset[date]] = {}
        for zone, ours in by_zone.items():
            judged = {day for day in days if not only_read or wholly_read(day, zone)}
            differing = _differing(theirs, by_zone[asked], judged)
            if len(differing) >= _ENOUGH and not _differing(theirs, ours, judged):
                found[zone] = frozenset(day for day, _ in differing)
        if found:
            return OtherZone(tuple(found), next(iter(found.values())))
    return None


def _differing(theirs: Profile, ours: Profile, days: set[date]) -> set[Slot]:
    slots = {slot for slot in (*theirs, *ours) if slot[0] in days}
    return {slot for slot in slots if theirs.get(slot, 0) != ours.get(slot, 0)}
