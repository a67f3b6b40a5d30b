"""The proof of one definition: what was asked, what was found, and a digest over both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rfc8785

from engine.bpmn.bundle import digest
from engine.bpmn.describing import describe as described
from engine.bpmn.proofs import checking, soundness
from engine.bpmn.proofs.beside import beside
from engine.bpmn.proofs.checking import describe
from engine.bpmn.proofs.exploration import BOUND, BOUND_OF_GROWTH, explore
from engine.bpmn.proofs.indifference import Effects
from engine.bpmn.proofs.policies import TIER, Policy, applied
from engine.bpmn.proofs.variables import form_fields, variables
from engine.bpmn.proofs.verdicts import FAILS, IDLE, UNDECIDED, Verdict
from engine.bpmn.proofs.weights import bounded
from engine.bpmn.reading import Files
from engine.bpmn.token_game import net

REPORT = "Draw it in a simpler way, and report this."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What is proven of a process with all that it calls."""

    process: str
    definitions: Mapping[str, str]  #: by process the sha256 of what was looked at
    soundness: tuple[Verdict, ...]
    policies: tuple[Verdict, ...]
    policies_digest: str  #: sha256 over the policies that were asked for
    n_configurations: int
    bound: int
    missing: tuple[str, ...] = ()  #: called processes that are not there, so that nothing was decided

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All of them, soundness first."""
        return (*self.soundness, *self.policies)

    @property
    def refused(self) -> tuple[Verdict, ...]:
        """Those by which nothing may be published."""
        return tuple(each for each in self.verdicts if each.refuses)

    @property
    def undecided(self) -> tuple[Verdict, ...]:
        """Those that somebody has to answer for."""
        return tuple(each for each in self.verdicts if each.outcome == UNDECIDED)

    @property
    def digest(self) -> str:
        """sha256 over what was asked and found."""
        return hashlib.sha256(rfc8785.dumps(self.as_facts())).hexdigest()

    def as_facts(self) -> dict[str, Any]:
        """The proof as JSON, for the audit trail."""
        facts: dict[str, Any] = {
            "process": self.process,
            "definitions": dict(self.definitions),
            "policies_digest": self.policies_digest,
            "configurations": self.n_configurations,
            "bound": self.bound,
            "soundness": {each.name: each.outcome for each in self.soundness},
            "policies": {f"{each.name}@{each.version}": each.outcome for each in self.policies},
        }
        failed = {each.name: describe(each.path) for each in self.verdicts if each.outcome == FAILS}
        if failed:
            facts["paths"] = failed
        if self.missing:
            facts["missing"] = list(self.missing)
        return facts


def prove(
    files: Files,
    called: Mapping[str, Files],
    policies: Sequence[Policy],
    errors: Mapping[str, tuple[str, ...]] | None,
    tiers: Iterable[str],
    bound: int = BOUND,
    *,
    reduced: bool = True,
) -> Proof:
    """What holds on every path of a definition that has passed the lint rules.

    called: the definitions of all processes that it calls, directly or not; others among them do no harm. errors: by
    handler the named errors that it may raise; None where that is not known. tiers: the risk tiers that there are.
    """
    members, missing = _members(files, called)
    main, *others = members
    named = frozenset(tiers)
    told: dict[str, Any] = {
        "process": main,
        "definitions": {process: digest(each) for process, each in members.items()},
        "policies_digest": policies_digest(policies),
        "bound": bound,
    }
    if missing:
        reason = f"It calls {', '.join(missing)}, of which nothing is published."
        verdicts = [
            Verdict(name=p.name, title=p.title, outcome=UNDECIDED, reason=reason, hint=p.hint) for p in policies
        ]
        return Proof(**told, soundness=(), policies=tuple(verdicts), n_configurations=0, missing=tuple(missing))
    of = net(members[main], {process: members[process] for process in others})
    fit = [(policy, applied(policy, of)) for policy in policies]
    effects: dict[str, Effects] = {}
    for _, each in fit:
        for element, effect in each.effects() if each is not None else ():
            effects[element] = effects.get(element, frozenset()) | {effect}
    tiered = any(each is not None and policy.tiers is not None for policy, each in fit)
    known = variables(of, members, {TIER: named} if tiered else {})
    graph = explore(of, known, errors, effects, bound, reduced=reduced)
    growth = None
    if not bounded(of, beside(of)):
        growth = explore(of, known, errors, {}, min(bound, BOUND_OF_GROWTH), reduced=False)
    given = TIER not in form_fields(of, members)
    found = [
        checking.verdict(each, graph, named, given)
        if each is not None
        else Verdict(
            name=policy.name,
            title=policy.title,
            version=policy.version,
            source=policy.source,
            tiers=tuple(sorted(policy.tiers or ())),
            outcome=IDLE,
            reason="Nothing that it speaks of is drawn.",
        )
        for policy, each in fit
    ]
    return Proof(
        **told,
        soundness=tuple(soundness.verdicts(graph, growth)),
        policies=tuple(found),
        n_configurations=len(graph.configurations),
    )


def undone(files: Files, policies: Sequence[Policy], reason: str) -> Proof:
    """The proof of a definition of which nothing could be decided."""
    process = described(files).process_id
    verdicts = [Verdict(name=p.name, title=p.title, outcome=UNDECIDED, reason=reason, hint=p.hint) for p in policies]
    whole = Verdict(name="sound", title="It is sound", kind="soundness", outcome=UNDECIDED, reason=reason, hint=REPORT)
    return Proof(
        process=process,
        definitions={process: digest(files)},
        soundness=(whole,),
        policies=tuple(verdicts),
        policies_digest=policies_digest(policies),
        n_configurations=0,
        bound=0,
    )


def policies_digest(policies: Sequence[Policy]) -> str:
    """sha256 over the policies, by name, version and file."""
    told = sorted(f"{policy.name}@{policy.version}:{policy.digest}" for policy in policies)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def _members(files: Files, called: Mapping[str, Files]) -> tuple[dict[str, Files], list[str]]:
    """(the definition and all that it calls, what is not there)."""
    main = described(files)
    members: dict[str, Files] = {main.process_id: files}
    missing: list[str] = []
    waiting = [*main.calls]
    while waiting:
        name = waiting.pop()
        if name in members or name in missing:
            continue
        if name not in called:
            missing.append(name)
            continue
        members[name] = called[name]
        waiting += described(called[name]).calls
    return members, sorted(missing)
