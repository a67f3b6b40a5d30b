"""What the told story shows of the requirements: the rows that it touches, looked at in the house that it left."""

from __future__ import annotations

import json
import re
from collections import Counter

import requests

from tests.acceptance.steps import score, then_the_log_tells, when_the_command_is_given
from tests.demo.running import Told


def test_r1_models_of_several_kinds_stand_in_one_inventory(told: Told) -> None:
    """With owner, team and tool of each; the model reached by API alone comes with a later release."""
    lines = {
        line["summary"]["model"]["id"]: line["summary"]["model"] for line in told.get("otto", "/portfolio")["items"]
    }
    assert (lines["employment"]["kind"], lines["outreach"]["kind"]) == ("sklearn", "rules")
    assert lines["employment"]["team"] != lines["outreach"]["team"]
    assert all(lines[id]["owner"] and lines[id]["tool"] for id in ("employment", "outreach"))


def test_r6_an_instance_tells_where_it_stands_and_who_owes_what(told: Told) -> None:
    """Done, current, next, with the owner of each, on the diagram."""
    detail = told.instance_of("outreach-2")
    assert [(each["kind"], each["owed_by"]) for each in detail["waiting"]] == [("user task", "model_operator")]
    assert "model_operator decides it" in detail["waiting"][0]["next_act"]
    diagram = told.get("bea", f"/instances/{detail['instance']['id']}/diagram")
    assert diagram["active"]["deployment"] == {"Approve_as_operator": 1}
    assert diagram["passed"]["registration"]["Set_risk_tier"] == 1
    assert all("bpmndi:BPMNShape" in drawn for drawn in diagram["diagrams"].values())


def test_r9_two_models_on_one_definition_get_their_own_path(told: Told) -> None:
    """Thresholds, approvers and path come from each model's own metadata."""
    one, two = told.instance_of("employment"), told.instance_of("outreach")
    assert one["instance"]["bundle"] == two["instance"]["bundle"]
    assert _approvers(told, "employment") == {"risk_manager", "business_owner"}
    assert _approvers(told, "outreach") == {"model_operator"}
    assert {"Test_fairness", "Rehearse_deployment"} <= _elements(one)
    assert "Run_smoke_test" in _elements(two)
    assert not {"Test_fairness", "Rehearse_deployment", "Review_documentation"} & _elements(two)
    metadata = {model: told.get("otto", f"/models/{model}")["metadata"] for model in ("employment", "outreach")}
    assert metadata["employment"]["thresholds"]["min_auc"] == 0.8
    assert "min_auc" not in metadata["outreach"]["thresholds"]


def test_r15_a_posted_row_gets_a_decision_that_is_logged_with_the_version(told: Told) -> None:
    """And with who asked."""
    row = dict.fromkeys(told.get("otto", "/models/employment")["metadata"]["features"], 1)
    answer = score(told, "employment", [{**row, "AGEP": 30}]).json()
    assert answer["version"] == 1
    assert answer["rows"][0]["decision"] in ("positive", "negative")
    logged = _eventually_logged(told, answer["rows"][0]["id"])
    assert (logged["version"], logged["caller"], logged["decision"]) == (1, "mika", answer["rows"][0]["decision"])


def test_r19_all_elements_of_a_version_are_recorded_by_digest(told: Told) -> None:
    """Source, data, schemas, libraries, tests, outputs, documents; nothing is owed any more."""
    detail = told.get("otto", "/models/employment/versions/1")
    roles = {asset["role"] for asset in detail["assets"]}
    assert roles == {
        "artefact",
        "attributions",
        "compiled",
        "source",
        "training_data",
        "profile",
        "reference",
        "test_data",
        "input_schema",
        "output_schema",
        "parameters",
        "libraries",
        "metrics",
        "probe",
        "predictions",
        "tests",
        "documentation",
    }
    assert all(len(asset["digest"]) == 64 and asset["size"] for asset in detail["assets"])
    assert detail["completeness"]["gaps"] == []


def test_r20_counts_agree_with_what_runs(told: Told) -> None:
    """Lists are searched and filtered, and the totals are those of the lists."""
    running = told.get("otto", "/instances", state="running", limit=1)["total"]
    assert told.get("otto", "/counts")["running"] == running
    found = told.get("otto", "/models", search="labour")
    assert [each["model"]["id"] for each in found["items"]] == ["employment"]
    retired = told.get("otto", "/models", retired=True)["items"]
    assert "outreach" in [each["model"]["id"] for each in retired]


