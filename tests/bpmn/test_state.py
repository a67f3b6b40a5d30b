"""The state is bytes that any worker reads, or refuses by name."""

from __future__ import annotations

from unittest.mock import patch

import orjson
import pytest

from engine.bpmn import STATE_FORMAT, Execution, StateDamaged, StateUnknown
from tests.bpmn import drawing as d
from tests.bpmn.running import NOW, made
from tests.bpmn.test_straight_line import process_p


def state() -> bytes:
    execution = Execution.start(process_p(), {"version": "credit@7"}, now=NOW, zone="Europe/Berlin")
    execution.run(lambda call: {"id": "abc"})
    return execution.state()


def test_the_state_is_json_with_its_format_and_small():
    body = orjson.loads(state())
    assert body["state_format"] == list(STATE_FORMAT)
    assert len(state()) < 1_000


def test_the_state_of_a_state_is_the_same():
    of, kept = process_p(), state()
    assert Execution.restore(of, kept, now=NOW).state() == kept
    assert Execution.restore(of, kept, now=NOW).zone == "Europe/Berlin"


@pytest.mark.parametrize("newer", [[STATE_FORMAT[0] + 1, "3.2.0"], [1, "3.3.0"], [1, "4.0"]])
def test_a_newer_state_is_refused(newer):
    body = orjson.loads(state())
    body["state_format"] = newer
    with pytest.raises(StateUnknown):
        Execution.restore(process_p(), orjson.dumps(body), now=NOW)


@pytest.mark.parametrize("damaged", [b"", b"{}", b"[]", b"null", b"not json", b'{"state_format": 1}'])
def test_a_damaged_state_is_refused(damaged):
    with pytest.raises(StateDamaged):
        Execution.restore(process_p(), damaged, now=NOW)


def test_a_state_that_names_an_element_that_is_not_there_is_refused():
    body = orjson.loads(state())
    body["scopes"][0]["tokens"][-1][2] = "Nowhere"
    with pytest.raises(StateDamaged):
        Execution.restore(process_p(), orjson.dumps(body), now=NOW)


def test_what_a_caller_does_to_a_value_does_not_reach_the_instance():
    of, given = process_p(), {"version": {"id": 1}}
    execution = Execution.start(of, given, now=NOW)
    given["version"]["id"] = 2
    made = {"id": "abc"}
    rest = execution.run(lambda call: made)
    made["id"] = "changed"
    rest.user_tasks[0].variables["version"]["id"] = 3
    execution.variables()["fetched"]["id"] = "changed"
    assert execution.variables() == {"version": {"id": 1}, "fetched": {"id": "abc"}}


def test_a_state_of_format_1_goes_on_with_what_its_branches_wrote():
    """Format 1 numbered no writes but kept the points where branches parted."""
    of = made(
        d.start(), d.script("X", "x = 1"), d.gateway("parallel", "F"), d.script("A", "x = 2"), d.user("B"),
        d.gateway("parallel", "J"), d.end(), d.chain("Start", "X", "F"), d.chain("F", "A", "J"),
        d.chain("F", "B", "J", "End"),
    )  # fmt: skip
    execution = Execution.start(of, {"x": 0}, now=NOW)
    (task,) = execution.run(lambda call: None).user_tasks
    with patch("engine.bpmn.execution.compact", lambda top: None):
        body = orjson.loads(execution.state())
    body["state_format"], body["scopes"][0]["tokens"] = [1, "3.2.0"], [t[:8] for t in body["scopes"][0]["tokens"]]
    del body["writes"]
    execution = Execution.restore(of, orjson.dumps(body), now=NOW)
    execution.complete_user_task(task.task_id, {})
    assert execution.run(lambda call: None).finished
    assert execution.variables() == {"x": 2, "b": {}}
