"""[I/O] Charts in a notebook without internet: the script that draws them comes with us.

Altair's own renderers load it from a CDN, or repeat it under each chart, a megabyte each time.
"""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import altair as alt

from reconcile.charts.palette import LIGHT

MIME = "application/vnd.vegalite.v6+json"  # for front ends that draw it themselves
_SCRIPT = Path(__file__).parent.parent / "rendering" / "html" / "vega.js"
_DRAWN = """<div id="{name}" style="overflow-x: auto; background: {paper}"></div>
<script>(function draw() {{
  if (!window.vegaEmbed) return setTimeout(draw, 100);
  vegaEmbed(document.getElementById("{name}"), {spec}, {{actions: false}}).catch(console.error);
}})();</script>"""


class Script:
    """Shown once in a notebook, it draws every chart of it, whichever is rendered first."""

    def __repr__(self) -> str:
        return "charts are drawn here, without internet"

    def _repr_html_(self) -> str:
        text = _SCRIPT.read_text(encoding="utf-8")
        return f"<script>if (!window.vegaEmbed) {{(function () {{{text}}})()}}</script>"


def draw_here() -> Script:
    """Make this the renderer of all Altair charts; the notebook has to show what comes back."""
    alt.renderers.register("offline", _shown)
    alt.renderers.enable("offline")
    return Script()


def _shown(spec: dict[str, Any], **_: Any) -> dict[str, Any]:
    written = json.dumps(spec).replace("<", "\\u003c")  # no tag of the data is one of ours
    name = f"chart-{uuid4().hex}"  # the same notebook may be open twice on one page
    drawn = _DRAWN.format(name=name, spec=written, paper=LIGHT.paper)
    return {MIME: spec, "text/html": drawn, "text/plain": spec.get("description", "a chart")}
