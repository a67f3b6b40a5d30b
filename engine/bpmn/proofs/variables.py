"""Which variables a proof follows, and where each may still be read: the rest is free."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from engine.bpmn import cells, expressions
from engine.bpmn.expressions import ExpressionError
from engine.bpmn.expressions.syntax import CONSTANTS
from engine.bpmn.model import Node, Rule
from engine.bpmn.proofs.liveness import Place, assignments, conditions_of, live_variables, names, nodes
from engine.bpmn.proofs.values import ANYTHING, MANY, Partly
from engine.bpmn.reading import Files
from engine.bpmn.token_game import Net

#: stands for every text that the diagrams do not name
OTHER = "any other value"
#: at most so many ways to start are told apart
MOST_STARTS = 64


@dataclass(frozen=True, slots=True)
class Variables:
    """What is known of a net's variables before it is explored."""

    followed: frozenset[str]  #: those on which a choice hangs and of which a value may be known
    keys: Mapping[str, frozenset[str]]  #: by variable the keys that are read of it
    forms: Mapping[Place, Mapping[str, tuple[Any, ...]]]  #: by user task what each key of its answer may be
    starts: tuple[tuple[str, Mapping[str, Any]], ...]  #: (start event or "", variables with which it may begin)
    live: Mapping[Place, frozenset[str]] = field(default_factory=dict)  #: read when a token at the element goes on
    after: Mapping[Place, frozenset[str]] = field(default_factory=dict)  #: read once the element, or scope, is over


def variables(net: Net, files: Mapping[str, Files], inputs: Mapping[str, Iterable[str]]) -> Variables:
    """What is known of the variables of a net.

    files: by process; the forms are read from them. inputs: values told apart of variables that the process may be
    given, beside those that the diagrams compare them with.
    """
    of = _Reading(net, files, inputs)
    followed = of.followed()
    live, after = live_variables(net, followed)
    return Variables(
        followed=followed,
        keys=of.keys,
        forms={
            (process, node.id): form
            for process, node in nodes(net)
            if node.kind == "userTask"
            for form in [of.form(process, node)]
        },
        starts=tuple(of.starts(followed, live)),
        live=live,
        after=after,
    )


