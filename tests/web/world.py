"""A house with something on every page: all roles, models, life cycles that wait and fail, drafts, schedules."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from engine.governance import approvals
from engine.handlers import monitoring
from engine.identity import Person, people
from engine.inferences.tables import InferenceRow
from engine.inventory import metadata, models, risks, versions
from engine.inventory.references import VersionRef
from engine.monitoring import alerts, monitors, runs, thresholds
from engine.monitoring import queries as monitored
from engine.monitoring.alerts import Concern
from engine.monitoring.feeds import definitions as feeds
from engine.monitoring.measures import Reading
from engine.monitoring.verdicts import Taken
from engine.runtime import definitions, instances, schedules
from engine.serving import batches, deployments, drops, environments
from engine.serving.batch import Scored
from engine.serving.deployment import Deployment
from engine.serving.scoring.checks import InputInvalid, RowFault
from engine.statistics import Estimate
from engine.store import Store, new_id, new_ids, now, transaction
from tests.handlers import house
from web import shipped

PASSWORD = "correct-horse-battery"
ROOT = Person(id="root", name="Root", roles=frozenset({"admin"}))

#: one person for each role, whose login name is the role's first letters
NAMES = {
    "ai_architect": "Iris",
    "data_scientist": "Ada",
    "data_engineer": "Dan",
    "developer": "Eve",
    "it_operations": "Olga",
    "model_operator": "Max",
    "risk_manager": "Ria",
    "business_owner": "Bob",
    "auditor": "Uma",
    "admin": "Adam",
}


@dataclass(slots=True)
class World:
    """What there is to look at."""

    store: Store
    people: dict[str, Person]  #: by role
    ids: dict[str, Any]  #: what the addresses of pages need, by a word

    def person(self, role: str) -> Person:
        """Whoever has the role."""
        return self.people[role]


def given_people(store: Store) -> dict[str, Person]:
    """One person for each role, all with the same password."""
    from argon2 import PasswordHasher

    from engine.identity import passwords

    # Hashed once: argon2 takes its time on purpose, and these are no secrets.
    kept = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)
    real, passwords.hashed = passwords.hashed, lambda password, *, person: kept
    try:
        with transaction(store) as session:
            return {
                role: people.add(
                    session,
                    ROOT,
                    name.lower(),
                    name=name,
                    email=f"{name.lower()}@example.org",
                    roles=[role],
                    password=PASSWORD,
                    must_change=False,
                )
                for role, name in NAMES.items()
            }
    finally:
        passwords.hashed = real


def given_a_small_world(store: Store) -> World:
    """People, the library, a rules model whose life cycle waits for its operator, a risk, a draft, a schedule."""
    found = World(store=store, people=given_people(store), ids={})
    house.given_a_house(store)
    house.given_a_rules_model(store)
    _given_a_draft(found)
    with transaction(store) as session:
        risk = risks.open(
            session,
            found.person("risk_manager"),
            "letters",
            level="medium",
            title="Letters reach people who moved",
            owner="bob",
            due=(now(session) + timedelta(days=30)).date(),
            description="A tenth of the addresses is older than two years.",
        )
        schedules.add(
            session,
            found.person("model_operator"),
            "letters: monthly review",
            "review",
            "0 6 1 * *",
            subject="letters",
            variables={"model": "letters"},
            timezone="Europe/Berlin",
        )
        alert = alerts.take(
            session,
            Concern(
                finding=new_id(),
                model="letters",
                cause="drift of letters",
                severity="breach",
                title="debt of letters moved: PSI 0.41, beyond 0.25",
            ),
        )
        alerts.silence(
            session,
            found.person("model_operator"),
            model="outreach",
            cause=None,
            until=now(session) + timedelta(days=3),
            reason="Its feed moves to another server",
        )
        feeds.define(
            session,
            found.person("data_engineer"),
            name="claims",
            model="letters",
            environment="production",
            kind="sql",
            owner="Claims desk",
            origin="external",
            settings={
                "url_from": "CLAIMS",
                "query": "SELECT debt FROM claims WHERE at >= %(since)s AND at < %(until)s",
            },
        )
    instance = instances.start(
        store, found.person("data_scientist"), "model_life_cycle", variables={"model": "letters"}
    )
    house.go_on(store)
    (task,) = house.open_tasks(store, instance)
    monitor, finding, proposal = _given_a_monitor(found)
    found.ids |= {
        "monitor": monitor,
        "finding": finding,
        "proposal": proposal,
        "task": task.id,
        "instance": instance,
        "risk": risk.id,
        "alert": alert,
        "model": "letters",
        "schedule": "letters: monthly review",
        "inference": _given_an_inference(found, instance),
    }
    return found


def _given_an_inference(found: World, instance: UUID) -> UUID:
    """A row that letters@1 answered, by a deployment that a step of its life cycle asked for."""
    step = next(each for each in house.detail(found.store, instance).steps if each.kind == "serviceTask")
    with transaction(found.store) as session:
        made = deployments.request(
            session,
            found.person("it_operations"),
            version=VersionRef("letters", 1),
            environment="production",
            instance=str(instance),
            task=str(step.task),
            key="an inference",
        )
        request, id = new_ids(2)
        row = InferenceRow(
            id=id,
            logged_at=now(session),
            event_time=now(session) - timedelta(hours=3),
            model="letters",
            version=1,
            environment="production",
            deployment=made.id,
            caller="bob",
            caller_reference="letter 4711",
            input={"debt": 3.5},
            score=0.1,
            decision="refuse",
            output={"reasons": ["debt", "rule deep"]},
            request=request,
            position=0,
            request_rows=1,
            latency_us=1530,
        )
        session.add(row)
    _given_batches(found, made)
    found.ids["request"] = request
    return id


def _given_batches(found: World, deployment: Deployment) -> None:
    """One that waits, one whose file was refused, one with answers."""
    put = found.store.files.put
    with transaction(found.store) as session:
        for name in ("waiting.csv", "broken.csv"):
            asked = batches.take(session, deployment, "bob", source=put(name.encode()), name=name)
        wrong = InputInvalid(
            [
                RowFault(row=7, field="debt", reason="is missing"),
                RowFault(row=12, field="debt", reason="'much' is no number"),
            ]
        )
        found.ids["batch"] = batches.refuse(session, asked.id, wrong).id
        made = Scored(id=new_id(), at=now(session), rows=4711, parts=(), result=put(b"PAR1"))
        batches.take(session, deployment, "eve", source=put(b"debt"), name="march.parquet", scored=made)
        found.ids["done_batch"] = batches.done(session, made.id).id


def _given_a_monitor(found: World) -> tuple[UUID, UUID, UUID]:
    """A monitor of letters with three runs: a quiet window, one that was missed, one that moved; proposed bounds."""
    with transaction(found.store) as session:
        monitor = monitoring.start(session, "worker", "letters", "production", timezone="UTC")
        proposed = thresholds.propose(
            session, found.person("data_scientist"), "letters", "psi", warn=0.2, breach=0.4, reason="Debts move."
        )
        at = now(session).replace(minute=0)
        for days, moved in ((3, 0.004), (1, 0.41)):
            due = at - timedelta(days=days)
            since, until = monitors.window(monitor, due)
            taken = Taken(
                measure="drift", dimension="statistical", readings=(_shift("debt", moved), _shift("age", moved / 3))
            )
            plan = runs.Plan(monitor=monitor, due=due, version=VersionRef("letters", 1), since=since, until=until)
            verdict = runs.judge(plan, [taken], thresholds.in_force(session, "letters"))
            runs.record(session, plan, [taken], verdict, actor="worker")
        runs.missed(session, monitor.id, at - timedelta(days=2), why="its schedule is paused", then=monitor.next_due_at)
        finding = monitored.findings(session, monitor=monitor.id).items[0]
    return monitor.id, finding.id, proposed.id


def _shift(column: str, moved: float) -> Reading:
    return Reading(
        metric="psi",
        subject=column,
        value=Estimate(moved, moved * 0.8, moved * 1.2, 0.95),
        rows=2400,
        unit="nats",
        better="low",
        p=0.00001 if moved > 0.1 else 0.3,
    )


def given_a_world(store: Store) -> World:
    """The same, and the jobs are run: a model of people waits for its risk manager, another runs, another failed."""
    found = given_a_small_world(store)
    ada = found.person("data_scientist")
    house.given_a_trainable_model(store, **_TALK)
    credit = instances.start(store, ada, "model_life_cycle", variables={"model": "credit"})
    house.go_on(store)
    (review,) = house.open_tasks(store, credit)
    instances.complete(store, found.person("risk_manager"), review.id, {"decision": "approve"})
    house.go_on(store)
    (task,) = house.open_tasks(store, credit)
    found.ids |= {"credit": credit, "task": task.id, "done_task": review.id}
    _given_a_deployed_model(found)
    _given_an_incident(found)
    return found


_TALK = {
    "name": "Credit decisions",
    "purpose": "Decides which applications for a consumer loan are granted at once and which a person looks at first.",
    "approvers": ["business_owner"],
    "decisions_per_year": 120_000,
}


def _given_a_draft(found: World) -> None:
    files = dict(shipped.library()["retirement"])
    diagram = files["process.bpmn"].decode().replace("<bpmn:documentation>", "<bpmn:documentation>Slower. ", 1)
    diagram = diagram.replace('name="due" value="P', 'name="due" value="P1')
    iris = found.person("ai_architect")
    with transaction(found.store) as session:
        draft = definitions.draft(session, iris, {**files, "process.bpmn": diagram.encode()})
        definitions.submit(session, iris, draft.id)
        other = definitions.draft(session, iris, files)
        published = definitions.latest(session, "retirement")
    found.ids |= {"in_review": draft.id, "draft": other.id, "definition": published.id, "process": "retirement"}


def _given_a_deployed_model(found: World) -> None:
    ref = _given_another_rules_model(found)
    olga = found.person("it_operations")
    place = drops.folder(found.store.settings, "desk", "outreach")
    for name in (drops.IN, drops.DONE, drops.FAILED):
        (place / name).mkdir(parents=True)
        (place / name / "people.csv").write_bytes(b"age\n41\n")
    with transaction(found.store) as session:
        made = deployments.request(
            session,
            olga,
            version=ref,
            environment="production",
            instance=str(new_id()),
            task=str(new_id()),
            key="world",
        )
        deployments.observed(session, made.id, "running")
        deployments.went_live(session, made.id, address="http://127.0.0.1:8471/models/outreach/score", person=olga)
        environments.define(
            session, olga, name="desk", title="The desk's folder", target="file_drop", position=5, promoters=[]
        )
        dropped = deployments.request(
            session,
            olga,
            version=ref,
            environment="desk",
            instance=str(new_id()),
            task=str(new_id()),
            key="world's folder",
        )
        deployments.observed(session, dropped.id, "running")
        deployments.went_live(session, dropped.id, address="file:///drops/desk/outreach/in", person=olga)
        approvals.record(
            session,
            found.person("model_operator"),
            model=ref.model,
            version=str(ref),
            purpose="deployment",
            environment="production",
            tier="low",
            decision="approve",
            role="model_operator",
            requester="ada",
            comment="",
            digests=versions.evidence_digests(session, ref),
            shown={},
            instance=new_id(),
            task=new_id(),
        )


def _given_another_rules_model(found: World) -> VersionRef:
    put, ada = found.store.files.put, found.person("data_scientist")
    young = {"id": "young", "when": {"age": {"to": 20}}, "score": 0.9, "decision": "call", "reason": "At most 20"}
    table = put(json.dumps({**_RULES, "rules": [young]}).encode())
    schema = put(b'{"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}')
    output = put(b'{"type": "object", "properties": {}}')
    with transaction(found.store) as session:
        declared = {**_PLAIN, "id": "outreach", "name": "Outreach", "kind": "rules", "tool": "decision table"}
        models.register(session, ada, metadata.read(declared))
        made = {"artefact": table, "source": table, "input_schema": schema, "output_schema": output}
        return versions.add(session, ada, "outreach", made).ref


_RULES = {
    "rules": [{"id": "deep", "when": {"debt": {"above": 1.0}}, "score": 0.1, "decision": "refuse", "reason": "debt"}],
    "otherwise": {"score": 0.9, "decision": "grant", "reason": "sound"},
}
_PLAIN = {
    "owner": "eve",
    "team": "Communication",
    "purpose": "Picks who is called first.",
    "affects_people": False,
    "decisions_per_year": 4000,
}


def _given_an_incident(found: World) -> None:
    """A model without a version: its life cycle stops at the first step."""
    with transaction(found.store) as session:
        models.register(
            session,
            found.person("data_scientist"),
            metadata.read({**_PLAIN, "id": "churn", "name": "Churn", "kind": "sklearn", "tool": "scikit-learn"}),
        )
    churn = instances.start(
        found.store, found.person("data_scientist"), "model_life_cycle", variables={"model": "churn"}
    )
    house.go_on(found.store)
    (incident,) = house.detail(found.store, churn).incidents
    found.ids |= {"incident": churn, "incident_task": incident.task}


def given_a_plain_model(store: Store, by: Person, id: str, *, card: bytes = b"# A card\n") -> VersionRef:
    """A decision table that decides about nobody: its life cycle takes the light path."""
    put = store.files.put
    table = put(json.dumps({**_RULES, "title": id}).encode())
    schema = put(b'{"type": "object", "properties": {"debt": {"type": "number"}}, "required": ["debt"]}')
    levels = {"rate_per_s": 5, "p95_ms": 200, "memory_mb": 512, "cpu": 1}
    tested = {"target": "paid", "features": ["debt"], "thresholds": {"cut_off": 0.5}, "service_levels": levels}
    declared = {**_PLAIN, **tested, "id": id, "name": id.capitalize(), "kind": "rules", "tool": "decision table"}
    with transaction(store) as session:
        models.register(session, by, metadata.read(declared))
        made = {
            "artefact": table,
            "source": table,
            "test_data": put(house.rows(3)),
            "input_schema": schema,
            "output_schema": put(b'{"type": "object", "properties": {}}'),
        }
        return versions.add(session, by, id, made, documents={"card.md": put(card)}).ref
