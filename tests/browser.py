"""A real browser without a window: Debian's Chromium, or whichever is on the path."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
INSTALLED = next(filter(None, map(shutil.which, NAMES)), None)
WHY_SKIPPED = "no Chromium on the path: apt-get install chromium"


@contextmanager
def started() -> Iterator[Browser]:
    # Chromium's own sandbox does not run for root.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=INSTALLED, args=options)
        try:
            yield browser
        finally:
            browser.close()


class Opened:
    """A page from a file, drawn whole, and what went wrong in it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        self.requested: list[str] = []
        self.refused: dict[str, str | None] = {}
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", self._requested)
        page.on("requestfailed", self._refused)

    def _requested(self, request: Any) -> None:
        if not request.url.startswith("data:"):
            self.requested.append(request.url)

    def _refused(self, request: Any) -> None:
        self.refused[request.url] = request.failure

    def drawn(self) -> "Opened":
        self.page.wait_for_selector("[data-chart]:not([data-drawn])", state="detached")
        return self


@contextmanager
def opened(
    browser: Browser, file: Path, *, width: int = 1440, height: int = 900,
    scheme: Literal["light", "dark"] = "light", scripts: bool = True,
) -> Iterator[Opened]:  # fmt: skip
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme,
        java_script_enabled=scripts,
    )  # fmt: skip
    try:
        shown = Opened(context.new_page())
        shown.page.goto(file.as_uri())
        yield shown.drawn() if scripts else shown
    finally:
        context.close()
