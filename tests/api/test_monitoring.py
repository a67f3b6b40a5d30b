"""Drift over HTTP."""

from __future__ import annotations

from collections.abc import Callable

from engine.statistics.tallies import refer
from engine.store import Store
from tests.api.callers import Caller
from tests.api.test_models import RULES, SCHEMA, declared, upload


def test_drift_is_told_column_by_column(as_: Callable[..., Caller], store: Store) -> None:
    """A version without reference is refused by name; with one and without rows everything is no data."""
    bea = as_("bea", "data_scientist")
    bea("POST", "/models", 201, json={"declared": declared()})
    bea("POST", "/models/leaflets/versions", 201, **upload(artefact=RULES, source=RULES, input_schema=SCHEMA))
    at = "/models/leaflets/versions/1"
    assert bea("GET", f"{at}/drift", 409)["code"] == "no-reference"
    reference = refer({"AGEP": [20, 30, 40]}).as_bytes()
    bea("PUT", f"{at}/assets/reference", 200, **upload(file=reference))
    found = bea("GET", f"{at}/drift?since=2026-01-01T00:00:00Z", 200)
    assert (found["state"], found["rows"], found["reference_rows"]) == ("no data", 0, 3)
    assert [(each["name"], each["psi"]["value"]) for each in found["columns"]] == [("AGEP", None)]
    backwards = bea("GET", f"{at}/drift?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", 422)
    assert backwards["code"] == "window-refused"
    assert bea("GET", f"{at}/drift?since=2026-01-02", 422)["errors"][0]["field"] == "since"
    table = b"AGEP,score\n" + b"20,0.5\n" * 300
    of_table = bea("POST", f"{at}/drift", 200, **upload(file=table))
    assert (of_table["rows"], of_table["absent"], of_table["further"]) == (300, [], ["score"])
    assert of_table["columns"][0]["name"] == "AGEP"
    assert bea("POST", f"{at}/drift", 422, **upload(file=b"x"))["code"] == "table-refused"


def test_a_feed_is_defined_and_read_over_the_api(as_: Callable[..., Caller], store: Store) -> None:
    """By a data engineer; what is wrong is named; a model that answers nowhere has nothing to hold rows against."""
    ena = as_("ena", "data_engineer")
    as_("bea", "data_scientist")("POST", "/models", 201, json={"declared": declared()})
    as_("ike", "it_operations")(
        "PUT",
        "/environments/production",
        200,
        json={"title": "Production", "target": "local", "position": 30, "promoters": []},
    )
    given = {"model": "leaflets", "environment": "production", "kind": "log", "owner": "desk"}
    made = ena("PUT", "/feeds/claims", 200, json=given)
    assert (made["cadence"], made["origin"], made["defined_by"]) == ("P1D", "internal", "ena")
    assert [each["name"] for each in ena("GET", "/feeds", 200)] == ["claims"]
    assert ena("GET", "/feeds/claims/arrivals", 200) == []
    assert ena("POST", "/feeds/claims/arrivals", 409, json={})["code"] == "nothing-live"
    assert ena("PUT", "/feeds/claims", 422, json={**given, "cadence": "P1M"})["code"] == "feed-refused"
    assert ena("GET", "/feeds/other", 404)["code"] == "feed-unknown"
