"""The page as people meet it: opened from a file in a real browser, which does what it is told."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser

from reconcile.overview.record import Overview
from reconcile.rendering.html.page import page
from tests import browser as browsers
from tests import overviews
from tests.browser import opened

pytestmark = pytest.mark.skipif(browsers.INSTALLED is None, reason=browsers.WHY_SKIPPED)

WORLDS = {
    "nothing": overviews.empty,
    "one message": overviews.one_message,
    "one country": overviews.one_country,
    "30 days": overviews.traffic,
    "a year": overviews.a_year,
    "200 countries": overviews.many_countries,
}
Pages = Callable[[str], Path]

# Of each text that is shown: its contrast with what lies behind it, where that is less than 4.5.
TOO_FAINT = """() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const opaque = (colour) => { const n = numbers(colour); return n.length && (n[3] ?? 1) > 0.9; };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (opaque(colour)) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const shape = (text) => {  // what a text of a chart stands on
    const box = text.getBoundingClientRect();
    const under = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const found = under.find((node) => node instanceof SVGGeometryElement
      && getComputedStyle(node).fillOpacity > 0.9 && getComputedStyle(node).opacity > 0.9
      && opaque(getComputedStyle(node).fill));
    return found ? getComputedStyle(found).fill : behind(text.closest(".chart"));
  };
  const faint = [];
  const judge = (node, front, back) => {
    const [a, b] = [light(numbers(front)), light(numbers(back))].sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) faint.push([node.textContent.trim().slice(0, 40), front, back, contrast]);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || node.closest("script, style, noscript")) continue;
    if (!node.getClientRects().length) continue;
    const svg = node instanceof SVGElement;
    if (svg && getComputedStyle(node).opacity === "0") continue;
    judge(node, getComputedStyle(node)[svg ? "fill" : "color"], svg ? shape(node) : behind(node));
  }
  return faint;
}"""


STICKING_OUT = """[...document.querySelectorAll("h1, h2, h3, p, dd, figcaption")]
  .filter((node) => node.getBoundingClientRect().right > innerWidth + 1)
  .map((node) => node.textContent)"""
MARKS = ".mark-rect.role-mark path, .mark-symbol.role-mark path"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsers.started() as running:
        yield running


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """A world's page as a file, drawn once."""
    folder = tmp_path_factory.mktemp("pages")

    @cache
    def file(world: str) -> Path:
        return write(folder / f"{world}.html", WORLDS[world]())

    return file


def write(file: Path, overview: Overview) -> Path:
    file.write_text(page(overview), encoding="utf-8")
    return file


@pytest.mark.parametrize("world", WORLDS)
def test_it_opens_without_a_complaint_and_asks_nobody(
    browser: Browser, pages: Pages, world: str
) -> None:
    file = pages(world)
    with opened(browser, file) as shown:
        assert shown.said == []
        assert shown.requested == [file.as_uri()]
        assert shown.page.locator("h1").inner_text()
        charts = shown.page.locator("[data-chart]")
        assert charts.count() == shown.page.locator("[data-chart] svg").count()


@pytest.mark.parametrize("world", WORLDS)
def test_it_fits_from_phone_to_wide_screen(browser: Browser, pages: Pages, world: str) -> None:
    with opened(browser, pages(world), width=2000) as shown:
        for width in (2000, 768, 390):
            shown.page.set_viewport_size({"width": width, "height": 900})
            assert shown.page.evaluate("document.documentElement.scrollWidth") == width
            assert shown.page.evaluate(STICKING_OUT) == []


