"""[pure] What can be known at a moment of drawn messages, counted from the draws."""

from typing import TYPE_CHECKING

import numpy as np

from tests.bench.drawn_parts import DELIVERED, FAILED, UNDELIVERED, Array, DrawnParts

if TYPE_CHECKING:
    from tests.bench.drawn_slots import Slots

_HORIZON = 72 * 3_600_000_000


def known(drawn: DrawnParts, slots: "Slots", until: int, seen_ended: Array) -> dict[str, int]:
    """Sums over all messages; money in hundred-thousandths. `seen_ended`: the log says it ended."""
    parts, word = drawn.parts, drawn.parts["word"]
    in_log = drawn.listed_at < until
    ended = (drawn.end_arrived_at < until) | seen_ended
    handed_over = (drawn.sent_arrived_at < until) | in_log
    first_told_at = np.minimum(drawn.queued_arrived_at, drawn.sent_arrived_at)
    reported = np.minimum(first_told_at, drawn.end_arrived_at) < until
    known = in_log | reported
    if not known.any():
        return dict.fromkeys(_NAMES, 0)
    last_sign_at = np.where(
        ended, parts["ended_at"], np.where(handed_over, parts["sent_at"], parts["queued_at"])
    )
    spent = np.where(ended & (word == FAILED), 0, slots.price[parts["slot"]] * parts["units"])

    begins = np.flatnonzero(parts["part"] == 1)
    message_known = np.logical_or.reduceat(known, begins)
    failed = np.logical_or.reduceat(ended & (word == FAILED), begins)
    undelivered = np.logical_or.reduceat(ended & (word == UNDELIVERED), begins) & ~failed
    whole = np.logical_and.reduceat(ended & (word == DELIVERED), begins)
    still_open = message_known & ~failed & ~undelivered & ~whole
    sign_at = np.maximum.reduceat(np.where(known, last_sign_at, 0), begins)
    unconfirmed = still_open & (until - sign_at > _HORIZON)
    log_alone = np.logical_or.reduceat(in_log, begins) & ~np.logical_or.reduceat(reported, begins)
    counted = (
        message_known, known, whole, undelivered, failed, unconfirmed, still_open & ~unconfirmed,
        parts["units"][known].astype("i8"), spent[known & (ended | handed_over)], log_alone,
    )  # fmt: skip
    return {name: int(values.sum()) for name, values in zip(_NAMES, counted, strict=True)}


_NAMES = (
    "messages", "parts", "delivered", "undelivered", "failed", "unconfirmed", "pending", "units",
    "total_amount", "never_reported",
)  # fmt: skip
