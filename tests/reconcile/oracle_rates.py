"""[pure] Rates and audit once more, slow and obvious, from rows of `messages/`.

Where the contract can be read in two ways: a receipt that came before the hand-over is negative,
and so is one before the message's own time; an unknown state is one that the message or either side
of it is in; the seconds not read begin with the oldest outbound message.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from math import sqrt
from typing import Any

from tests.reconcile.oracle import RANKS, WORST_FIRST, Row

Z = 1.959963984540054
NAMES = {"N": "submitted", "F": "failed", "Q": "queued", "H": "handed_over", "D": "delivered",
         "U": "undelivered", "X": "unconfirmed", "O": "open"}  # fmt: skip
RATES = {"confirmed_rate": ("D", "DU"), "receipt_coverage": ("DU", "H"), "strict_rate": ("D", "H"),
         "lenient_rate": ("DX", "H"), "acceptance_rate": ("H", "N")}  # fmt: skip
FORMULAS = {"confirmed": ("D", "DU"), "strict": ("D", "H"), "cm": ("D", "H"), "vonage": ("D", "H"),
            "lenient": ("DX", "H"), "notify": ("D", "DUFX"), "aws": ("D", "DUX")}  # fmt: skip


def letter(message: Row, as_of: datetime, horizon: timedelta) -> str:
    if message["outcome"] == "failed":
        return "F"
    if message["state"] == "queued":
        return "Q"
    if message["outcome"] in ("delivered", "undelivered"):
        return "D" if message["outcome"] == "delivered" else "U"
    return "X" if as_of - message["last_sign_at"] > horizon else "O"


def rates(
    messages: Iterable[Row],
    *,
    as_of: datetime,
    horizon: timedelta = timedelta(hours=72),
    formula: str = "confirmed",
    by_units: bool = False,
) -> Row:
    """One row of the rate report, of all these messages; without keys."""
    counted = [(letter(m, as_of, horizon), m) for m in messages if m["direction"] == "outbound"]
    heads: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    for found, message in counted:
        for name in found, "N", *("H" if found in "DUXO" else ""):
            heads[name] += 1
            weights[name] += (1 if (u := message["units"]) is None else u) if by_units else 1
    row: Row = {name: weights[key] for key, name in NAMES.items()}
    for name, (above, below) in RATES.items():
        row |= rate(name, above, below, weights, heads)
    if formula == "plivo-us":
        north = [m for found, m in counted if found in "XO" and m["country"] in ("US", "CA")]
        kept = sum((m["units"] if m["units"] is not None else 1) if by_units else 1 for m in north)
        row["headline_rate"] = (weights["D"] + kept) / weights["H"] if weights["H"] else None
    else:
        row["headline_rate"] = rate("", *FORMULAS[formula], weights, heads)[""]
    return row | costs(counted, heads) | receipts(counted, heads)


def rate(name: str, above: str, below: str, weights: Counter[str], heads: Counter[str]) -> Row:
    numerator, denominator = (sum(weights[key] for key in keys) for keys in (above, below))
    trials = sum(heads[key] for key in below)
    share = numerator / denominator if denominator else None
    low, high = (None, None) if share is None else wilson(share, trials)
    return {name: share, f"{name}_numerator": numerator, f"{name}_denominator": denominator,
            f"{name}_low": low, f"{name}_high": high}  # fmt: skip


def wilson(share: float, trials: int) -> tuple[float, float]:
    """The two p at which this share lies just Z standard errors away."""
    a = 1 + Z * Z / trials
    b = 2 * share + Z * Z / trials
    root = sqrt(b * b - 4 * a * share * share)
    return (b - root) / (2 * a), (b + root) / (2 * a)


def costs(counted: Sequence[tuple[str, Row]], heads: Counter[str]) -> Row:
    def spent(column: str, letters: str = "FQDUXO") -> Decimal | None:
        known = [m[column] for found, m in counted if found in letters and m[column] is not None]
        return sum(known, Decimal(0)) if known else None

    def each(by: int) -> Decimal | None:
        if total is None or by == 0:
            return None
        return (total / by).quantize(Decimal("0.00001"), ROUND_HALF_EVEN)

    total = spent("total_amount")
    spent_in_vain = spent("total_amount", "U")
    if not heads["U"] and total is not None:
        spent_in_vain = Decimal(0)
    return {
        "total_amount": total,
        "amount_per_message": each(heads["N"]),
        "amount_per_delivered": each(heads["D"]),
        "amount_undelivered": spent_in_vain,
        "carrier_fees": spent("carrier_fees"),
    }


def receipts(counted: Sequence[tuple[str, Row]], heads: Counter[str]) -> Row:
    ended = [m for found, m in counted if found in "DU" and m["final_at"] is not None]
    since_sent = sorted(seconds(m, "sent_at") for m in ended if m["sent_at"] is not None)
    since_begin = sorted(seconds(m, "message_time") for m in ended if not m["clock_shift_minutes"])
    row: Row = {}
    for name, times in (("sent", since_sent), ("message", since_begin)):
        for share in (50, 90, 95, 99):
            row[f"{name}_to_receipt_p{share}"] = percentile(times, share / 100)
    for name, limit in (("within_10s", 10), ("within_60s", 60), ("within_5min", 300)):
        within = sum(waited <= limit for waited in since_sent)
        row[name] = within / heads["H"] if heads["H"] else None
    row["negative_receipts"] = sum(
        (m["final_at"] < m["message_time"] and not m["clock_shift_minutes"])
        or (m["sent_at"] or m["final_at"]) > m["final_at"]
        for m in ended
    )
    return row


def seconds(message: Row, since: str) -> float:
    waited: timedelta = message["final_at"] - message[since]
    return waited.total_seconds()


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """By linear interpolation."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def audit(messages: Iterable[Row], windows: Sequence[Row], *, as_of: datetime) -> dict[str, Any]:
    """The collection audit."""
    ours = [m for m in messages if m["direction"] == "outbound"]
    capturable = [m for m in ours if m["window_read"] and m["final_parts"]]
    captured = [m for m in capturable if m["final_parts_reported"] == m["final_parts"]]
    matches = Counter(m["match"] for m in ours)
    unknown = Counter(
        word for m in ours for word in {m["state"], m["report_state"], m["log_state"]}
        if word is not None and word not in RANKS
    )  # fmt: skip
    return {
        "capture_rate": len(captured) / len(capturable) if capturable else None,
        "capture_rate_numerator": len(captured),
        "capture_rate_denominator": len(capturable),
        "never_reported": sum(m["never_reported"] for m in ours),
        "match": {word: matches[word] for word in WORST_FIRST if matches[word]},
        **{name: sum(m[name] for m in ours)
           for name in ("duplicate_reports", "out_of_order_reports", "state_changes")},
        "guessed_times": sum(m["guessed_time"] for m in ours),
        "untyped_values": sum(m["untyped_values"] for m in ours),
        "unknown_states": dict(sorted(unknown.items())),
        "clock_shift": clock_shift(ours),
        "seconds_not_read": not_read(ours, windows, as_of),
    }  # fmt: skip


