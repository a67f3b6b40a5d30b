"""The pictures of the docs, taken of a demo that has told its story: `python -m tests.docs.screenshots`.

Not a test: the browser tests look at every page. Run it when a page that is shown changes, and look at what it took.
"""

from __future__ import annotations

from playwright.sync_api import Page, sync_playwright

from tests.browser import chromium
from tests.demo import running
from tests.demo.running import Told
from tests.docs.pages import DOCS

IMAGES = DOCS / "images"


def main() -> None:
    """Tell the story, open the pages as a visitor, keep the pictures, end the demo."""
    told = running.once()
    print(told.output)
    found = chromium.find()
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=found.executable, args=found.arguments, env=dict(found.environment)
            )
            context = browser.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
            take(context.new_page(), told)
            browser.close()
    finally:
        running.end()


def take(page: Page, told: Told) -> None:
    """The life cycle of model one on its diagram, and the decision that waits for the visitor."""
    page.goto(f"{told.address}/sign-in")
    page.get_by_label("Login name").fill("mika")
    page.get_by_label("Password").fill(told.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda address: "/sign-in" not in address)
    instance = told.instance_of("employment")["instance"]["id"]
    for name, path, height in (
        ("life-cycle", f"/instances/{instance}", 1240),
        ("decision", f"/tasks/{told.approval}", 900),
    ):
        page.set_viewport_size({"width": 1360, "height": height})
        page.goto(f"{told.address}{path}")
        page.wait_for_load_state("load")
        page.wait_for_timeout(1500)  # the diagram is drawn after the page
        IMAGES.mkdir(exist_ok=True)
        page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
