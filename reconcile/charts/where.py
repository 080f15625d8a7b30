"""[pure] Where messages are lost: countries and their carriers, and the routes that lose most."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import altair as alt

from reconcile.charts import rows, style
from reconcile.charts.palette import RATE_CLASSES
from reconcile.charts.style import FATE_NAMES, IN_NOTEBOOK, Chart, Style
from reconcile.overview.record import Overview
from reconcile.rate_rows import Row

MOST_COUNTRIES = 16
MOST_CARRIERS = 6
MOST_ROUTES = 12
_NAME_LENGTH = 14

Names = Mapping[str, str]


def heat_map(
    overview: Overview, how: Style = IN_NOTEBOOK, names: Names | None = None
) -> Chart | None:
    """A row per country, most messages lost first; in it its carriers, the largest first."""
    cells = _cells(overview, names or {})
    if len(cells) < 4:
        return None
    base = alt.Chart(style.points(cells)).encode(
        x=alt.X("place:O", axis=None, scale=alt.Scale(paddingInner=0.03)),
        y=alt.Y("country:N", sort=None, title=None, scale=alt.Scale(paddingInner=0.1),
                axis=alt.Axis(labelLimit=130, domain=False, labelColor=how.palette.ink)),
        tooltip=style.tooltip(
            route="", rate_text="rate", interval="95 % interval", counts="counts",
            submitted="#messages", lost="#lost", unconfirmed="#no receipt"),
    )  # fmt: skip
    return style.dressed(
        alt.layer(
            base.mark_rect(cornerRadius=3).encode(color=rate_classes(how)),
            base.mark_text(baseline="middle", dy=-6, fontSize=11).encode(
                text="name:N", color=_on_classes(how)),
            base.mark_text(baseline="middle", dy=8, fontSize=12, fontWeight="bold").encode(
                text="cell:N", color=_on_classes(how)),
        ).resolve_scale(color="independent"), how,
        height=42 * len({cell["country"] for cell in cells}),
        says=f"{overview.report.formula.name} rate by country and carrier",
    )  # fmt: skip


def worst_routes(
    overview: Overview, how: Style = IN_NOTEBOOK, names: Names | None = None
) -> Chart | None:
    """The routes that lose the most messages: how many, by fate."""
    worst = [row for row in overview.routes if rows.lost(row)][:MOST_ROUTES]
    if len(worst) < 3:
        return None
    headline = rows.headline(overview)
    bars, ends = [], []
    for row in worst:
        about = headline.of(row) | {"route": rows.route(row, names), "lost": rows.lost(row),
                                    "submitted": row["submitted"]}  # fmt: skip
        about["end"] = f"{about['lost']:,} · {about['rate_text']}"
        ends.append(about)
        bars += [
            {**about, "fate": FATE_NAMES.get(fate, fate), "messages": row[fate]}
            for fate in ("undelivered", "failed") if row[fate]
        ]  # fmt: skip
    y = alt.Y("route:N", sort=None, title=None, scale=alt.Scale(paddingInner=0.35),
              axis=alt.Axis(labelLimit=190, labelColor=how.palette.ink))  # fmt: skip
    scale = style.room(rows.lost(worst[0]), 110)
    drawn = alt.Chart(style.points(bars)).mark_bar(cornerRadiusEnd=2).encode(
        y=y, x=alt.X("messages:Q", axis=None, scale=scale),
        color=style.fate_colours(how, ("undelivered", "failed")),
        tooltip=style.tooltip(route="", fate="fate", messages="#messages", submitted="#of",
                              rate_text="rate", interval="95 % interval", counts="counts"),
    )  # fmt: skip
    labels = alt.Chart(style.points(ends)).mark_text(align="left", dx=6).encode(
        y=y, x=alt.X("lost:Q", scale=scale), text="end:N"
    )  # fmt: skip
    return style.dressed(
        alt.layer(drawn, labels), how, height=26 * len(worst),
        says="The routes that lose the most messages, and how many",
    )  # fmt: skip


def rate_classes(how: Style, field: str = "rate") -> alt.Color:
    """A colour per class of rates, louder the worse; none where there is no rate."""
    legend = alt.Legend(format=".0%", title=None, orient="top") if how.legend else None
    scale = alt.Scale(type="threshold", domain=list(RATE_CLASSES), range=list(how.palette.rates))
    return alt.Color(f"{field}:Q", scale=scale, legend=legend)


def _on_classes(how: Style) -> alt.Color:
    scale = alt.Scale(type="threshold", domain=list(RATE_CLASSES), range=list(how.palette.on_rates))
    return alt.Color("rate:Q", scale=scale, legend=None)


def _cells(overview: Overview, names: Names) -> list[dict[str, Any]]:
    of_country: dict[Any, list[Row]] = defaultdict(list)
    for row in overview.routes:
        of_country[row["country"]].append(row)
    headline = rows.headline(overview)
    cells = []
    for country in [row["country"] for row in overview.by_country][:MOST_COUNTRIES]:
        largest = sorted(of_country[country], key=lambda r: -r["submitted"])[:MOST_CARRIERS]
        for place, row in enumerate(largest):
            carrier = row["carrier"] or "unknown"
            short = carrier if len(carrier) <= _NAME_LENGTH else f"{carrier[: _NAME_LENGTH - 1]}…"
            about = headline.of(row)
            few = f" of {row['submitted']:,}" if row["submitted"] < rows.FEW else ""
            cells.append(
                {**about, "cell": about["rate_text"] + few}
                | {"country": names.get(country, country) or "unknown", "place": place,
                   "name": short, "route": rows.route(row, names), "lost": rows.lost(row),
                   "submitted": row["submitted"], "unconfirmed": row["unconfirmed"]}
            )  # fmt: skip
    return [cell for cell in cells if cell["rate"] is not None]
