"""[pure] Along the time axis: the rate with its interval, volume by fate, what the audit says.

They share one axis, so that they can stand below each other.
"""

from itertools import pairwise
from typing import Any

import altair as alt

from reconcile.charts import rows, style
from reconcile.charts.style import FATE_NAMES, FATES, IN_NOTEBOOK, Style
from reconcile.overview.record import Overview

LEAST = 3
_FLOORS = (0.95, 0.9, 0.8, 0.7, 0.5, 0.0)
_AXIS_WIDTH = 44  # the same in each, so that they align
_MOST_MARKS = 75
MATCHES = {"agree": "delivered", "counted": "accent", "open": "open", "not_pulled": "queued",
           "log_behind": "unconfirmed", "log_missing": "failed", "report_missing": "undelivered",
           "status_differs": "ink"}  # fmt: skip

Chart = alt.Chart | alt.LayerChart


def rate(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """The headline rate by step of time, findings numbered at their beginning."""
    steps = _steps(overview)
    if len([step for step in steps if step["rate"] is not None]) < LEAST:
        return None
    domain = [_floor(steps), 1]
    y = alt.Y("rate:Q", scale=alt.Scale(domain=domain, nice=False),
              axis=style.percents(minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH))  # fmt: skip
    base = alt.Chart(style.points(steps)).encode(x=_middle(steps))
    line = {"color": how.palette.delivered, "strokeWidth": 2.25, "clip": True}
    layers: list[Chart] = [
        *_behind(overview, steps, how),
        base.mark_area(color=how.palette.delivered, opacity=0.2, clip=True)
        .encode(y=alt.Y("low:Q").scale(domain=domain), y2="high:Q"),
        base.mark_line(**line).encode(y=y).transform_filter("!datum.provisional"),
        base.mark_line(**line, strokeDash=[2, 4]).encode(y=y)
        .transform_filter("datum.provisional || datum.ends"),
    ]  # fmt: skip
    if len(steps) <= _MOST_MARKS:
        layers.append(
            base.mark_point(color=how.palette.delivered, fill=how.palette.paper, opacity=1,
                            size=22, strokeWidth=1.5, clip=True).encode(y=y)
        )  # fmt: skip
    layers += [*_numbered(overview, how), _hover(steps, how)]
    return style.dressed(
        alt.layer(*layers), how, height=220,
        says=f"{overview.report.formula.name} rate by {overview.step}, with its 95 % interval",
    )  # fmt: skip


def volume(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """Messages by step of time, stacked by fate, the lost ones at the bottom."""
    steps = _steps(overview)
    if len(steps) < LEAST:
        return None
    stacked = [
        {"from": step["from"], "until": step["until"], "fate": FATE_NAMES.get(fate, fate),
         "messages": step[fate], "order": place}
        for step in steps for place, fate in enumerate(FATES) if step[fate]
    ]  # fmt: skip
    bars = _bars(steps, stacked).encode(color=style.fate_colours(how))
    return style.dressed(
        alt.layer(bars, *_behind(overview, steps, how), _hover(steps, how)), how, height=110,
        says=f"Messages by {overview.step}, stacked by what became of them",
    )  # fmt: skip


def match(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """How reports and log agree by step of time: shares of the messages."""
    found = overview.by_time_and_match
    clock = rows.clock(overview)
    keys = sorted({row[overview.step] for row in found})  # type: ignore[type-var]
    if len(keys) < LEAST:
        return None
    order = list(MATCHES)
    stacked = [
        {"from": clock.start(row[overview.step]), "until": clock.end(row[overview.step]),  # type: ignore[arg-type]
         "when": clock.words(row[overview.step]), "match": str(row["match"]).replace("_", " "),  # type: ignore[arg-type]
         "messages": row["messages"], "order": -order.index(str(row["match"]))
         if row["match"] in order else 1}
        for row in found
    ]  # fmt: skip
    names = [word.replace("_", " ") for word in order]
    colour = alt.Color(
        "match:N", scale=alt.Scale(domain=names, range=[
            getattr(how.palette, role) for role in MATCHES.values()]),
        legend=alt.Legend(orient="top", title=None) if how.legend else None,
    )  # fmt: skip
    steps = _steps(overview)
    bars = _bars(steps, stacked, stack="normalize").encode(
        color=colour, tooltip=style.tooltip(when="when", match="match", messages="#messages")
    )
    return style.dressed(
        alt.layer(bars, *_outages(overview, steps, how)), how, height=130,
        says=f"Share of messages by how report and log agree, by {overview.step}",
    )  # fmt: skip


def _steps(overview: Overview) -> list[dict[str, Any]]:
    clock, headline = rows.clock(overview), rows.headline(overview)
    steps: list[dict[str, Any]] = []
    for row in overview.by_time:
        key = row[overview.step]
        steps.append(
            headline.of(row)
            | {fate: row[fate] for fate in FATES}
            | {"from": clock.start(key), "middle": clock.middle(key), "until": clock.end(key),
               "submitted": row["submitted"],
               "when": clock.words(key) + (" (provisional)" if row["provisional"] else ""),
               "provisional": row["provisional"], "ends": False}
        )  # fmt: skip
    for before, after in pairwise(steps):  # so that the two lines meet
        before["ends"] = after["provisional"] and not before["provisional"]
    return steps


def _floor(steps: list[dict[str, Any]]) -> float:
    """Where the axis of rates begins: below all steps but those of a few messages."""
    rates = [step["rate"] for step in steps if step["rate"] is not None]
    sure = [step["rate"] for step in steps
            if step["rate"] is not None and step["submitted"] >= rows.FEW]  # fmt: skip
    lowest = min(sure or rates)
    return next(floor for floor in _FLOORS if floor < lowest or floor == 0)


def _axis() -> alt.Axis:
    return alt.Axis(title=None, tickCount={"expr": "max(2, width / 90)"}, labelOverlap=True,
                    labelFlush=False)  # fmt: skip


def _scale(steps: list[dict[str, Any]]) -> alt.Scale:
    return alt.Scale(type="utc", domain=[steps[0]["from"], steps[-1]["until"]], nice=False)


def _middle(steps: list[dict[str, Any]]) -> alt.X:
    """The point of a step stands in its middle, above its bar."""
    return alt.X("middle:T", scale=_scale(steps), axis=_axis())


def _span(steps: list[dict[str, Any]], **axis: Any) -> dict[str, Any]:
    return {"x": alt.X("from:T", scale=_scale(steps), **axis), "x2": "until:T"}


def _bars(
    steps: list[dict[str, Any]], stacked: list[dict[str, Any]], *,
    stack: Any = "zero",
) -> alt.Chart:  # fmt: skip
    share = stack == "normalize"
    axis = alt.Axis(title=None, tickCount=3, format="%" if share else "~s", minExtent=_AXIS_WIDTH,
                    maxExtent=_AXIS_WIDTH)  # fmt: skip
    return (
        alt.Chart(style.points(stacked))
        .mark_bar(orient="vertical", stroke=None)
        .encode(
            **_span(steps, axis=_axis()),
            y=alt.Y("messages:Q", stack=stack, axis=axis),
            order="order:Q",
        )
    )


def _behind(overview: Overview, steps: list[dict[str, Any]], how: Style) -> list[Chart]:
    return [*_provisional(overview, steps, how), *_outages(overview, steps, how)]


def _provisional(overview: Overview, steps: list[dict[str, Any]], how: Style) -> list[Chart]:
    spans = [step for step in steps if step["provisional"]]
    if not spans:
        return []
    return [
        alt.Chart(style.points(spans))
        .mark_rect(fill=how.palette.hatch, opacity=0.35, strokeWidth=0)
        .encode(**_span(steps))
    ]


def _outages(overview: Overview, steps: list[dict[str, Any]], how: Style) -> list[Chart]:
    clock = rows.clock(overview)
    spans = [
        {"from": clock.instant(band.from_at), "until": clock.instant(band.until_at),
         "what": "no receiver was alive"}
        for band in overview.bands if band.kind == "outage"
    ]  # fmt: skip
    if not spans:
        return []
    base = alt.Chart(style.points(spans))
    return [
        base.mark_rect(color=how.palette.outage, opacity=0.28, clip=True,
                       stroke=how.palette.outage, strokeWidth=1, minBandSize=3)
        .encode(**_span(steps), tooltip=style.tooltip(what="", **{"from": "from", "until": "to"}))
    ]  # fmt: skip


def _numbered(overview: Overview, how: Style) -> list[Chart]:
    clock = rows.clock(overview)
    marks = [
        {"at": clock.instant(finding.since), "number": str(number)}
        for number, finding in enumerate(overview.findings, 1)
        if finding.since is not None and finding.kind != "outage"
    ]
    if not marks:
        return []
    base = alt.Chart(style.points(marks)).encode(x="at:T")
    return [
        base.mark_rule(color=how.palette.warn, strokeDash=[3, 3], clip=True),
        base.mark_point(shape="circle", size=260, fill=how.palette.warn, opacity=1, strokeWidth=0)
        .encode(y=alt.value(0)),
        base.mark_text(color=how.palette.paper, fontWeight="bold", fontSize=11)
        .encode(y=alt.value(0.5), text="number:N"),
    ]  # fmt: skip


def _hover(steps: list[dict[str, Any]], how: Style) -> alt.Chart:
    """Point at any height of a step to read it."""
    return (
        alt.Chart(style.points(steps))
        .mark_rect(fill=how.palette.ink, fillOpacity=0, strokeWidth=0)
        .encode(
            **_span(steps),
            tooltip=style.tooltip(
                when="when",
                rate_text="rate",
                interval="95 % interval",
                counts="counts",
                submitted="#messages",
                delivered="#delivered",
                undelivered="#undelivered",
                failed="#failed",
                unconfirmed="#no receipt",
                open="#open",
            ),
        )  # fmt: skip
    )
