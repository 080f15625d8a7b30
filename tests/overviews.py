"""Overviews of a test's own making, without a data folder: only their size needs to be said.

Each number is what a real one would be made of: counts by fate, divided by `rate_rows`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from reconcile import formulas, stages
from reconcile.counted_messages import Question
from reconcile.formulas import Rate
from reconcile.overview.record import (
    Band,
    Change,
    ErrorRow,
    Finding,
    MaturityPoint,
    Overview,
    Source,
    TimeBin,
)
from reconcile.rate_report import RateReport
from reconcile.rate_rows import Row, letters_of, row_of

START = datetime(2026, 3, 2, tzinfo=UTC)
CONFIRMED = formulas.HEADLINES["confirmed"]
FATES = ("delivered", "undelivered", "failed", "unconfirmed", "open", "queued")
CARRIERS = ("MTN", "Vodafone", "Airtel", "Orange", "T-Mobile", "Telefónica", "Glo", None)
COUNTRIES = ("US", "NG", "DE", "IN", "BR", "GB", "FR", "ZA")
WAITS = {"sent_to_receipt_p50": 3.2, "sent_to_receipt_p90": 11.0, "sent_to_receipt_p95": 24.5,
         "sent_to_receipt_p99": 310.0, "message_to_receipt_p50": 4.0,
         "message_to_receipt_p90": 12.5, "message_to_receipt_p95": 26.0,
         "message_to_receipt_p99": 315.0}  # fmt: skip

Fates = Counter[str]


def counts(fates: Mapping[str, int], *, slower: float = 1.0) -> dict[str, Any]:
    """What the engine counts of so many messages of each fate."""
    numbers = {fate: fates.get(fate, 0) for fate in FATES}
    messages = sum(numbers.values())
    receipts = numbers["delivered"] + numbers["undelivered"]
    return {
        **numbers, **{f"messages_{fate}": number for fate, number in numbers.items()},
        "submitted": messages, "messages": messages, "unreceipted_us_ca": 0,
        "total_amount": Decimal("0.00770") * messages if messages else None,
        "amount_undelivered": Decimal("0.00770") * numbers["undelivered"] or None,
        "carrier_fees": Decimal("0.00300") * messages if messages else None,
        **{name: value * slower if receipts else None for name, value in WAITS.items()},
        "within_10s": int(0.8 * receipts), "within_60s": int(0.95 * receipts),
        "within_5min": int(0.98 * receipts), "negative_receipts": 0,
    }  # fmt: skip


def row(fates: Mapping[str, int], *, slower: float = 1.0, **keys: Any) -> Row:
    """A row of the rate report behind these keys."""
    return row_of({**counts(fates, slower=slower), **keys}, tuple(keys), CONFIRMED)


def rate_of(fates: Mapping[str, int]) -> Rate:
    return formulas.rate(CONFIRMED.numerator, CONFIRMED.denominator, *letters_of(counts(fates)))


def report(
    fates: Mapping[str, int], *, as_of: datetime | None, audit: Mapping[str, Any] | None = None
) -> RateReport:
    total = sum(fates.values())
    letters = letters_of(counts(fates))
    known: dict[str, Any] = {
        "capture_rate": 0.98 if total else None,
        "capture_rate_numerator": int(0.98 * total), "capture_rate_denominator": total,
        "never_reported": 0, "match": {"agree": total} if total else {}, "duplicate_reports": 0,
        "out_of_order_reports": 0, "state_changes": 0, "guessed_times": 0, "untyped_values": 0,
        "reports_without_uuid": 0, "unknown_states": {}, "clock_shift": None,
        "counted_sample": None, "accounts": {"MA1": total}, "outages": [],
        "seconds_not_read": 0.0, "seconds_listed": 86_400.0, "seconds_counted": 0.0,
        "seconds_imported": 0.0,
    }  # fmt: skip
    return RateReport(
        question=Question(as_of=as_of), formula=CONFIRMED, as_of=as_of, rows=[],
        total=row(fates) if total else None, headline=rate_of(fates),
        by_formula={name: formulas.rate(f.numerator, f.denominator, *letters)
                    for name, f in formulas.HEADLINES.items()},
        audit={**known, **(audit or {})}, messages_folder=Path("data/messages"),
    )  # fmt: skip


def overview(fates: Mapping[str, int], **given: Any) -> Overview:
    """Nothing but the total, and what is given."""
    as_of = given.pop("as_of", START + timedelta(days=1))
    nothing: dict[str, Any] = {
        "report": report(fates, as_of=as_of, audit=given.pop("audit", None)), "step": "day",
        "change": None, "versions": {"plivo-delivery-reports": "0.1.0", "duckdb": "2.0.0"},
        **{name: [] for name in (
            "by_time", "by_time_and_match", "findings", "by_country", "routes", "by_sender",
            "by_tag", "errors", "receipt_times", "by_week_hour", "by_parts", "maturity", "bands",
            "sources")},
    }  # fmt: skip
    return Overview(**{**nothing, **given})


def empty() -> Overview:
    return overview({}, as_of=None)


def one_message() -> Overview:
    one = Counter(delivered=1)
    day = START.date()
    return overview(
        one,
        by_time=[row(one, step=day, provisional=False)],
        by_time_and_match=[{"step": day, "match": "agree", "messages": 1}],
        by_country=[row(one, country="DE")],
        routes=[row(one, country="DE", carrier="Vodafone")],
        by_sender=[row(one, from_number="14155550100")],
        receipt_times=[TimeBin(from_seconds=1, until_seconds=2, delivered=1, undelivered=0)],
        by_week_hour=[row(one, weekday=1, hour_of_day=9)],
        by_parts=[row(one, parts=1)],
        sources=[Source(name="reports", files=1, rows=2, first_at=START, last_at=START)],
    )  # fmt: skip


def traffic(
    *, steps: int = 30, step: str = "day", countries: int = 8, per_step: int = 900, seed: int = 7,
    zone: str = "UTC", sender: str = "14155550100",
) -> Overview:  # fmt: skip
    """Weeks of traffic in which the first route of the second country falls at two thirds."""
    random = Random(seed)
    names = _countries(countries)
    length = {"hour": timedelta(hours=1), "day": timedelta(days=1),
              "week": timedelta(days=7)}[step]  # fmt: skip
    broken_from = steps * 2 // 3
    cells: dict[tuple[int, str | None, str | None], Fates] = {}
    for number in range(steps):
        for place, country in enumerate(names):
            for order, carrier in enumerate(_carriers(place)):
                poor = place == 1 and order == 0 and number >= broken_from
                share = 0.61 if poor else 0.985 - 0.011 * (place % 5) - 0.008 * order
                many = int(per_step / (1 + place) / (1 + order) * random.uniform(0.7, 1.1))
                open_share = 0.25 if number >= steps - 3 else 0.0
                cells[number, country, carrier] = _drawn(random, many, share, open_share)
    whole = _sum(cells.values())
    starts = [START + length * number for number in range(steps)]
    end = starts[-1] + length
    keys: list[Any] = [start if step == "hour" else start.date() for start in starts]
    of_step = [_sum(f for (n, _, _), f in cells.items() if n == number) for number in range(steps)]
    routes = _lost_first(
        row(_sum(f for (_, c, r), f in cells.items() if (c, r) == route),
            slower=0.5 + (place * 7 % 10), country=route[0], carrier=route[1])
        for place, route in enumerate(sorted({(c, r) for _, c, r in cells}, key=str))
    )  # fmt: skip
    outage = (starts[steps // 2] + length / 4, starts[steps // 2] + length * 3 / 4)
    return overview(
        whole, as_of=end, step=step,
        audit={"match": _matches(whole.total()), "never_reported": 12, "duplicate_reports": 31,
               "state_changes": 4, "capture_rate": 0.9886,
               "outages": [{"from": _written(outage[0]), "until": _written(outage[1]),
                            "seconds": (outage[1] - outage[0]).total_seconds()}]},
        by_time=[row(fates, step=key, provisional=number >= steps - 3)
                 for number, (key, fates) in enumerate(zip(keys, of_step, strict=True))],
        by_time_and_match=[
            {"step": key, "match": word, "messages": number}
            for key, fates in zip(keys, of_step, strict=True)
            for word, number in _matches(fates.total()).items()],
        change=_change(starts, of_step, length),
        findings=_findings(starts[broken_from], *outage),
        by_country=_lost_first(
            row(_sum(f for (_, c, _), f in cells.items() if c == country), country=country)
            for country in names),
        routes=routes[:500],
        by_sender=[row(_shared(whole, 3), from_number=sender),
                   row(_shared(whole, 2), from_number="ACME")],
        by_tag=[row(_shared(whole, 2), tag="otp"), row(_shared(whole, 2), tag=None)],
        errors=_errors(whole, starts[0], end),
        receipt_times=_bins(whole),
        by_week_hour=[
            row(_drawn(random, int(40 * (1 + hour % 12) * (0.4 if day > 5 else 1)), 0.95, 0.01),
                weekday=day, hour_of_day=hour)
            for day in range(1, 8) for hour in range(24)],
        by_parts=[row(_drawn(random, 4000 // parts**2, 0.96 - 0.02 * parts, 0), parts=parts)
                  for parts in range(1, 7)],
        maturity=_maturity(),
        bands=[Band(kind="listed", from_at=starts[0], until_at=end - length),
               Band(kind="not_read", from_at=end - length, until_at=end),
               Band(kind="outage", from_at=outage[0], until_at=outage[1]),
               Band(kind="provisional", from_at=starts[-min(3, steps)], until_at=end)],
        sources=[Source(name="reports", files=steps, rows=2 * whole.total(), first_at=starts[0],
                        last_at=end),
                 Source(name="log", files=steps, rows=whole.total(), first_at=starts[0],
                        last_at=end - length),
                 Source(name="messages", files=steps, rows=whole.total(), first_at=starts[0],
                        last_at=end)],
    )  # fmt: skip


def one_country() -> Overview:
    return traffic(countries=1)


def a_year() -> Overview:
    return traffic(steps=52, step="week", per_step=20_000)


def many_countries() -> Overview:
    return traffic(countries=200, steps=7)


def _countries(number: int) -> list[str | None]:
    rest = sorted({r["country"] for r in stages.meaning("mcc_countries").to_pylist()}
                  - set(COUNTRIES))  # fmt: skip
    return [*COUNTRIES, None, *rest][:number]


def _carriers(place: int) -> list[str | None]:
    many = 1 + (place * 5 + 3) % 4
    return [CARRIERS[(place + order) % len(CARRIERS)] for order in range(many)]


def _drawn(random: Random, many: int, share: float, open_share: float) -> Fates:
    """So many messages, of which about this share arrives; binomial noise as a normal one."""

    def part(of: int, about: float) -> int:
        spread = (of * about * (1 - about)) ** 0.5
        return min(max(round(random.gauss(of * about, spread)), 0), of)

    still = part(many, open_share)
    failed = part(many - still, 0.006)
    silent = part(many - still - failed, 0.02 if open_share == 0 else 0)
    known = many - still - failed - silent
    delivered = part(known, share)
    return Counter(delivered=delivered, undelivered=known - delivered, failed=failed,
                   unconfirmed=silent, open=still)  # fmt: skip


def _sum(many: Iterable[Fates]) -> Fates:
    total: Fates = Counter()
    for fates in many:
        total.update(fates)
    return total


def _shared(fates: Fates, by: int) -> Fates:
    return Counter({fate: number // by for fate, number in fates.items()})


def _lost_first(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda r: -r["failed"] - r["undelivered"])


def _matches(messages: int) -> dict[str, int]:
    missing, late = messages // 50, messages // 200
    return {"report_missing": missing, "log_behind": late, "agree": messages - missing - late}


def _change(starts: list[datetime], of_step: list[Fates], length: timedelta) -> Change | None:
    half = (len(starts) - 3) // 2
    if half < 1:
        return None
    before, now = rate_of(_sum(of_step[:half])), rate_of(_sum(of_step[half : 2 * half]))
    assert before.value is not None
    assert now.value is not None
    return Change(now=now, before=before, now_from=starts[half],
                  now_until=starts[2 * half - 1] + length, before_from=starts[0],
                  points=now.value - before.value, clear=True)  # fmt: skip


def _findings(since: datetime, down: datetime, up: datetime) -> list[Finding]:
    return [
        Finding(kind="route_fell", title="Nigeria · Vodafone fell from 97.3% to 61.0%",
                detail="1,622 of 2,659 confirmed (95 % interval 59.1–62.8%), before 5,312 of "
                "5,459. Most of what was added failed with 90 No Route Available.",
                advice="Ask Plivo about the route, naming some MessageUUIDs.", since=since,
                until=None, messages_lost=966, where="country=NG,carrier=Vodafone"),
        Finding(kind="outage", title="No receiver was alive for 12 h",
                detail="Plivo tries for seven minutes and then never again: the ends of these "
                "messages are known from the log alone.",
                advice="Read the log of that time: python -m reconcile run", since=down, until=up,
                messages_lost=None, where="match=report_missing"),
    ]  # fmt: skip


def _errors(whole: Fates, first: datetime, last: datetime) -> list[ErrorRow]:
    known = {row["code"]: row for row in stages.meaning("error_codes").to_pylist()}
    spread = (("90", 0.5, 0), ("80", 0.25, 0), ("30", 0.1, 0), ("50", 0.0, 0.9), (None, 0.15, 0.1))
    return [
        ErrorRow(
            code=code, name=known[code]["name"] if code else "no code given",
            meaning=known[code]["meaning"] if code else "Neither report nor log names an error.",
            fault=known[code]["fault"] if code else "unknown",
            retry=known[code]["retry"] if code else "perhaps",
            advice=known[code]["advice"] if code else "Explain one of the messages.",
            undelivered=int(whole["undelivered"] * share), failed=int(whole["failed"] * early),
            amount=Decimal("0.00770") * int(whole["undelivered"] * share), first_at=first,
            last_at=last,
        )
        for code, share, early in spread
    ]  # fmt: skip


def _bins(whole: Fates) -> list[TimeBin]:
    edges = [None, 0, 1, 2, 5, 10, 20, 60, 120, 300, 600, 1800, 3600, 21600, 86400, None]
    weights = [0, 2, 14, 30, 25, 12, 8, 4, 2, 1, 1, 1, 0, 0, 0]
    return [
        TimeBin(from_seconds=low, until_seconds=high,
                delivered=whole["delivered"] * weight // 100,
                undelivered=whole["undelivered"] * (weights[-1 - place] + weight) // 200)
        for place, (low, high, weight) in enumerate(
            zip(edges[:-1], edges[1:], weights, strict=True))
    ]  # fmt: skip


def _maturity() -> list[MaturityPoint]:
    ages = (1, 2, 5, 10, 30, 60, 300, 1800, 3600, 21600, 86400, 259200)
    cohorts = {"all": 0.97, "2026-03-02 … 2026-03-08": 0.975, "2026-03-09 … 2026-03-15": 0.972,
               "2026-03-16 … 2026-03-22": 0.95}  # fmt: skip
    return [
        MaturityPoint(cohort=cohort, age_seconds=age, receipts=int(end * (1 - 0.7 ** (place + 1))
                      * 10_000), handed_over=10_000, share=end * (1 - 0.7 ** (place + 1)))
        for cohort, end in cohorts.items() for place, age in enumerate(ages)
    ]  # fmt: skip


def _written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def day(text: str) -> date:
    return date.fromisoformat(text)
