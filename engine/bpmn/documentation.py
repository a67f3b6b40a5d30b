"""The lists of `docs/bpmn.md`, made from the registries, so that the page cannot fall behind the code."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from engine.bpmn.expressions.functions import FUNCTIONS, METHODS
from engine.bpmn.lint import registry
from engine.bpmn.supported import DOCUMENTATION, EVENT_DEFINITIONS, EXECUTED, HANDLER_STARTS, REFUSED


def sections() -> dict[str, str]:
    """The generated parts of the page by their marker."""
    registry.load(import_module("engine.bpmn.lint.rules"))
    events = {
        kind: ", ".join(name or "none" for name in definitions) for kind, definitions in EVENT_DEFINITIONS.items()
    }
    events["event subprocess"] = ", ".join(HANDLER_STARTS)
    return {
        "executed": _table(
            ("element", "what happens", "event definitions"),
            [(kind if " " in kind else f"`{kind}`", text, events.get(kind, "")) for kind, text in EXECUTED.items()],
        ),
        "documentation": _table(("drawn", "meaning"), list(DOCUMENTATION.items())),
        "refused": _table(("drawn", "rule"), [(what, f"`{rule}`") for what, rule in REFUSED.items()]),
        "rules": _table(
            ("rule", "what it asks"),
            [("`readable`", "Every file can be read: plain XML within the limits, one executable process.")]
            + [(f"`{name}`", rule.summary) for name, rule in sorted(registry.RULES.items())],
        ),
        "functions": "Functions: "
        + ", ".join(f"`{name}`" for name in FUNCTIONS)
        + ".\nMethods: "
        + ", ".join(f"`.{name}()`" for name in METHODS)
        + ".",
    }


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def filled(page: str) -> str:
    """The page with every generated part made anew between its markers."""
    for name, text in sections().items():
        opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
        before, _, rest = page.partition(opening)
        _, _, after = rest.partition(closing)
        if not rest:
            raise ValueError(f"The page has no marker {opening}.")
        page = f"{before}{opening}\n{text}\n{closing}{after}"
    return page


if __name__ == "__main__":
    from pathlib import Path

    PAGE = Path("docs/bpmn.md")
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
