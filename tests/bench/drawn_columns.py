"""[pure] What rows of `reports/` and `log/` are made of.

What a report and a log row say is put together of few pieces: texts of a fixed width, and words
that hang on the route, the state and the like and are made once for all.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from receiver.columns import UTC_TIME
from tests.bench import drawn_text as text
from tests.bench.drawn_parts import DELIVERED, FAILED, NEVER, UNDELIVERED, Array
from tests.bench.drawn_slots import Slots
from tests.bench.drawn_text import Words

ACCOUNT = "MABENCHBENCHBENCHBEN"
ADDRESSES = [f"203.0.113.{number}" for number in range(4)]
MOST_UNITS = 3


def few_texts(schema: pa.Schema, *, apart: frozenset[str]) -> pa.Schema:
    """The schema that rows have here: all texts but those `apart` as numbers of few words."""
    words = pa.dictionary(pa.int16(), pa.string())
    return pa.schema(
        pa.field(field.name, words, field.nullable)
        if field.type == pa.string() and field.name not in apart
        else field
        for field in schema
    )


class Codes:
    """What a part's end says: nothing, 000, or the code of its slot."""

    def __init__(self, slots: Slots) -> None:
        self.words = [
            "", "000", *sorted({*slots.undelivered_codes, *slots.failure_codes} - {"", "000"})
        ]  # fmt: skip
        self._undelivered = np.array([self.words.index(code) for code in slots.undelivered_codes])
        self._failure = np.array([self.words.index(code) for code in slots.failure_codes])

    def of(self, state: Array, slot: Array) -> Array:
        delivered = state == DELIVERED
        code = np.where(state == UNDELIVERED, self._undelivered[slot], delivered)
        return np.where(state == FAILED, self._failure[slot], code)


def uuids(part: Array) -> tuple[Array, Array]:
    """Of the part and of its root, which mostly is the part itself."""
    uuid = text.uuid(part["uuid"])
    root = uuid.copy()
    root[part["old"]] = text.uuid(part["root"][part["old"]])
    return uuid, root


def joined(*pieces: pa.Array) -> pa.Array:
    return pc.binary_join_element_wise(*pieces, "", null_handling="skip")


def moments(micros: Array) -> pa.Array:
    times = np.ascontiguousarray(micros)
    return pa.array(times, mask=times == NEVER).view(UTC_TIME)


def always(word: str, rows: Array) -> pa.Array:
    return Words([word]).column(np.zeros(len(rows), "i1"))
