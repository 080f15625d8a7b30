"""[pure] The time axis that charts share, so that they can stand below each other."""

from itertools import pairwise
from typing import Any

import altair as alt

from reconcile.charts import rows, style
from reconcile.charts.style import FATES, Chart, Style
from reconcile.overview.record import Overview

LEAST = 3
WIDTH = 44  # of the axis at the left, the same in each
UTC = alt.Scale(type="utc", nice=False, padding=0)
Steps = list[dict[str, Any]]

_HOUR = 3_600_000
_SHORTEST = {"hour": _HOUR, "day": 24 * _HOUR, "week": 168 * _HOUR, "month": 672 * _HOUR}


def steps(overview: Overview) -> Steps:
    """What a chart along the time needs of each step."""
    clock, headline = rows.clock(overview), rows.headline(overview)
    found: Steps = []
    for row in overview.by_time:
        key = row["step"]
        found.append(
            headline.of(row)
            | {fate: row[fate] for fate in FATES}
            | {"from": clock.start(key), "middle": clock.middle(key), "until": clock.end(key),
               "submitted": row["submitted"],
               "when": clock.words(key) + (" (provisional)" if row["provisional"] else ""),
               "provisional": row["provisional"], "ends": False}
        )  # fmt: skip
    for before, after in pairwise(found):  # so that the two lines meet
        before["ends"] = after["provisional"] and not before["provisional"]
    return found


def axis(overview: Overview, **more: Any) -> alt.Axis:
    label = {"month": "'%b %Y'", "hour": "utchours(datum.value) ? '%H:%M' : '%-d %b'"}.get(
        overview.step, "'%-d %b'"
    )
    return alt.Axis(title=None, tickCount={"expr": "max(2, width / 90)"}, labelOverlap=True,
                    tickMinStep=_SHORTEST[overview.step],
                    labelFlush=True, labelExpr=f"utcFormat(datum.value, {label})",
                    **more)  # fmt: skip


def middle(overview: Overview, how: Style) -> alt.X:
    """The point of a step stands in its middle, above its bar; in a page their axis is one."""
    shown, found = axis(overview, labels=how.legend, ticks=how.legend), steps(overview)
    # Said, not found: a line that is all settled, or all provisional, has no extent of its own.
    ends = [{"expr": f"toDate('{at}')"} for at in (found[0]["from"], found[-1]["until"])]
    scale = alt.Scale(type="utc", nice=False, padding=0, domain=ends)
    return alt.X("middle:T", scale=scale, axis=shown)


def span(**axis: Any) -> dict[str, Any]:
    return {"x": alt.X("from:T", scale=UTC, **axis), "x2": "until:T"}


def provisional(steps: Steps, how: Style) -> list[Chart]:
    spans = [step for step in steps if step["provisional"]]
    if not spans:
        return []
    return [
        alt.Chart(style.points(spans))
        .mark_rect(fill=how.palette.hatch, opacity=0.35, strokeWidth=0)
        .encode(**span())
    ]


def outages(overview: Overview, steps: Steps, how: Style) -> list[Chart]:
    """Bands over everything else, so that one can point at them."""
    clock, first, last = rows.clock(overview), steps[0]["from"], steps[-1]["until"]
    spans = [
        {"from": max(clock.instant(band.from_at), first), "until": min(until, last),
         "what": f"{rows.at(band.from_at, overview)} – {rows.at(band.until_at, overview)}"}
        for band in overview.bands
        if band.kind == "outage" and (until := clock.instant(band.until_at)) > first
        and clock.instant(band.from_at) < last
    ]  # fmt: skip
    if not spans:
        return []
    colour = how.palette.outage
    return [
        alt.Chart(style.points(spans))
        .mark_rect(fill=colour, fillOpacity=0.3, stroke=colour, strokeWidth=1, strokeOpacity=0.6)
        .encode(**span(), tooltip=style.tooltip(what="no receiver was alive"))
    ]
