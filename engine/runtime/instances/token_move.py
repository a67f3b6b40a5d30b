"""An operator moves a token, where what was proven of the definition still holds with the way that it takes."""

from __future__ import annotations

from uuid import UUID

from engine import bpmn, identity
from engine.bpmn import proofs as proving
from engine.errors import GatewrightError
from engine.identity import Person
from engine.runtime import bundles, edits, incidents, proofs
from engine.runtime.tables import InstanceRow
from engine.runtime.transaction import OPERATE, Moving, move
from engine.store import Store, transaction


class MoveRefused(GatewrightError):
    """A token cannot be moved from {source} to {target}: {told}"""

    code = "move-refused"
    hint = "Move it to where every way still passes its gates, such as to the gate itself."
    status = 409


def move_token(house: Store, person: Person, instance: UUID, task: UUID, element: str, reason: str) -> None:
    """Cancel the token at this task, with all that waits beneath it, and put it at another element of its scope.

    Refused unless every policy holds of the definition with a way drawn from the one element to the other, whatever
    happened before. Raises NotWaiting, NotMovable, MoveRefused, ReasonMissing, NotPermitted.
    """
    # Outside of the transaction: a proof takes a part of a second, and hangs on the definition alone.
    refusal = _refusal(house, instance, task, element) if identity.may(person, OPERATE) else None

    def act(moving: Moving) -> None:
        why = edits.require_reason(reason, "Moving a token")
        standing = next((each for each in moving.execution.standing() if each.task_id == str(task)), None)
        if standing is None:
            raise bpmn.NotWaiting(task=task)
        if refusal is not None:
            raise refusal
        moving.execution.move(str(task), element)
        incidents.close(moving, [str(task)], "moved")
        moving.record(
            "token.moved",
            reason=why,
            of=standing.process,
            scope="/".join(standing.scope),
            task=str(task),
            source=standing.element,
            target=element,
        )

    move(house, instance, act, actor=person, permission=OPERATE)


def _refusal(house: Store, instance: UUID, task: UUID, element: str) -> MoveRefused | None:
    """Why the policies forbid it; None where they do not, and where there is nothing to be moved."""
    with transaction(house) as session:
        row = session.get(InstanceRow, instance)
        if row is None or row.state != "running":
            return None
        bundle = bundles.load(session, row.bundle)
        execution = bpmn.Execution.restore(bundle, bytes(row.workflow), now=row.moved_at)
    standing = next((each for each in execution.standing() if each.task_id == str(task)), None)
    if standing is None or element not in execution.targets(str(task)):
        return None
    proof = proofs.with_way(bundle, standing.process, standing.element, element)
    against = [each for each in proof.policies if each.outcome in (proving.FAILS, proving.UNDECIDED)]
    if not against:
        return None
    told = " ".join(
        f"{each.title} ({each.name}): {each.reason}"
        + (f" Path: {proving.describe(each.path)}." if each.path else " It is not decided.")
        for each in against[:3]
    )
    return MoveRefused(source=standing.name or standing.element, target=element, told=told)
