"""[pure] One row per part: what becomes of it, when, and when its reports arrive.

In the older era a long message is several parts, each with its own UUID, its reports have no
Sequence, and most routes report the end alone; today one UUID with so many units stands for all.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tests.bench.drawn_slots import Slots

Array: TypeAlias = npt.NDArray[Any]

NEVER = 1 << 62
STATES = ("queued", "sent", "delivered", "undelivered", "failed")  # by number, as in `word`
QUEUED, SENT, DELIVERED, UNDELIVERED, FAILED = range(5)
TAGS = (None, "otp", "news")

_UUID = np.dtype([("high", "u8"), ("low", "u8")])
PART = np.dtype([
    ("message", "i4"), ("part", "i1"), ("parts", "i1"), ("old", "?"), ("slot", "i2"),
    ("to_number", "i8"), ("tag", "i1"), ("units", "i1"), ("word", "i1"), ("message_time", "i8"),
    ("queued_at", "i8"), ("sent_at", "i8"), ("ended_at", "i8"), ("uuid", _UUID), ("root", _UUID),
], align=True)  # fmt: skip

_OLDER_ERA = 0.09
_SILENT = 0.01
_SHARES_FATE = 0.95  # the parts of a message mostly do
_LOST = 0.015  # of the reports, each by itself
_PHONE_OFF = 0.03  # for hours or days
_HOUR = 3_600_000_000
_GREGORIAN = 122_192_928_000_000_000  # 1970 in the tenths of microseconds of a UUID


@dataclass(frozen=True, slots=True)
class DrawnParts:
    """`message` of a part counts from 0 in these; the parts of one stand together."""

    parts: Array
    queued_arrived_at: Array
    sent_arrived_at: Array
    end_arrived_at: Array
    listed_at: Array  # when the pull that lists its hour comes to it


def draw_parts(
    chance: np.random.Generator, slots: "Slots", messages: int, begin: float, pace: float
) -> DrawnParts:
    """The parts of so many messages, one after the other in about `pace` microseconds."""
    number = np.arange(messages)
    message_time = _moment(begin + (number + chance.random(messages)) * pace)
    old = chance.random(messages) < _OLDER_ERA
    of_parts = np.where(old, 2 + chance.integers(5, size=messages), 1)
    slot = chance.integers(slots.count, size=messages)
    roll = chance.random((3, messages))
    units = 1 + (~old & (roll[0] >= 0.8)) + (~old & (roll[0] >= 0.95))
    tag = np.where(roll[1] < 0.4, 1, np.where(roll[1] < 0.6, 2, 0))
    to_number = slots.first_number[slot] + chance.integers(slots.room[slot])

    message = np.repeat(number, of_parts)
    first_part = np.repeat(np.cumsum(of_parts) - of_parts, of_parts)
    parts = np.empty(len(message), PART)
    parts["message"] = message
    parts["part"] = np.arange(len(message)) - first_part + 1
    for name, values in (("parts", of_parts), ("old", old), ("slot", slot), ("tag", tag),
                         ("to_number", to_number), ("units", units),
                         ("message_time", message_time)):  # fmt: skip
        parts[name] = values[message]
    parts["word"] = _words(chance, slots, parts["slot"], first_part)
    _set_times(chance, slots, parts)
    parts["uuid"] = _uuids(chance, parts["message_time"] + parts["part"])
    parts["root"] = parts["uuid"].take(first_part)
    return _with_arrivals(chance, slots, parts, silent=(roll[2] < _SILENT)[message])


def _words(chance: np.random.Generator, slots: "Slots", slot: Array, first_part: Array) -> Array:
    """How each ends; that it was sent, for one of which no receipt ever comes."""
    own = chance.random(len(slot)) >= _SHARES_FATE
    fate = chance.random((len(slot), 3))[np.where(own, np.arange(len(slot)), first_part)]
    return np.where(
        fate[:, 0] < slots.failed_rate[slot], FAILED,
        np.where(fate[:, 1] < slots.no_receipt_rate[slot], SENT,
                 np.where(fate[:, 2] < slots.undelivered_rate[slot], UNDELIVERED, DELIVERED)),
    )  # fmt: skip


def _set_times(chance: np.random.Generator, slots: "Slots", parts: Array) -> None:
    slot, count = parts["slot"], len(parts)
    failed = parts["word"] == FAILED
    normal = chance.standard_normal((2, count))
    queued_at = _moment(parts["message_time"] + 500 + chance.random(count) * 4500)
    handover = slots.handover_median[slot] * np.exp(0.7 * normal[0])
    sent_at = _moment(queued_at + 1e6 * np.minimum(120, handover))
    off = chance.random(count) < _PHONE_OFF
    receipt = slots.receipt_median[slot] * np.exp(slots.receipt_spread[slot] * normal[1])
    ended_at = sent_at + 1e6 * np.clip(receipt, 1, 3600)
    ended_at[off] = sent_at[off] + _HOUR * (1 + 71 * chance.random(int(off.sum())) ** 2)
    refusal = np.minimum(120, 0.8 * np.exp(0.8 * normal[1][failed]))
    ended_at[failed] = queued_at[failed] + 1e6 * refusal
    parts["queued_at"] = queued_at
    parts["sent_at"] = np.where(failed, NEVER, sent_at)
    parts["ended_at"] = np.where(parts["word"] == SENT, NEVER, _moment(ended_at))


def _with_arrivals(
    chance: np.random.Generator, slots: "Slots", parts: Array, *, silent: Array
) -> DrawnParts:
    """Some messages are silent, some routes tell the end alone, and any report can be lost."""
    old, told = parts["old"], []
    for name, withheld in (
        ("queued_at", old),
        ("sent_at", old & (parts["word"] != SENT) & ~slots.tells_sent[parts["slot"]]),
        ("ended_at", False),
    ):
        lost = silent | withheld | (chance.random(len(parts)) < _LOST)
        arrived_at = parts[name] + _under_way(chance, len(parts))
        told.append(np.where(lost | (parts[name] == NEVER), NEVER, arrived_at))
    hour_ends_at = (parts["message_time"] // _HOUR + 1) * _HOUR
    listed_at = _moment(hour_ends_at + 300_000_000 + parts["message"] % 1800 * 100_000)
    queued_arrived_at, sent_arrived_at, end_arrived_at = told
    return DrawnParts(parts, queued_arrived_at, sent_arrived_at, end_arrived_at, listed_at)


def _under_way(chance: np.random.Generator, count: int) -> Array:
    """From the moment that Plivo speaks of to the reception; the next report may be earlier.

    Mostly at once, sometimes the first, second or third retry.
    """
    retry = np.searchsorted([0.994, 0.997, 0.999], chance.random(count), side="right")
    waited = np.array([0, 60_000_000, 180_000_000, 420_000_000])[retry]
    arrives: Array = 20_000 + chance.integers(480_000, size=count) + waited
    return arrives


def _uuids(chance: np.random.Generator, made_at: Array) -> Array:
    """Most of version 1, which carries the time it was made at, the others random.

    The node of the captured ones ends in anything.
    """
    count = len(made_at)
    drawn = chance.integers(1 << 64, size=(2, count), dtype="u8")
    time = (made_at * 10 + _GREGORIAN).astype("u8")
    timed = chance.random(count) < 0.7
    uuid = np.empty(count, _UUID)
    high = (time << 32) | ((time >> 16) & 0xFFFF0000) | ((time >> 48) & 0x0FFF) | 0x1000
    uuid["high"] = np.where(timed, high, drawn[0] & ~np.uint64(0xF000) | np.uint64(0x4000))
    low = drawn[1] & np.uint64(0x3FFF_FFFF_FFFF_FFFF) | np.uint64(1 << 63)
    node = low & np.uint64(0xFFFF_0000_0000_FFFF) | np.uint64(0x0242AC11 << 16)
    uuid["low"] = np.where(timed, node, low)
    return uuid


def _moment(micros: Array) -> Array:
    """Microseconds whose last digit is no zero, so that their text has all six."""
    whole = micros.astype("i8")
    moment: Array = whole // 10 * 10 + 1 + whole % 9
    return moment
