"""A whole house for the tests of the floor that joins the wings: people, two models, the shipped life cycles."""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

from engine import handlers
from engine.identity import Person
from engine.inventory import metadata, models, versions
from engine.inventory.references import VersionRef
from engine.runtime import definitions, delivery, instances, queries
from engine.runtime.values import InstanceDetail, UserTask
from engine.serving import environments
from engine.store import Store, transaction
from tests.runtime.worlds import work_off
from web import shipped

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
RIA = Person(id="ria", name="Ria", roles=frozenset({"risk_manager"}))
BOB = Person(id="bob", name="Bob", roles=frozenset({"business_owner"}))
OPS = Person(id="ops", name="Olga", roles=frozenset({"it_operations", "model_operator"}))

RECIPE = b"""
from sklearn.linear_model import LogisticRegression

def train(frame, parameters, seed):
    model = LogisticRegression(random_state=seed, C=parameters.get("C", 1.0))
    return model.fit(frame[parameters["features"]], frame[parameters["target"]])
"""
SCHEMA = {
    "type": "object",
    "properties": {"income": {"type": "number"}, "debt": {"type": "number"}},
    "required": ["income", "debt"],
}


def rules(id: str) -> bytes:
    """A decision table; each model has its own bound, since a second version of the same files is refused."""
    bound = 1 + zlib.crc32(id.encode()) % 1000 / 1000
    deep = {"id": "deep", "when": {"debt": {"above": bound}}, "score": 0.1, "decision": "refuse", "reason": "debt"}
    return json.dumps({"rules": [deep], "otherwise": {"score": 0.9, "decision": "grant", "reason": "sound"}}).encode()


def given_a_house(store: Store) -> None:
    """The library published, an environment to deploy to."""
    handlers.load()
    with transaction(store) as session:
        definitions.publish_shipped(session, shipped.library())
        environments.define(
            session,
            OPS,
            name="production",
            title="Production",
            target="local",
            position=10,
            promoters=["risk_manager", "model_operator", "business_owner"],
        )


def rows(seed: int, n: int = 600) -> bytes:
    """People with an income, a debt, a group, and whether they paid back; Parquet."""
    import numpy
    import pandas

    random = numpy.random.default_rng(seed)
    frame = pandas.DataFrame({"income": random.normal(size=n), "debt": random.normal(size=n)})
    frame["group"] = random.integers(1, 3, size=n)
    frame["paid"] = (frame.income - frame.debt + random.normal(size=n) > 0).astype(int)
    written = io.BytesIO()
    frame.to_parquet(written)
    return written.getvalue()


def given_a_trainable_model(store: Store, id: str = "credit", **changed: Any) -> VersionRef:
    """A model that decides about people, with a draft version: source, training and test rows, a card."""
    declared = {
        "id": id,
        "name": "Credit",
        "kind": "sklearn",
        "owner": "ada",
        "team": "Lending",
        "tool": "scikit-learn",
        "purpose": "Decides about loans.",
        "affects_people": True,
        "decisions_per_year": 1000,
        "target": "paid",
        "features": ["income", "debt"],
        "protected": {"group": "1"},
        "thresholds": {"cut_off": 0.5, "min_auc": 0.7, "min_impact_ratio": 0.5},
        "service_levels": {"rate_per_s": 5, "p95_ms": 200, "memory_mb": 1024, "cpu": 1},
        "input_schema": SCHEMA,
    }
    put = store.files.put
    with transaction(store) as session:
        models.register(session, ADA, metadata.read(declared | changed))
        return versions.add(
            session,
            ADA,
            id,
            {"source": put(RECIPE), "training_data": put(rows(1)), "test_data": put(rows(2))},
            source="trained",
            seed=0,
            parameters={"C": 1.0},
            documents={"card.md": put(b"# Credit\n\nDecides about loans.\n")},
        ).ref


def given_a_rules_model(store: Store, id: str = "letters", **changed: Any) -> VersionRef:
    """A decision table that decides about nobody."""
    declared = {
        "id": id,
        "name": "Letters",
        "kind": "rules",
        "owner": "bea",
        "team": "Service",
        "tool": "decision table",
        "purpose": "Picks who gets a letter.",
        "affects_people": False,
        "decisions_per_year": 100,
        "target": "paid",
        "features": ["debt"],
        "thresholds": {"cut_off": 0.5},
        "service_levels": {"rate_per_s": 5, "p95_ms": 200, "memory_mb": 512, "cpu": 1},
    }
    put = store.files.put
    table = put(rules(id))
    schema = {"type": "object", "properties": {"debt": {"type": "number"}}, "required": ["debt"]}
    with transaction(store) as session:
        models.register(session, ADA, metadata.read(declared | changed))
        return versions.add(
            session,
            ADA,
            id,
            {
                "artefact": table,
                "source": table,
                "test_data": put(rows(3)),
                "input_schema": put(json.dumps(schema).encode()),
                "output_schema": put(b'{"type": "object"}'),
            },
            documents={"card.md": put(b"# Letters\n")},
        ).ref


def open_tasks(store: Store, instance: Any) -> list[UserTask]:
    """What waits for people."""
    with transaction(store) as session:
        return queries.tasks(session, instance=instance, state="open").rows


def decide(store: Store, instance: Any, element: str, person: Person, **answer: Any) -> None:
    """The person's answer to the open task at this element."""
    (task,) = [each for each in open_tasks(store, instance) if each.element == element]
    instances.complete(store, person, task.id, answer)


def go_on(store: Store) -> None:
    """Workers and clock do what there is to do."""
    while work_off(store) + delivery.deliver_waiting(store):
        pass


def detail(store: Store, instance: Any) -> InstanceDetail:
    """All of an instance."""
    with transaction(store) as session:
        return queries.instance(session, instance)


def passed(store: Store, instance: Any) -> list[str]:
    """The elements that the instance went through."""
    return [step.element for step in detail(store, instance).steps if step.outcome == "completed"]