@pytest.mark.parametrize("world", ["nothing", "one message", "30 days"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(
    browser: Browser, pages: Pages, world: str, scheme: Literal["light", "dark"]
) -> None:
    file = pages(world)
    # as high as the page: what lies behind a text is only known of what is on the screen
    with opened(browser, file, scheme=scheme, height=14_000) as shown:
        shown.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert shown.page.evaluate(TOO_FAINT) == []


@pytest.mark.parametrize(
    ("chart", "words"),
    [("rate", ["95 % interval", "counts", "of", "messages", "delivered"]),
     ("volume", ["messages", "undelivered"]), ("map", ["rate", "95 % interval", "lost"]),
     ("worst", ["undelivered", "counts"]), ("week", ["95 % interval"]),
     ("reading", ["receiver", "alive", "as far as its notes tell"])],
)  # fmt: skip
def test_pointing_at_a_chart_tells_counts_and_intervals(
    browser: Browser, pages: Pages, chart: str, words: list[str]
) -> None:
    with opened(browser, pages("30 days")) as shown:
        place = shown.page.locator(f"[data-chart={chart}] svg")
        place.scroll_into_view_if_needed()
        if chart in ("rate", "volume"):  # anywhere in the column of a day
            box = place.bounding_box()
            assert box is not None
            shown.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        else:
            place.locator(MARKS).first.hover(force=True)
        tooltip = shown.page.locator("#vg-tooltip-element.visible")
        tooltip.wait_for()
        told = tooltip.inner_text()
        for word in words:
            assert word in told
        assert chart == "reading" or any(letter.isdigit() for letter in told)


def test_a_table_sorts_by_any_column_with_mouse_and_keyboard(
    browser: Browser, pages: Pages
) -> None:
    with opened(browser, pages("30 days")) as shown:
        table = shown.page.locator("#countries table")

        def column(number: int) -> list[str]:
            return table.locator(f"tbody td:nth-child({number})").all_inner_texts()

        messages = table.get_by_role("button", name="messages", exact=True)
        messages.click()
        assert messages.locator("xpath=..").get_attribute("aria-sort") == "descending"
        counts = [int(text.replace(",", "")) for text in column(3)]
        assert counts == sorted(counts, reverse=True)
        assert counts[0] > counts[-1]
        messages.click()
        assert [int(text.replace(",", "")) for text in column(3)] == counts[::-1]
        table.get_by_role("button", name="country").focus()
        shown.page.keyboard.press("Enter")
        assert column(1) == sorted(column(1), key=str.lower)
        assert table.locator("th[aria-sort]").count() == 1


def test_rates_sort_as_numbers_and_unknown_ones_stand_last(
    browser: Browser, tmp_path: Path
) -> None:
    given = overviews.traffic()
    silent = overviews.row({"unconfirmed": 5}, country="AQ")
    file = write(tmp_path / "p.html", replace(given, by_country=[silent, *given.by_country]))
    with opened(browser, file) as shown:
        table = shown.page.locator("#countries table")
        for _ in range(2):
            table.get_by_role("button", name="confirmed").click()
            rates = table.locator("tbody td:nth-child(5)").all_inner_texts()
            assert rates[-1] == "–"
        known = [float(text.rstrip("%")) for text in rates[:-1]]
        assert known == sorted(known)


def test_a_script_as_a_senders_name_is_text(browser: Browser, tmp_path: Path) -> None:
    evil = "</script><script>window.caught = true</script><img src=x onerror='window.caught = 1'>"
    given = overviews.traffic(sender=evil)
    routes = [{**row, "carrier": evil} for row in given.routes]
    errors = [replace(row, name=evil, meaning=evil) for row in given.errors]
    findings = [replace(found, title=evil, where=evil) for found in given.findings]
    tainted = replace(given, routes=routes, errors=errors, findings=findings)
    with opened(browser, write(tmp_path / "p.html", tainted)) as shown:
        shown.page.locator("[data-chart=worst] svg .mark-rect.role-mark path").first.hover()
        shown.page.locator("#vg-tooltip-element.visible").wait_for()
        assert shown.page.evaluate("window.caught") is None
        assert shown.said == []
        assert shown.page.get_by_text(evil, exact=True).count() > 2
        assert evil in shown.page.locator("#vg-tooltip-element").inner_text()


def test_the_policy_stops_what_a_mistake_would_let_through(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages("30 days")) as shown:
        stopped = shown.page.evaluate("""async () => {
          const stopped = [];
          document.addEventListener("securitypolicyviolation",
            (event) => stopped.push(event.effectiveDirective));
          const script = document.createElement("script");
          script.textContent = "window.caught = true";
          document.head.append(script);
          new Image().src = "https://example.org/pixel";
          await fetch("https://example.org").catch(() => null);
          await new Promise((done) => setTimeout(done, 50));
          return [...new Set(stopped)].sort();
        }""")
        assert stopped == ["connect-src", "img-src", "script-src-elem"]
        assert shown.page.evaluate("window.caught") is None
        assert shown.refused == {"https://example.org/pixel": "csp"}


def test_without_scripts_every_number_stands_in_a_table(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages("30 days"), scripts=False) as shown:
        assert shown.page.locator("figure:has([data-chart]) table").count() >= 9
        assert not shown.page.locator(".chart-scroll").first.is_visible()
        shown.page.locator("#over-time summary").click()
        assert shown.page.locator("#over-time table").is_visible()


def test_a_screen_reader_finds_its_way(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages("30 days")) as shown:
        page = shown.page
        assert page.locator("html[lang=en]").count() == 1
        for landmark in ("banner", "navigation", "main"):
            assert page.get_by_role(landmark).count() == 1
        assert page.locator("h1").count() == 1
        assert (
            page.locator("[data-chart]").count()
            == page.locator("[role=img][aria-label] > [data-chart]").count()
        )
        assert page.locator("section:not([aria-labelledby])").count() == 0
        assert page.locator("table:not(:has(caption)), th:not([scope])").count() == 0
        broken = page.locator("[aria-labelledby], nav a, dd > a").evaluate_all(
            "nodes => nodes.map(n => n.getAttribute('aria-labelledby') || n.hash.slice(1))"
            ".filter(id => !document.getElementById(id))"
        )
        assert broken == []
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Skip to the report"


def test_it_prints_light_and_whole_even_from_a_dark_screen(browser: Browser, pages: Pages) -> None:
    with opened(browser, pages("30 days"), scheme="dark") as shown:
        shown.page.emulate_media(media="print")
        paper: Any = shown.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert paper == "rgb(255, 255, 255)"
        assert not shown.page.locator("nav").is_visible()
        assert shown.page.locator("[data-chart]:not([data-drawn])").count() == 0
        assert shown.page.pdf(format="A4").startswith(b"%PDF")
