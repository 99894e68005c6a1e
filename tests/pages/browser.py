"""A headless Chromium, and what a page must not do while one reads it in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

BROWSER_ENV = "TERRASWEEP_BROWSER"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def find_browser(bundled: str) -> str:
    """Return the path of a Chromium: the one named, one on the path, or playwright's own.

    Without one the test is skipped, and fails in CI: a green run there has opened every page.
    """
    named = os.environ.get(BROWSER_ENV)
    paths = (shutil.which(name) for name in ([named] if named else (*NAMES, bundled)))
    path = next(filter(None, paths), None)
    if path is not None:
        return path
    if named:
        pytest.fail(f"Expected the browser that {BROWSER_ENV} names, got no {named}")
    if "CI" in os.environ:
        pytest.fail("Expected a Chromium in CI, got none. Fix: install it before the tests")
    pytest.skip(f"there is no Chromium here to open pages in; install one or set {BROWSER_ENV}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with a profile of its own."""
    with sync_playwright() as playwright:
        path = find_browser(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield browser
        browser.close()


@dataclass
class Reader:
    """Somebody who looks at one page and writes down whatever went wrong there."""

    page: Page
    wrong: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """What the page asked for, beyond itself."""

    def __post_init__(self) -> None:
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def _heard(self, message) -> None:
        if message.type in ("error", "warning"):
            self.wrong.append(f"{message.text} ({message.location['url']})")

    def open(self, path: Path) -> None:
        self.page.goto(path.as_uri())
        self.page.wait_for_load_state("networkidle")
        self.asked.remove(path.as_uri())

    def barriers(self) -> list[str]:
        """What axe-core finds: contrast, names, order, all of its rules."""
        found = Axe().run(self.page, options={"resultTypes": ["violations"]})
        return [
            f"{rule['id']}: {node['html'][:200]}"
            for rule in found.response["violations"]
            for node in rule["nodes"]
        ]


@contextmanager
def reader(
    browser: Browser, *, scheme: str = "light", width: int = 1200, scripts: bool = True
) -> Iterator[Reader]:
    """Somebody at a screen of a width, who likes it light or dark."""
    size = {"width": width, "height": 900}
    with browser.new_context(
        color_scheme=scheme, viewport=size, java_script_enabled=scripts
    ) as context:
        yield Reader(context.new_page())
