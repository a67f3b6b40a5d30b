"""From one answer of a model back to all that it rests on (R55)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from engine.governance import approvals
from engine.governance.approvals import Approval
from engine.inferences import queries as inferences
from engine.inferences.inference import Inference
from engine.inventory import queries as inventory
from engine.inventory.references import VersionRef
from engine.inventory.values import Version
from engine.serving import queries as serving
from engine.serving.deployment import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """An answer and all that it rests on."""

    inference: Inference
    deployment: Deployment  #: with the life-cycle instance and the step that deployed it
    version: Version
    inputs: dict[str, str]  #: role to digest: the data, the source, the model file, as they ran
    approvals: list[Approval]  #: those that let the version into this environment, on which digests


def of_inference(session: Session, id: UUID) -> Lineage:
    """The lineage of an inference; raises InferenceUnknown."""
    inference = inferences.get(session, id)
    deployment = serving.deployment(session, inference.deployment)
    ref = VersionRef(inference.model, inference.version)
    return Lineage(
        inference=inference,
        deployment=deployment,
        version=inventory.version(session, ref),
        inputs=dict(deployment.inputs),
        approvals=[each for each in approvals.of_version(session, str(ref)) if _let_in(each, deployment)],
    )


def _let_in(approval: Approval, deployment: Deployment) -> bool:
    # Not by use alone: an approval is marked by the first deployment that it let in, and may let in another.
    return (
        approval.purpose == "deployment"
        and approval.decision == "approve"
        and approval.environment == deployment.environment
        and (deployment.live_at is None or approval.decided_at <= deployment.live_at)
    )
