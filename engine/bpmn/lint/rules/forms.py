"""Forms are files of the definition."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, nearest, rule


@rule("forms")
def check(subject: Subject) -> Iterator[Finding]:
    """Every form that an element names is a file of the definition."""
    forms = {name for name in subject.diagram.files if name.endswith(".form.json")}
    for node in subject.nodes():
        form = node.properties.get("form")
        if form and form not in forms:
            yield Finding(
                at=node,
                reason=f'The form "{form}" is no file of this definition.',
                hint=nearest(form, forms, "forms"),
            )
