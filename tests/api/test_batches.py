"""Batches over HTTP."""

from __future__ import annotations

import io
from collections.abc import Callable

import pyarrow.parquet
from flask import Flask

from engine.inventory.references import VersionRef
from engine.serving.runner import Runner
from engine.store import Store
from tests.api.callers import Caller
from tests.serving.house import (
    given_a_model,
    given_an_environment,
    given_rules,
    parquet,
    when_it_goes_live,
    when_it_is_requested,
)


def sent(content: bytes) -> dict[str, object]:
    return {"data": {"file": (io.BytesIO(content), "rows.parquet")}, "content_type": "multipart/form-data"}


def test_a_file_is_handed_in_once_and_its_answers_are_fetched(
    app: Flask, as_: Callable[..., Caller], store: Store
) -> None:
    ada = as_("ada", "data_scientist")
    at = "/models/credit/batches?key=monday"
    given_an_environment(store, target="batch")
    given_rules(store)
    assert ada("POST", at, 409, **sent(parquet([{"age": 17}])))["code"] == "no-batch-here"
    when_it_goes_live(store, when_it_is_requested(store, VersionRef("credit", 1)))
    asked = ada("POST", at, 202, **sent(parquet([{"age": 17}, {"age": 18}])))
    assert (asked["state"], asked["name"], asked["environment"]) == ("waiting", "rows.parquet", "production")
    assert ada("POST", at, 202, **sent(parquet([{"age": 17}, {"age": 18}])))["id"] == asked["id"]
    assert ada("GET", f"/batches/{asked['id']}/result", 409)["code"] == "result-missing"
    Runner(store).look()
    assert ada("GET", f"/batches/{asked['id']}", 200)["rows"] == 2
    assert [each["id"] for each in ada("GET", "/batches?model=credit", 200)] == [asked["id"]]
    given_a_model(store, "other")
    assert ada("GET", "/batches?model=other", 200) == []
    result = ada.ask("GET", f"/batches/{asked['id']}/result")
    assert pyarrow.parquet.read_table(io.BytesIO(result.get_data()))["decision"].to_pylist() == ["refuse", "grant"]
