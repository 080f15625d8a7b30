"""[pure] Along the time: the rate with its interval, and the messages by fate."""

from collections import defaultdict
from typing import Any

import altair as alt

from reconcile.charts import rows, style, time_axis
from reconcile.charts.style import FATE_NAMES, FATES, IN_NOTEBOOK, Chart, Style
from reconcile.charts.time_axis import Steps
from reconcile.overview.record import Overview

_MOST_MARKS = 75


def rate(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """The headline rate by step of time, findings numbered at their beginning."""
    steps = time_axis.steps(overview)
    if len([step for step in steps if step["rate"] is not None]) < time_axis.LEAST:
        return None
    domain = [_floor(steps), 1]
    y = alt.Y("rate:Q", scale=alt.Scale(domain=domain, nice=False),
              axis=style.percents(minExtent=time_axis.WIDTH,
                                  maxExtent=time_axis.WIDTH))  # fmt: skip
    base = alt.Chart(style.points(steps)).encode(x=time_axis.middle(overview, how))
    line: dict[str, Any] = {"color": how.palette.delivered, "strokeWidth": 2.25, "clip": True}
    layers: list[Chart] = [
        *time_axis.provisional(steps, how),
        base.mark_area(color=how.palette.delivered, opacity=0.2, clip=True)
        .encode(y=alt.Y("low:Q").scale(domain=domain), y2="high:Q"),
        base.mark_line(**line).encode(y=y).transform_filter("!datum.provisional"),
        base.mark_line(**line, strokeDash=[2, 4]).encode(y=y)
        .transform_filter("datum.provisional || datum.ends"),
    ]  # fmt: skip
    if len(steps) <= _MOST_MARKS:
        layers.append(
            base.mark_point(color=how.palette.delivered, fill=how.palette.paper, opacity=1,
                            size=22, strokeWidth=1.5).encode(y=y)
            .transform_filter(f"datum.rate >= {domain[0]}")
        )  # fmt: skip
    layers += [
        _hover(steps, how),
        *time_axis.outages(overview, steps, how),
        *_numbered(overview, steps, how),
    ]
    return style.dressed(
        alt.layer(*layers), how, height=220,
        says=f"{overview.report.formula.name} rate by {overview.step}, with its 95 % interval",
        title=f"{overview.report.formula.name.capitalize()} rate",
    )  # fmt: skip


def volume(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """Messages by step of time, stacked by fate, the lost ones at the bottom."""
    steps = time_axis.steps(overview)
    if len(steps) < time_axis.LEAST:
        return None
    stacked = [
        {"from": step["from"], "until": step["until"], "fate": FATE_NAMES.get(fate, fate),
         "messages": step[fate], "order": place}
        for step in steps for place, fate in enumerate(FATES) if step[fate]
    ]  # fmt: skip
    bars = _bars(overview, stacked).encode(color=style.fate_colours(how))
    return style.dressed(
        alt.layer(bars, *time_axis.provisional(steps, how), _hover(steps, how)), how, height=110,
        says=f"Messages by {overview.step}, stacked by what became of them",
        title=f"Messages per {overview.step}",
    )  # fmt: skip


def _bars(overview: Overview, stacked: Steps) -> alt.Chart:
    axis = style.counts(tickCount=3, minExtent=time_axis.WIDTH, maxExtent=time_axis.WIDTH)
    bars: alt.Chart = (
        alt.Chart(style.points(stacked))
        .mark_bar(orient="vertical")
        .encode(
            **time_axis.span(axis=time_axis.axis(overview)),
            y=alt.Y("messages:Q", stack="zero", axis=axis),
            order="order:Q",
        )
    )
    return bars


def _hover(steps: Steps, how: Style) -> alt.Chart:
    """Point at any height of a step to read it."""
    columns: alt.Chart = (
        alt.Chart(style.points(steps))
        .mark_rect(fill=how.palette.ink, fillOpacity=0, strokeWidth=0)
        .encode(
            **time_axis.span(),
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
        )
    )
    return columns


def _numbered(overview: Overview, steps: Steps, how: Style) -> list[Chart]:
    clock, first, last = rows.clock(overview), steps[0]["from"], steps[-1]["until"]
    began: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for number, finding in enumerate(overview.findings[: rows.MOST_NUMBERED], 1):
        at = clock.instant(finding.since) if finding.since else ""
        if finding.kind != "outage" and first <= at < last:
            began[at].append((number, finding.title))
    marks = [
        {"at": at, "number": str(told[0][0]), "title": "; ".join(title for _, title in told)}
        for at, told in began.items()
    ]
    if not marks:
        return []
    base = alt.Chart(style.points(marks)).encode(
        x=alt.X("at:T", scale=time_axis.UTC), tooltip=style.tooltip(title=" ")
    )
    return [
        base.mark_rule(color=how.palette.warn, strokeDash=[3, 3], clip=True),
        base.mark_point(shape="circle", size=260, fill=how.palette.warn, opacity=1, strokeWidth=0)
        .encode(y=alt.value(0)),
        base.mark_text(color=how.palette.paper, fontWeight="bold", fontSize=11)
        .encode(y=alt.value(0.5), text="number:N"),
    ]  # fmt: skip


def _floor(steps: Steps) -> float:
    """Where the axis of rates begins: below all steps but those of a few messages."""
    rates = [step["rate"] for step in steps if step["rate"] is not None]
    sure = [step["rate"] for step in steps
            if step["rate"] is not None and step["submitted"] >= rows.FEW]  # fmt: skip
    return style.floor(min(sure or rates))
