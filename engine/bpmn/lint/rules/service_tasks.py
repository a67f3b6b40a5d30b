"""Service tasks and the handlers that they are bound to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.bpmn.expressions import ExpressionError, evaluate, names
from engine.bpmn.lint.registry import Finding, Subject, nearest, rule
from engine.bpmn.model import Node, Operator


@rule("service-tasks")
def check(subject: Subject) -> Iterator[Finding]:
    """A service task is bound to a known handler, with the parameters that the handler asks for."""
    known = subject.vocabulary.service_tasks
    for node in subject.nodes("serviceTask"):
        operator = node.operator
        if operator is None or not operator.handler:
            yield Finding(
                at=node,
                reason="The service task is bound to no handler.",
                hint="Choose a handler in its properties (spiffworkflow:serviceTaskOperator).",
            )
        elif operator.handler not in known:
            yield Finding(
                at=node,
                reason=f'There is no handler "{operator.handler}".',
                hint=nearest(operator.handler, known, "handlers"),
            )
        else:
            yield from _parameters(node, operator, known[operator.handler].schema)
            yield from _errors(subject, node, known[operator.handler].errors)


def _parameters(node: Node, operator: Operator, schema: Mapping[str, Any]) -> Iterator[Finding]:
    fields: Mapping[str, Any] = schema.get("properties", {})
    open_ended = bool(schema.get("additionalProperties", False))
    given = [parameter.id for parameter in operator.parameters]
    for name in schema.get("required", ()):
        if name not in given:
            yield Finding(
                at=node,
                reason=f'The handler "{operator.handler}" asks for the parameter "{name}", which is not given.',
                hint=str(fields.get(name, {}).get("description") or "Add it in the task's properties."),
            )
    for parameter in operator.parameters:
        if given.count(parameter.id) > 1:
            yield Finding(
                at=node,
                line=parameter.line,
                reason=f'The parameter "{parameter.id}" is given twice.',
                hint="Remove one.",
            )
        elif parameter.id not in fields and not open_ended:
            yield Finding(
                at=node,
                line=parameter.line,
                reason=f'The handler "{operator.handler}" has no parameter "{parameter.id}".',
                hint=nearest(parameter.id, fields, "parameters"),
            )
        elif parameter.id in fields:
            reason = _constant(parameter.value, fields[parameter.id])
            if reason:
                yield Finding(
                    at=node, line=parameter.line, reason=f'Parameter "{parameter.id}" {reason}', hint="Correct it."
                )


_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def _constant(expression: str, field: Mapping[str, Any]) -> str:
    """What is wrong with a constant parameter; empty where nothing is, or the value depends on variables."""
    try:
        if names(expression):
            return ""
        value = evaluate(expression, {})
    except ExpressionError:
        return ""  # told by the rule for expressions
    wanted = field.get("type")
    if isinstance(wanted, str) and wanted in _TYPES:
        fits = isinstance(value, _TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))
        if not fits:
            return f"is {value!r}, and the handler wants the type {wanted}."
    if "enum" in field and value not in field["enum"]:
        return f"is {value!r}, and the handler wants one of {', '.join(map(repr, field['enum']))}."
    return ""


def _errors(subject: Subject, node: Node, errors: tuple[str, ...]) -> Iterator[Finding]:
    scope = subject.process.scopes[node.scope]
    for event in scope.boundary(node.id):
        for definition in event.events:
            if definition.kind == "error" and definition.code and definition.code not in errors:
                yield Finding(
                    at=event,
                    severity="warning",
                    reason=f'The handler of this task never raises the error "{definition.code}".',
                    hint=nearest(definition.code, errors, "errors of this handler"),
                )
