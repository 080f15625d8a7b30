"""[pure] The colours: one per fate wherever it is drawn, light and dark, safe for the colour-blind.

Fates are told apart by hue and by lightness (after Okabe and Ito). Rates are classed, and a class
is louder the worse it is: what is fine stays quiet. Text on each reaches a contrast of 4.5.
"""

from dataclasses import dataclass, fields

RATE_CLASSES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
"""The bounds between the colours of `rates`, worst first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    paper: str
    surface: str
    ink: str
    muted: str
    line: str  # of axes, borders
    accent: str
    delivered: str
    undelivered: str
    failed: str
    unconfirmed: str
    open: str
    queued: str
    warn: str  # texts that warn
    fine: str  # texts that all is well
    outage: str
    hatch: str  # over what is provisional
    rates: tuple[str, ...]  # one more than RATE_CLASSES, worst first
    on_rates: tuple[str, ...]  # text on each of them


LIGHT = Palette(
    paper="#ffffff", surface="#f6f7f8", ink="#1a2129", muted="#566270", line="#d9dee3",
    accent="#0a5ea8",
    delivered="#3a85c2", undelivered="#c8500a", failed="#7d2a63", unconfirmed="#dda528",
    open="#a7b0ba", queued="#cdd4da", warn="#a83e00", fine="#1f6b52", outage="#c8500a",
    hatch="#8c97a3",
    rates=("#7f2704", "#b23f06", "#dc6c24", "#f2a765", "#f8d3ac", "#d5e4f1", "#eaf1f7"),
    on_rates=("#ffffff", "#ffffff", "#1a1206", "#1a1206", "#1a1206", "#1a2129", "#1a2129"),
)  # fmt: skip

DARK = Palette(
    paper="#10151b", surface="#19202a", ink="#e8edf2", muted="#9fabb8", line="#2e3843",
    accent="#74b6f2",
    delivered="#6fb3ea", undelivered="#ee7a30", failed="#9d4ba6", unconfirmed="#f5dc8a",
    open="#6d7885", queued="#4b5561", warn="#ff9d62", fine="#6fcfac", outage="#ee7a30",
    hatch="#7b8794",
    rates=("#ffb37a", "#f58b3f", "#c8641b", "#8f4a1c", "#5c3d28", "#223547", "#1b2834"),
    on_rates=("#1a1206", "#1a1206", "#1a1206", "#ffffff", "#ffffff", "#e8edf2", "#e8edf2"),
)  # fmt: skip


def in_css(palette: Palette) -> dict[str, str]:
    """Name and value of each colour, as custom properties of a style sheet."""
    found: dict[str, str] = {}
    for field in fields(palette):
        value = getattr(palette, field.name)
        name = field.name.replace("_", "-")
        if isinstance(value, str):
            found[name] = value
        else:
            found |= {f"{name}-{place}": colour for place, colour in enumerate(value)}
    return found


def by_reference() -> Palette:
    """Colours that a page's style sheet defines: a chart follows it from light to dark."""
    classes = range(len(RATE_CLASSES) + 1)
    named = {name: f"var(--{name})" for name in in_css(LIGHT) if "rates" not in name}
    return Palette(
        **{**named, "hatch": "url(#provisional)"},
        rates=tuple(f"var(--rates-{place})" for place in classes),
        on_rates=tuple(f"var(--on-rates-{place})" for place in classes),
    )
