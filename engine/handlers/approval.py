"""The kind of user task `approval`: a person's decision becomes an approval, in the completing transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from engine.errors import GatewrightError
from engine.governance import approvals
from engine.handlers import subjects
from engine.identity import Person
from engine.inventory import queries
from engine.runtime.context import Context
from engine.runtime.instances.decision import Decided
from engine.runtime.registry import task_kind

PURPOSES = ("deployment", "retirement")


class PurposeUnknown(GatewrightError):
    """The approval {task} names the purpose {purpose}, which is none."""

    code = "approval-purpose"
    hint = "Give the user task the property `purpose`: deployment or retirement."
    status = 422


class DecisionMissing(GatewrightError):
    """The form of the approval {task} has no field `decision` with approve or reject."""

    code = "approval-decision"
    hint = "Use a form with that field, such as decision.form.json of the shipped life cycles."
    status = 422


class OwnVersion(GatewrightError):
    """{person} worked on {version} and cannot let it in."""

    code = "own-version"
    hint = "Another {role} decides it."
    status = 403


@task_kind("approval")
def approval(session: Session, ctx: Context, person: Person, task: Decided, answer: dict[str, Any]) -> None:
    """Keeps the decision on the version that the instance has in hand, with the digests of what was shown."""
    purpose = task.properties.get("purpose", "deployment")
    if purpose not in PURPOSES:
        raise PurposeUnknown(task=task.name, purpose=purpose)
    if answer.get("decision") not in ("approve", "reject"):
        raise DecisionMissing(task=task.name)
    model = queries.model(session, ctx.subject)
    version = subjects.in_hand(session, ctx)
    # A no is taken from anybody. The gate would not count such a yes; said here, the task stays open for others.
    own = answer["decision"] == "approve" and person.id in subjects.makers(session, version)
    if purpose == "deployment" and own:
        raise OwnVersion(person=person.name, version=version.ref, role=task.role)
    approvals.record(
        session,
        person,
        model=model.id,
        version=str(version.ref),
        purpose=purpose,
        environment=model.environment,
        tier=model.tier,
        decision=answer["decision"],
        role=task.role,
        requester=ctx.starter,
        comment=answer.get("comment", ""),
        digests=subjects.approved_digests(session, version.ref),
        shown=task.evidence,
        instance=ctx.instance,
        task=task.id,
    )


@approval.doubt
def doubt(session: Session, ctx: Context, person: Person, task: Decided, reason: str) -> None:
    """Voids the approval: who gave it saw another value of a variable than an operator has set since."""
    approvals.doubt(session, task.id, reason, by=person.id)
