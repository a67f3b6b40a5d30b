"""Models and versions over HTTP."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

from tests.api.callers import Caller

RULES = (
    b"title: Leaflets\nrules:\n  - {id: young, when: {AGEP: {to: 20}}, score: 0.2, decision: send, reason: Young}\n"
    b"otherwise: {score: 0.8, decision: keep, reason: Older}\n"
)
SCHEMA = b'{"type": "object", "properties": {"AGEP": {"type": "integer"}}, "required": ["AGEP"]}'


def declared(id: str = "leaflets") -> dict[str, Any]:
    """The least that a team has to say."""
    return {
        "id": id,
        "name": "Leaflets",
        "kind": "rules",
        "owner": "bea",
        "team": "Job centre",
        "purpose": "Picks who gets a leaflet.",
        "affects_people": False,
        "decisions_per_year": 100,
    }


def upload(**files: bytes) -> dict[str, Any]:
    """The words of a multipart request."""
    return {"data": {name: (io.BytesIO(content), name) for name, content in files.items()}}


def test_a_version_comes_with_its_files(as_: Callable[..., Caller]) -> None:
    """Each in a field named by its role, kept by digest, read back byte by byte."""
    bea = as_("bea", "data_scientist")
    bea("POST", "/models", 201, json={"declared": declared()})
    added = bea(
        "POST",
        "/models/leaflets/versions",
        201,
        **upload(artefact=RULES, source=RULES, input_schema=SCHEMA, documentation=b"# Card"),
    )
    roles = {asset["role"] for asset in added["assets"]}
    assert roles == {"artefact", "source", "input_schema", "documentation", "output_schema"}
    answer = bea.ask("GET", "/models/leaflets/versions/1/assets/source")
    assert answer.data == RULES
    assert bea.ask("GET", "/models/leaflets/versions/1/assets/documentation?name=documentation").data == b"# Card"


def test_a_file_in_the_place_of_a_text_is_refused(as_: Callable[..., Caller]) -> None:
    """By the name of the field."""
    bea = as_("bea", "data_scientist")
    bea("POST", "/models", 201, json={"declared": declared()})
    refused = bea("POST", "/models/leaflets/versions", 422, **upload(artefact=RULES, note=b"a note"))
    assert refused["errors"][0]["field"] == "note"


def test_an_artefact_that_is_none_is_refused(as_: Callable[..., Caller]) -> None:
    """By its kind, naming what is wrong; nothing is added."""
    bea = as_("bea", "data_scientist")
    bea("POST", "/models", 201, json={"declared": declared()})
    refused = bea("POST", "/models/leaflets/versions", 422, **upload(artefact=b"{"))
    assert refused["code"] == "artefact-refused"
    refused = bea("POST", "/models/leaflets/versions", 422, **upload(artefact=RULES, input_schema=b"{"))
    assert refused["code"] == "upload-refused"
    refused = bea("POST", "/models/leaflets/versions", 422, **upload(artefact=RULES, input_schema=b"[1]"))
    assert refused["code"] == "schema-refused"
    refused = bea("POST", "/models/leaflets/versions", 422, **upload(artefact=RULES, documentation=b""))
    assert refused["code"] == "upload-refused"
    assert bea("GET", "/models/leaflets/versions", 200) == []
    assert bea("POST", "/models/leaflets/versions", 422)["code"] == "upload-refused"


def test_training_data_from_elsewhere_is_profiled_when_it_is_handed_in(as_: Callable[..., Caller]) -> None:
    """So that no task has to read a table to show it; one that replaces it is too, what is none is refused."""
    bea = as_("bea", "data_scientist")
    bea("POST", "/models", 201, json={"declared": {**declared(), "protected": {"SEX": "1"}}})
    kept = {"artefact": RULES, "source": RULES, "input_schema": SCHEMA}
    refused = bea("POST", "/models/leaflets/versions", 422, **upload(**kept, training_data=b"\x00\x01"))
    assert refused["code"] == "table-refused"
    added = bea("POST", "/models/leaflets/versions", 201, **upload(**kept, training_data=b"AGEP,SEX\n19,1\n20,2\n,1\n"))
    at = "/models/leaflets/versions/1/assets"
    digests = {asset["role"]: asset["digest"] for asset in added["assets"]}
    profile = json.loads(bea.ask("GET", f"{at}/profile").data)
    assert (profile["training_data"], profile["rows"]) == (digests["training_data"], 3)
    assert profile["groups"] == {"SEX": {"1": 2, "2": 1}}
    assert [column["missing"] for column in profile["columns"]] == [1, 0]
    refused = bea("PUT", f"{at}/training_data", 422, **upload(file=b"\x00\x01"))
    assert refused["code"] == "table-refused"
    put = bea("PUT", f"{at}/training_data", 200, **upload(file=b"AGEP,SEX\n30,1\n"))
    profile = json.loads(bea.ask("GET", f"{at}/profile").data)
    assert (profile["training_data"], profile["rows"]) == (put["digest"], 1)
