"""[pure] What findings share: series out of rows, and how routes, shares and times are written."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from reconcile import formulas
from reconcile.conditions import Condition
from reconcile.formulas import Rate
from reconcile.overview import falls as falling
from reconcile.overview.evidence import Evidence
from reconcile.overview.falls import Fall, Series

Route = tuple[str | None, str | None]
Row = dict[str, Any]


def series(
    evidence: Evidence,
    rows: Iterable[Row],
    key: Callable[[Row], Any],
    counts: Callable[[Row], tuple[int, int]],
) -> dict[Any, Series]:
    good: dict[Any, list[int]] = defaultdict(lambda: [0] * steps(evidence))
    total: dict[Any, list[int]] = defaultdict(lambda: [0] * steps(evidence))
    for row in rows:
        more_good, more = counts(row)
        good[key(row)][row["step"]] += more_good
        total[key(row)][row["step"]] += more
    return {each: Series(good[each], total[each]) for each in good}


def falls(series: Mapping[Any, Series], least_points: float) -> list[tuple[Any, Fall]]:
    found = (
        (key, falling.fall(each, rivals=len(series), least_points=least_points))
        for key, each in series.items()
    )
    return [(key, fall) for key, fall in found if fall is not None]


def steps(evidence: Evidence) -> int:
    return max(len(evidence.steps) - 1, 0)


def when(evidence: Evidence, fall: Fall) -> tuple[datetime, datetime | None]:
    """When it began, and when it ended; None if it lasts to the end of what is settled."""
    lasts = fall.end == steps(evidence)
    return evidence.steps[fall.first], None if lasts else evidence.steps[fall.end]


def in_time(evidence: Evidence, since: datetime, until: datetime | None) -> list[str]:
    """From then on, at most as far as all is settled: what is counted ends there."""
    return time(since, until or evidence.steps[-1])


def time(since: datetime | None, until: datetime | None) -> list[str]:
    """Conditions know only more and less, and times are whole microseconds."""
    conditions = []
    if since is not None:
        conditions.append(f"message_time>{written(since - timedelta(microseconds=1))}")
    if until is not None:
        conditions.append(f"message_time<{written(until)}")
    return conditions


def written(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def route(row: Row) -> Route:
    return row["country"], row["carrier"]


def of_route(route: Route) -> list[str]:
    return [of("country", route[0]), of("carrier", route[1])]


def of(name: str, value: str | None) -> str:
    """A condition as `--where` reads it back, whatever the value."""
    return str(Condition(name, "=", value))


def name(route: Route) -> str:
    return f"{route[0] or 'Unknown country'} · {route[1] or 'unknown carrier'}"


def code(code: str | None, meanings: Mapping[str, Mapping[str, str]]) -> str:
    if code is None:
        return "losses without a code"
    name = meanings.get(code, {}).get("name")
    return f"error {code} ({name})" if name and name != "unknown" else f"error {code}"


def rate(good: int, total: int) -> Rate:
    return formulas.rate("D", "H", {"D": good, "H": total}, {"D": good, "H": total})


def percent(rate: Rate) -> str:
    return "–" if rate.value is None else f"{rate.value:.1%}"


def from_to(fall: Fall) -> str:
    return f"from {percent(fall.before)} to {percent(fall.during)}"


def known(rate: Rate) -> str:
    if rate.low is None or rate.high is None:
        return "nothing known"
    return (
        f"{rate.numerator:,} of {rate.denominator:,} known fates delivered "
        f"({rate.low:.1%}–{rate.high:.1%})"
    )


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "more"
    if seconds >= 1000 * 86400:
        return f"{seconds / 86400:,.0f} d"
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"
