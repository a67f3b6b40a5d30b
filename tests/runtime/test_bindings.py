"""Call activities bound to the latest version of a process, or to one version for good."""

from __future__ import annotations

import pytest

from engine import bpmn
from engine.bpmn.token_game import net
from engine.runtime import bundles, definitions, instances, queries
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.bpmn.token_game.playing import Player
from tests.runtime import worlds as w


def called(word: str) -> dict[str, bytes]:
    """A process whose person is asked on a form of this version."""
    inner = d.sub(
        "Inner", d.start("Begin"), d.script("Say", f"{word} = '{word}'"), d.end("Done"), d.chain("Begin", "Say", "Done")
    )
    return d.files(
        "asks",
        d.lanes(risk_manager=("Start", "Inner", "Ask", "End")),
        d.start(),
        inner,
        d.user("Ask", f"Ask about {word}", form="decision.form.json", result=f"answer_{word}"),
        d.end(),
        d.chain("Start", "Inner", "Ask", "End"),
        decision__form__json=w.DECISION.replace(b"Decision", word.encode()),
    )


def caller(version: str) -> dict[str, bytes]:
    """Calls the bound version first, then the latest."""
    return d.files(
        "calls",
        d.lanes(risk_manager=("Start", "Bound", "Latest", "End")),
        d.start(),
        d.call("Bound", "asks", d.properties(version=version)),
        d.call("Latest", "asks", d.properties(version="latest")),
        d.end(),
        d.chain("Start", "Bound", "Latest", "End"),
    )


def test_a_call_that_is_bound_keeps_its_version_beside_the_latest_of_another_call(house):
    w.given_a_published(house, called("one"))
    w.given_a_published(house, caller("1"))
    w.given_a_published(house, called("two"))
    instance = instances.start(house, w.ADA, "calls", "credit")
    titles = []
    for process in ("asks@1", "asks"):
        (task,) = w.open_tasks(house, instance)
        assert task.process == process
        with transaction(house) as session:
            titles.append((task.name, queries.task_form(session, task).title))
        instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    assert titles == [("Ask about one", "one"), ("Ask about two", "two")]
    found = w.detail(house, instance)
    assert found.instance.state == "finished"
    assert found.versions == {"calls": 1, "asks@1": 1, "asks": 2}
    with transaction(house) as session:
        variables = queries.variables(session, instance)
        bundle = bundles.load(session, found.instance.bundle)
        with pytest.raises(definitions.DefinitionUnknown, match="asks@3"):
            definitions.called(session, "asks@3")
    assert (variables["one"], variables["two"]) == ("one", "two")
    for seed in range(3):
        Player(bundle, net(bundle.main, bundle.called), {"subject": "credit"}, seed, restoring=True).play()


@pytest.mark.parametrize(
    ("version", "said"), [("3", "of which 1 is the latest"), ("x1", "is no version"), ("0", "is no version")]
)
def test_a_version_that_is_none_is_refused_when_it_is_drawn(house, version, said):
    w.given_a_published(house, called("one"))
    with transaction(house) as session:
        (issue,) = [each for each in definitions.check(session, caller(version)) if each.severity == "error"]
    assert (issue.rule, issue.element) == ("call-activities", "Bound")
    assert said in issue.reason


def test_a_process_that_comes_back_to_itself_by_an_older_version_is_refused():
    loop = d.files(
        "p", d.start(), d.call("Again", "p", d.properties(version="1")), d.end(), d.chain("Start", "Again", "End")
    )
    older = d.files("p", d.start(), d.call("Back", "p"), d.end(), d.chain("Start", "Back", "End"))
    with pytest.raises(bpmn.CallCycle, match="p > p@1 > p"):
        bpmn.bundle(loop, {"p@1": older})
