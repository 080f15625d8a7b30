"""[pure] Countries whose receipts became slow."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from reconcile.overview import telling
from reconcile.overview.evidence import Evidence
from reconcile.overview.record import Finding

_LEAST_SLOW = 0.05  # a share of all receipts


def slow(evidence: Evidence) -> list[Finding]:
    """Countries where the slowest twentieth of receipts takes at least twice as long."""
    late: dict[str | None, int] = {}  # the edge beyond which a receipt is
    for country in {row["country"] for row in evidence.waits}:
        late[country] = _usual_edge(evidence, country)
    series = telling.series(
        evidence, evidence.waits, lambda r: r["country"],
        lambda r: (r["receipts"] if r["edge"] <= late[r["country"]] else 0, r["receipts"]),
    )  # fmt: skip
    found = []
    for country, fall in telling.falls(series, _LEAST_SLOW):
        before, during = (_p95(evidence, country, steps) for steps in
                          (range(fall.first), range(fall.first, fall.end)))  # fmt: skip
        if during is not None and (before is None or during < 2 * before):
            continue
        since, until = telling.when(evidence, fall)
        now = f"{telling.duration(during)}" if during is not None else "more than a week"
        found.append(Finding(
            kind="slow",
            title=f"Receipts from {country or 'unknown countries'} became slow: 95% now take up "
                  f"to {now}, not {telling.duration(before)}",
            detail=f"{telling.percent(fall.during)} came within "
                   f"{telling.duration(evidence.edges[late[country]])}, "
                   f"{telling.percent(fall.before)} before.",
            advice="One-time passwords suffer first: consider another route, and ask Plivo, "
                   "naming some MessageUUIDs.",
            since=since, until=until, messages_lost=None,
            where=",".join([telling.of("country", country), "fate=delivered", "fate=undelivered",
                            *telling.in_time(evidence, since, until)]),
        ))  # fmt: skip
    return found


def _usual_edge(evidence: Evidence, country: str | None) -> int:
    """The edge below which 95 % of the receipts of a good step come: of the best quarter's last."""
    by_step: dict[int, Counter[int]] = defaultdict(Counter)
    for row in evidence.waits:
        if row["country"] == country:
            by_step[row["step"]][row["edge"]] += row["receipts"]
    places = sorted(_edge(counts) for counts in by_step.values())
    return min(places[(len(places) - 1) // 4], len(evidence.edges) - 1)


def _edge(counts: Counter[int]) -> int:
    total, upto = sum(counts.values()), 0
    for edge in sorted(counts):
        upto += counts[edge]
        if upto >= 0.95 * total:
            return edge
    return max(counts, default=0)


def _p95(evidence: Evidence, country: str | None, steps: Iterable[int]) -> int | None:
    """The edge below which 95 % of the receipts of these steps came; None beyond all edges."""
    chosen, counts = set(steps), Counter[int]()
    for row in evidence.waits:
        if row["country"] == country and row["step"] in chosen:
            counts[row["edge"]] += row["receipts"]
    place = _edge(counts)
    return evidence.edges[place] if place < len(evidence.edges) else None
