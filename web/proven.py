"""Proofs as the faces show them: what was asked, what was found, and the path where something fails."""

from __future__ import annotations

from dataclasses import dataclass

from engine.bpmn.proofs import Proof, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What is proven of a definition over all its paths."""

    process: str
    digest: str  #: over what was asked and found; the audit trail keeps it at publishing
    policies_digest: str
    configurations: int  #: how many were gone through
    bound: int  #: and how many at most would have been
    verdicts: list[Verdict]  #: soundness first, then the policies


def proved(proof: Proof | None) -> Proved | None:
    """The proof, where there is one."""
    if proof is None:
        return None
    return Proved(
        process=proof.process,
        digest=proof.digest,
        policies_digest=proof.policies_digest,
        configurations=proof.n_configurations,
        bound=proof.bound,
        verdicts=list(proof.verdicts),
    )
