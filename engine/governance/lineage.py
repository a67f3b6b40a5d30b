"""From one answer of a model back to all that it rests on (R55)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from engine.governance import approvals
from engine.governance.approvals import Approval
from engine.inferences import labels
from engine.inferences import queries as inferences
from engine.inferences.inference import Inference
from engine.inferences.labels import Label
from engine.inventory import queries as inventory
from engine.inventory.references import VersionRef
from engine.inventory.values import Model, Version
from engine.runtime import passed
from engine.runtime.passed import Passed
from engine.serving import queries as serving
from engine.serving.deployment import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """An answer and all that it rests on."""

    inference: Inference
    label: Label | None  #: what became known later
    deployment: Deployment  #: with the life-cycle instance and the step that deployed it
    model: Model
    version: Version
    inputs: dict[str, str]  #: role to digest: the data, the source, the model file, as they ran
    approvals: list[Approval]  #: those that let the version into this environment, on which digests
    steps: list[Passed]  #: of the life cycles: where it was approved, and last where it was deployed


def of_inference(session: Session, id: UUID) -> Lineage:
    """The lineage of an inference; raises InferenceUnknown."""
    inference = inferences.get(session, id)
    deployment = serving.deployment(session, inference.deployment)
    ref = VersionRef(inference.model, inference.version)
    given = [each for each in approvals.of_version(session, str(ref)) if _let_in(each, deployment)]
    return Lineage(
        inference=inference,
        label=labels.of_inference(session, id),
        deployment=deployment,
        model=inventory.model(session, ref.model),
        version=inventory.version(session, ref),
        inputs=dict(deployment.inputs),
        approvals=given,
        steps=passed.of_tasks(
            session,
            [UUID(deployment.instance), *(each.instance for each in given)],
            [UUID(deployment.task), *(each.task for each in given)],
        ),
    )


def _let_in(approval: Approval, deployment: Deployment) -> bool:
    # Not by use alone: an approval is marked by the first deployment that it let in, and may let in another.
    return (
        approval.purpose == "deployment"
        and approval.decision == "approve"
        and approval.environment == deployment.environment
        and (deployment.live_at is None or approval.decided_at <= deployment.live_at)
    )
