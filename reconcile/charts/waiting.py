"""[pure] How long receipts take: their distribution, percentiles by route, how cohorts mature."""

from typing import Any

import altair as alt

from reconcile.charts import rows, style
from reconcile.charts.style import IN_NOTEBOOK, Style
from reconcile.charts.where import Names
from reconcile.overview.record import MaturityPoint, Overview, TimeBin

MOST_ROUTES = 12
_TICKS = (0.1, 1, 10, 60, 600, 3600, 21_600, 86_400, 604_800)
_DURATIONS = ((86_400, "d"), (3600, "h"), (60, "min"))
_PERCENTILES = (50, 95, 99)

Chart = alt.Chart | alt.LayerChart


def duration(seconds: float) -> str:
    """'0.4 s', '12 s', '5 min', '3 h', '2 d'."""
    for size, unit in _DURATIONS:
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"


def between(bin_: TimeBin) -> str:
    """'2 s – 5 s'; open ends are said in words."""
    if bin_.from_seconds is None:
        return "before it was sent" if bin_.until_seconds == 0 else (
            "any time" if bin_.until_seconds is None else f"below {duration(bin_.until_seconds)}"
        )  # fmt: skip
    if bin_.until_seconds is None:
        return f"{duration(bin_.from_seconds)} or longer"
    return f"{duration(bin_.from_seconds)} – {duration(bin_.until_seconds)}"


def to_receipt(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """Receipts by the time they took, a bar per bin of the record."""
    bins = _inner(overview.receipt_times)
    if len([bin_ for bin_ in bins if bin_.delivered or bin_.undelivered]) < 3:
        return None
    bars = [
        {"bin": between(bin_), "from": bin_.from_seconds, "order": order, "fate": fate,
         "receipts": getattr(bin_, fate)}
        for bin_ in bins for order, fate in enumerate(("undelivered", "delivered"))
    ]  # fmt: skip
    y = alt.Y("receipts:Q", title=None, stack="zero",
              axis=alt.Axis(tickCount=4, format="~s", minExtent=44, maxExtent=44))  # fmt: skip
    drawn = alt.Chart(style.points(bars)).mark_bar(cornerRadiusEnd=1).encode(
        x=alt.X("bin:N", sort=None, title=None, scale=alt.Scale(paddingInner=0.08),
                axis=alt.Axis(labelAngle=-40, labelOverlap=False, domain=True)),
        y=y, order="order:Q", color=style.fate_colours(how, ("undelivered", "delivered")),
        tooltip=style.tooltip(bin="took", fate="fate", receipts="#receipts"),
    )  # fmt: skip
    return style.dressed(
        drawn, how, height=170, says="Receipts by the time from hand-over to receipt"
    )


def by_route(
    overview: Overview, how: Style = IN_NOTEBOOK, names: Names | None = None
) -> Chart | None:
    """Half, 95 and 99 % of receipts, for the routes of the most messages, slowest first."""
    largest = sorted(overview.routes, key=lambda r: -r["submitted"])[:MOST_ROUTES]
    timed = [row for row in largest if row["sent_to_receipt_p50"] is not None]
    if len(timed) < 3:
        return None
    points, spans = [], []
    for row in sorted(timed, key=lambda r: -r["sent_to_receipt_p95"]):
        about = {"route": rows.route(row, names), "submitted": row["submitted"]} | {
            f"p{share}_text": duration(row[f"sent_to_receipt_p{share}"]) for share in _PERCENTILES
        }
        seconds = [max(row[f"sent_to_receipt_p{share}"], _TICKS[0]) for share in _PERCENTILES]
        spans.append({**about, "from": seconds[0], "until": seconds[-1]})
        points += [{**about, "seconds": at, "which": f"p{share}"}
                   for share, at in zip(_PERCENTILES, seconds, strict=True)]  # fmt: skip
    y = alt.Y("route:N", sort=None, title=None,
              axis=alt.Axis(labelLimit=190, labelColor=how.palette.ink))  # fmt: skip
    told = style.tooltip(route="", p50_text="half within", p95_text="95 % within",
                         p99_text="99 % within", submitted="#messages")  # fmt: skip
    colours = alt.Scale(domain=["p50", "p95", "p99"], range=[
        how.palette.delivered, how.palette.ink, how.palette.muted])  # fmt: skip
    legend = alt.Legend(orient="top", title=None) if how.legend else None
    return style.dressed(
        alt.layer(
            alt.Chart(style.points(spans)).mark_rule(color=how.palette.line, strokeWidth=3)
            .encode(y=y, x=_seconds("from:Q"), x2="until:Q", tooltip=told),
            alt.Chart(style.points(points)).mark_point(filled=True, size=80, opacity=1)
            .encode(y=y, x=_seconds("seconds:Q"), tooltip=told,
                    color=alt.Color("which:N", scale=colours, legend=legend),
                    shape=alt.Shape("which:N", legend=legend, scale=alt.Scale(
                        domain=["p50", "p95", "p99"], range=["circle", "diamond", "stroke"]))),
        ), how, height=alt.Step(26),
        says="Time from hand-over to receipt by route: half, 95 and 99 percent",
    )  # fmt: skip


def maturity(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """The share of messages with a receipt by their age; a thin line per span of days."""
    points = [_aged(point) for point in overview.maturity if point.age_seconds > 0]
    if len({point["age"] for point in points}) < 3:
        return None
    x = _seconds("age:Q")
    y = alt.Y("share:Q", axis=style.percents(minExtent=44, maxExtent=44),
              scale=alt.Scale(domain=[0, 1]))  # fmt: skip
    base = alt.Chart(style.points(points)).encode(
        x=x, y=y, detail="cohort:N",
        tooltip=style.tooltip(cohort="messages of", age_text="age", share_text="with a receipt",
                              counts="counts"))  # fmt: skip
    whole, part = "datum.cohort === 'all'", "datum.cohort !== 'all'"
    return style.dressed(
        alt.layer(
            base.mark_line(color=how.palette.muted, strokeWidth=1, opacity=0.65)
            .transform_filter(part),
            base.mark_line(color=how.palette.delivered, strokeWidth=2.5).transform_filter(whole),
            base.mark_point(size=90, opacity=0, filled=True, color=how.palette.ink),
        ), how, height=200, says="Share of messages with a receipt, by age of the message",
    )  # fmt: skip


def _seconds(field: str) -> alt.X:
    words = " : ".join(f"datum.value == {at} ? '{duration(at)}'" for at in _TICKS)
    axis = alt.Axis(title=None, values=list(_TICKS), labelExpr=f"{words} : ''", labelOverlap=True,
                    domain=True, grid=True, gridDash=[2, 3])  # fmt: skip
    return alt.X(field, scale=alt.Scale(type="log", nice=False), axis=axis)


def _inner(bins: list[TimeBin]) -> list[TimeBin]:
    """Without the empty bins at both ends."""
    held = [place for place, bin_ in enumerate(bins) if bin_.delivered or bin_.undelivered]
    return bins[held[0] : held[-1] + 1] if held else []


def _aged(point: MaturityPoint) -> dict[str, Any]:
    return {
        "cohort": point.cohort, "age": point.age_seconds, "age_text": duration(point.age_seconds),
        "share": point.share, "share_text": f"{point.share:.1%}",
        "counts": f"{point.receipts:,} of {point.handed_over:,}",
    }  # fmt: skip
