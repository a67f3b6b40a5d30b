"""What an instance costs in memory; run as `python -m tests.bpmn.figures`."""

from __future__ import annotations

import time

from engine.bpmn import Execution, check
from tests.bpmn.running import NOW
from tests.bpmn.test_lint import WORDS
from tests.bpmn.test_loops import rejecting
from tests.bpmn.test_straight_line import process_p


def once(of, restoring: bool) -> list[int]:
    """Process P once: start, service task, user task, exclusive gateway, service task, end; the sizes of its states."""
    sizes = []

    def kept(execution):
        if not restoring:
            return execution
        state = execution.state()
        sizes.append(len(state))
        return Execution.restore(of, state, now=NOW)

    def invoke(call):
        return {"id": "abc"}

    execution = kept(Execution.start(of, {"version": "credit@7"}, now=NOW))
    rest = execution.run(invoke)
    execution = kept(execution)
    execution.complete_user_task(rest.user_tasks[0].task_id, {"approved": True})
    assert execution.run(invoke).finished
    kept(execution)
    return sizes


def main() -> None:
    of = process_p()
    for restoring in (False, True):
        once(of, restoring)
        begun, count = time.process_time(), 500
        for _ in range(count):
            sizes = once(of, restoring)
        spent = (time.process_time() - begun) / count * 1000
        print(f"process P, {'restored at each of 3 steps' if restoring else 'in memory'}: {spent:.2f} ms CPU", sizes)
    begun = time.process_time()
    for _ in range(100):
        check(of.main, WORDS)
    print(f"check of process P: {(time.process_time() - begun) * 10:.2f} ms CPU")
    loop = rejecting()
    state, marks = Execution.start(loop, {"n": 0}, now=NOW).state(), []
    begun = time.process_time()
    for passed in range(1, 1_001):
        execution = Execution.restore(loop, state, now=NOW)
        (task,) = execution.run(lambda call: None).user_tasks
        execution.complete_user_task(task.task_id, {"good": False})
        execution.run(lambda call: None)
        state = execution.state()
        if passed in {1, 10, 100, 1_000}:
            marks.append((passed, len(state), f"{(time.process_time() - begun) / passed * 1000:.2f} ms a pass"))
    print("reject loop (pass, bytes, mean cost):", marks)


if __name__ == "__main__":
    main()
