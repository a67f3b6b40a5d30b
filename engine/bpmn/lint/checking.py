"""Run every rule over a definition's files. Never raises, whatever the bytes."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from engine.bpmn.issues import Issue
from engine.bpmn.lint import registry
from engine.bpmn.model import Diagram
from engine.bpmn.reading import read
from engine.bpmn.vocabulary import Vocabulary

MAX_ISSUES = 500


def check(files: Mapping[str, bytes], vocabulary: Vocabulary) -> list[Issue]:
    """What is wrong with a definition, errors first, in the order of the file; empty where it can be published."""
    registry.load(import_module("engine.bpmn.lint.rules"))
    diagram, issues = read(files)
    if issues:
        return issues[:MAX_ISSUES]
    subject = registry.Subject(diagram, diagram.process, vocabulary)
    for rule in _rules(diagram):
        try:
            issues += rule.issues(subject)
        except Exception as error:
            # A rule that stumbles refuses the diagram: it has not been checked.
            issues.append(
                Issue(
                    rule=rule.name,
                    process=diagram.process.id,
                    reason=f"The check itself failed ({type(error).__name__}: {error}).",
                    hint="Simplify the diagram and report this.",
                )
            )
    issues.sort(key=lambda issue: (issue.severity != "error", issue.line or 0, issue.element, issue.rule))
    return issues[:MAX_ISSUES]


def _rules(diagram: Diagram) -> list[registry.Rule]:
    """Every rule; where a scope's id is missing or used twice, only the one that says so.

    A subprocess could else seem to lie in itself, and who follows the scopes by their ids would not come to an end.
    """
    scopes = diagram.process.scopes
    if "" in scopes or any(identifier in scopes for _, identifier, _ in diagram.duplicates):
        return [registry.RULES["identifiers"]]
    return list(registry.RULES.values())
