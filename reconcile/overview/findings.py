"""[pure] What stands out, since when, and what it costs: the same numbers, the same findings."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from math import sqrt

from reconcile import formulas
from reconcile.overview import telling
from reconcile.overview.evidence import Evidence
from reconcile.overview.falls import Fall, Series
from reconcile.overview.record import Finding
from reconcile.overview.slow import slow
from reconcile.overview.telling import Route, Row

_LEAST_FALL = 0.01  # a share of known fates
_LEAST_SURGE = 0.003  # a share of all messages
_POOR = 0.10  # below the rest
_LEAST_POOR = 100
_MOST_POOR = 10


def findings(evidence: Evidence, meanings: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    """Of settled time, the most messages lost first; `meanings` are the error codes' by code."""
    fallen = _routes_fallen(evidence, meanings)
    found = [
        *(finding for _, _, finding in fallen),
        *_routes_poor(evidence, {route for route, _, _ in fallen}),
        *_surges(evidence, meanings, {route: fall for route, fall, _ in fallen}),
        *_receipts_missing(evidence),
        *slow(evidence),
        *_outages(evidence),
    ]
    return sorted(found, key=lambda f: (-(f.messages_lost or 0), f.kind, f.where))


def _routes_fallen(
    evidence: Evidence, meanings: Mapping[str, Mapping[str, str]]
) -> list[tuple[Route, Fall, Finding]]:
    series = telling.series(
        evidence,
        evidence.routes,
        telling.route,
        lambda r: (r["delivered"], r["delivered"] + r["undelivered"]),
    )
    found = []
    for route, fall in telling.falls(series, _LEAST_FALL):
        since, until = telling.when(evidence, fall)
        where = [
            *telling.of_route(route),
            "fate=undelivered",
            *telling.in_time(evidence, since, until),
        ]
        code, grown = _grown_code(evidence, route, fall)
        said = f"{telling.known(fall.before)} before, {telling.known(fall.during)} since"
        if grown > 0:
            said += f"; {telling.code(code, meanings)} grew most, by about {grown:,} messages"
        advice = meanings.get(code or "", {}).get("advice") or _ASK
        found.append((route, fall, Finding(
            kind="route_fell",
            title=f"{telling.name(route)} fell {telling.from_to(fall)}",
            detail=f"{said}.", advice=advice, since=since, until=until,
            messages_lost=fall.excess, where=",".join(where),
        )))  # fmt: skip
    return found


_ASK = "Ask Plivo about this route, naming some MessageUUIDs."


def _grown_code(evidence: Evidence, route: Route, fall: Fall) -> tuple[str | None, int]:
    """The code that took the most known fates beyond its share before."""
    before: Counter[str | None] = Counter()
    during: Counter[str | None] = Counter()
    for row in evidence.codes:
        if telling.route(row) == route:
            if row["step"] < fall.first:
                before[row["code"]] += row["undelivered"]
            elif row["step"] < fall.end:
                during[row["code"]] += row["undelivered"]
    ratio = fall.during.denominator / fall.before.denominator
    grown = {code: lost - before[code] * ratio for code, lost in during.items()}
    if not grown:
        return None, 0
    code = max(grown, key=lambda c: (grown[c], c or ""))
    return code, round(grown[code])


def _routes_poor(evidence: Evidence, fallen: set[Route]) -> list[Finding]:
    """Those far below the rest all along; what they lose beyond the rest's share."""
    known: dict[Route, list[int]] = defaultdict(lambda: [0, 0])
    for row in evidence.routes:
        known[telling.route(row)][0] += row["delivered"]
        known[telling.route(row)][1] += row["delivered"] + row["undelivered"]
    good, total = (sum(each[n] for each in known.values()) for n in (0, 1))
    found = []
    for route, (own_good, own_total) in known.items():
        if route in fallen or own_total < _LEAST_POOR:
            continue
        own, rest = (
            telling.rate(own_good, own_total),
            telling.rate(good - own_good, total - own_total),
        )
        if rest.value is None or own.value is None or own.value > rest.value - _POOR:
            continue
        if (
            not formulas.apart(own, rest)
            or (lost := round(own_total * (rest.value - own.value))) < 1
        ):
            continue
        found.append(Finding(
            kind="route_poor",
            title=f"{telling.name(route)} delivers {telling.percent(own)}, "
                  f"the rest {telling.percent(rest)}",
            detail=f"{telling.known(own)}, all along.",
            advice="Compare it with another sender or route, and ask Plivo, naming some "
                   "MessageUUIDs.",
            since=None, until=None, messages_lost=lost,
            where=",".join([*telling.of_route(route), "fate=undelivered",
                            *telling.in_time(evidence, evidence.steps[0], None)]),
        ))  # fmt: skip
    return sorted(found, key=lambda f: (-(f.messages_lost or 0), f.where))[:_MOST_POOR]


