"""[pure] How a chart looks wherever it is drawn: palette, type, axes, and what a tooltip says."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from reconcile.charts.palette import LIGHT, Palette, by_reference

FATES = ("failed", "undelivered", "unconfirmed", "open", "delivered")
FATE_NAMES = {"unconfirmed": "no receipt"}
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


Chart = alt.Chart | alt.LayerChart | alt.FacetChart


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """`legend`: the chart says itself what its colours mean; a page says it around the chart."""

    palette: Palette = LIGHT
    width: int | Literal["container"] = 640
    legend: bool = True


IN_NOTEBOOK = Style()
IN_PAGE = Style(palette=by_reference(), width="container", legend=False)


def points(rows: Iterable[Mapping[str, Any]]) -> alt.InlineData:
    """Rows as a chart's data: text, numbers and None."""
    return alt.InlineData(values=[dict(row) for row in rows])


def tooltip(**titles: str) -> list[alt.Tooltip]:
    """Fields and their titles; a count gets its thousands, a text stays as it is."""
    return [
        alt.Tooltip(field=field, type="quantitative" if title.startswith("#") else "nominal",
                    title=title.removeprefix("#"), format="," if title.startswith("#") else
                    alt.Undefined)
        for field, title in titles.items()
    ]  # fmt: skip


def fate_colours(style: Style, fates: Sequence[str] = FATES, **more: Any) -> alt.Color:
    """The colour of the field `fate`, legend as the style has it."""
    names = [FATE_NAMES.get(fate, fate) for fate in fates]
    scale = alt.Scale(domain=names, range=[getattr(style.palette, fate) for fate in fates])
    legend = alt.Legend(orient="top", title=None) if style.legend else None
    return alt.Color("fate:N", scale=scale, legend=legend, **more)


def percents(title: str | None = None, **more: Any) -> alt.Axis:
    return alt.Axis(**{"format": ".1~%", "title": title, "tickCount": 5, **more})


def room(largest: float, pixels: int) -> alt.Scale:
    """From 0, with so much room for a label behind the longest bar."""
    end = {"expr": f"{largest} * width / max(width - {pixels}, 60)"}
    return alt.Scale(domainMin=0, domainMax=end, nice=False)


def floor(lowest: float) -> float:
    """Where an axis of rates begins that shows so low a one."""
    return next((bound for bound in (0.95, 0.9, 0.8, 0.7, 0.5) if bound < lowest), 0.0)


def counts(**more: Any) -> alt.Axis:
    """4k, 1.2M, and 0 without a prefix."""
    return alt.Axis(title=None, labelExpr="datum.value ? format(datum.value, '~s') : '0'", **more)


def dressed(chart: Chart, style: Style, *, height: int, says: str, title: str = "") -> Chart:
    """The finished chart; `says` is what it shows, for those who do not see it."""
    # In one call: each makes a copy of the chart with all its data.
    more: dict[str, Any] = {"title": title} if title else {}
    ground = style.palette.paper
    if style.width == "container":
        ground = "transparent"
        more["autosize"] = alt.AutoSizeParams(type="fit-x", contains="padding")
        more["padding"] = {"left": 0, "right": 4, "top": 2, "bottom": 4}
    finished: Chart = chart.properties(
        width=style.width, height=height, description=says, background=ground,
        config=_config(style.palette), **more,
    )  # fmt: skip
    return finished


def _config(palette: Palette) -> alt.Config:
    labels = {"labelColor": palette.muted, "labelFont": _FONT, "labelFontSize": 12}
    titles = {"titleColor": palette.muted, "titleFont": _FONT, "titleFontSize": 12,
              "titleFontWeight": "normal"}  # fmt: skip
    return alt.Config(
        font=_FONT, aria=False,
        view={"stroke": None},
        axis={"domainColor": palette.line, "tickColor": palette.line, "gridColor": palette.line,
              "labelPadding": 6, **labels, **titles},
        axisX={"grid": False, "tickSize": 4},
        axisY={"domain": False, "ticks": False},
        title={"anchor": "start", "fontSize": 12, "fontWeight": "normal", "font": _FONT,
               "color": palette.muted, "offset": 10},
        legend={"symbolType": "square", **labels, **titles},
        text={"color": palette.ink, "fontSize": 12, "font": _FONT},
    )  # fmt: skip
