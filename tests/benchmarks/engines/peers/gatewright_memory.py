"""Process P in Gatewright's own execution, in memory: what the road adds to it is the price of keeping it."""

from __future__ import annotations

from datetime import UTC, datetime

from engine import bpmn
from tests.benchmarks.engines.peers import serve
from tests.runtime import worlds as w

BUNDLE = bpmn.bundle(w.process_p())


def one() -> None:
    """Start a P and complete its task."""
    execution = bpmn.Execution.start(BUNDLE, {}, now=datetime.now(UTC))
    (task,) = execution.run(lambda call: {"said": "one"}).user_tasks
    execution.complete_user_task(task.task_id, {"decision": "approve"})
    assert execution.run(lambda call: {"said": "one"}).finished


if __name__ == "__main__":
    serve(one)
