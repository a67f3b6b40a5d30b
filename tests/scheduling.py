"""Which tests run one after the other on one worker, and in which order workers take them: the longest first.

The unit is a file. Files that share something dear to start are one unit: those that look at the one telling of the
demo's story, and those of a room whose fixtures live as long as the room.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

#: file or room -> the unit to which it belongs; all other files are units of their own
SHARED = {
    "acceptance": "the demo's story",
    "demo/test_story.py": "the demo's story",
    "cli/test_on_the_demo.py": "the demo's story",
    "serving/test_target_contract.py": "mlflow",
    "serving/test_mlflow.py": "mlflow",
    "serving/test_imports.py": "mlflow",
    "web": "web",
}

#: The units that take longest, in seconds as measured on two cores; what is not named here takes a few at most. Only
#: the order matters: a long unit that is taken last leaves the other workers idle.
SECONDS = {
    "the demo's story": 100,
    "browser/test_pages.py": 90,
    "cli/test_running_house.py": 65,
    "demo/test_other_outcomes.py": 55,
    "docs/test_tutorials.py": 52,
    "handlers/test_life_of_a_model.py": 45,
    "store/test_postgres.py": 43,
    "web": 42,
    "serving/test_scoring_service.py": 40,
    "training/test_training.py": 40,
    "faults/test_kills.py": 28,
    "faults/test_whole_house.py": 27,
    "inventory/test_kinds.py": 27,
    "bpmn/token_game/test_same_as_engine.py": 25,
    "supervisor/test_supervisor.py": 22,
    "packaging/test_bundle.py": 20,
    "serving/test_nothing_lost.py": 18,
    "browser/test_bundled_pages.py": 17,
    "api/test_contract.py": 15,
    "serving/test_target_contract.py": 13,
    "faults/test_many_at_once.py": 11,
    "bpmn/proofs/test_random.py": 10,
    "bpmn/test_endless.py": 10,
    "runtime/test_lines.py": 8,
    "conformance/test_elements.py": 3,
    "bpmn/test_lint.py": 2,
    "bpmn/test_expressions.py": 2,
}
#: of the other units
_SECONDS_OF_A_TEST = 0.2


def unit(nodeid: str) -> str:
    """The unit to which a test belongs."""
    file = nodeid.partition("::")[0].removeprefix("tests/")
    return SHARED.get(file) or SHARED.get(file.partition("/")[0]) or file


class LongestFirst(LoadScopeScheduling):
    """Gives whole units to the workers, the longest first.

    Not by `xdist_group`: pytest 9.2 no longer reads the name that xdist 3.8 gives a grouped test, and nobody is told.
    """

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        """Hand the longest unit that is left to a worker."""
        left = self.workqueue
        longest = max(left, key=lambda name: SECONDS.get(name, len(left[name]) * _SECONDS_OF_A_TEST))
        left.move_to_end(longest, last=False)
        super()._assign_work_unit(node)
