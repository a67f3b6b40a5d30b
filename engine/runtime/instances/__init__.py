"""What moves an instance, one file for each kind of event; all of them go the road of `transaction.move`."""

from __future__ import annotations

from engine.runtime.instances.continuation import go_on
from engine.runtime.instances.decision import complete
from engine.runtime.instances.job_result import failed, succeeded
from engine.runtime.instances.message import deliver
from engine.runtime.instances.operation import cancel, resume, suspend
from engine.runtime.instances.retry import retry, retry_edited
from engine.runtime.instances.start import AlreadyRunning, SubjectRefused, start
from engine.runtime.instances.timer import fire
from engine.runtime.instances.token_move import MoveRefused, MoveStrands, move_token
from engine.runtime.instances.variables import set_variables

__all__ = [
    "AlreadyRunning",
    "MoveRefused",
    "MoveStrands",
    "SubjectRefused",
    "cancel",
    "complete",
    "deliver",
    "failed",
    "fire",
    "go_on",
    "move_token",
    "resume",
    "retry",
    "retry_edited",
    "set_variables",
    "start",
    "succeeded",
    "suspend",
]
