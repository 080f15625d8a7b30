"""[pure] Numbers to text by the hundred thousand: bytes of a fixed width, looked up and packed."""

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from tests.bench.drawn_parts import Array

_HEX = np.array([b"%04x" % number for number in range(1 << 16)])
_DIGITS = np.array([b"%03d" % number for number in range(1_000)])
_FOUR_DIGITS = np.array([b"%04d" % number for number in range(10_000)])
_SECONDS = [divmod(second, 60) for second in range(86_400)]
_TIMES = np.array([b"%02d:%02d:%02d" % (m // 60, m % 60, s) for m, s in _SECONDS])
_ENCODED_TIMES = np.array([b"%02d%%3A%02d%%3A%02d" % (m // 60, m % 60, s) for m, s in _SECONDS])
_DATES = np.array(
    [(date(1970, 1, 1) + timedelta(days)).isoformat().encode() for days in range(30_000)]
)


def packed(*pieces: bytes | Array) -> Array:
    """One text per row: what is constant, and what differs, side by side."""
    widths = [len(one) if isinstance(one, bytes) else one.dtype.itemsize for one in pieces]
    fields = np.dtype([(f"{place}", f"S{width}") for place, width in enumerate(widths)])
    count = next(len(piece) for piece in pieces if not isinstance(piece, bytes))
    rows = np.empty(count, fields)
    for place, piece in enumerate(pieces):
        rows[f"{place}"] = piece
    return rows.view(f"S{sum(widths)}")


def uuid(uuids: Array) -> Array:
    high, low = (np.ascontiguousarray(uuids[name]) for name in ("high", "low"))
    halves = [half >> shift & 0xFFFF for half in (high, low) for shift in (48, 32, 16, 0)]
    eight = [_HEX[half.view("i8")] for half in halves]  # by signed numbers: others are slow there
    return packed(*eight[:2], b"-", eight[2], b"-", eight[3], b"-", eight[4], b"-", *eight[5:])


def clocks(micros: Array) -> tuple[Array, Array]:
    """2026-03-01 00:00:00.000001, and as it stands in a posted form; of NEVER it is nonsense."""
    whole = micros.astype("u8")
    second = whole // 1_000_000
    rest = whole - second * 1_000_000
    day = second // 86_400
    time = second - day * 86_400
    upper = rest // 1_000
    lower = rest - upper * 1_000
    day = np.minimum(day, len(_DATES) - 1)
    # by signed numbers: others are slow to look up by
    day, time, upper, lower = (numbers.view("i8") for numbers in (day, time, upper, lower))
    fraction = packed(b".", _DIGITS[upper], _DIGITS[lower])
    return (
        packed(_DATES[day], b" ", _TIMES[time], fraction),
        packed(_DATES[day], b"+", _ENCODED_TIMES[time], fraction),
    )


def clock(micros: Array) -> Array:
    return clocks(micros)[0]


def sixteen_digits(numbers: Array) -> Array:
    fours, rest = [], numbers
    for _ in range(4):
        upper = rest // 10_000
        fours.append(_FOUR_DIGITS[rest - upper * 10_000])
        rest = upper
    return packed(*reversed(fours))


def strings(texts: Array, where: Array | None = None) -> pa.StringArray:
    """The texts as they lie there, null where not `where`."""
    width = texts.dtype.itemsize
    offsets = np.arange(0, width * len(texts) + 1, width, dtype=np.int32)
    there = None if where is None else pa.py_buffer(np.packbits(where, bitorder="little"))
    return pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(offsets), pa.py_buffer(texts.view("u1")), there
    )


class Words:
    """Few texts, one for each key from 0 up, null for some; another may have the same."""

    def __init__(self, of_key: Sequence[str | None]) -> None:
        place = {text: number for number, text in enumerate(dict.fromkeys(filter(_is, of_key)))}
        self._texts = pa.array(list(place), pa.string())
        self._codes = np.array([place.get(text, -1) for text in of_key], "i2")

    def column(self, keys: Array) -> pa.DictionaryArray:
        """For a file: written without looking at each text."""
        return pa.DictionaryArray.from_arrays(self._indices(keys), self._texts)

    def strings(self, keys: Array) -> pa.StringArray:
        return self._texts.take(self._indices(keys))

    def _indices(self, keys: Array) -> pa.Array:
        codes = self._codes[keys]
        return pa.array(codes, mask=codes < 0)


def _is(text: str | None) -> bool:
    return text is not None
