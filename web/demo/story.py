"""The story: what people decide, what machines do in between, and what has to be true afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from engine.config import Settings
from engine.errors import GatewrightError
from engine.store import Files
from engine.training import fits, plans
from engine.training.plans import Plan
from web.demo import census
from web.demo.cast import CAST, assemble
from web.demo.client import Client, Refused, Scorer
from web.demo.telling import Telling
from web.supervisor.children import environment

ONE, TWO, THREE = "employment", "outreach", "outreach-2"
LIFE_CYCLE, ENVIRONMENT = "model_life_cycle", "production"
BATCH = 500
#: how long a step may take that takes seconds, on a machine that is busy with other things
PATIENCE = 150.0


class StoryFailed(GatewrightError):
    """The story did not come to its end: {what}."""

    code = "demo-failed"
    hint = "The logs in {logs} say more; `gatewright demo` begins anew."


@dataclass(slots=True)
class Outcome:
    """What the story brought."""

    auc: dict[str, Any] = field(default_factory=dict)
    refused: int = 0
    scored: int = 0
    logged: int = 0
    audit: dict[str, Any] = field(default_factory=dict)
    reproduced: bool = False
    steps: list[dict[str, str]] = field(default_factory=list)
    p95_ms: float | None = None
    decisions: dict[str, int] = field(default_factory=dict)
    digest: str = ""
    paths_kept: dict[str, bool] = field(default_factory=dict)
    finding: dict[str, Any] = field(default_factory=dict)
    retired_status: int = 0


class Story:
    """Told once, on a house that has just been built."""

    def __init__(self, settings: Settings, addresses: Mapping[str, str], folder: Path, telling: Telling) -> None:
        """folder: holds `models` and `data`, as in this package. addresses: of `web` and of `scoring`."""
        self._settings, self._addresses, self._folder, self._telling = settings, addresses, folder, telling
        self._files = Files(str(folder / "prepared"))
        self._people: dict[str, Client] = {}
        self._instances: dict[str, str] = {}
        self.outcome = Outcome()

    def tell(self, admin: Mapping[str, str], password: str) -> None:
        """The whole story; raises StoryFailed or Refused where it goes another way."""
        self._telling.head("People and places")
        self._assemble(admin, password)
        self._telling.head("Model one: it decides about people, so it goes the long way")
        self._model_one()
        self._telling.head("Model two: another team's rules go the light way on the same definition")
        self._model_two()
        self._telling.head("A schedule, not a person, asks how model one does")
        self._review()
        self._telling.head("Model one is watched, and meets people whom it was not made for")
        self._watch()
        self._telling.head("Model two retires")
        self._retire()
        self._telling.head("Proofs")
        self._prove()
        self._telling.head("Something for you to decide")
        self._leave_an_approval()

    # People

    def _assemble(self, admin: Mapping[str, str], password: str) -> None:
        self._people = assemble(self._addresses["web"], admin["person"], admin["password"], password)
        self._say(admin["person"], f"signs in, chooses a password, adds {len(CAST)} people with their roles")
        for position, (name, title) in enumerate((("staging", "Staging"), (ENVIRONMENT, "Production")), 1):
            body = {"title": title, "target": "local", "position": position, "promoters": []}
            self._people["ilse"].put(f"/environments/{name}", json=body)
        self._say("ilse", "sets up the environments staging and production")

    # Model one

    def _model_one(self) -> None:
        plan = self._plan(ONE)
        self._register("ada", plan)
        path = self._start("ada", ONE)
        self._waits(ONE, "The version is trained and tested in the sandbox")
        task = self._task(ONE, "Review_documentation")
        self._say("worker", "trains the version: HistGradientBoosting, defaults, seed 0, people of 2015 aged 16 to 49")
        self._tell_tier(ONE)
        self._decide("rosa", task, {"decision": "approve", "comment": "The card says what it is not meant for."})
        self._say("rosa", "reads the model card and approves the documentation")
        self._waits(ONE, "Performance and fairness are tested")
        self._tell_tests()
        task = self._task(ONE, "Approve_as_risk_manager")
        self._refuse_own_approval(task)
        self._decide("rosa", task, {"decision": "approve", "comment": "The tests bear it."})
        self._say("rosa", "approves the deployment, on the digests of what she was shown")
        self._decide("boris", self._task(ONE, "Approve_as_business_owner"), {"decision": "approve"})
        self._say("boris", "approves it as business owner: the model's own metadata asks for him")
        self._waits(ONE, "The version is rehearsed and deployed")
        self._deployed(ONE)
        self._check_path(ONE, path)
        self._score()

    def _tell_tests(self) -> None:
        reports = self._until(self._tested, "a test of performance and one of fairness", instance=ONE)
        measured = self.outcome.auc = reports["performance"]["metrics"]["auc"]
        held = all(verdict["passed"] is not False for each in reports.values() for verdict in each["verdicts"])
        self._say(
            "worker",
            f"tests it: AUC {measured['value']:.4f} [{measured['low']:.4f}, {measured['high']:.4f}] (DeLong), "
            f"{'every threshold held' if held else 'a threshold failed'}",
        )

    def _tested(self) -> dict[str, Any] | None:
        found: dict[str, Any] = self._people["ada"].get(f"/models/{ONE}/versions/1/test-reports")
        return found if {"performance", "fairness"} <= found.keys() else None

    def _refuse_own_approval(self, task: str) -> None:
        """Ada has the approver's role and tries: four eyes hold all the same."""
        try:
            self._decide("ada", task, {"decision": "approve"})
        except Refused as refusal:
            if refusal.named != "own-work":
                raise
            self._say("ada", f"tries to approve her own model and is refused: {refusal.facts['title']}")
            return
        raise self._failed("she who made the model could approve it")

    def _score(self) -> None:
        features = list(self._plan(ONE).metadata.features)
        every = census.batches(self._folder / "data", features, BATCH)
        total = sum(len(each.rows) for each in every)
        scorer = self._scorer("mika", ONE)
        ids: set[str] = set()
        for batch in every:
            self._telling.counts("The people of 2016 are scored over HTTP", len(ids), total)
            ids.update(row["id"] for row in scorer.score(batch.rows, batch.event_times, batch.references))
        self.outcome.scored = len(ids)
        summary = self._until(
            lambda: self._whole_log(total), f"{total} inferences in the log", lambda: "not all of them are there"
        )
        self.outcome.logged, self.outcome.p95_ms = summary["rows"], summary["latency"]["p95_ms"]
        self.outcome.decisions = summary["decisions"]
        self._say(
            "mika",
            f"has {total:,} people of {census.YEAR} scored over HTTP, {BATCH} a request "
            f"(p95 {self.outcome.p95_ms:.0f} ms); {self.outcome.logged:,} inferences are logged, each with its id, "
            "spread over the year by row order",
        )
        self._follow_back(next(iter(ids)))

    def _whole_log(self, total: int) -> dict[str, Any] | None:
        found: dict[str, Any] = self._people["otto"].get(f"/models/{ONE}/inference-summary")
        return found if found["rows"] >= total else None

    def _follow_back(self, inference: str) -> None:
        found = self._people["otto"].get(f"/inferences/{inference}")
        approvers = ", ".join(sorted({each["actor"] for each in found["approvals"]}))
        self._say(
            "otto",
            f"follows one answer back: {found['inference']['decision']}, by {found['version']['ref']}, trained on data "
            f"{found['inputs'].get('training_data', '')[:12]}, let in by {approvers}",
        )

    # Model two

    def _model_two(self) -> None:
        plan = self._plan(TWO)
        self._register("bea", plan)
        path = self._start("bea", TWO)
        self._waits(TWO, "The rules are tested")
        task = self._task(TWO, "Approve_as_operator")
        self._tell_tier(TWO)
        self._decide("mika", task, {"decision": "approve", "comment": "A leaflet denies nobody anything."})
        self._say("mika", "approves it: the low tier asks for nobody else")
        self._waits(TWO, "The rules are deployed")
        self._deployed(TWO)
        self._check_path(TWO, path)

    # Review

    def _review(self) -> None:
        body = {
            "name": "Review the employment model",
            "process": "review",
            "timing": "R1/PT2S",
            "subject": ONE,
            "answer": {"model": ONE},
        }
        self._people["mika"].post("/schedules", done={"schedule-taken"}, json=body)
        self._say("mika", "adds a schedule: a review in two seconds, once")
        self._telling.waits("The clock starts the review")
        instance = self._until(
            self._scheduled_review, "a review that the clock starts", lambda: "none was started", seconds=30
        )
        if instance["starter"] != "clock":
            raise self._failed(f"the review was started by {instance['starter']}, not by the clock")
        self._instances["review"] = instance["id"]
        self._say("clock", "starts the review: its figures come from the test and from the log")
        task = self._task("review", "Decide_review")
        figures = self._people["mika"].get(f"/instances/{instance['id']}/variables")["facts_of_review"]
        self._decide("mika", task, {"decision": "keep", "comment": "It does what its test promised; no labels yet."})
        self._say(
            "mika",
            f"keeps it: {figures['inferences']:,} inferences, {figures['errors']} errors, "
            f"{len(figures['open_risks'])} open risks, {figures['labels']}",
        )

    # Monitoring

    def _watch(self) -> None:
        self._until(self._monitor, "a monitor that the deployment started")
        healthy = self._measured("The monitor looks at the people of 2016")
        if healthy["verdict"] != "healthy":
            raise self._failed(f"the monitor says of 2016: {healthy['verdict']}")
        self._say("clock", f"has the monitor look at {healthy['rows']:,} people of {census.YEAR}: healthy")
        features = list(self._plan(ONE).metadata.features)
        later = census.batches(
            self._folder / "data",
            features,
            BATCH,
            year=census.LATER_YEAR,
            ages=census.EVERYBODY,
            at_most=census.SAMPLE,
        )
        scorer = self._scorer("mika", ONE)
        for batch in later:
            scorer.score(batch.rows, batch.event_times, batch.references)
        self._until(lambda: self._whole_log(self.outcome.scored + census.SAMPLE), "the people of 2017 in the log")
        self._say("mika", f"has {census.SAMPLE:,} people of {census.LATER_YEAR} scored, of every age from 16 on")
        found = self._measured("The monitor looks at the people of 2017")
        findings = self._people["mika"].get("/findings", model=ONE, is_open=True)["items"]
        if found["verdict"] != "breach" or not findings:
            raise self._failed(f"the monitor says of 2017: {found['verdict']}")
        first = self.outcome.finding = findings[0]
        self._say(
            "clock",
            f"has it look at {found['rows']:,} people of {census.LATER_YEAR}: a breach. PSI of {first['subject']} "
            f"{first['value']:.1f} [{first['low']:.1f}, {first['high']:.1f}], moving with it "
            f"{' and '.join(first['moving_with'])}",
        )
        self._people["mika"].patch(f"/monitors/{found['monitor']}", json={"timing": "0 6 * * *"})

    def _measured(self, text: str) -> dict[str, Any]:
        """The run that the monitor's schedule starts a second from now."""
        monitor = self._monitor()
        if monitor is None:
            raise self._failed("nothing looks at it")
        self._telling.waits(text)
        before = {each["due_at"] for each in self._runs(monitor["id"])}
        self._people["mika"].patch(f"/monitors/{monitor['id']}", json={"timing": "R1/PT1S"})
        found: dict[str, Any] = self._until(
            # A change whose answer was lost is asked for again, and may start a second run that finds nothing newer.
            lambda: next((each for each in self._runs(monitor["id"]) if each["due_at"] not in before), None),
            "a run of the monitor",
        )
        return found

    def _monitor(self) -> dict[str, Any] | None:
        found = self._people["mika"].get("/monitors", model=ONE)["items"]
        monitor: dict[str, Any] | None = found[0]["monitor"] if found else None
        return monitor

    def _runs(self, monitor: str) -> list[dict[str, Any]]:
        """The runs that had anything to look at."""
        found = self._people["mika"].get(f"/monitors/{monitor}/runs")["items"]
        return [each for each in found if each["rows"]]

    def _scheduled_review(self) -> dict[str, Any] | None:
        found = self._people["mika"].get("/instances", process="review", subject=ONE)["items"]
        return found[0] if found else None

    # Retirement

    def _retire(self) -> None:
        scorer = self._scorer("mika", TWO)
        row = {"AGEP": 30, "SCHL": 12, "DIS": 2, "MIL": 4}
        if (before := scorer.status([row])) != 200:
            raise self._failed(f"the endpoint of {TWO} answered {before} before its retirement")
        self._people["bea"].post(f"/models/{TWO}/retirement", json={"reason": "A second edition takes its place."})
        self._say("bea", "asks for its retirement")
        self._telling.waits("Its life cycle hears of the wish")
        task = self._task(TWO, "Approve_retirement_as_owner")
        self._decide("boris", task, {"decision": "approve", "comment": "Agreed."})
        self._say("boris", "approves the retirement")
        self._until(lambda: scorer.status([row]) == 410, "an endpoint that answers 410", lambda: "it still answers")
        self.outcome.retired_status = scorer.status([row])
        self._until(lambda: self._instance(TWO)["instance"]["state"] == "finished", "the end of its life cycle")
        self._say("worker", f"takes it out of service: its endpoint answers {self.outcome.retired_status} Gone")

    # Proofs

    def _prove(self) -> None:
        self._telling.waits("Model one is trained again")
        found = self._command("model", "reproduce", f"{ONE}@1", "--json", "--as", "ada", codes=(0, 1))
        self.outcome.reproduced, self.outcome.digest = found["reproduced"], found["predictions"]
        if not found["reproduced"]:
            raise self._failed(f"{ONE}@1 was not reproduced: {'; '.join(found['differences'])}")
        self._say("ada", f"trains model one again: the same predictions, {self.outcome.digest[:12]}")
        self._telling.waits("The audit log is verified")
        report = self._people["otto"].post("/audit/verification")
        self.outcome.audit = {"rows": report["rows"], "verified": report["intact"]}
        if not report["intact"]:
            raise self._failed(f"the audit log is not intact: {'; '.join(report['findings'])}")
        self._say("otto", f"verifies the log: {report['rows']:,} rows in {report['streams']} streams, intact")

    def _leave_an_approval(self) -> None:
        """A second edition of the rules, under an id of its own, up to the approval that the visitor may give."""
        values = yaml.safe_load((self._folder / "models" / TWO / "model.yaml").read_text())
        values |= {"id": THREE, "name": "Job centre outreach, second edition"}
        rules = (self._folder / "models" / TWO / "rules.yaml").read_text()
        folder = self._folder / "models" / THREE
        folder.mkdir()
        (folder / "model.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
        # Another edition is another file: a school leaver's chance is put a little lower.
        (folder / "rules.yaml").write_text(rules.replace("score: 0.25", "score: 0.20", 1))
        (folder / "card.md").write_text((self._folder / "models" / TWO / "card.md").read_text())
        plan = plans.read(self._files, folder)
        self._register("bea", plan)
        self._start("bea", THREE)
        self._waits(THREE, "The second edition is tested")
        self.approval = self._task(THREE, "Approve_as_operator")
        self._say("bea", "has it tested; its approval waits for a model operator, which may be you")

    def conclude(self) -> None:
        """Read the steps from the log: what is told is what was written down."""
        found: list[dict[str, Any]] = []
        now = datetime.now(UTC).isoformat()  # rows that come meanwhile would shift the pages
        while True:
            page = self._people["otto"].get("/audit", limit=500, offset=len(found), before=now)
            found += page["items"]
            if not page["items"] or len(found) >= page["total"]:
                break
        self.outcome.steps = [
            {"at": each["at"], "actor": each["actor"], "act": each["act"], "subject": each["subject"]}
            for each in reversed(found)
        ]
        self.outcome.refused = sum(each["act"].endswith(".refused") for each in found)

    # What all of it is made of

    def _plan(self, model: str) -> Plan:
        return plans.read(self._files, self._folder / "models" / model)

    def _register(self, person: str, plan: Plan) -> None:
        client, model = self._people[person], plan.metadata.id
        client.post("/models", done={"model-exists"}, json={"declared": plan.metadata.model_dump(mode="json")})
        digests = dict(plan.assets)
        words: dict[str, Any] = {"source_kind": "uploaded"}
        if plan.recipe is not None:
            digests |= {"source": plan.recipe.source, "training_data": plan.recipe.training_data}
            parameters = fits.as_file(plan.recipe.as_json())
            words = {"source_kind": "trained", "seed": plan.recipe.seed}
            words["parameters_json"] = json.dumps(dict(plan.recipe.parameters))
            digests["parameters"] = self._files.put(parameters)
        if plan.test_data is not None:
            digests["test_data"] = plan.test_data
        uploads = [(role, (_file_name(role), self._files.read(digest))) for role, digest in digests.items()]
        uploads += [("documentation", (name, self._files.read(each))) for name, each in plan.documents.items()]
        client.post(f"/models/{model}/versions", done={"version-duplicate"}, data=words, files=uploads)
        self._say(person, f"registers {plan.metadata.name} ({plan.metadata.team}) with a version and its documents")

    def _start(self, person: str, model: str) -> list[str]:
        """Start the model's life cycle; returns the path that was foretold."""
        client = self._people[person]
        body = {"subject": model, "answer": {"model": model}}
        path = client.post(f"/processes/{LIFE_CYCLE}/path", json=body)
        started = client.post("/instances", done={"already-running"}, json={"process": LIFE_CYCLE, **body})
        if started is None:
            (started,) = client.get("/instances", process=LIFE_CYCLE, subject=model)["items"]
        self._instances[model] = started["id"]
        people = [each["name"] for each in path["steps"] if each["kind"] == "userTask"]
        said = f"; the path ahead asks people for: {', '.join(people)}" if people else ""
        self._say(person, f"starts its life cycle, {len(path['steps'])} steps{said}")
        return [each["element"] for each in path["steps"]]

    def _check_path(self, model: str, foretold: list[str]) -> None:
        """What was computed before the start is what the instance did, element by element (branches in any order)."""
        done = [step["element"] for step in self._instance(model)["steps"] if step["outcome"] == "completed"]
        ahead, behind = Counter(foretold), Counter(done)
        self.outcome.paths_kept[model] = ahead == behind
        if ahead != behind:
            differences = sorted((ahead - behind) + (behind - ahead))
            raise self._failed(f"{model} did not take the path that was foretold: {', '.join(differences)} differ")
        self._say("engine", f"took the path that was foretold before the start, all {len(done)} steps of it")

    def _tell_tier(self, model: str) -> None:
        tier = self._people["rosa"].get(f"/models/{model}")["tier"]
        self._say("worker", f"sets the risk tier by a decision table: {tier}")

    def _deployed(self, model: str) -> None:
        self._until(
            lambda: self._people["ilse"].get("/routes", model=model),
            f"an endpoint of {model}",
            lambda: self._stands_at(model),
        )
        self._until(lambda: self._waits_for(model, "message"), f"{model} in production", lambda: self._stands_at(model))
        self._say("worker", f"deploys it: {self._addresses['scoring']}/models/{model}/score answers")

    def _task(self, name: str, element: str) -> str:
        """The id of an open task, once it is there; raises StoryFailed where something else waits for a person."""
        others = 0

        def found() -> str | None:
            nonlocal others
            tasks = self._people["otto"].get("/tasks/all", instance=self._instances[name], state="open")["items"]
            task = next((each["id"] for each in tasks if each["element"] == element), None)
            if task is None and tasks and not self._waits_for(name, "job"):
                others += 1
                if others > 8:  # two seconds in which nothing but a person could move it on
                    raise self._failed(f"{element} was expected, and {name} waits for {self._stands_at(name)}")
            return task

        task: str = self._until(found, f"the task {element}", lambda: self._stands_at(name), instance=name)
        return task

    def _decide(self, person: str, task: str, answer: dict[str, Any]) -> None:
        """Look at a task's evidence, then decide on exactly that."""
        client = self._people[person]
        detail = client.get(f"/tasks/{task}")
        if missing := [each["title"] for each in detail["evidence"] if each["missing"]]:
            raise self._failed(f"evidence is missing for {detail['task']['name']}: {', '.join(missing)}")
        shown = {each["name"]: each["digest"] for each in detail["evidence"]}
        done = {"task-closed", "instance-ended"}
        client.post(f"/tasks/{task}/complete", done=done, json={"answer": answer, "shown": shown})

    def _scorer(self, person: str, model: str) -> Scorer:
        body = {"name": f"scoring {model}", "scopes": [f"score:{model}:{ENVIRONMENT}"], "days": 1}
        secret = self._people[person].post("/me/tokens", json=body)["secret"]
        return Scorer(self._addresses["scoring"], model, secret)

    def _instance(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._people["otto"].get(f"/instances/{self._instances[name]}")
        return found

    def _waits_for(self, name: str, kind: str) -> bool:
        return any(each["kind"] == kind for each in self._instance(name)["waiting"])

    def _stands_at(self, name: str) -> str:
        """Where an instance stands, in words."""
        waiting = self._instance(name)["waiting"]
        return "; ".join(f"{each['name']}: {each['next_act']}" for each in waiting) or "it waits for nothing"

    def _until(
        self,
        true: Callable[[], Any],
        what: str,
        instead: Callable[[], str] = lambda: "it did not come",
        *,
        instance: str = "",
        seconds: float = PATIENCE,
    ) -> Any:
        """What is found once it is true; raises StoryFailed after a while, or when an incident stands in the way."""
        deadline = time.monotonic() + seconds
        while True:
            if found := true():
                return found
            if instance:
                self._refuse_incident(instance)
            if time.monotonic() > deadline:
                raise self._failed(f"{what} was waited for in vain, {instead()}")
            time.sleep(0.25)

    def _refuse_incident(self, name: str) -> None:
        for each in self._instance(name)["incidents"]:
            if each["closed_at"] is None:
                raise self._failed(f"{each['name']} of {name} failed: {each['cause']}")

    def _command(self, *words: str, codes: tuple[int, ...] = (0,)) -> Any:
        """What a command of the command line prints as JSON."""
        done = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-P", "-m", "web.cli", *words],
            env={**environment(self._settings), "COLUMNS": os.environ.get("COLUMNS", "120")},
            capture_output=True,
            text=True,
        )
        if done.returncode not in codes or not done.stdout:
            raise self._failed(f"`gatewright {' '.join(words)}` failed: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def _waits(self, name: str, text: str) -> None:
        self._telling.waits(text)

    def _say(self, actor: str, text: str) -> None:
        self._telling.line(actor, text)

    def _failed(self, what: str) -> StoryFailed:
        return StoryFailed(what=what, logs=self._settings.home / "logs")


def _file_name(role: str) -> str:
    """A name for an upload, from which its kind can be told."""
    endings = {"training_data": ".parquet", "test_data": ".parquet", "probe": ".parquet", "source": ".py"}
    return role + endings.get(role, ".yaml" if role == "artefact" else ".json")
