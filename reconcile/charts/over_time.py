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
_AXIS_WIDTH = 44  # the same in each, so that they align
_MOST_MARKS = 75
MATCHES = {"agree": "delivered", "counted": "accent", "open": "open", "not_pulled": "queued",
           "log_behind": "unconfirmed", "log_missing": "failed", "report_missing": "undelivered",
           "status_differs": "ink"}  # fmt: skip
READING = {"listed": ("listed", "delivered"), "counted": ("counted", "accent"),
           "imported": ("imported", "open"), "not_read": ("not read", "unconfirmed"),
           "outage": ("no receiver was alive", "outage")}  # fmt: skip
"""How a time of the log was read: the words for it, and its colour."""

Chart = alt.Chart | alt.LayerChart


def rate(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """The headline rate by step of time, findings numbered at their beginning."""
    steps = _steps(overview)
    if len([step for step in steps if step["rate"] is not None]) < LEAST:
        return None
    domain = [_floor(steps), 1]
    y = alt.Y("rate:Q", scale=alt.Scale(domain=domain, nice=False),
              axis=style.percents(minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH))  # fmt: skip
    base = alt.Chart(style.points(steps)).encode(x=_middle(overview, how))
    line = {"color": how.palette.delivered, "strokeWidth": 2.25, "clip": True}
    layers: list[Chart] = [
        *_provisional(steps, how),
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
    layers += [
        _hover(steps, how),
        *_outages(overview, steps, how),
        *_numbered(overview, steps, how),
    ]
    return style.dressed(
        alt.layer(*layers), how, height=220,
        says=f"{overview.report.formula.name} rate by {overview.step}, with its 95 % interval",
        title=f"{overview.report.formula.name.capitalize()} rate",
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
    bars = _bars(overview, stacked).encode(color=style.fate_colours(how))
    return style.dressed(
        alt.layer(bars, *_provisional(steps, how), _hover(steps, how)), how, height=110,
        says=f"Messages by {overview.step}, stacked by what became of them",
        title=f"Messages per {overview.step}",
    )  # fmt: skip


def match(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """What report and log do not both tell, by step of time: shares of the messages."""
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
    axis = style.percents(minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH)
    bars = (
        alt.Chart(style.points(stacked))
        .transform_joinaggregate(all="sum(messages)", groupby=["from"])
        .transform_calculate(share="datum.messages / datum.all")
        .transform_filter("datum.match !== 'agree' && datum.match !== 'counted'")
        .mark_bar(orient="vertical")
        .encode(
            **_span(axis=_axis(overview)), color=colour, order="order:Q",
            y=alt.Y("share:Q", stack="zero", axis=axis),
            tooltip=style.tooltip(when="when", match="match", messages="#messages", all="#of"),
        )
    )  # fmt: skip
    return style.dressed(
        alt.layer(*_outages(overview, steps, how), bars), how, height=130,
        says=f"Share of messages whose end report and log do not both tell, by {overview.step}",
        title="Share of messages whose end report and log do not both tell",
    )  # fmt: skip


def reading(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """When somebody listened, and which time of the log was read, and how."""
    steps = _steps(overview)
    read = [band for band in overview.bands if band.kind in READING]
    if len(steps) < LEAST or not read:
        return None
    clock, first, last = rows.clock(overview), steps[0]["from"], steps[-1]["until"]
    spans = [{"what": "receiver", "kind": READING["listed"][0], "from": first, "until": last,
              "when": "alive"}]  # fmt: skip
    spans += [
        {"what": "receiver" if band.kind == "outage" else "log", "kind": READING[band.kind][0],
         "from": max(clock.instant(band.from_at), first),
         "until": min(clock.instant(band.until_at), last),
         "when": f"{rows.at(band.from_at, overview)} – {rows.at(band.until_at, overview)}"}
        for band in read
    ]  # fmt: skip
    names, roles = zip(*READING.values(), strict=True)
    drawn = alt.Chart(style.points(s for s in spans if s["from"] < s["until"])).mark_rect(
        height=14).encode(
        **_span(axis=_axis(overview)),
        y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(
            minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH, labelPadding=2)),
        color=alt.Color("kind:N", legend=alt.Legend(orient="top", title=None) if how.legend
                        else None, scale=alt.Scale(domain=names, range=[
                            getattr(how.palette, role) for role in roles])),
        tooltip=style.tooltip(what=" ", kind="how", when="when"),
    )  # fmt: skip
    return style.dressed(
        drawn, how, height=48,
        says="When the receiver was alive, and which time of the log was read",
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
    return style.floor(min(sure or rates))


def _axis(overview: Overview, **more: Any) -> alt.Axis:
    label = {"month": "'%b %Y'", "hour": "utchours(datum.value) ? '%H:%M' : '%-d %b'"}.get(
        overview.step, "'%-d %b'"
    )
    return alt.Axis(title=None, tickCount={"expr": "max(2, width / 90)"}, labelOverlap=True,
                    labelFlush=True, labelExpr=f"utcFormat(datum.value, {label})", **more)  # fmt: skip


_UTC = alt.Scale(type="utc", nice=False, padding=0)


def _middle(overview: Overview, how: Style) -> alt.X:
    """The point of a step stands in its middle, above its bar; in a page their axis is one."""
    axis = _axis(overview, labels=how.legend, ticks=how.legend)
    return alt.X("middle:T", scale=_UTC, axis=axis)


def _span(**axis: Any) -> dict[str, Any]:
    return {"x": alt.X("from:T", scale=_UTC, **axis), "x2": "until:T"}


def _bars(overview: Overview, stacked: list[dict[str, Any]]) -> alt.Chart:
    axis = style.counts(tickCount=3, minExtent=_AXIS_WIDTH, maxExtent=_AXIS_WIDTH)
    return (
        alt.Chart(style.points(stacked))
        .mark_bar(orient="vertical")
        .encode(
            **_span(axis=_axis(overview)),
            y=alt.Y("messages:Q", stack="zero", axis=axis),
            order="order:Q",
        )
    )


def _provisional(steps: list[dict[str, Any]], how: Style) -> list[Chart]:
    spans = [step for step in steps if step["provisional"]]
    if not spans:
        return []
    return [
        alt.Chart(style.points(spans))
        .mark_rect(fill=how.palette.hatch, opacity=0.35, strokeWidth=0)
        .encode(**_span())
    ]


def _outages(overview: Overview, steps: list[dict[str, Any]], how: Style) -> list[Chart]:
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
        .encode(**_span(), tooltip=style.tooltip(what="no receiver was alive"))
    ]


def _numbered(overview: Overview, steps: list[dict[str, Any]], how: Style) -> list[Chart]:
    clock, first, last = rows.clock(overview), steps[0]["from"], steps[-1]["until"]
    marks = [
        {"at": at, "number": str(number), "title": finding.title}
        for number, finding in enumerate(overview.findings, 1)
        if finding.since is not None and finding.kind != "outage"
        and first <= (at := clock.instant(finding.since)) < last
    ]  # fmt: skip
    if not marks:
        return []
    base = alt.Chart(style.points(marks)).encode(
        x=alt.X("at:T", scale=_UTC), tooltip=style.tooltip(title=" ")
    )
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
            **_span(),
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
