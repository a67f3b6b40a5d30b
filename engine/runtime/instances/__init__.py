"""What moves an instance, one file for each kind of event; all of them go the road of `transaction.move`."""

from __future__ import annotations

from engine.runtime.instances.continuation import go_on
from engine.runtime.instances.decision import complete
from engine.runtime.instances.job_result import failed, succeeded
from engine.runtime.instances.message import deliver
from engine.runtime.instances.operation import cancel, resume, retry, suspend
from engine.runtime.instances.start import AlreadyRunning, SubjectRefused, start
from engine.runtime.instances.timer import fire

__all__ = [
    "AlreadyRunning",
    "SubjectRefused",
    "cancel",
    "complete",
    "deliver",
    "failed",
    "fire",
    "go_on",
    "resume",
    "retry",
    "start",
    "succeeded",
    "suspend",
]
