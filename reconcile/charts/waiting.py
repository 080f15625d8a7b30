"""[pure] How long receipts take: their distribution, percentiles by route, how cohorts mature."""

from typing import Any

import altair as alt

from reconcile.charts import rows, style
from reconcile.charts.style import IN_NOTEBOOK, Chart, Style
from reconcile.charts.where import Names
from reconcile.overview.record import MaturityPoint, Overview, TimeBin

MOST_ROUTES = 12
_TICKS = (0.1, 1, 10, 60, 600, 3600, 21_600, 86_400, 604_800)
_DURATIONS = ((86_400, "d"), (3600, "h"), (60, "min"))
_PERCENTILES = (50, 95, 99)


def duration(seconds: float) -> str:
    """'0.4 s', '12 s', '5 min', '3 h', '2 d'."""
    size, unit = next(((s, u) for s, u in _DURATIONS if seconds >= s), (1, "s"))
    number = seconds / size
    return f"{number:.2g} {unit}" if number < 10 else f"{number:,.0f} {unit}"


def between(bin_: TimeBin) -> str:
    """'2–5 s', '20 s–1 min'; open ends are said in words."""
    low, high = bin_.from_seconds, bin_.until_seconds
    if low is None or high is None:
        if low is not None:
            return f"{duration(low)} or more"
        return "any" if high is None else "earlier" if high == 0 else f"below {duration(high)}"
    if low == 0:
        return f"below {duration(high)}"
    first, last = duration(low), duration(high)
    unit = f" {last.split()[1]}"
    return f"{first.removesuffix(unit) if first.endswith(unit) else first}–{last}"


def to_receipt(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """Receipts by the time they took, a bar per bin of the record."""
    bins = _inner(overview.receipt_times)
    if len([bin_ for bin_ in bins if bin_.delivered or bin_.undelivered]) < 3:
        return None
    bars = [
        {"bin": between(bin_), "order": order, "fate": fate, "receipts": getattr(bin_, fate)}
        for bin_ in bins
        for order, fate in enumerate(("undelivered", "delivered"))
    ]  # fmt: skip
    x = alt.X("bin:N", sort=None, title=None, scale=alt.Scale(paddingInner=0.06, paddingOuter=0),
              axis=alt.Axis(labelAngle=0, labelOverlap=True, domain=True, ticks=False))  # fmt: skip
    y = alt.Y("receipts:Q", title=None, stack="zero",
              axis=style.counts(tickCount=4, minExtent=44, maxExtent=44))  # fmt: skip
    drawn = alt.Chart(style.points(bars)).mark_bar(cornerRadiusEnd=1).encode(
        x=x, y=y, order="order:Q", color=style.fate_colours(how, ("undelivered", "delivered")),
        tooltip=style.tooltip(bin="took", fate="fate", receipts="#receipts"),
    )  # fmt: skip
    marks = alt.Chart(style.points(_percentile_marks(overview, bins))).encode(x=x)
    return style.dressed(
        alt.layer(
            drawn,
            marks.mark_text(baseline="bottom", dy=-4, color=how.palette.ink).encode(
                y="receipts:Q", text="text:N"),
        ), how, height=180, says="Receipts by the time from hand-over to receipt",
        title="Receipts by the time they took",
    )  # fmt: skip


def _percentile_marks(overview: Overview, bins: list[TimeBin]) -> list[dict[str, Any]]:
    """Above the bar in which half, 95 and 99 % of the receipts have come; one text a bar."""
    total, texts = overview.report.total or {}, dict[int, list[str]]()
    for share in _PERCENTILES:
        seconds = total.get(f"sent_to_receipt_p{share}")
        for place, bin_ in enumerate(bins):
            above = bin_.from_seconds is None or seconds is None or seconds >= bin_.from_seconds
            below = bin_.until_seconds is None or seconds is None or seconds < bin_.until_seconds
            if seconds is not None and above and below:
                texts.setdefault(place, []).append("half" if share == 50 else f"{share} %")
    return [
        {"bin": between(bins[place]), "text": " · ".join(said),
         "receipts": bins[place].delivered + bins[place].undelivered}
        for place, said in texts.items()
    ]  # fmt: skip


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
                    color=alt.Color("which:N", scale=colours, legend=legend)),
        ), how, height=26 * len(timed),
        says="Time from hand-over to receipt by route: half, 95 and 99 percent",
    )  # fmt: skip


def maturity(overview: Overview, how: Style = IN_NOTEBOOK) -> Chart | None:
    """The share of messages with a receipt by their age; a thin line per span of days."""
    points = [_aged(point) for point in overview.maturity if point.age_seconds > 0]
    if len({point["age"] for point in points}) < 3:
        return None
    ages = [point["age"] for point in points]
    x = _seconds("age:Q", domain=[min(ages), max(ages)])  # also where there are no thin lines
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
            base.mark_text(align="right", baseline="top", dy=8, fontWeight="bold",
                           color=how.palette.ink).encode(text=alt.value("all messages"))
            .transform_filter(f"{whole} && datum.age === {max(ages)}"),
        ), how, height=200, says="Share of messages with a receipt, by age of the message",
    )  # fmt: skip


def _seconds(field: str, domain: list[float] | None = None) -> alt.X:
    words = " : ".join(f"datum.value == {at} ? '{duration(at)}'" for at in _TICKS)
    axis = alt.Axis(title=None, values=list(_TICKS), labelExpr=f"{words} : ''", labelOverlap=True,
                    labelFlush=True, domain=True, grid=True, gridDash=[2, 3])  # fmt: skip
    scale = alt.Scale(type="log", nice=False, padding=8)
    if domain:
        scale.domain = domain
    return alt.X(field, scale=scale, axis=axis)


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