class _Reading:
    """The net's expressions, scripts, decisions and forms."""

    def __init__(self, net: Net, files: Mapping[str, Files], inputs: Mapping[str, Iterable[str]]) -> None:
        self.net, self.files = net, files
        self.constants: dict[str, set[str]] = {name: set(values) for name, values in inputs.items()}
        self.asked: set[str] = set(inputs)  #: names that stand in conditions
        #: names of which more is asked than whether they are one of some texts
        self.loose: set[str] = set()
        keys: dict[str, set[str]] = {}
        for text in self._texts():
            self._look(text, keys)
        self.keys = {name: frozenset(found) for name, found in keys.items()}

    def conditions(self) -> Iterator[str]:
        for place in self.net.places.values():
            for flow in place.scope.flows:
                if flow.condition:
                    yield flow.condition
            for node in place.scope.nodes.values():
                yield from conditions_of(node)

    def followed(self) -> frozenset[str]:
        """Variables on which a choice hangs, through scripts and decisions, and which are written known values."""
        needed = set(self.asked)
        for condition in self.conditions():
            needed |= names(condition)
        known: set[str] = set(self.constants)
        while True:
            before = len(needed), len(known)
            for process, node in nodes(self.net):
                diagram = self.net.diagrams[process]
                if node.kind == "scriptTask":
                    for name, text in assignments(node):
                        known.add(name)
                        needed |= names(text) if name in needed else set()
                elif node.kind == "businessRuleTask" and node.decision in diagram.decisions:
                    decision = diagram.decisions[node.decision]
                    known |= set(decision.outputs)
                    if set(decision.outputs) & needed:
                        needed = needed.union(*map(names, decision.inputs))
                elif node.kind == "userTask" and self.form(process, node):
                    known.add(node.result)
            if before == (len(needed), len(known)):
                return frozenset(needed & known)

    def form(self, process: str, node: Node) -> Mapping[str, tuple[Any, ...]]:
        """By key what a person may answer, as far as the form has few choices and somebody reads the key."""
        read = self.keys.get(node.result, frozenset())
        found = dict(choices(self.files.get(process, {}).get(node.properties.get("form", ""), b"")))
        chosen = {key: values for key, values in found.items() if key in read}
        if node.properties.get("kind") == "approval":
            # Nothing else is taken for an answer to an approval.
            decided = tuple(each for each in ("approve", "reject") if each in found.get("decision", (each,)))
            chosen["decision"] = decided or ("approve", "reject")
        return chosen

    def starts(
        self, followed: frozenset[str], live: Mapping[Place, frozenset[str]]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        process = self.net.diagrams[self.net.main].process
        begins = beginnings(self.net)
        read = frozenset().union(*(live[process.id, start.id] for start in begins))
        for start in begins if begins[0].kind == "startEvent" else begins[:1]:
            # Where an event begins it, nobody fills in a form.
            form = b"" if start.events else self.files.get(process.id, {}).get(start.properties.get("form", ""), b"")
            asked = dict(choices(form))
            domains: dict[str, tuple[Any, ...]] = {}
            for name in sorted(followed & read):
                if name in asked:
                    domains[name] = asked[name]
                elif name in self.constants and name not in self.keys:
                    other = ANYTHING if name in self.loose else OTHER
                    domains[name] = (*sorted(self.constants[name]), other)
            while domains and _size(domains.values()) > MOST_STARTS:
                del domains[max(domains, key=lambda name: len(domains[name]))]
            for values in product(*domains.values()):
                yield start.id if start.kind == "startEvent" else "", dict(zip(domains, values, strict=True))

    def _texts(self) -> Iterator[str]:
        yield from self.conditions()
        for process, node in nodes(self.net):
            for _, text in assignments(node):
                yield text
            decision = self.net.diagrams[process].decisions.get(node.decision)
            for column, text in enumerate(decision.inputs if decision else ()):
                yield from self._asked(text, decision.rules if decision else (), column)
            for rule in decision.rules if decision else ():
                yield from (cell.text for cell in rule.outputs if cell.text not in {"", "-"})

    def _asked(self, text: str, rules: Iterable[Rule], column: int) -> Iterator[str]:
        """What a column of a decision asks: of a variable by itself what its cells compare it with."""
        try:
            tree = expressions.parse(text)
            tests = [cells.test(rule.inputs[column].text) for rule in rules]
        except ExpressionError:
            yield text
            return
        if not isinstance(tree, ast.Name):
            yield text
            tests = [test for test in tests if test is not None and expressions.names(test) - {cells.INPUT}]
        for test in tests:
            if test is not None:
                yield test.replace(cells.INPUT, tree.id) if isinstance(tree, ast.Name) else test

    def _look(self, text: str, keys: dict[str, set[str]]) -> None:
        """Which keys an expression reads, and with which texts it compares a variable."""
        try:
            tree = expressions.parse(text)
        except ExpressionError:
            return
        compared: set[int] = set()
        for node in ast.walk(tree):
            found = _key(node)
            if found is not None:
                keys.setdefault(found[0], set()).add(found[1])
            if isinstance(node, ast.Compare):
                parts = [node.left, *node.comparators]
                named = [part for part in parts if isinstance(part, ast.Name) and part.id not in CONSTANTS]
                texts = {
                    each.value
                    for part in parts
                    for each in ast.walk(part)
                    if isinstance(each, ast.Constant) and isinstance(each.value, str)
                }
                for part in named:
                    if texts:
                        self.constants.setdefault(part.id, set()).update(texts)
                    if _among(node, part):
                        compared.add(id(part))
        self.loose |= {each.id for each in ast.walk(tree) if isinstance(each, ast.Name) and id(each) not in compared}


def _among(node: ast.Compare, part: ast.Name) -> bool:
    """Whether a comparison asks no more of a name than whether it is one of some texts that stand there."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
        return False
    if isinstance(node.ops[0], ast.In | ast.NotIn) and part is not node.left:
        return False
    other = node.comparators[0] if part is node.left else node.left
    alone = isinstance(node.ops[0], ast.Eq | ast.NotEq)
    texts = [other] if alone else other.elts if isinstance(other, ast.List | ast.Tuple | ast.Set) else [other, None]
    return all(isinstance(each, ast.Constant) and isinstance(each.value, str) for each in texts)


def choices(form: bytes) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """(key, its values) of a form's fields that have few; one that may be left out may be anything as well."""
    try:
        schema = json.loads(form)["schema"]
        fields, required = schema["properties"], schema.get("required", [])
        for key, field_ in fields.items():
            values: tuple[Any, ...] = ()
            if isinstance(field_.get("enum"), list):
                values = tuple(field_["enum"])
            elif isinstance(field_.get("oneOf"), list) and all("const" in each for each in field_["oneOf"]):
                values = tuple(each["const"] for each in field_["oneOf"])
            elif "const" in field_:
                values = (field_["const"],)
            elif field_.get("type") == "boolean":
                values = (True, False)
            if 0 < len(values) < MANY:
                yield key, values if key in required else (*values, ANYTHING)
    except (ValueError, KeyError, TypeError, AttributeError):
        return


def beginnings(net: Net) -> list[Node]:
    """Every element at which the process may begin: all its start events, else what no flow leads to."""
    nodes = net.places[net.main, net.main].scope.nodes.values()
    return [node for node in nodes if node.kind == "startEvent"] or net.starts(net.main, net.main)


def form_fields(net: Net, files: Mapping[str, Files]) -> frozenset[str]:
    """What whoever starts the process fills in."""
    found: frozenset[str] = frozenset()
    for start in beginnings(net):
        try:
            content = files.get(net.main, {}).get(start.properties.get("form", ""), b"{}")
            found |= frozenset(json.loads(content)["schema"]["properties"])
        except (ValueError, KeyError, TypeError):
            continue
    return found


def answers(form: Mapping[str, tuple[Any, ...]]) -> list[Partly]:
    """Every answer to a form, as far as it has few choices."""
    kept = dict(form)
    while _size(kept.values()) > MANY:
        # The decision of an approval is the last to go.
        del kept[max((key for key in kept if key != "decision"), key=lambda key: len(kept[key]), default="decision")]
    found = []
    for values in product(*kept.values()):
        found.append(Partly({k: v for k, v in zip(kept, values, strict=True) if v is not ANYTHING}))
    return found


def _size(domains: Iterable[tuple[Any, ...]]) -> int:
    size = 1
    for values in domains:
        size *= len(values)
    return size


def _key(node: ast.AST) -> tuple[str, str] | None:
    """(variable, key) where an expression reads one key of a variable."""
    of: ast.expr | None = None
    key: Any = None
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        of, key = node.value, node.slice.value
    elif isinstance(node, ast.Attribute):
        of, key = node.value, node.attr
        if key == "get":
            return None
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get" and node.args:
        first = node.args[0]
        of, key = node.func.value, first.value if isinstance(first, ast.Constant) else None
    return (of.id, key) if isinstance(of, ast.Name) and isinstance(key, str) else None
