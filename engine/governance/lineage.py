"""From one inference back to all that made it: version, data, life-cycle step, approvers."""

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
from engine.inventory.values import Asset, Version
from engine.serving import queries as serving
from engine.serving.deployment import Deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """What an answer came from."""

    inference: Inference
    version: Version
    assets: list[Asset]  #: as they are now; `deployment.inputs` has the digests that ran
    deployment: Deployment
    approvals: list[Approval]  #: those that let this deployment in
    instance: str  #: the life-cycle instance that deployed it
    task: str  #: and its step


def of_inference(session: Session, id: UUID) -> Lineage:
    """The lineage of an inference; raises InferenceUnknown."""
    inference = inferences.get(session, id)
    ref = VersionRef(inference.model, inference.version)
    deployment = serving.deployment(session, inference.deployment)
    return Lineage(
        inference=inference,
        version=inventory.version(session, ref),
        assets=inventory.assets(session, ref),
        deployment=deployment,
        approvals=[
            each for each in approvals.of_version(session, str(ref)) if each.used_by == f"deployment {deployment.id}"
        ],
        instance=deployment.instance,
        task=deployment.task,
    )
