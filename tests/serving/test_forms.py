"""Which form of a version serves, and that it is held against the original before it does."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from engine.serving import forms
from engine.serving.scoring import versions
from engine.serving.scoring.checks import InputSchema
from engine.store import Store
from engine.training import compiled
from engine.training.compiled import Compiled, CompiledDiffers
from tests.serving.house import (
    Scoring,
    classifier,
    classifier_schema,
    compiled_form,
    given_a_classifier,
    given_a_token,
    given_an_environment,
    when_it_goes_live,
    when_it_is_requested,
)


def test_the_original_serves_unless_the_compiled_form_is_near_enough(store: Store) -> None:
    digest = store.files.put(compiled_form()["compiled"])
    measured = compiled.difference(store.files, digest)
    assert (measured.rows, measured.equal_rows, measured.largest_difference) == (50, 50, 0.0)
    inputs = {"artefact": measured.artefact, "probe": measured.probe, "compiled": digest}

    def form(within: float | None, **changed: str) -> str:
        chosen, told = forms.choose(store.files, {**inputs, **changed}, within)
        assert ("compiled" in chosen) == told.startswith("compiled")
        return told

    assert form(None).startswith("original: no max_compiled_difference")
    assert form(0.0).startswith("compiled: largest difference 0 on 50")
    assert form(0.0, artefact="0" * 64).startswith("original: the compiled form was measured on another")
    assert form(0.0, compiled=store.files.put(b"[]")).startswith("original: The compiled form is refused")
    held = json.loads(compiled_form()["compiled"])
    held["measured"]["largest_difference"] = 0.25
    farther = store.files.put(json.dumps(held).encode())
    assert form(0.2, compiled=farther).startswith("original: largest difference 0.25")
    assert form(0.25, compiled=farther).startswith("compiled")
    assert forms.choose(store.files, {"artefact": "a"}, 0.0)[1] == "original: the version has no compiled form"


def test_a_form_that_lies_farther_from_the_original_than_its_record_says_does_not_start(store: Store) -> None:
    given_an_environment(store)
    deployment = when_it_is_requested(store, given_a_classifier(store, compiled_within=0.0))
    assert deployment.form == "compiled"
    _, form = versions.start(store, deployment, {})
    assert isinstance(form, Compiled)
    held = json.loads(compiled_form()["compiled"])
    held["form"]["baseline"] += 0.5
    made_up = deployment.inputs | {"compiled": store.files.put(json.dumps(held).encode())}
    with pytest.raises(CompiledDiffers):
        versions.start(store, dataclasses.replace(deployment, inputs=made_up), {})


def test_both_forms_answer_the_same_over_http(store: Store, scoring: Callable[..., Scoring]) -> None:
    given_an_environment(store)
    service = scoring(given_a_token(store, ["score:employed:production", "score:compiled:production"]))
    _, columns = classifier()
    rows = [{name: values[row] for name, values in columns.items()} for row in range(50)]
    answers = {}
    for model, within in (("employed", None), ("compiled", 0.0)):
        deployment = when_it_is_requested(store, given_a_classifier(store, model, compiled_within=within))
        service.until(deployment, "running")
        when_it_goes_live(store, deployment)
        told = service.until_status(f"/models/{model}/score", rows, 200).json()["rows"]
        one = [service.post(f"/models/{model}/score", [row]).json()["rows"][0] for row in rows[:3]]
        answers[model] = [(row["score"], row["decision"]) for row in (*told, *one)]
    assert answers["employed"] == answers["compiled"]
    assert service.post("/models/compiled/score", [{"x0": 1}]).status_code == 422


def test_a_single_row_is_held_to_the_schema_as_a_column_is() -> None:
    schema = InputSchema(classifier_schema())
    row = {f"x{n}": 0.5 for n in range(16)}
    schema.check([row])
    for wrong in ("a", None, True, float("nan")):
        with pytest.raises(Exception, match="x3"):
            schema.check([row | {"x3": wrong}])
