"""Life cycles are drawn, checked, reviewed, published, and what runs keeps its own."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.steps import (
    MODELS,
    given_a_diagram,
    given_a_published_life_cycle,
    given_a_registered_rules_model,
    rules_of,
    then_a_task_waits,
    then_the_log_tells,
    when_a_version_is_added,
    when_it_is_decided,
    when_started,
    when_the_command_is_given,
)
from tests.bpmn import drawing
from tests.demo.running import Told

STEPS = ("Start", "Ask", "End")


def _asking(name: str, question: str) -> dict[str, str]:
    return given_a_diagram(
        name,
        drawing.lanes(model_operator=STEPS),
        drawing.start(),
        drawing.user("Ask", question),
        drawing.end(),
        drawing.chain(*STEPS),
    )


def test_r5_a_drawn_life_cycle_is_checked_versioned_and_startable(told: Told) -> None:
    """Upload, validate, submit, publish, start: its first task waits for the lane's role."""
    files = _asking("uploaded", "Shall we?")
    checked = told.ask("arne", "POST", "/definitions/check", json={"files": files}).json()
    assert checked["publishable"], checked["issues"]
    published = given_a_published_life_cycle(told, files)
    assert (published["version"], published["author"], published["reviewer"]) == (1, "arne", "dana")
    instance = when_started(told, "uploaded", "mika")
    assert then_a_task_waits(told, instance, "Ask")["role"] == "model_operator"


def test_r5_a_broken_diagram_is_refused_by_the_name_of_its_element(told: Told) -> None:
    """A handler that does not exist, an end that is not reached: each issue names element, line and what to do."""
    files = given_a_diagram(
        "broken",
        drawing.lanes(model_operator=("Start", "Work", "End")),
        drawing.start(),
        drawing.service("Work", "deploy_modle"),
        drawing.end(),
        drawing.chain("Start", "Work", "End"),
    )
    checked = told.ask("arne", "POST", "/definitions/check", json={"files": files}).json()
    assert not checked["publishable"]
    issue = next(each for each in checked["issues"] if each["element"] == "Work")
    assert "deploy_modle" in issue["reason"]
    assert issue["line"]
    drafted = told.ask("arne", "POST", "/definitions", json={"files": files}).json()
    refused = told.ask("arne", "POST", f"/definitions/{drafted['id']}/submit")
    assert (refused.status_code, refused.json()["code"]) == (422, "definition-refused")


def test_r10_fifty_instances_keep_their_version(told: Told) -> None:
    """A definition is edited once; those that run stay on theirs, those that start take the new one."""
    first = given_a_published_life_cycle(told, _asking("superset", "As it was?"))
    before = [when_started(told, "superset", "mika", subject=f"model-{number}") for number in range(50)]
    second = given_a_published_life_cycle(told, _asking("superset", "As it is now?"))
    assert (first["version"], second["version"]) == (1, 2)
    after = when_started(told, "superset", "mika", subject="model-50")

    running = told.get("otto", "/instances", process="superset", limit=100)["items"]
    versions = {each["id"]: (each["version"], each["sha256"]) for each in running}
    assert {versions[each] for each in before} == {(1, first["sha256"])}
    assert versions[after] == (2, second["sha256"])
    task = then_a_task_waits(told, before[7], "Ask")
    assert task["name"] == "As it was?"
    assert when_it_is_decided(told, task["id"], "mika", yes=True).ok
    assert told.get("otto", f"/instances/{before[7]}")["instance"]["state"] == "finished"
    assert then_a_task_waits(told, after, "Ask")["name"] == "As it is now?"


def test_r12_a_draft_needs_a_second_architect(told: Told) -> None:
    """Its author cannot publish it; sent back, it says why, and may be mended."""
    files = _asking("reviewed", "May I?")
    drafted = told.ask("arne", "POST", "/definitions", json={"files": files}).json()
    told.ask("arne", "POST", f"/definitions/{drafted['id']}/submit")
    own = told.ask("arne", "POST", f"/definitions/{drafted['id']}/publish", json={})
    assert (own.status_code, own.json()["code"]) == (403, "own-review")
    back = told.ask("dana", "POST", f"/definitions/{drafted['id']}/reject", json={"comment": "Who asks?"}).json()
    assert (back["state"], back["comment"]) == ("rejected", "Who asks?")
    assert "reviewed" not in [each["name"] for each in told.get("mika", "/processes")]
    told.ask("arne", "PUT", f"/definitions/{drafted['id']}/files", json={"files": _asking("reviewed", "May Mika?")})
    told.ask("arne", "POST", f"/definitions/{drafted['id']}/submit")
    assert told.ask("dana", "POST", f"/definitions/{drafted['id']}/publish", json={}).json()["version"] == 1


