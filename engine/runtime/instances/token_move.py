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


class MoveStrands(MoveRefused):
    """A token cannot be moved from {source} to {target}: another would wait for ever. {told}"""

    code = "move-strands"
    hint = "Move it to before the gateway that split the flow, or to an element of the same branch."


def move_token(house: Store, person: Person, instance: UUID, task: UUID, element: str, reason: str) -> None:
    """Cancel the token at this task, with all that waits beneath it, and put it at another element of its scope.

    Refused unless every policy holds of the definition with a way drawn from the one element to the other, whatever
    happened before; and where a token would then wait for ever, from where they all stand, that does not wait so
    already. Where that is not decided within the bound the row in the audit trail says so.
    Raises NotWaiting, NotMovable, MoveRefused, MoveStrands, ReasonMissing, NotPermitted.
    """
    # Outside of the transaction, since a proof takes a part of a second. Should the instance be moved meanwhile, the
    # policies hang on the definition alone, and that a token waits for ever is told as stuck.
    refusal, proven = _asked(house, instance, task, element) if identity.may(person, OPERATE) else (None, "")

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
            leaves_no_token_behind=proven,
        )

    move(house, instance, act, actor=person, permission=OPERATE)


def _asked(house: Store, instance: UUID, task: UUID, element: str) -> tuple[MoveRefused | None, str]:
    """(why it is refused, what was found of the tokens then); None where it is not, or there is nothing to be moved."""
    with transaction(house) as session:
        row = session.get(InstanceRow, instance)
        if row is None or row.state != "running":
            return None, ""
        bundle = bundles.load(session, row.bundle)
        execution = bpmn.Execution.restore(bundle, bytes(row.workflow), now=row.moved_at)
    standing = next((each for each in execution.standing() if each.task_id == str(task)), None)
    if standing is None or element not in execution.targets(str(task)):
        return None, ""
    source = standing.name or standing.element
    proof = proofs.with_way(bundle, standing.process, standing.element, element)
    against = [each for each in proof.policies if each.outcome in (proving.FAILS, proving.UNDECIDED)]
    if against:
        told = " ".join(
            f"{each.title} ({each.name}): {each.reason}"
            + (f" Path: {proving.describe(each.path)}." if each.path else " It is not decided.")
            for each in against[:3]
        )
        return MoveRefused(source=source, target=element, told=told), ""
    left = proofs.after_move(execution, str(task), element)
    if left.outcome == proving.FAILS:
        told = f"{left.reason} Path: {proving.describe(left.path)}."
        return MoveStrands(source=source, target=element, told=told), ""
    return None, left.outcome
