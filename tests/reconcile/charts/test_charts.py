"""Charts: the same each time, none where words are shorter, colours that everyone tells apart."""

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import altair as alt
import pytest

from reconcile.charts import collection, money, over_time, rhythm, waiting, where
from reconcile.charts.palette import DARK, LIGHT, Palette
from reconcile.charts.rows import Clock
from reconcile.charts.style import IN_NOTEBOOK, IN_PAGE, Style
from reconcile.overview.record import TimeBin
from tests import overviews

Drawing = Callable[..., Any]
CHARTS: tuple[Drawing, ...] = (
    over_time.rate, over_time.volume, collection.match, collection.reading, where.heat_map,
    where.worst_routes, waiting.to_receipt, waiting.by_route, waiting.maturity, rhythm.week_hours,
    rhythm.parts, money.wasted,
)  # fmt: skip
FATES = ("delivered", "undelivered", "failed", "unconfirmed", "open")
# How colours look without one kind of cone, in linear light: Machado, Oliveira and Fernandes 2009.
BLINDNESS = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                   (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                     (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                   (0.004733, 0.691367, 0.303900)),
}  # fmt: skip

each_chart = pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: str(chart.__name__))
each_palette = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


@each_chart
@pytest.mark.parametrize("style", [IN_NOTEBOOK, IN_PAGE], ids=["notebook", "page"])
def test_a_chart_is_the_same_each_time(chart: Drawing, style: Style) -> None:
    drawn = chart(overviews.traffic(), style)
    assert drawn is not None
    assert drawn.to_dict() == chart(overviews.traffic(), style).to_dict()
    assert drawn.to_dict()["description"]


@each_chart
@pytest.mark.parametrize("world", [overviews.empty, overviews.one_message])
def test_there_is_no_chart_where_words_are_shorter(chart: Drawing, world: Drawing) -> None:
    assert chart(world()) is None


def test_where_report_and_log_agree_on_all_there_is_nothing_to_draw() -> None:
    given = overviews.traffic()
    agreed = [{**row, "match": "agree"} for row in given.by_time_and_match]
    assert collection.match(replace(given, by_time_and_match=agreed)) is None


@each_chart
def test_a_page_lends_its_own_colours(chart: Drawing) -> None:
    written = chart(overviews.traffic(), IN_PAGE).to_json()
    for colour in (*LIGHT.rates, LIGHT.delivered, LIGHT.undelivered, LIGHT.ink):
        assert colour not in written


def test_a_month_and_a_week_end_where_the_next_begins() -> None:
    day = overviews.day
    assert Clock("month", "UTC").end(day("2026-01-01")) == "2026-02-01T00:00:00Z"
    assert Clock("month", "UTC").end(day("2026-12-01")) == "2027-01-01T00:00:00Z"
    assert Clock("week", "UTC").end(day("2026-03-02")) == "2026-03-09T00:00:00Z"


def test_instants_stand_where_the_clock_of_the_zone_shows_them() -> None:
    assert Clock("day", "Asia/Kolkata").instant(overviews.START) == "2026-03-02T05:30:00Z"


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(None, 0, "earlier"), (0, 1, "below 1 s"), (2, 5, "2–5 s"), (30, 60, "30 s–1 min"),
     (3600, 21600, "1–6 h"), (86400, None, "1 d or more")],
)  # fmt: skip
def test_a_bin_is_said_in_a_few_letters(low: float | None, high: float | None, words: str) -> None:
    bin_ = TimeBin(from_seconds=low, until_seconds=high, delivered=1, undelivered=0)
    assert waiting.between(bin_) == words


@each_palette
def test_texts_stand_out_from_what_they_stand_on(palette: Palette) -> None:
    for text in (palette.ink, palette.muted, palette.accent, palette.warn, palette.fine):
        for ground in (palette.paper, palette.surface):
            assert contrast(text, ground) >= 4.5, (text, ground)
    for text, ground in zip(palette.on_rates, palette.rates, strict=True):
        assert contrast(text, ground) >= 4.5, (text, ground)


@each_palette
def test_the_worse_a_rate_the_louder_its_colour(palette: Palette) -> None:
    loudness = [contrast(colour, palette.paper) for colour in palette.rates]
    assert loudness == sorted(loudness, reverse=True)


@each_palette
@pytest.mark.parametrize("blindness", BLINDNESS)
def test_fates_can_be_told_apart_by_everyone(palette: Palette, blindness: str) -> None:
    for one, other in combinations(FATES, 2):
        seen = [lab(getattr(palette, fate), blindness) for fate in (one, other)]
        distance = sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5
        assert distance > 15, (one, other, distance)


def test_altair_draws_what_the_vendored_library_reads() -> None:
    assert alt.SCHEMA_VERSION.startswith("v6."), "run python -m reconcile.rendering.html.generate"


def linear(colour: str) -> list[float]:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


def contrast(one: str, other: str) -> float:
    """As WCAG reckons it."""
    weights = (0.2126, 0.7152, 0.0722)
    lights = [
        sum(w * c for w, c in zip(weights, linear(colour), strict=True)) for colour in (one, other)
    ]
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def lab(colour: str, blindness: str) -> tuple[float, float, float]:
    """CIE L*a*b* of the colour as it is seen."""
    seen = [
        min(max(sum(m * c for m, c in zip(row, linear(colour), strict=True)), 0), 1)
        for row in BLINDNESS[blindness]
    ]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.95047, 1.0, 1.08883)
    x, y, z = (
        sum(m * c for m, c in zip(row, seen, strict=True)) / w
        for row, w in zip(to_xyz, white, strict=True)
    )
    f = [t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in (x, y, z)]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])
