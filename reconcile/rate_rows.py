"""[pure] One row of the rate report: counts by letter, rates, cost, time to receipt."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from reconcile import formulas
from reconcile.formulas import Formula

LETTERS = {
    "N": "submitted", "F": "failed", "Q": "queued", "D": "delivered", "U": "undelivered",
    "X": "unconfirmed", "O": "open",
}  # fmt: skip
_PERCENTILES = tuple(
    f"{since}_to_receipt_p{share}" for since in ("sent", "message") for share in (50, 90, 95, 99)
)
_WITHIN = ("within_10s", "within_60s", "within_5min")
_MONEY = pa.decimal128(38, 5)

Row = dict[str, Any]


def _value_columns() -> list[tuple[str, pa.DataType]]:
    whole, share = pa.int64(), pa.float64()
    columns = [
        (name, whole)
        for name in ("submitted", "failed", "queued", "handed_over", "delivered", "undelivered",
                     "unconfirmed", "open")
    ]  # fmt: skip
    for name in formulas.COLUMN_RATES:
        columns += [(name, share), (f"{name}_numerator", whole), (f"{name}_denominator", whole),
                    (f"{name}_low", share), (f"{name}_high", share)]  # fmt: skip
    columns.append(("headline_rate", share))
    columns += [
        (name, _MONEY)
        for name in ("total_amount", "amount_per_message", "amount_per_delivered",
                     "amount_undelivered", "carrier_fees")
    ]  # fmt: skip
    columns += [(name, share) for name in (*_PERCENTILES, *_WITHIN)]
    return [*columns, ("negative_receipts", whole)]


VALUE_COLUMNS = _value_columns()


def row_of(counts: Mapping[str, Any], by: tuple[str, ...], formula: Formula) -> Row:
    weighted, messages = letters_of(counts)
    row: Row = {key: _key(counts[key]) for key in by}
    row |= {name: weighted[letter] for letter, name in LETTERS.items() if letter in "NFQ"}
    row["handed_over"] = weighted["H"]
    row |= {name: weighted[letter] for letter, name in LETTERS.items() if letter in "DUXO"}
    for name, (above, below) in formulas.COLUMN_RATES.items():
        rate = formulas.rate(above, below, weighted, messages)
        row |= {name: rate.value, f"{name}_numerator": rate.numerator,
                f"{name}_denominator": rate.denominator, f"{name}_low": rate.low,
                f"{name}_high": rate.high}  # fmt: skip
    headline = formulas.rate(formula.numerator, formula.denominator, weighted, messages)
    row["headline_rate"] = headline.value
    row |= {"headline_rate_numerator": headline.numerator,
            "headline_rate_denominator": headline.denominator,
            "headline_rate_low": headline.low, "headline_rate_high": headline.high}  # fmt: skip
    row |= _cost(counts, messages)
    row |= {name: counts.get(name) for name in _PERCENTILES}
    row |= {name: counts[name] / messages["H"] if messages["H"] else None for name in _WITHIN}
    row["negative_receipts"] = counts["negative_receipts"]
    return row


def summed(groups: Sequence[Mapping[str, Any]], by: tuple[str, ...]) -> dict[str, Any]:
    """The counts of several groups as one; percentiles cannot be told from those of the groups."""
    sums: dict[str, Any] = {}
    for name in groups[0].keys() - set(by):
        values = [group[name] for group in groups if group[name] is not None]
        sums[name] = sum(values) if values and name not in _PERCENTILES else None
    return sums


def nothing_counted() -> dict[str, Any]:
    """The counts of a group without messages."""
    counts: dict[str, Any] = dict.fromkeys(
        (*LETTERS.values(), "messages", *(f"messages_{name}" for name in LETTERS.values()),
         "unreceipted_us_ca", *_WITHIN, "negative_receipts"), 0,
    )  # fmt: skip
    return counts | dict.fromkeys(("total_amount", "amount_undelivered", "carrier_fees"))


def letters_of(counts: Mapping[str, Any]) -> tuple[dict[str, int], dict[str, int]]:
    """The counts by letter: weighted as asked, and in messages."""
    weighted = {letter: counts[name] for letter, name in LETTERS.items()}
    messages = {
        letter: counts["messages" if letter == "N" else f"messages_{name}"]
        for letter, name in LETTERS.items()
    }
    for letters in (weighted, messages):
        letters["H"] = letters["N"] - letters["F"] - letters["Q"]
        letters["R"] = counts["unreceipted_us_ca"]
    return weighted, messages


def _cost(counts: Mapping[str, Any], messages: Mapping[str, int]) -> Row:
    total: Decimal | None = counts["total_amount"]
    undelivered = counts["amount_undelivered"]
    return {
        "total_amount": total,
        "amount_per_message": formulas.quotient(total, messages["N"]),
        "amount_per_delivered": formulas.quotient(total, messages["D"]),
        "amount_undelivered": Decimal("0.00000")
        if undelivered is None and total is not None and not messages["U"] else undelivered,
        "carrier_fees": counts["carrier_fees"],
    }  # fmt: skip


def _key(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value
