"""What axe-core finds wrong with a page."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.browser import chromium

#: WCAG 2.2 at level AA, and what came before it.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
GRAVE = ("serious", "critical")


@cache
def _axe() -> str:
    return (chromium.install_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, impacts: tuple[str, ...] = GRAVE) -> list[str]:
    """The violations of an impact among those named, one line for each element, in the page as it stands."""
    # Not by a script tag: the page's content security policy refuses one, and shall.
    page.evaluate(_axe())
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", RULES)
    return [
        f"{violation['impact']} {violation['id']}: {' '.join(node['target'][-1:])} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in impacts
        for node in violation["nodes"]
    ]
