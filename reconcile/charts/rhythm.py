"""[pure] By hour of the week, and by the parts of a message."""

from typing import Any

import altair as alt

from reconcile.charts import rows, style
from reconcile.charts.style import IN_NOTEBOOK, Chart, Style
from reconcile.charts.where import rate_classes
from reconcile.overview.record import Overview

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def week_hours(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """A square per hour of the week: as large as its messages are many, as loud as they fail."""
    headline = rows.headline(overview)
    squares = [
        headline.of(row)
        | {"day": DAYS[row["weekday"] - 1], "hour": row["hour_of_day"],
           "when": f"{DAYS[row['weekday'] - 1]} {row['hour_of_day']:02}:00",
           "submitted": row["submitted"], "lost": rows.lost(row)}
        for row in overview.by_week_hour if row["headline_rate"] is not None
    ]  # fmt: skip
    if len(squares) < 12:
        return None
    drawn = alt.Chart(style.points(squares)).mark_point(
        shape="square", filled=True, opacity=1, stroke=how.palette.muted, strokeWidth=0.5
    ).encode(
        x=alt.X("hour:O", title=None, scale=alt.Scale(domain=list(range(24))),
                axis=alt.Axis(labelAngle=0, labelOverlap=True, labelExpr="datum.value + ' h'",
                              ticks=False, domain=False)),
        y=alt.Y("day:O", title=None, scale=alt.Scale(domain=list(DAYS)),
                axis=alt.Axis(labelColor=how.palette.ink)),
        size=alt.Size("submitted:Q", legend=None, scale=alt.Scale(range=[8, 380], zero=True)),
        color=rate_classes(how),
        tooltip=style.tooltip(when="", rate_text="rate", interval="95 % interval",
                              counts="counts", submitted="#messages", lost="#lost"),
    )  # fmt: skip
    return style.dressed(
        drawn, how, height=26 * len(DAYS), says="Rate and number of messages by hour of the week"
    )


def parts(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """The rate by the number of parts of a message, each with its interval."""
    headline = rows.headline(overview)
    points: list[dict[str, Any]] = [
        headline.of(row) | {"parts": _parts(row["parts"]), "submitted": row["submitted"],
                            "lost": rows.lost(row)}
        for row in overview.by_parts if row["headline_rate"] is not None
    ]  # fmt: skip
    if len(points) < 3:
        return None
    base = alt.Chart(style.points(points)).encode(
        y=alt.Y("parts:N", sort=None, title=None, axis=alt.Axis(labelColor=how.palette.ink)),
        tooltip=style.tooltip(parts="", rate_text="rate", interval="95 % interval",
                              counts="counts", submitted="#messages", lost="#lost"),
    )  # fmt: skip
    lows = [point["low"] if point["low"] is not None else point["rate"] for point in points]
    scale = alt.Scale(domain=[style.floor(min(lows)), 1], nice=False)
    x = alt.X(
        "rate:Q",
        scale=scale,
        axis=style.percents(
            grid=True, gridDash=[2, 3], labelFlush=True, tickCount={"expr": "max(2, width / 90)"}
        ),
    )
    return style.dressed(
        alt.layer(
            base.mark_rule(color=how.palette.delivered, strokeWidth=3, opacity=0.4)
            .encode(x=alt.X("low:Q", scale=scale), x2="high:Q"),
            base.mark_point(filled=True, size=80, opacity=1, color=how.palette.delivered)
            .encode(x=x),
        ), how, height=28 * len(points), says="Rate by number of parts",
    )  # fmt: skip


def _parts(number: int | None) -> str:
    return "unknown" if number is None else f"{number} part{'' if number == 1 else 's'}"
