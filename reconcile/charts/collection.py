"""[pure] The collection audit along the time: who told us, who listened, what was read."""

from typing import Any

import altair as alt

from reconcile.charts import rows, style, time_axis
from reconcile.charts.style import IN_NOTEBOOK, Chart, Style
from reconcile.overview.record import Overview

MATCHES = {"agree": "delivered", "counted": "accent", "open": "open", "not_pulled": "queued",
           "log_behind": "unconfirmed", "log_missing": "failed", "report_missing": "undelivered",
           "status_differs": "ink"}  # fmt: skip
AGREED = ("agree", "counted")
READING = {"alive": ("alive", "delivered"),
           "listed": ("listed", "delivered"), "counted": ("counted", "accent"),
           "imported": ("imported", "open"), "not_read": ("not read", "unconfirmed"),
           "outage": ("no receiver was alive", "outage")}  # fmt: skip
"""What a band of time is called, and its colour."""


def match(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """What report and log do not both tell, by step of time: shares of the messages."""
    found: list[dict[str, Any]] = overview.by_time_and_match
    clock = rows.clock(overview)
    odd = {word: role for word, role in MATCHES.items() if word not in AGREED}
    steps = len({row["step"] for row in found})
    if steps < time_axis.LEAST or not any(row["match"] in odd for row in found):
        return None
    order = list(MATCHES)
    stacked = [
        {"from": clock.start(row["step"]), "until": clock.end(row["step"]),
         "when": clock.words(row["step"]), "match": str(row["match"]).replace("_", " "),
         "messages": row["messages"], "order": -order.index(str(row["match"]))
         if row["match"] in order else 1}
        for row in found
    ]  # fmt: skip
    colour = alt.Color(
        "match:N", scale=alt.Scale(domain=[word.replace("_", " ") for word in odd],
                                      range=[getattr(how.palette, r) for r in odd.values()]),
        legend=alt.Legend(orient="top", title=None) if how.legend else None,
    )  # fmt: skip
    axis = style.percents(minExtent=time_axis.WIDTH, maxExtent=time_axis.WIDTH)
    bars = (
        alt.Chart(style.points(stacked))
        .transform_joinaggregate(all="sum(messages)", groupby=["from"])
        .transform_calculate(share="datum.messages / datum.all")
        .transform_filter(alt.FieldOneOfPredicate("match", [w.replace("_", " ") for w in odd]))
        .mark_bar(orient="vertical")
        .encode(
            **time_axis.span(axis=time_axis.axis(overview)), color=colour, order="order:Q",
            y=alt.Y("share:Q", stack="zero", axis=axis),
            tooltip=style.tooltip(when="when", match="match", messages="#messages", all="#of"),
        )
    )  # fmt: skip
    return style.dressed(
        alt.layer(*time_axis.outages(overview, time_axis.steps(overview), how), bars),
        how, height=130,
        says=f"Share of messages whose end report and log do not both tell, by {overview.step}",
        title="Share of messages whose end report and log do not both tell",
    )  # fmt: skip


def reading(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """When somebody listened, and which time of the log was read, and how."""
    steps = time_axis.steps(overview)
    read = [band for band in overview.bands if band.kind in READING]
    if len(steps) < time_axis.LEAST or not read:
        return None
    clock, first, last = rows.clock(overview), steps[0]["from"], steps[-1]["until"]
    spans = [{"what": "receiver", "kind": READING["alive"][0], "from": first, "until": last,
              "when": "as far as its notes tell"}]  # fmt: skip
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
        **time_axis.span(axis=time_axis.axis(overview)),
        y=alt.Y("what:N", sort=None, title=None, axis=alt.Axis(
            minExtent=time_axis.WIDTH, maxExtent=time_axis.WIDTH, labelPadding=2)),
        color=alt.Color("kind:N", legend=alt.Legend(orient="top", title=None) if how.legend
                        else None, scale=alt.Scale(domain=names, range=[
                            getattr(how.palette, role) for role in roles])),
        tooltip=style.tooltip(what=" ", kind="how", when="when"),
    )  # fmt: skip
    return style.dressed(
        drawn, how, height=48,
        says="When the receiver was alive, and which time of the log was read",
    )  # fmt: skip
