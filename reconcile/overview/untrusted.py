"""[pure] What makes the numbers less than trustworthy, as findings."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from reconcile.overview.record import Band, Finding

_CAPTURED = 0.95
_LEAST = 30
_DIFFERING = 0.005
_NOT_READ = 0.05


def untrusted(
    audit: Mapping[str, Any], bands: Sequence[Band], as_of: datetime | None
) -> list[Finding]:
    """From the audit of the rate report, and from what was read of the time shown up to now."""
    found = [_captured(audit), _differing(audit), _shifted(audit), _not_read(bands, as_of)]
    return [finding for finding in found if finding is not None]


def _captured(audit: Mapping[str, Any]) -> Finding | None:
    share, of = audit["capture_rate"], audit["capture_rate_denominator"]
    if share is None or of < _LEAST or share >= _CAPTURED:
        return None
    return _finding(
        f"Only {share:.1%} of ended messages reported their end",
        f"{audit['capture_rate_numerator']:,} of {of:,}; the others' ends are known from the "
        f"message log alone, {audit['never_reported']:,} messages had no report at all.",
        "Send with a url, keep the receiver reachable, and look for refused requests in its "
        "/metrics.",
        "captured=false",
    )


def _differing(audit: Mapping[str, Any]) -> Finding | None:
    match = audit["match"]
    differing = match.get("status_differs", 0)
    compared = differing + match.get("agree", 0)
    if compared < _LEAST or differing < _DIFFERING * compared:
        return None
    return _finding(
        f"Report and log disagree on {differing:,} messages",
        f"{differing / compared:.1%} of the {compared:,} whose end both tell.",
        "Explain some of them (python -m reconcile explain UUID), then ask Plivo.",
        "match=status_differs",
    )


def _shifted(audit: Mapping[str, Any]) -> Finding | None:
    shift = audit["clock_shift"]
    if shift is None:
        return None
    return _finding(
        f"The reports' clock runs {shift['minutes']:+d} minutes from the log's",
        f"So in {shift['messages']:,} of {shift['compared']:,} messages that both date.",
        "Set CALLBACK_TIME_ZONE to the zone in which your callbacks' times are.",
        f"clock_shift_minutes={shift['minutes']}",
    )


def _not_read(bands: Sequence[Band], as_of: datetime | None) -> Finding | None:
    if as_of is None:
        return None
    spans = {kind: timedelta() for kind in ("not_read", "listed", "counted", "imported")}
    for band in bands:
        if band.kind in spans and band.from_at < as_of:
            spans[band.kind] += min(band.until_at, as_of) - band.from_at
    missing, whole = spans["not_read"], sum(spans.values(), timedelta())
    if missing < timedelta(hours=1) or missing < _NOT_READ * whole:
        return None
    return _finding(
        f"The message log was not read for {missing / whole:.0%} of the time",
        f"{missing / timedelta(hours=1):,.0f} hours of the time shown are in no window; messages "
        "without reports are missing there.",
        "Run python -m reconcile pull, or import the console's export of that time.",
        "match=not_pulled",
    )


def _finding(title: str, detail: str, advice: str, where: str) -> Finding:
    return Finding(
        kind="untrusted", title=title, detail=detail, advice=advice, since=None, until=None,
        messages_lost=None, where=where,
    )  # fmt: skip
