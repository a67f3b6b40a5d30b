"""Process P in DBOS: service tasks are steps, the user task is a message that the workflow receives."""

from __future__ import annotations

from dbos import DBOS, DBOSConfig

from tests.benchmarks.engines.peers import database, serve

config: DBOSConfig = {"name": "benchmark", "system_database_url": database(), "log_level": "ERROR"}
DBOS(config=config)


@DBOS.step()
def note(word: str) -> dict[str, str]:
    """The service task."""
    return {"said": word}


@DBOS.workflow()
def process_p() -> str:
    """Start, service task, user task, exclusive gateway, service task, end."""
    first = note("one")
    decided = DBOS.recv("decide", 60)
    if decided["decision"] == "approve":
        note(first["said"])
        return "done"
    return "refused"


def one() -> None:
    """Start a P and complete its task."""
    handle = DBOS.start_workflow(process_p)
    DBOS.send(handle.get_workflow_id(), {"decision": "approve"}, "decide")
    assert handle.get_result() == "done"


if __name__ == "__main__":
    DBOS.launch()
    serve(one)