def test_r21_the_path_is_shown_before_the_start_and_taken_so(told: Told) -> None:
    """By the story itself, for both models, element by element."""
    assert told.output.count("took the path that was foretold before the start") == 2
    body = {"subject": "outreach-2", "answer": {"model": "outreach-2"}}
    path = told.ask("bea", "POST", "/processes/model_life_cycle/path", json=body).json()
    foretold = Counter(step["element"] for step in path["steps"])
    done = Counter(step["element"] for step in told.instance_of("outreach-2")["steps"] if step["left_at"])
    assert done <= foretold
    assert "Approve_as_operator" in foretold


def test_r24_who_starts_a_deployment_cannot_approve_it(told: Told) -> None:
    """Not even with the approver's role; and the attempt stays in the log."""
    assert {"data_scientist", "risk_manager"} <= set(told.get("ada", "/me")["roles"])
    then_the_log_tells(told, "act.refused", actor="ada", reason="own-work")
    given = told.get("otto", "/models/employment/approvals")
    assert {each["actor"] for each in given} == {"rosa", "boris"}
    assert {each["requester"] for each in given} == {"ada"}


def test_r26_a_deployment_has_a_trail(told: Told) -> None:
    """Who, what, when, on which inputs, with which outcome."""
    deployment = told.get("ilse", "/deployments", model="employment")[0]
    assert {"artefact", "training_data", "source"} <= deployment["inputs"].keys()
    detail = told.get("ilse", f"/deployments/{deployment['id']}")
    acts = [step["act"] for step in detail["trail"]]
    assert acts[0] == "deployment.requested"
    assert "deployment.went_live" in acts
    assert all(step["at"] and step["actor"] for step in detail["trail"])


def test_r33_a_schedule_starts_a_review_and_not_a_person(told: Told) -> None:
    """The clock is its starter, the schedule its origin, and the log says so."""
    review = told.instance_of("employment", "review")["instance"]
    assert (review["starter"], review["origin"]) == ("clock", "schedule Review the employment model")
    then_the_log_tells(told, "schedule.started", actor="clock", process="review")


def test_r34_people_and_machines_stand_in_one_log(told: Told) -> None:
    """Every actor of the story, with the acts in their order."""
    actors = {step["actor"] for step in told.report["steps"]}
    assert {"ada", "bea", "rosa", "boris", "mika", "ilse", "clock", "worker"} <= actors


def test_r55_an_inference_leads_back_to_all_it_rests_on(told: Told) -> None:
    """The version, the data, the life cycle's step, and who approved it."""
    inference = told.get("otto", "/models/employment/inferences", limit=1)[0]
    found = told.get("otto", f"/inferences/{inference['id']}")
    assert found["version"]["ref"] == "employment@1"
    digests = {asset["role"]: asset["digest"] for asset in told.get("otto", "/models/employment/versions/1")["assets"]}
    assert found["inputs"]["training_data"] == digests["training_data"]
    instance = told.instance_of("employment")
    assert found["deployment"]["instance"] == instance["instance"]["id"]
    step = next(each for each in instance["steps"] if each["task"] == found["deployment"]["task"])
    assert step["element"] == "Deploy_version"
    assert {each["actor"] for each in found["approvals"]} == {"rosa", "boris"}
    assert [each["element"] for each in found["steps"]][-1] == "Deploy_version"
    assert {each["actor"] for each in found["steps"]} >= {"rosa", "boris"}


def test_r55_the_command_line_leads_from_an_id_to_version_data_step_and_approvers(told: Told) -> None:
    """The id of the request does as well as that of the inference, and of several rows names each."""
    inference = told.get("otto", "/models/employment/inferences", limit=1)[0]
    shown = when_the_command_is_given(told, "inference", "show", inference["id"], "--as", "otto")
    for words in ("employment@1", "approver  rosa", "approver  boris", "deployed at Deploy_version", "  training_data"):
        assert words in shown
    named = told.get("otto", "/inferences", id=inference["request"])
    assert {each["request"] for each in named} == {inference["request"]}