def _surges(
    evidence: Evidence, meanings: Mapping[str, Mapping[str, str]], fallen: Mapping[Route, Fall]
) -> list[Finding]:
    """Codes that took more than before; what fallen routes tell already is left out."""
    submitted = [0] * telling.steps(evidence)
    for row in evidence.routes:
        submitted[row["step"]] += row["submitted"]
    lost: dict[str | None, list[int]] = defaultdict(lambda: [0] * telling.steps(evidence))
    for row in evidence.codes:
        told = row["undelivered"] if _told(row, fallen) else 0
        lost[row["code"]][row["step"]] += row["lost"] - told
    series = {
        code: Series([n - bad for n, bad in zip(submitted, each, strict=True)], submitted)
        for code, each in lost.items()
    }
    found = []
    for code, fall in telling.falls(series, _LEAST_SURGE):
        given = (row for row in evidence.codes if row["code"] == code)
        if _is_the_mix(fall, given, "lost", evidence.routes, "submitted"):
            continue
        since, until = telling.when(evidence, fall)
        before, during = (1 - (rate.value or 0) for rate in (fall.before, fall.during))
        country, most = _most_country(evidence, code, fall)
        found.append(Finding(
            kind="error_surge",
            title=f"{telling.code(code, meanings)} rose from {before:.1%} to {during:.1%} "
                  "of messages",
            detail=f"{fall.during.denominator - fall.during.numerator:,} of "
                   f"{fall.during.denominator:,} messages since; most of them, {most:,}, to "
                   f"{country or 'unknown countries'}.",
            advice=meanings.get(code or "", {}).get("advice") or _ASK,
            since=since, until=until, messages_lost=fall.excess,
            where=",".join([telling.of("error_code", code), "fate=failed", "fate=undelivered",
                            *telling.in_time(evidence, since, until)]),
        ))  # fmt: skip
    return found


def _is_the_mix(fall: Fall, bad: Iterable[Row], name: str, sent: Iterable[Row], of: str) -> bool:
    """Whether routes that always were so took more of the traffic, and hardly more is to be told.

    Each route's own share before says what it would have lost; chance goes to three deviations.
    """
    total: dict[Route, list[int]] = defaultdict(lambda: [0, 0])
    lost: dict[Route, list[int]] = defaultdict(lambda: [0, 0])
    for rows, counts, column in ((sent, total, of), (bad, lost, name)):
        for row in rows:
            if row["step"] < fall.end:
                counts[telling.route(row)][row["step"] >= fall.first] += row[column]
    expected = variance = 0.0
    for route, (before, during) in total.items():
        ratio = during / before if before else 0.0
        likely = lost[route][0] * ratio if before else lost[route][1]
        expected += likely
        variance += likely * (1 + ratio)  # of what is counted now, and of the share before
    beyond = sum(during for _, during in lost.values()) - expected
    return beyond < max(fall.excess / 2, 3 * sqrt(variance))


def _told(row: Row, fallen: Mapping[Route, Fall]) -> bool:
    fall = fallen.get(telling.route(row))
    return fall is not None and fall.first <= row["step"] < fall.end


def _most_country(evidence: Evidence, code: str | None, fall: Fall) -> tuple[str | None, int]:
    counted: Counter[str | None] = Counter()
    for row in evidence.codes:
        if row["code"] == code and fall.first <= row["step"] < fall.end:
            counted[row["country"]] += row["lost"]
    country = max(counted, key=lambda c: (counted[c], c or ""))
    return country, counted[country]


def _receipts_missing(evidence: Evidence) -> list[Finding]:
    series = telling.series(
        evidence, evidence.routes, lambda r: r["country"],
        lambda r: (r["delivered"] + r["undelivered"], r["handed_over"]),
    )  # fmt: skip
    found = []
    for country, fall in telling.falls(series, _LEAST_FALL):
        own = [
            row | {"silent": row["handed_over"] - row["delivered"] - row["undelivered"]}
            for row in evidence.routes
            if row["country"] == country
        ]
        if _is_the_mix(fall, own, "silent", own, "handed_over"):
            continue
        since, until = telling.when(evidence, fall)
        found.append(Finding(
            kind="receipts_missing",
            title=f"Receipts from {country or 'unknown countries'} fell "
                  f"{telling.from_to(fall)} of messages handed over",
            detail=f"{fall.during.denominator - fall.during.numerator:,} of "
                   f"{fall.during.denominator:,} messages gave none; about {fall.excess:,} more "
                   "than before. Whether they arrived, nobody told.",
            advice="Read the strict rate beside the confirmed one, and ask Plivo whether the "
                   "carriers still send receipts.",
            since=since, until=until, messages_lost=None,
            where=",".join([telling.of("country", country), "fate=unconfirmed", "fate=open",
                            *telling.in_time(evidence, since, until)]),
        ))  # fmt: skip
    return found


def _outages(evidence: Evidence) -> list[Finding]:
    return [
        Finding(
            kind="outage",
            title="No receiver was alive for "
            + telling.duration((span.until_at - span.from_at).total_seconds()),
            detail=f"{unreported:,} messages ended in that time, and no report told it; the "
                   "message log has their ends where it was read.",
            advice="Pull the message log over that time, and keep the receiver running.",
            since=span.from_at, until=span.until_at, messages_lost=None,
            where=",".join(["captured=false", f"final_at>{telling.written(span.from_at)}",
                            f"final_at<{telling.written(span.until_at)}"]),
        )
        for span, unreported in evidence.outages
    ]  # fmt: skip
