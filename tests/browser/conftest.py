"""Fixtures of the browser tests: one Chromium for the folder, one watched page for each test."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser import chromium

ARTEFACTS = Path(__file__).parent.parent / "artefacts"

_WATCH_POLICY = """
document.addEventListener('securitypolicyviolation', event =>
  console.error(`security policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""


# Of the folder and not of the session: playwright's event loop would stay running for asyncio tests elsewhere.
@pytest.fixture(scope="package")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A headless Chromium; where none can be had the tests fail, they are not skipped."""
    found = chromium.find()
    home = str(tmp_path_factory.mktemp("home"))  # it keeps crash reports, certificates and more below its user's home
    environment = {**found.environment, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_CACHE_HOME": home}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.executable, args=found.arguments, env=environment, timeout=60_000
        )
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser's state without cookies or storage; its pages tell of breaches of the content security policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    context.add_init_script(_WATCH_POLICY)
    yield context
    context.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the console of the watched page complained of so far; a test that expects some removes them."""
    return []


@pytest.fixture
def page(context: BrowserContext, complaints: list[str]) -> Iterator[Page]:
    """A page; the test fails where its console shows an error or a breach of the content security policy."""
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Callable[[Page, str], Path]:
    """Keeps a screenshot under tests/artefacts, named by the test and a word: some faults only the eye finds."""

    def keep(page: Page, word: str) -> Path:
        ARTEFACTS.mkdir(exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{request.node.name}-{word}").strip("-")
        path = ARTEFACTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)
        return path

    return keep
