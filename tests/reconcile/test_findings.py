"""What stands out is found with its beginning, and steady noise is left alone."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from reconcile import conditions, stages
from reconcile.overview import telling
from reconcile.overview.evidence import Evidence
from reconcile.overview.findings import findings
from reconcile.overview.receipt_times import EDGES
from reconcile.overview.record import Finding

DAYS = 27
START = datetime(2026, 3, 1, tzinfo=UTC)
STEPS = [START + timedelta(days=n) for n in range(DAYS + 1)]
MEANINGS = {row["code"]: row for row in stages.meaning("error_codes").to_pylist()}
ROUTES = [(country, f"{country} {n}") for country in ("US", "GB", "NG", "DE", "BR") for n in "123"]


def day(n: int) -> datetime:
    return STEPS[n]


def drawn(dice: random.Random, trials: int, share: float) -> int:
    """How many of so many come off, nearly as a binomial draw has it."""
    if trials < 60:
        return sum(dice.random() < share for _ in range(trials))
    spread = (trials * share * (1 - share)) ** 0.5
    return min(max(round(dice.gauss(trials * share, spread)), 0), trials)


def world(
    seed: int,
    *,
    fallen: tuple[int, int, float] = (0, 0, 0.0),
    silent: tuple[int, int, float] = (0, 0, 0.0),
    surge: tuple[int, int, float] = (0, 0, 0.0),
    late: tuple[int, int] = (0, 0),
) -> Evidence:
    """Fifteen routes of different size and share; faults are (first day, end, what goes wrong).

    `fallen` and `silent` hit the first route, and the first country; `surge` all of them.
    """
    dice = random.Random(seed)
    routes: list[dict[str, Any]] = []
    codes: list[dict[str, Any]] = []
    waits: list[dict[str, Any]] = []
    for number, (country, carrier) in enumerate(ROUTES):
        size, share = dice.choice((20, 200, 2000)), dice.uniform(0.88, 0.99)
        size = 400 if number == 0 else size
        for step in range(DAYS):
            sent = drawn(dice, 2 * size, dice.uniform(0.4, 0.6))
            failed = drawn(dice, sent, 0.01)
            codes.append(_lost(step, country, carrier, "300", failed))
            if surge[0] <= step < surge[1]:
                more = drawn(dice, sent - failed, surge[2])
                codes.append(_lost(step, country, carrier, "900", more))
                failed += more
            handed = sent - failed
            hit = fallen[2] if number == 0 and fallen[0] <= step < fallen[1] else 0.0
            quiet = silent[2] if country == "US" and silent[0] <= step < silent[1] else 0.0
            known = drawn(dice, handed, 0.97 * (1 - quiet))
            undelivered = known - drawn(dice, known, share * (1 - hit))
            routes.append({"step": step, "country": country, "carrier": carrier, "submitted": sent,
                           "handed_over": handed, "delivered": known - undelivered,
                           "undelivered": undelivered})  # fmt: skip
            codes.append(_lost(step, country, carrier, "30", undelivered))
            slower = 5 if country == "US" and late[0] <= step < late[1] else 0
            for edge, part in ((3, 0.5), (4, 0.4), (5, 0.08), (7, 0.02)):
                waits.append({"step": step, "country": country, "edge": edge + slower,
                              "receipts": drawn(dice, known, part)})  # fmt: skip
    return Evidence(steps=STEPS, routes=routes, codes=codes, waits=waits, edges=EDGES, outages=[])


def _lost(step: int, country: str, carrier: str, code: str, lost: int) -> dict[str, Any]:
    return {"step": step, "country": country, "carrier": carrier, "code": code, "lost": lost,
            "undelivered": lost if code == "30" else 0}  # fmt: skip


def of_kind(found: list[Finding], kind: str) -> list[Finding]:
    return [finding for finding in found if finding.kind == kind]


def test_two_hundred_steady_worlds_give_hardly_a_false_alarm() -> None:
    alarms = 0
    for seed in range(200):  # some of their routes are poor, which is no alarm
        alarms += any(f.kind != "route_poor" for f in findings(world(seed), MEANINGS))
    assert alarms <= 4, f"{alarms} of 200 steady worlds"


def test_a_route_that_fell_is_found_with_its_first_day() -> None:
    for seed in range(10):
        found = of_kind(findings(world(seed, fallen=(18, DAYS, 0.3)), MEANINGS), "route_fell")
        assert [f.since for f in found] == [day(18)]
        assert found[0].until is None
        assert found[0].title.startswith("US · US 1 fell from ")
        assert "error 30 (Spam Detected) grew most" in found[0].detail
        assert found[0].where == (
            "country=US,carrier=US 1,fate=undelivered,message_time>2026-03-18T23:59:59.999999Z,"
            "message_time<2026-03-28T00:00:00Z"
        )


def test_what_a_fall_cost_is_what_the_share_before_would_have_delivered() -> None:
    (found,) = of_kind(findings(world(3, fallen=(18, DAYS, 0.3)), MEANINGS), "route_fell")
    expected = 9 * 400 * 0.96 * 0.3  # days, messages, known and delivered at first, hit
    assert found.messages_lost is not None
    assert 0.85 * expected < found.messages_lost < 1.1 * expected


def test_a_fall_that_ended_has_both_ends() -> None:
    (found,) = of_kind(findings(world(4, fallen=(10, 14, 0.3)), MEANINGS), "route_fell")
    assert (found.since, found.until) == (day(10), day(14))
    assert found.where.endswith("message_time<2026-03-15T00:00:00Z")


def test_a_surge_of_a_code_is_told_once_and_not_for_each_route() -> None:
    (found,) = findings(world(5, surge=(20, 22, 0.1)), MEANINGS)
    assert (found.kind, found.since, found.until) == ("error_surge", day(20), day(22))
    assert found.title.startswith("error 900 (Insufficient Credit) rose from 0.0% to ")
    assert found.advice == MEANINGS["900"]["advice"]


def test_a_code_that_only_a_fallen_route_gives_is_told_with_the_route() -> None:
    found = findings(world(6, fallen=(18, DAYS, 0.5)), MEANINGS)
    assert [f.kind for f in found] == ["route_fell"]


def test_receipts_that_no_longer_come_are_found() -> None:
    (found,) = findings(world(7, silent=(15, DAYS, 0.5)), MEANINGS)
    assert (found.kind, found.since, found.until) == ("receipts_missing", day(15), None)
    assert found.messages_lost is None


def test_receipts_that_became_slow_are_found() -> None:
    (found,) = findings(world(8, late=(12, DAYS)), MEANINGS)
    assert (found.kind, found.since) == ("slow", day(12))
    assert "95% now take up to 10 min, not 20 s" in found.title


def test_a_route_that_was_always_poor_is_told_as_such() -> None:
    found = findings(world(9, fallen=(0, DAYS, 0.4)), MEANINGS)
    assert [(f.kind, f.since) for f in found] == [("route_poor", None)]


def test_nothing_is_found_where_there_is_nothing() -> None:
    nothing = Evidence(steps=[], routes=[], codes=[], waits=[], edges=EDGES, outages=[])
    assert findings(nothing, MEANINGS) == []


def test_a_poor_route_that_takes_more_of_the_traffic_is_no_surge_of_its_code() -> None:
    """Nothing broke: only the mix changed."""
    dice = random.Random(3)
    routes: list[dict[str, Any]] = []
    codes: list[dict[str, Any]] = []
    for step in range(DAYS):
        for country, size, share in (("US", 2000, 0.98), ("NG", 100 if step < 20 else 1000, 0.6)):
            undelivered = size - drawn(dice, size, share)
            routes.append({"step": step, "country": country, "carrier": "C", "submitted": size,
                           "handed_over": size, "delivered": size - undelivered,
                           "undelivered": undelivered})  # fmt: skip
            codes.append(_lost(step, country, "C", "30", undelivered))
    mixed = Evidence(steps=STEPS, routes=routes, codes=codes, waits=[], edges=EDGES, outages=[])
    assert {finding.kind for finding in findings(mixed, MEANINGS)} == {"route_poor"}


def test_what_grew_on_a_fallen_route_is_among_its_undelivered() -> None:
    """What failed before the carrier is no known fate; it is a surge of its own."""
    evidence = world(5, fallen=(25, DAYS, 0.4))
    for row in evidence.routes:
        if (row["country"], row["carrier"]) == ROUTES[0] and row["step"] >= 25:
            row["submitted"] += 300
            evidence.codes.append(_lost(row["step"], *ROUTES[0], "50", 300))
    found = findings(evidence, MEANINGS)
    (fell,) = of_kind(found, "route_fell")
    assert "error 30" in fell.detail
    assert "error 50" not in fell.detail
    assert any("error_code=50" in surge.where for surge in of_kind(found, "error_surge"))


def test_odd_names_are_written_so_that_they_are_read_back() -> None:
    """A carrier that is called unknown is not one without a name."""
    for name in ("unknown", "A, country=US", '"Q"', " x"):
        (condition,) = conditions.parse([telling.of("carrier", name)])
        assert (condition.name, condition.value) == ("carrier", name)
    assert conditions.parse([telling.of("carrier", None)])[0].value is None


def test_few_known_fates_say_nothing() -> None:
    rows = [
        {"step": n, "country": "US", "carrier": "A", "submitted": 2, "handed_over": 2,
         "delivered": 2 * (n < 10), "undelivered": 2 * (n >= 10)}
        for n in range(20)
    ]  # fmt: skip
    few = Evidence(steps=STEPS[:21], routes=rows, codes=[], waits=[], edges=EDGES, outages=[])
    assert findings(few, MEANINGS) == []
