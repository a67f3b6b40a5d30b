"""What is proven of a definition before it is published: with what it calls, and of all that call it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.metadata import entry_points
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine import bpmn
from engine.bpmn import proofs
from engine.bpmn.proofs import Policy, Proof, Verdict
from engine.errors import GatewrightError
from engine.runtime import registry
from engine.runtime.tables import DefinitionFileRow, DefinitionRow

Files = Mapping[str, bytes]

#: packages of policies that other installed packages bring
GROUP = "gatewright.policies"


class DefinitionUnproven(GatewrightError):
    """{process} cannot be published, since not every path through it keeps what has to hold. {told}"""

    code = "definition-unproven"
    hint = "Open the diagram in the modeler and press Validate: it shows each path. {hints}"
    status = 422

    verdicts: tuple[Verdict, ...]


class DefinitionUndecided(GatewrightError):
    """Of {process} it was not decided whether {what} hold on every path. {reason}"""

    code = "definition-undecided"
    hint = "Draw it smaller, or let the reviewer answer for it: accept what is undecided, with a comment that says why."
    status = 409


def declare_tiers(names: Iterable[str]) -> None:
    """The risk tiers that there are, the strictest first: told by the room whose rules they are."""
    _tiers[:] = list(names)
    policies.cache_clear()


def tiers() -> tuple[str, ...]:
    """The risk tiers; those that policies name where nobody told them."""
    return tuple(_tiers) or tuple(sorted({tier for policy in policies() for tier in policy.tiers or ()}))


@cache
def policies() -> tuple[Policy, ...]:
    """The policies of this house: those that ship, and those of installed packages; raises PolicyUnreadable."""
    found: dict[str, bytes] = {}
    for package in ("engine.runtime.policies", *(point.value for point in entry_points(group=GROUP))):
        for file in resources.files(package).iterdir():
            if file.name.endswith((".yaml", ".yml")):
                found[f"{package}/{file.name}"] = file.read_bytes()
    return proofs.read(found, _tiers)


def prove(session: Session, files: Files, others: Mapping[str, Files] | None = None) -> Proof:
    """What holds on every path of a definition without errors, with what it calls as it is published now.

    others: definitions that take the place of published ones of their name, such as those to be published with it.
    """
    known = {**(others or {}), bpmn.describe(files).process_id: files}
    return _proof(files, _called(session, files, known))


def of_callers(session: Session, files: Files, others: Mapping[str, Files] | None = None) -> list[Proof]:
    """The same of all published processes that call this one: they would run what is published now.

    Left out are those that fail already, in the same way: whoever publishes this one did not break them.
    """
    name = bpmn.describe(files).process_id
    known = {**(others or {}), name: files}
    calls = {process: set(_about(session, each).calls) for process, each in _latest(session).items()}
    calls |= {process: set(bpmn.describe(each).calls) for process, each in known.items()}
    callers = {name}
    while more := {process for process, called in calls.items() if called & callers} - callers:
        callers |= more
    found = []
    for process in sorted(callers - {name}):
        own = known[process] if process in known else _files(session, _latest(session)[process])
        now, before = _proof(own, _called(session, own, known)), _proof(own, _called(session, own, others or {}))
        if not now.refused or {each.name for each in now.refused} - {each.name for each in before.refused}:
            found.append(now)
    return found


def with_way(bundle: bpmn.Bundle, process: str, source: str, target: str) -> Proof:
    """What holds of what an instance runs, had a way been drawn from one element of a process of it to another."""
    members = {each: bundle.files(each) for each in (bundle.process, *bundle.called)}
    members[process] = bpmn.ways.with_way(members[process], source, target)
    return _proof(members.pop(bundle.process), members)


def after_move(execution: bpmn.Execution, task_id: str, element: str) -> Verdict:
    """Whether a token would wait for ever once one has been moved by hand, from where all of an instance stand."""
    errors = {task.name: task.errors for task in registry.service_tasks()}
    try:
        return proofs.after_move(execution, task_id, element, errors)
    except Exception as error:
        reason = f"The proof itself failed ({type(error).__name__}: {error})."
        return Verdict(name="no-token-left-behind", title="", outcome=proofs.UNDECIDED, reason=reason)


def require(found: Sequence[Proof], *, undecided_accepted: bool = False) -> None:
    """Raises DefinitionUnproven where one fails, DefinitionUndecided where one is open and nobody answers for it."""
    for proof in found:
        if proof.refused:
            raise unproven(proof)
    for proof in found:
        if proof.undecided and not undecided_accepted:
            names = ", ".join(each.name for each in proof.undecided)
            raise DefinitionUndecided(process=proof.process, what=names, reason=proof.undecided[0].reason)


def unproven(proof: Proof) -> DefinitionUnproven:
    """The refusal that names policies and paths."""
    failed = proof.refused
    told = " ".join(
        f"{each.title} ({each.name}): {each.reason} Path: {proofs.describe(each.path)}." for each in failed[:3]
    )
    hints = " ".join(dict.fromkeys(each.hint for each in failed[:3]))
    refusal = DefinitionUnproven(process=proof.process, told=told, hints=hints)
    refusal.verdicts = failed
    return refusal


def issues(proof: Proof) -> list[bpmn.Issue]:
    """What a proof has to complain of, as a check tells it."""
    found = []
    for each in proof.verdicts:
        if each.outcome not in {proofs.FAILS, proofs.UNDECIDED}:
            continue
        fails = each.outcome == proofs.FAILS
        path = f" Path: {proofs.describe(each.path)}." if fails and each.kind == "policy" else ""
        free = f" Not considered: {'; '.join(each.free)}." if each.free else ""
        own = [visit for visit in each.path if visit.process == proof.process]
        found.append(
            bpmn.Issue(
                rule=each.name,
                severity="error" if each.refuses else "warning",
                process=proof.process,
                # In a diagram that is called the call is what can be shown.
                element=each.element if each.process == proof.process else own[-1].element if own else "",
                name=own[-1].name if own and fails else "",
                reason=f"{each.title}: {each.reason}{path}{free}"
                if fails
                else f"{each.title}: not decided. {each.reason}",
                hint=each.hint,
            )
        )
    return found


def _proof(files: Files, called: Mapping[str, Files]) -> Proof:
    known = policies()
    errors = {task.name: task.errors for task in registry.service_tasks()}
    key = (
        bpmn.digest(files),
        *sorted((process, bpmn.digest(each)) for process, each in called.items()),
        proofs.policies_digest(known),
        str(sorted(errors.items())),
        tiers(),
    )
    found = _proofs.get(key)
    if found is None:
        try:
            found = proofs.prove(files, called, known, errors, tiers())
        except Exception as error:
            # A proof that stumbles has proven nothing: somebody has to answer for it.
            reason = f"The proof itself failed ({type(error).__name__}: {error})."
            found = proofs.undone(files, known, reason)
        if len(_proofs) >= _KEPT:
            _proofs.clear()
        _proofs[key] = found
    return found


def _called(session: Session, files: Files, known: Mapping[str, Files]) -> dict[str, Files]:
    """The definitions of all that is called, directly or not, as far as they are there."""
    published = _latest(session)
    found: dict[str, Files] = {}
    waiting = [*bpmn.describe(files).calls]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name in known:
            found[name] = known[name]
        else:
            definition = published.get(name) or _bound(session, name)
            if definition is None:
                continue
            found[name] = _files(session, definition)
        waiting += bpmn.describe(found[name]).calls
    return found


def _bound(session: Session, name: str) -> UUID | None:
    """The id of the one version to which a call is bound."""
    version = bpmn.bindings.version_of(name)
    if version is None:
        return None
    return session.scalar(
        select(DefinitionRow.id).where(
            DefinitionRow.name == bpmn.bindings.process_of(name),
            DefinitionRow.version == version,
            DefinitionRow.state == "published",
        )
    )


def _latest(session: Session) -> dict[str, UUID]:
    """Process -> id of its latest published version."""
    published = select(DefinitionRow.name, DefinitionRow.id).where(DefinitionRow.state == "published")
    return {row.name: row.id for row in session.execute(published.order_by(DefinitionRow.version))}


def _files(session: Session, definition: UUID) -> dict[str, bytes]:
    rows = session.execute(
        select(DefinitionFileRow.name, DefinitionFileRow.content).where(DefinitionFileRow.definition == definition)
    )
    return {name: bytes(content) for name, content in rows}


def _about(session: Session, definition: UUID) -> bpmn.ProcessDescription:
    if definition not in _descriptions:
        _descriptions[definition] = bpmn.describe(_files(session, definition))
    return _descriptions[definition]


_tiers: list[str] = []
#: published definitions never change, and a proof hangs on nothing but what is in its key
_descriptions: dict[UUID, bpmn.ProcessDescription] = {}
_proofs: dict[tuple[object, ...], Proof] = {}
_KEPT = 256
