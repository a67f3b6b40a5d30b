"""Labels belong to inferences, come late, and may be corrected."""

from __future__ import annotations

from uuid import uuid4

import pytest

from engine import audit
from engine.identity import NotPermitted, Person
from engine.inferences import labels, queries
from engine.inferences.labels import Label
from engine.inferences.log import InferenceLog
from engine.inferences.queries import Window
from engine.store import Store, transaction
from tests.inferences.test_log import AT, answered

ENGINEER = Person(id="eve", name="Eve", roles=frozenset({"data_engineer"}))


def test_labels_are_counted_once_and_may_be_corrected(store: Store) -> None:
    given = answered(3)
    log = InferenceLog(store)
    log.start()
    log.offer(given)
    log.drain()
    window = Window(model="credit")
    with transaction(store) as session:
        first = [Label(inference=id, value="1", known_at=AT) for id in given.ids[:2]]
        assert labels.add(session, ENGINEER, model="credit", labels=first) == 2
        assert queries.summary(session, window).label_state == "some labels"
    with transaction(store) as session:
        again = [Label(inference=id, value="0", known_at=AT) for id in given.ids]
        assert labels.add(session, ENGINEER, model="credit", labels=again) == 1
        found = queries.summary(session, window)
    assert (found.labels, found.label_state) == (3, "all labelled")
    with transaction(store) as session:
        (newest, _) = audit.entries(session, stream="model:credit", act="labels.added")
    assert newest.facts["new"] == 1


def test_a_label_of_no_inference_is_refused_and_nothing_is_recorded(store: Store) -> None:
    with transaction(store) as session, pytest.raises(labels.LabelWithoutInference):
        labels.add(session, ENGINEER, model="credit", labels=[Label(inference=uuid4(), value="1", known_at=AT)])


def test_labels_need_a_role(store: Store) -> None:
    auditor = Person(id="otto", name="Otto", roles=frozenset({"auditor"}))
    with transaction(store) as session, pytest.raises(NotPermitted):
        labels.add(session, auditor, model="credit", labels=[])