def test_r13_the_library_is_there_and_starts_unchanged(told: Told) -> None:
    """Published by the release; a form for each that asks for something."""
    shipped = {"model_life_cycle", "registration", "validation", "deployment", "review", "retirement"}
    library = {each["name"]: each for each in told.get("bea", "/processes")}
    assert shipped <= library.keys()
    assert {library[name]["author"] for name in shipped} == {"release"}
    form = told.get("bea", "/processes/registration/start-form")
    assert list(form["schema"]["properties"]) == ["model"]
    model = given_a_registered_rules_model(told, "leaflets-library")
    instance = when_started(told, "registration", "bea", subject=model, answer={"model": model})
    assert told.get("bea", f"/instances/{instance}")["instance"]["state"] == "finished"
    assert told.get("bea", f"/models/{model}")["tier"] == "low"


def test_r18_a_model_is_registered_by_api_and_by_command_line_and_twice_is_noticed(told: Told) -> None:
    """The page is the third way; the same file is the same version, whoever brings it."""
    given_a_registered_rules_model(told, "leaflets-api")
    folder = told.folder / "leaflets-cli"
    folder.mkdir()
    yaml = (MODELS / "outreach" / "model.yaml").read_text()
    lines = [line for line in yaml.splitlines() if "../../data" not in line]
    text = "\n".join(lines).replace("id: outreach", "id: leaflets-cli").replace("test:\n", "").replace("  where:", "#")
    (folder / "model.yaml").write_text(text.replace("  hold_out:", "#"))
    (folder / "card.md").write_text("# Card\n")
    (folder / "rules.yaml").write_bytes(rules_of("leaflets-cli"))
    assert "added leaflets-cli@1" in when_the_command_is_given(told, "model", "register", str(folder), "--as", "bea")
    listed = json.loads(when_the_command_is_given(told, "model", "list", "--json", "--as", "otto"))
    assert {"leaflets-api", "leaflets-cli"} <= {each["id"] for each in listed}

    again = when_a_version_is_added(told, "leaflets-cli", "bea", rules_of("leaflets-api"))
    assert (again.status_code, again.json()["code"]) == (409, "version-duplicate")
    assert "leaflets-api@1" in again.json()["title"]


def test_r19_a_version_names_what_it_still_owes(told: Told) -> None:
    """Each gap with what is missing; the life cycle halts at it and names it to who has to fill it."""
    model = "leaflets-incomplete"
    declared = {
        "id": model,
        "name": model,
        "kind": "rules",
        "owner": "bea",
        "team": "Job centre",
        "purpose": "Leaflets.",
    }
    body = {"declared": {**declared, "affects_people": False, "decisions_per_year": 1}}
    assert told.ask("bea", "POST", "/models", json=body).status_code == 201
    files = [("artefact", ("rules.yaml", rules_of(model)))]
    added = told.ask("bea", "POST", f"/models/{model}/versions", files=files).json()
    gaps = {gap["name"]: gap["reason"] for gap in added["completeness"]["gaps"]}
    assert {"input_schema", "documentation", "thresholds", "service_levels"} <= gaps.keys()
    assert all(gaps.values())
    instance = when_started(told, "model_life_cycle", "bea", subject=model, answer={"model": model})
    task = then_a_task_waits(told, instance, "Complete_record")
    assert "input_schema" in str(task["variables"]["facts"]["gaps"])


def test_a_command_of_the_wrong_person_is_refused_in_one_line(told: Told, tmp_path: Path) -> None:
    """The engine asks the roles of whom the command names."""
    said = when_the_command_is_given(told, "audit", "export", str(tmp_path / "x"), "--as", "bea", code=1)
    assert said.startswith("[not-permitted] bea may not do this: audit.export")
    assert said.count("\n") == 1
    then_the_log_tells(told, "act.refused", actor="bea", tried="audit export")
    assert when_the_command_is_given(told, "task", "list", "--as", "nobody-here", code=1).startswith("[nobody-acts]")
