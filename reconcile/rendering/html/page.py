"""[pure] The overview as one HTML page: no request leaves it, no script of others runs in it.

Same overview, same bytes. Everything that came from outside is text: the template escapes it,
charts carry it as JSON in which no tag can end. A Content-Security-Policy names the page's own
scripts by their hash and forbids all else, so that not even a mistake could load something.
"""

import base64
import hashlib
import json
import shlex
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from reconcile import stages
from reconcile.charts import rows
from reconcile.charts.palette import DARK, LIGHT, in_css
from reconcile.overview.record import Overview
from reconcile.rendering import cells
from reconcile.rendering.html import answers, errors, sections, trust

_HERE = Path(__file__).parent


def page(overview: Overview) -> str:
    """The whole document."""
    names = {row["iso2"]: row["name"] for row in stages.meaning("countries").to_pylist()}
    parts = sections.sections(overview, names)
    audit = []
    if overview.report.total:
        told = (trust.match(overview), trust.reading(overview), trust.maturity(overview))
        audit = [figure for figure in told if figure.title]
    figures = [figure for part in parts for figure in part.figures] + audit
    # Altair checks each chart against the schema of Vega-Lite; the tests have done so before.
    specs = {
        name: chart.to_dict(validate=False) for figure in figures for name, chart in figure.drawn
    }
    scripts = [_text("vega.js"), _text("page.js")] if specs else [_text("page.js")]
    document: str = _template().render(
        overview=overview, report=overview.report, total=overview.report.total,
        verdict=answers.verdict(overview), compared=answers.compared(overview),
        answers=answers.answers(overview, names), sections=parts,
        errors=errors.table(overview), audit=audit, facts=trust.audit_facts(overview),
        formulas=trust.formula_table(overview), divides=trust.in_words(overview.report.formula),
        made_of=trust.made_of(overview), day=lambda moment: rows.at(moment, overview),
        finding_time=lambda finding: answers.finding_time(finding, overview), cells=cells,
        most=rows.MOST_NUMBERED,
        quoted=shlex.quote,
        style=Markup(_style()), scripts=[Markup(script) for script in scripts],  # noqa: S704  our own
        hashes=[_hash(script) for script in scripts], specs=specs, charts=_as_json(specs),
    )  # fmt: skip
    return document


@cache
def _template() -> Any:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_text("page.html.j2"))


@cache
def _text(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _style() -> str:
    def block(palette: Any) -> str:
        return " ".join(f"--{name}: {colour};" for name, colour in in_css(palette).items())

    light, dark = block(LIGHT), block(DARK)
    return (
        f":root {{ color-scheme: light dark; {light} }}\n"
        f"@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}\n"
        f"{_text('page.css')}"
    )


def _as_json(specs: dict[str, Any]) -> Markup:
    """For a script element that is not run: nothing in it can end the element."""
    written = json.dumps(specs, ensure_ascii=False, separators=(",", ":"))
    return Markup(written.replace("<", "\\u003c"))  # noqa: S704  no tag is left


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
