"""Business rule tasks and their decision tables."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn import cells, decisions, expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.lint.registry import Finding, Subject, nearest, rule
from engine.bpmn.model import Decision, Node


@rule("decisions")
def check(subject: Subject) -> Iterator[Finding]:
    """A business rule task names a decision of the definition, whose table can be read cell by cell."""
    known = subject.diagram.decisions
    for node in subject.nodes("businessRuleTask"):
        if not node.decision:
            yield Finding(
                at=node,
                reason="The business rule task is bound to no decision.",
                hint="Set spiffworkflow:calledDecisionId to the id of a decision.",
            )
        elif node.decision not in known:
            yield Finding(
                at=node,
                reason=f'There is no decision "{node.decision}" in this definition.',
                hint=nearest(node.decision, known, "decisions"),
            )
        else:
            yield from _table(node, known[node.decision])


def _table(node: Node, decision: Decision) -> Iterator[Finding]:
    def found(reason: str, hint: str, line: int | None = None) -> Finding:
        return Finding(at=node, line=line, reason=f'Decision "{decision.id}" ({decision.file}): {reason}', hint=hint)

    if decision.tables != 1:
        yield found("it holds no single decision table.", "Draw it as one decision table.", decision.line)
        return
    if decision.hit_policy not in decisions.POLICIES or decision.aggregation:
        yield found(
            f"the hit policy {decision.hit_policy} {decision.aggregation}".rstrip() + " is not executed.",
            f"Use one of {', '.join(sorted(decisions.POLICIES))}.",
            decision.line,
        )
    if not decision.outputs or not decision.rules:
        yield found("it has no output or no row.", "Add them.", decision.line)
    if len(set(decision.outputs)) != len(decision.outputs):
        yield found("two outputs write one variable.", "Rename one.", decision.line)
    for column in decision.inputs:
        yield from _expression(found, "input", column, decision.line)
    for row in decision.rules:
        if (len(row.inputs), len(row.outputs)) != (len(decision.inputs), len(decision.outputs)):
            yield found(f"row {row.number} has too few or too many cells.", "Save it in a DMN editor.", row.line)
            continue
        for cell in row.inputs:
            try:
                cells.test(cell.text)
            except ExpressionError as error:
                yield found(
                    f"row {row.number}: {error.message}",
                    'Write a value, "-", > 3, [1..5], a list with commas, not(...), or a test with ? for the input.',
                    cell.line,
                )
        for cell in row.outputs:
            if cell.text not in {"", "-"}:
                yield from _expression(found, f"row {row.number}, output", cell.text, cell.line)


def _expression(found: object, where: str, text: str, line: int | None) -> Iterator[Finding]:
    try:
        expressions.parse(text)
    except ExpressionError as error:
        yield found(f"{where}: {error.message}", error.way_on, line)  # type: ignore[operator]
