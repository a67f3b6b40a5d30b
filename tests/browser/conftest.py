"""Fixtures of the browser tests: one Chromium for the folder, and in it one watched page, cleared for each test."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Error,
    Page,
    ViewportSize,
    sync_playwright,
)

from tests.browser import chromium

ARTEFACTS = Path(__file__).parent.parent / "artefacts"

WINDOW: ViewportSize = {"width": 1280, "height": 860}

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


@pytest.fixture(scope="package")
def only_page(browser: Browser) -> Iterator[Page]:
    """The page in which one test after the other looks: a new one would load and compile every script again.

    It tells of breaches of the content security policy.
    """
    context = browser.new_context(viewport=WINDOW, reduced_motion="reduce")
    context.set_default_timeout(15_000)
    context.add_init_script(_WATCH_POLICY)
    yield context.new_page()
    context.close()


@pytest.fixture
def context(only_page: Page) -> Iterator[BrowserContext]:
    """The browser's state, without cookies or storage."""
    yield only_page.context
    if only_page.url != "about:blank":
        only_page.evaluate("localStorage.clear()")
    only_page.goto("about:blank")
    only_page.context.clear_cookies()


@pytest.fixture
def complaints() -> list[str]:
    """What the console of the watched page complained of so far; a test that expects some removes them."""
    return []


@pytest.fixture
def page(context: BrowserContext, only_page: Page, complaints: list[str]) -> Iterator[Page]:
    """A page as if it were new; the test fails where its console shows an error or a breach of the security policy."""

    def of_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    def of_page(error: Error) -> None:
        complaints.append(str(error))

    only_page.on("console", of_console)
    only_page.on("pageerror", of_page)
    only_page.set_viewport_size(WINDOW)
    only_page.emulate_media(color_scheme="light")
    only_page.mouse.move(0, 0)
    yield only_page
    only_page.remove_listener("console", of_console)
    only_page.remove_listener("pageerror", of_page)
    assert complaints == []


@pytest.fixture
def look(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Keeps a screenshot under tests/artefacts, named by the test and a word: some faults only the eye finds.

    Where GATEWRIGHT_TEST_LOOK is set: they take a fifth of these tests' time.
    """

    def keep(page: Page, word: str) -> None:
        if "GATEWRIGHT_TEST_LOOK" not in os.environ:
            return
        ARTEFACTS.mkdir(exist_ok=True)
        name = re.sub(r"[^A-Za-z0-9]+", "-", f"{request.node.name}-{word}").strip("-")
        path = ARTEFACTS / f"{name}.png"
        page.screenshot(path=path, full_page=True)

    return keep
