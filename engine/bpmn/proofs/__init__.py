"""What holds on every path of a diagram, proven before it is published: soundness, and the policies of the house.

The token game's relation is explored, not run: data are free but for variables with few values, any armed timer may
occur, messages may come or not, handlers succeed or raise each of their named errors, and of a repeated activity none,
one and two copies are followed. What "never" happens here happens in no run.
"""

from engine.bpmn.proofs.by_hand import after_move
from engine.bpmn.proofs.checking import describe
from engine.bpmn.proofs.exploration import BOUND
from engine.bpmn.proofs.paths import Visit
from engine.bpmn.proofs.policies import Policy
from engine.bpmn.proofs.policy_files import PolicyUnreadable, read
from engine.bpmn.proofs.proof import Proof, policies_digest, prove, undone
from engine.bpmn.proofs.verdicts import FAILS, HOLDS, IDLE, UNDECIDED, Verdict

__all__ = [
    "BOUND",
    "FAILS",
    "HOLDS",
    "IDLE",
    "UNDECIDED",
    "Policy",
    "PolicyUnreadable",
    "Proof",
    "Verdict",
    "Visit",
    "after_move",
    "describe",
    "policies_digest",
    "prove",
    "read",
    "undone",
]
