"""[pure] From the text that both engines share to the one that Spark is given.

Where Spark knows a name by the meaning that the stages give it, nothing happens here: DuckDB has
macros for these. What is left are names whose meaning differs, which become functions of ours, and
signs: backslashes in a literal, parameters, the order of a table.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

_BLANKS = " \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"

# What stands in the text -> what Spark is asked for instead.
REPLACED = {
    r"\btrim\(([a-z_.]+)\)": rf"trim(both '{_BLANKS}' from \1)",  # blanks of Unicode, too
    r"\btry_url_decode\(": "decoded(",
    r"\bto_utc_timestamp\(": "later_instant(",
    r"\bpercentiles\(([a-z_]+)\)": r"percentile(\1, array(0.5D, 0.9D, 0.95D, 0.99D))",
}

_DECODED = "try_url_decode(regexp_replace(string, '%(?![0-9A-Fa-f]{2})', '%25'))"
_EARLIER = "to_utc_timestamp(moment, zone)"

# Their declarations, each of which says in what Spark's own function differs from DuckDB's.
FUNCTIONS = {
    # a % that begins no code stays, and bytes that are no UTF-8 make the whole null
    "decoded(string string) returns string": (
        f"case when not contains({_DECODED}, '\ufffd') or contains(string, '\ufffd') "
        f"or contains(upper(string), '%EF%BF%BD') then {_DECODED} end"
    ),
    # of a local hour that a clock change repeats, the later one
    "later_instant(moment timestamp, zone string) returns timestamp": (
        "case "
        f"when from_utc_timestamp({_EARLIER} + interval 1 hour, zone) = moment "
        f"then {_EARLIER} + interval 1 hour "
        f"when from_utc_timestamp({_EARLIER} + interval 30 minutes, zone) = moment "
        f"then {_EARLIER} + interval 30 minutes else {_EARLIER} end"
    ),
}


def of_table(text: str) -> str:
    """A stage's text; the order at its end is dropped, since a table has none, and costs much."""
    return of_query(re.sub(r"\norder by [^()]*\Z", "\n", text))


def of_query(text: str) -> str:
    """A text whose parameters are named as Spark names them."""
    for found, instead in REPLACED.items():
        text = re.sub(found, instead, text)
    # without the prefix, Spark would take the backslash away
    text = re.sub(r"'[^']*\\[^']*'", lambda literal: "r" + literal[0], text)
    return re.sub(r"\$(\w+)", r":\1", text)


def with_moments(text: str, parameters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Times put into the text, since Python would give Spark its own zone; the other parameters."""
    for name, value in parameters.items():
        if isinstance(value, datetime):
            moment = f"cast('{value.isoformat(sep=' ')}' as timestamp)"
            text = re.sub(rf"\${name}\b", moment, text)
    rest = {name: v for name, v in parameters.items() if not isinstance(v, datetime)}
    return text, rest
