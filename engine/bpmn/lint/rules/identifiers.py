"""Ids name elements in the history, in URLs and in four-eyes rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.bpmn.lint.registry import Finding, Subject, rule

_PROCESS = re.compile(r"[A-Za-z_][\w.\-]{0,119}", re.ASCII)
_ELEMENT = re.compile(r"[^\W\d][\w.\-]{0,254}")


@rule("identifiers")
def check(subject: Subject) -> Iterator[Finding]:
    """Every element has an id of its own; the process id is a short name."""
    process = subject.process
    if not _PROCESS.fullmatch(process.id):
        yield Finding(
            at=process,
            reason=f'The process id "{process.id}" is no short name of letters, digits, dots, hyphens and underscores.',
            hint="Name it like the folder of its definition, such as model_life_cycle.",
        )
    if "" in process.scopes and process.id:
        yield Finding(at=process, reason="A subprocess has no id.", hint="Give each subprocess an id of its own.")
    for file, identifier, line in subject.diagram.duplicates:
        yield Finding(
            at=process,
            line=line,
            reason=f'The id "{identifier}" is used twice in {file}.',
            hint="Give one of the two elements another id.",
        )
    for node in subject.nodes():
        if not _ELEMENT.fullmatch(node.id):
            yield Finding(
                at=node,
                reason=f'The element\'s id "{node.id}" is missing or no XML id of at most 255 characters.',
                hint="Give it an id such as Approve_model.",
            )
