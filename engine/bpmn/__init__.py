"""One BPMN diagram in memory: read, checked, described, executed. Bytes and values in, bytes and values out.

The only room that imports SpiffWorkflow. It knows no database, no clock and no handler: the caller hands in files,
`now`, and one callable for service tasks.
"""

from engine.bpmn import bindings, ways
from engine.bpmn.apart import ProcessNotDrawn, apart, chosen
from engine.bpmn.bundle import Bundle, CallCycle, CallMissing, NotExecutable, bundle, clear_cache, digest
from engine.bpmn.describing import Beginning, Element, ProcessDescription, describe, writes
from engine.bpmn.execution import Execution, StartUnknown
from engine.bpmn.expressions.scripts import is_variable
from engine.bpmn.issues import Issue
from engine.bpmn.lint import check
from engine.bpmn.moving import NotMovable
from engine.bpmn.previewing import preview
from engine.bpmn.state import STATE_FORMAT, StateDamaged, StateOfAnotherBundle, StateUnknown
from engine.bpmn.values import (
    PENDING,
    Active,
    BpmnError,
    ConditionWaiting,
    Failure,
    MessageWaiting,
    NotWaiting,
    Pending,
    Rest,
    ServiceCall,
    Standing,
    Step,
    Thrown,
    TimerWaiting,
    UserTaskWaiting,
)
from engine.bpmn.vocabulary import ServiceTaskInfo, Vocabulary

__all__ = [
    "PENDING",
    "STATE_FORMAT",
    "Active",
    "Beginning",
    "BpmnError",
    "Bundle",
    "CallCycle",
    "CallMissing",
    "ConditionWaiting",
    "Element",
    "Execution",
    "Failure",
    "Issue",
    "MessageWaiting",
    "NotExecutable",
    "NotMovable",
    "NotWaiting",
    "Pending",
    "ProcessDescription",
    "ProcessNotDrawn",
    "Rest",
    "ServiceCall",
    "ServiceTaskInfo",
    "Standing",
    "StartUnknown",
    "StateDamaged",
    "StateOfAnotherBundle",
    "StateUnknown",
    "Step",
    "Thrown",
    "TimerWaiting",
    "UserTaskWaiting",
    "Vocabulary",
    "apart",
    "bindings",
    "bundle",
    "check",
    "chosen",
    "clear_cache",
    "describe",
    "digest",
    "is_variable",
    "preview",
    "ways",
    "writes",
]