def clock_shift(messages: Sequence[Row]) -> dict[str, int] | None:
    """The commonest shift between the two sides' clocks; of equally common ones the smallest."""
    compared = [m["clock_shift_minutes"] for m in messages if m["clock_shift_minutes"] is not None]
    found = Counter(minutes for minutes in compared if minutes)
    if not found:
        return None
    minutes = min(found, key=lambda m: (-found[m], abs(m), m))
    return {"minutes": minutes, "messages": found[minutes], "compared": len(compared)}


def not_read(messages: Sequence[Row], windows: Sequence[Row], as_of: datetime) -> float:
    """Between the borders of all windows: each stretch is read or it is not."""
    oldest = min((m["message_time"] for m in messages), default=as_of)
    borders = {datetime.fromisoformat(w[end]).astimezone(UTC) for w in windows
               for end in ("from", "until")}  # fmt: skip
    inside = sorted({oldest, as_of} | {at for at in borders if oldest < at < as_of})
    gaps = [
        last - first
        for first, last in pairwise(inside)
        if oldest <= first
        and last <= as_of
        and not any(
            datetime.fromisoformat(w["from"]) <= first < datetime.fromisoformat(w["until"])
            for w in windows
        )
    ]
    return sum(gaps, timedelta()).total_seconds()
