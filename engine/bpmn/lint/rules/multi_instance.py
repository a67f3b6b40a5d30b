"""Activities that are repeated: in a loop, or in several copies."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.expressions import ExpressionError, evaluate, names
from engine.bpmn.expressions.scripts import is_variable
from engine.bpmn.lint.registry import Finding, Subject, rule
from engine.bpmn.model import ACTIVITIES, Loop, Node
from engine.bpmn.spec.repeated import MAX_INSTANCES


@rule("multi-instance")
def check(subject: Subject) -> Iterator[Finding]:
    """Copies of an activity come of a list or a number, with a cap; a loop has a condition or a maximum."""
    for node in subject.nodes():
        loop = node.loop
        if loop is None:
            continue
        if node.kind not in ACTIVITIES:
            yield Finding(at=node, reason=f"A {node.kind} is not repeated.", hint="Put it into a subprocess.")
        elif loop.kind == "standard":
            yield from _passes(node, loop)
        else:
            yield from _items(node, loop)
            yield from _results(node, loop)


def _passes(node: Node, loop: Loop) -> Iterator[Finding]:
    if not loop.condition and not loop.maximum:
        yield Finding(
            at=node,
            reason="The loop has neither a condition nor a maximum, so nothing says how often it runs.",
            hint="Give it a loopCondition, which has to hold for another pass, or a loopMaximum.",
        )
    if loop.maximum and not (loop.maximum.isascii() and loop.maximum.isdigit() and int(loop.maximum[:10]) > 0):
        yield Finding(
            at=node,
            reason=f'The loop\'s maximum "{loop.maximum[:40]}" is no whole number above 0.',
            hint="Set loopMaximum to the largest number of passes that makes sense.",
        )


def _items(node: Node, loop: Loop) -> Iterator[Finding]:
    if bool(loop.cardinality) == bool(loop.input):
        yield Finding(
            at=node,
            reason="A multi-instance activity has either a number of copies or a list to go through.",
            hint="Give one of loopCardinality and loopDataInputRef.",
        )
        return
    cap = node.properties.get("max_instances", "")
    if cap:
        if not (cap.isascii() and cap.isdigit() and len(cap) <= 4 and 0 < int(cap) <= MAX_INSTANCES):
            yield Finding(
                at=node,
                reason=f'The cap "{cap}" is no whole number from 1 to {MAX_INSTANCES}.',
                hint="Set the property max_instances to the largest number of copies that makes sense.",
            )
        return
    try:
        literal = bool(loop.cardinality) and not names(loop.cardinality)
        if literal and 0 <= evaluate(loop.cardinality, {}) <= MAX_INSTANCES:
            return
    except (ExpressionError, TypeError):
        return  # told by the rule for expressions, or when it runs
    yield Finding(
        at=node,
        reason="The multi-instance activity has no cap on the number of its copies.",
        hint=f"Set its property max_instances to a number up to {MAX_INSTANCES}.",
    )


def _results(node: Node, loop: Loop) -> Iterator[Finding]:
    if loop.behavior != "All":
        yield Finding(
            at=node,
            reason=f'The multi-instance activity would throw events as its copies end (behavior="{loop.behavior}").',
            hint="Remove the behavior, and draw a throw event inside a subprocess that is repeated.",
        )
    if bool(loop.output) != bool(loop.output_item):
        yield Finding(
            at=node,
            reason="The multi-instance activity names an output list or an output item, but not both.",
            hint="Give loopDataOutputRef and outputDataItem, or neither.",
        )
    for name in (loop.input, loop.item, loop.output, loop.output_item):
        if name and not is_variable(name):
            yield Finding(
                at=node,
                reason=f'"{name}" is no name of a variable.',
                hint="Use letters, digits and underscores, beginning with a letter.",
            )
