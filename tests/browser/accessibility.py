"""What axe-core finds wrong with a page."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.browser import chromium

#: WCAG 2.2 at level AA, and what came before it.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: the rules whose verdict hangs on colours: all that another theme changes
RULES_OF_COLOUR = ["color-contrast", "link-in-text-block"]
GRAVE = ("serious", "critical")


@cache
def _axe() -> str:
    return (chromium.install_packages() / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def violations(page: Page, impacts: tuple[str, ...] = GRAVE, *, colours_alone: bool = False) -> list[str]:
    """The violations of an impact among those named, one line for each element, in the page as it stands.

    colours_alone: for a page whose theme alone has changed since it was last looked at.
    """
    if not page.evaluate("'axe' in window"):
        # Not by a script tag: the page's content security policy refuses one, and shall.
        page.evaluate(_axe())
    only = {"type": "rule", "values": RULES_OF_COLOUR} if colours_alone else {"type": "tag", "values": RULES}
    found = page.evaluate("only => axe.run(document, {runOnly: only, resultTypes: ['violations']})", only)
    return [
        f"{violation['impact']} {violation['id']}: {' '.join(node['target'][-1:])} {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in impacts
        for node in violation["nodes"]
    ]
