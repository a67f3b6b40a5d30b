"""What a policy is, and which elements of a diagram it speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.bpmn.describing import written
from engine.bpmn.model import Node
from engine.bpmn.proofs.liveness import Place
from engine.bpmn.proofs.values import Unknown, possible
from engine.bpmn.token_game import Net

#: the variable in which a diagram keeps the risk tier; decision tables write it
TIER = "tier"
STARTER = "starter"

ALWAYS_BEFORE, AFTER_LAST, NEVER_WITHOUT, SHUT_OUT = "always-before", "after-last", "never-without", "shut-out"
FORMS = (ALWAYS_BEFORE, AFTER_LAST, NEVER_WITHOUT, SHUT_OUT)
#: kinds of target that the end of the process is
ENDS = ("end", "rest")
#: where an instance stands until a person, a time or a message moves it
_WAITS = frozenset({"userTask", "manualTask", "receiveTask", "intermediateCatchEvent", "eventBasedGateway"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A kind of step in a life cycle, by what the elements of a diagram say of themselves.

    kind: "service_task", "approval", "user_task", "decision", "message", "element", "rest" or "end".
    """

    kind: str
    name: str = ""  #: the handler, the approval's purpose, the decision, the message, or process/element
    roles: frozenset[str] = frozenset()  #: of the lane of a user task; empty: any
    shut_out: frozenset[str] = frozenset()  #: whom the user task keeps from deciding, at least
    evidence: frozenset[str] = frozenset()  #: what it shows, at least
    answer: str = ""  #: of an approval: "approve" or "reject"; empty: any, but where a policy demands it
    only: tuple[tuple[str, str], ...] = ()  #: parameters of a service task with their values
    excepted: tuple[tuple[str, str], ...] = ()  #: parameters with values by which it does not count

    def surely(self, process: str, node: Node) -> bool:
        """Whether an element is certainly such a step: what a policy demands has to be."""
        return self._is(process, node) and all(
            _given(node, parameter, value) is True for parameter, value in self.only
        ) and all(_given(node, parameter, value) is False for parameter, value in self.excepted)  # fmt: skip

    def perhaps(self, process: str, node: Node) -> bool:
        """Whether an element may be such a step: what a policy guards against has only to be possible."""
        return self._is(process, node) and not any(
            _given(node, parameter, value) is False for parameter, value in self.only
        ) and not any(_given(node, parameter, value) is True for parameter, value in self.excepted)  # fmt: skip

    def _is(self, process: str, node: Node) -> bool:
        if self.kind == "element":
            return self.name in {node.id, f"{process}/{node.id}"}
        if self.kind == "service_task":
            return node.kind == "serviceTask" and node.operator is not None and node.operator.handler == self.name
        if self.kind == "decision":
            return node.kind == "businessRuleTask" and node.decision == self.name
        if self.kind == "message":
            catches = node.kind in {"intermediateCatchEvent", "boundaryEvent", "receiveTask", "startEvent"}
            return catches and any(event.kind == "message" and event.name == self.name for event in node.events)
        if self.kind == "rest":
            return node.kind in _WAITS and not any(event.kind == "link" for event in node.events)
        if node.kind != "userTask" or self.kind == "end":
            return False
        properties = node.properties
        kind = properties.get("kind") or "form"
        if self.kind == "approval":
            fits = kind == "approval" and (properties.get("purpose") or "deployment") == self.name
        else:
            fits = self.name in {kind, "any"}
        return (
            fits
            and (not self.roles or node.lane in self.roles)
            and self.shut_out <= listed(properties.get("shut_out", ""))
            and self.evidence <= listed(properties.get("evidence", ""))
        )

    def __str__(self) -> str:
        told = {
            "service_task": f"a service task {self.name}",
            "approval": f"an approval of the {self.name}",
            "user_task": "a user task",
            "decision": f"the decision {self.name}",
            "message": f"the message {self.name}",
            "element": self.name,
            "rest": "a rest",
            "end": "the end",
        }[self.kind]
        if self.answer:
            told += f", answered {self.answer}"
        if self.roles:
            told += f" by {' or '.join(sorted(self.roles))}"
        if self.shut_out:
            told += f" that shuts out {', '.join(sorted(self.shut_out))}"
        if self.evidence:
            told += f" that shows {', '.join(sorted(self.evidence))}"
        for parameter, value in self.only:
            told += f" with {parameter} {value}"
        for parameter, value in self.excepted:
            told += f" (not {parameter} {value})"
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One rule that a published life cycle keeps on every path."""

    name: str
    version: int
    title: str
    source: str  #: the regulation or house rule that it comes from
    tiers: frozenset[str] | None  #: the risk tiers that it holds for; None: all
    form: str
    target: Step  #: what must not happen otherwise; of `shut-out` the tasks it speaks of
    required: tuple[Step, ...] = ()  #: any of these
    since: tuple[Step, ...] = ()  #: after the last of these; of `never-without` what asks for `required`
    people: tuple[Step, ...] = ()  #: of `shut-out`: whoever did these before
    starter: bool = False  #: of `shut-out`: whoever started the life cycle
    hint: str
    digest: str = ""  #: sha256 of its file


#: by element the answers with which it counts, where it is an approval; "" is any
Answers = Mapping[Place, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Applied:
    """A policy with the elements of one net that it speaks of: (process, element) each."""

    policy: Policy
    target: Answers
    required: Answers
    since: Answers
    people: Mapping[Place, frozenset[Place]]  #: by target who is not shut out there
    no: frozenset[Place]  #: approvals whose no undoes the yes of another
    deciding: frozenset[Place]  #: decisions that give the tier
    writing: frozenset[Place]  #: other elements that write it

    def effects(self) -> Iterator[tuple[str, tuple[str, str]]]:
        """(element, what it means to the policy)."""
        name = self.policy.name
        for effect in ("target", "required", "since", "no", "deciding", "writing"):
            for _, element in getattr(self, effect):
                yield element, (name, effect)
        for several in self.people.values():
            for process, element in several:
                yield element, (name, f"people {process}/{element}")


def applied(policy: Policy, net: Net) -> Applied | None:
    """The policy on a net; None where nothing in it is what the policy speaks of."""
    nodes = [(process, node) for process, diagram in net.diagrams.items() for node in diagram.process.nodes]

    def those(steps: tuple[Step, ...], sure: bool) -> dict[Place, frozenset[str]]:
        found: dict[Place, set[str]] = {}
        for process, node in nodes:
            for step in steps:
                if step.surely(process, node) if sure else step.perhaps(process, node):
                    # A policy that demands an approval demands a yes.
                    answer = step.answer or ("approve" if sure and step.kind == "approval" else "")
                    found.setdefault((process, node.id), set()).add(answer)
        return {place: frozenset(answers) for place, answers in found.items()}

    target, since = those((policy.target,), False), those(policy.since, False)
    if (policy.form == NEVER_WITHOUT and not since) or (not target and policy.target.kind not in ENDS):
        return None
    people: dict[Place, frozenset[Place]] = {}
    if policy.form == SHUT_OUT:
        before = those(policy.people, False)
        for process, element in target:
            node = net.diagrams[process].process.node(element)
            kept_out = {each.rpartition("/")[2] for each in listed(node.properties.get("shut_out", "") if node else "")}
            people[process, element] = frozenset(
                each for each in before if each[1] not in kept_out and each != (process, element)
            )
    tiered = policy.tiers is not None
    return Applied(
        policy=policy,
        target=target,
        required=those(policy.required, True),
        since=since,
        people=people,
        no=_refusing(policy, nodes),
        deciding=frozenset((p, n.id) for p, n in nodes if tiered and TIER in _outputs(net, p, n)),
        writing=frozenset((p, n.id) for p, n in nodes if tiered and _writes_tier(net, p, n)),
    )


def listed(text: str) -> frozenset[str]:
    """The names in a property that holds several, with commas."""
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _refusing(policy: Policy, nodes: list[tuple[str, Node]]) -> frozenset[Place]:
    """Approvals of the same purpose by the same roles, however drawn: their no counts even where their yes does not."""
    wanted = [step for step in policy.required if step.kind == "approval"]
    return frozenset(
        (process, node.id)
        for process, node in nodes
        for step in wanted
        if Step(kind="approval", name=step.name, roles=step.roles).perhaps(process, node)
    )


def _outputs(net: Net, process: str, node: Node) -> tuple[str, ...]:
    decision = net.diagrams[process].decisions.get(node.decision) if node.kind == "businessRuleTask" else None
    return decision.outputs if decision is not None else ()


def _writes_tier(net: Net, process: str, node: Node) -> bool:
    if node.kind == "businessRuleTask":
        return False
    return TIER in written(net.diagrams[process], node)


def _given(node: Node, parameter: str, value: str) -> bool | None:
    """Whether a parameter of a service task has a value; None where that hangs on data."""
    given = [each.value for each in node.operator.parameters if each.id == parameter] if node.operator else []
    if not given:
        return False
    values = possible(given[0], {})
    if any(isinstance(each, Unknown) for each in values):
        return None
    found = {each == value for each in values}
    return None if len(found) > 1 else found.pop()
