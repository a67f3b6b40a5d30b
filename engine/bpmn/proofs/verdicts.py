"""What a proof says of one property: it holds, fails with a path, was not decided, or does not apply."""

from __future__ import annotations

from dataclasses import dataclass

from engine.bpmn.proofs.paths import Visit

HOLDS, FAILS, UNDECIDED, IDLE = "holds", "fails", "not decided", "does not apply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is proven of one policy, or of one part of soundness."""

    name: str
    title: str
    outcome: str  #: "holds", "fails", "not decided" or "does not apply"
    severity: str = "error"  #: whether a failure refuses the diagram: "error" or "warning"
    kind: str = "policy"  #: "policy" or "soundness"
    version: int = 1
    source: str = ""
    tiers: tuple[str, ...] = ()  #: that the policy holds for; empty: all
    reason: str = ""
    hint: str = ""
    tier: str = ""  #: the tier at which it fails; empty where that is not known
    process: str = ""  #: where it fails
    element: str = ""
    path: tuple[Visit, ...] = ()
    free: tuple[str, ...] = ()  #: conditions on the path that hang on data which was not considered

    @property
    def refuses(self) -> bool:
        """Whether nothing may be published that has it."""
        return self.outcome == FAILS and self.severity == "error"