def test_r53_what_moved_an_answer_is_told_column_by_column(told: Told) -> None:
    """By the model file that gave it; the version keeps what moves its answers in general."""
    against = next(each for each in told.get("otto", "/models/employment/inferences") if each["decision"] == "negative")
    asked = f"/inferences/{against['id']}/explanation"
    found = told.get("otto", asked)["explanation"]
    values = found["attribution"]["values"]
    assert values.keys() == found["columns"].keys()
    assert abs(found["attribution"]["base"] + sum(values.values()) - against["score"]) < 1e-9
    assert abs(found["residual"]) < 1e-9
    assert found["columns"] == {name: against["input"][name] for name in found["columns"]}
    assert 1 <= len(found["reasons"]) <= 4
    assert [values[name] for name in found["reasons"]] == sorted(values[name] for name in found["reasons"])
    assert all(values[name] < 0 for name in found["reasons"])
    assert told.get("otto", asked)["explanation"] == found
    kept = json.loads(told.ask("otto", "GET", "/models/employment/versions/1/assets/attributions").content)
    assert kept["columns"].keys() == values.keys()
    assert kept["rows"] == 50
    assert kept["largest_residual"] < 1e-9


def test_r60_training_is_reproduced_and_another_seed_is_noticed(told: Told) -> None:
    """To the digest of the predictions."""
    said = when_the_command_is_given(told, "model", "reproduce", "employment@1", "--as", "ada", "--json")
    assert json.loads(said)["reproduced"] is True
    assert json.loads(said)["predictions"] == json.loads(said)["recorded"]


def test_r61_a_part_of_the_log_is_proven_without_the_house(told: Told) -> None:
    """An export verifies by itself; a changed row in it is named."""
    folder = told.folder / "export"
    when_the_command_is_given(told, "audit", "export", str(folder), "--as", "otto")
    assert "the log is intact" in when_the_command_is_given(told, "audit", "verify", "--export", str(folder))
    rows = (folder / "rows.jsonl").read_text()
    (folder / "rows.jsonl").write_text(rows.replace('\\"actor\\":\\"ada\\"', '\\"actor\\":\\"eve\\"', 1))
    when_the_command_is_given(told, "audit", "verify", "--export", str(folder), code=1)


def test_r66_no_step_of_a_life_cycle_took_a_shell(told: Told) -> None:
    """The command line was used to reproduce a training, to look, and by these tests; never to move a life cycle on."""
    moving = ("process start", "task claim", "task complete", "instance retry", "model register")
    instances = {told.instance_of(model)["instance"]["id"] for model in ("employment", "outreach")}
    used = [row["facts"]["command"] for row in told.audit(act="command_line.used") if row["at"] < _end_of_story(told)]
    assert set(used) == {"model reproduce"}
    assert not set(used) & set(moving)
    assert instances


def test_r75_the_low_tier_takes_fewer_people(told: Told) -> None:
    """Counted: the tasks that people decided up to going live."""
    touches = {
        model: sum(task["state"] == "completed" for task in told.instance_of(model)["user_tasks"])
        for model in ("employment", "outreach")
    }
    assert touches["employment"] == 3
    assert touches["outreach"] == 2  # one of them its retirement


def test_a_retired_model_is_gone_for_good(told: Told) -> None:
    """410, and its history stays readable."""
    answer = score(told, "outreach", [{"AGEP": 30, "SCHL": 12, "DIS": 2, "MIL": 4}])
    assert answer.status_code == 410
    assert told.instance_of("outreach")["instance"]["state"] == "finished"
    assert told.get("otto", "/models/outreach")["retired_at"]


def test_the_pages_are_there_for_the_visitor(told: Told) -> None:
    """Signed in with the printed words: the task that waits, with its evidence."""
    browser = requests.Session()
    form = browser.get(f"{told.address}/sign-in", timeout=30)
    found = re.search(r'name="csrf_token" value="([^"]+)"', form.text)
    assert found is not None
    words = {"name": "mika", "password": told.password, "csrf_token": found[1], "next": "/"}
    browser.post(form.url, data=words, timeout=30)
    page = browser.get(f"{told.address}/tasks/{told.approval}", timeout=30)
    assert page.status_code == 200
    assert "Approve deployment as operator" in page.text


def _approvers(told: Told, model: str) -> set[str]:
    return {each["role"] for each in told.get("otto", f"/models/{model}/approvals") if each["purpose"] == "deployment"}


def _elements(detail: dict) -> set[str]:  # type: ignore[type-arg]
    return {step["element"] for step in detail["steps"]}


def _end_of_story(told: Told) -> str:
    end: str = told.report["steps"][-1]["at"]
    return end


def _eventually_logged(told: Told, inference: str) -> dict:  # type: ignore[type-arg]
    from tests.acceptance.steps import eventually

    def found() -> dict | None:  # type: ignore[type-arg]
        answer = told.ask("otto", "GET", f"/inferences/{inference}")
        return answer.json()["inference"] if answer.ok else None

    logged: dict = eventually(found, f"the inference {inference}", 20)  # type: ignore[type-arg]
    return logged
