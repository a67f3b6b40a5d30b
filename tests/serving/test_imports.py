"""Versions taken over from a real MLflow registry, by command and by page; what is hostile there, or no model."""

from __future__ import annotations

import dataclasses
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.config import Settings
from engine.identity import Person, browser_sessions, people
from engine.inventory import kinds, queries
from engine.inventory.duplicates import DuplicateVersion
from engine.inventory.references import VersionRef
from engine.sandbox import ModelCodeFailed
from engine.serving.targets import mlflow as target
from engine.store import Files, Store, transaction
from engine.training import imports
from engine.training.imports import ImportRefused
from engine.training.mlflow import Mlflow, MlflowRefused, tags
from tests import mlflow_peer
from tests.serving.house import (
    ADMIN,
    SCHEMA,
    given_a_model,
    given_a_version,
    given_an_environment,
    table,
    when_it_is_requested,
)
from web import access, live, registering
from web.app import create_app
from web.cli.main import app as commands

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
DECLARED: dict[str, Any] = {
    "owner": "ada",
    "team": "Retail",
    "purpose": "Who may leave.",
    "affects_people": False,
    "decisions_per_year": 1000,
}


@pytest.fixture
def house(store: Store, registry: str) -> Store:
    """A house that knows the registry."""
    with transaction(store) as session:
        people.add(session, ADMIN, "ada", name="Ada", roles=["data_scientist"])
    return dataclasses.replace(store, settings=store.settings.model_copy(update={"mlflow_url": registry}))


def published(registry: str, name: str, content: Mapping[str, bytes], **marks: str) -> str:
    """The number of a version of these files, registered as MLflow's own client does; its run has facts."""
    server = Mlflow(Settings(mlflow_url=registry))
    server.ensure("registered-models/create", {"name": name})
    run = server.post("runs/create", {"experiment_id": "0", "start_time": 1, "tags": tags(marks)})["run"]["info"]
    facts = {
        "run_id": run["run_id"],
        "params": [{"key": "C", "value": "1.0"}],
        "metrics": [{"key": "auc", "value": 0.9, "timestamp": 1}],
    }
    server.post("runs/log-batch", facts)
    for path, text in content.items():
        server.put(f"{run['artifact_uri'].partition(':')[2].lstrip('/')}/model/{path}", text)
    made = {"name": name, "source": f"{run['artifact_uri']}/model", "run_id": run["run_id"], "tags": tags(marks)}
    return str(server.post("model-versions/create", made)["model_version"]["version"])


def saved(form: str) -> dict[str, bytes]:
    """What `mlflow.sklearn.save_model` wrote."""
    return {each.name: each.read_bytes() for each in (mlflow_peer.example() / form).iterdir()}


def read(house: Store, name: str, number: str, declared: Any = DECLARED) -> imports.Import:
    return imports.read(
        Mlflow(house.settings), house.files, house.settings, name=name, number=number, declared=declared
    )


def test_r18_a_version_is_taken_over_from_mlflow_by_command_and_twice_is_noticed(
    house: Store, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Model file, schema, libraries, parameters, metrics, tags and run; the same model in another file is the same."""
    published(registry, "Customer churn", saved("skops"), team="retail")
    published(registry, "Customer churn", saved("cloudpickle"))
    assert house.settings.database_url is not None
    for name, value in {
        "DATABASE_URL": house.settings.database_url.get_secret_value(),
        "DATA_DIR": str(house.settings.data_dir),
        "AS": "ada",
        "MLFLOW_URL": registry,
    }.items():
        monkeypatch.setenv(f"GATEWRIGHT_{name}", value)
    (tmp_path / "model.yaml").write_text(json.dumps(DECLARED))

    def gatewright(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(commands, ["model", "import-mlflow", *words])
        assert done.exit_code == code, (done.output, done.exception)
        return done.output

    listed = json.loads(gatewright("--json"))
    assert {(each["name"], each["number"]) for each in listed} >= {("Customer churn", "1"), ("Customer churn", "2")}
    told = gatewright("Customer churn", "--version", "1", "--declared", str(tmp_path / "model.yaml"))
    assert re.search(r"Took over MLflow: Customer churn version 1, run \w{32} as customer-churn@1", told)
    again = gatewright("Customer churn", "--version", "1", code=1)
    assert "This is customer-churn@1 again: the same model file." in again
    same = gatewright("Customer churn", code=1)  # the newest: the same model, pickled
    assert "This is customer-churn@1 again: the same predictions on the same probe rows." in same

    with transaction(house) as session:
        model = queries.model(session, "customer-churn")
        version = queries.version(session, VersionRef("customer-churn", 1))
        assets = {each.name: each.digest for each in queries.assets(session, version.ref)}
    assert (model.kind, model.tool, model.metadata.features) == ("sklearn", "MLflow", ("age", "income"))
    assert (version.parameters, "run " in version.note) == ({"C": "1.0"}, True)
    facts = {name: json.loads(house.files.read(assets[name])) for name in ("input_schema", "metrics", "mlflow.json")}
    types = {name: rule["type"] for name, rule in facts["input_schema"]["properties"].items()}
    assert (types, facts["metrics"]) == ({"age": "integer", "income": "number"}, {"auc": 0.9})
    assert facts["mlflow.json"]["tags"] == {"team": "retail"}
    assert {"artefact", "output_schema", "libraries", "probe", "predictions"} <= assets.keys()
    used = json.loads(house.files.read(assets["libraries"]))["used"]
    assert {"scikit-learn", "mlflow"} & used.keys() == {"scikit-learn"}


def test_what_our_own_target_registered_is_known_again(house: Store, registry: str) -> None:
    given_an_environment(house, target="mlflow")
    given_a_model(house, "letters")
    kept = kinds.get("rules").accept(table(18), "table.json")
    version = given_a_version(house, "letters", artefact=kept, input_schema=json.dumps(SCHEMA).encode())
    deployment = when_it_is_requested(house, version)
    number = target._registered(Mlflow(house.settings), deployment, house.files)
    found = read(house, "letters", number)
    assert found.plan.metadata.kind == "rules"
    with pytest.raises(DuplicateVersion, match="This is letters@1 again"):
        registering.import_version(house, ADA, found)


@pytest.fixture
def browser(house: Store) -> Iterator[Any]:
    """Ada's browser."""
    made = create_app(house, testing=True)
    with transaction(house) as session:
        secret = browser_sessions.begin(session, "ada", address="127.0.0.1", agent="tests")
    client = made.test_client()
    client.set_cookie(access.COOKIE, secret)
    yield client
    with made.app_context():
        live.broadcast().close()


def test_r18_a_version_is_taken_over_from_mlflow_by_page(house: Store, registry: str, browser: Any) -> None:
    """Into a model that is here; what the house does not take is told on the form, with what was filled in."""
    columns = '[{"type": "long", "name": "age"}, {"type": "string", "name": "job", "required": false}]'
    described = {
        "flavors": {"python_function": {"loader_module": "gatewright_model", "data": "model"}},
        "signature": {"inputs": columns},
    }
    given = {"MLmodel": described, "model/version.json": {"kind": "rules"}, "model/artefact": json.loads(table(21))}
    number = published(registry, "Loans", {name: json.dumps(text).encode() for name, text in given.items()})
    given_a_model(house, "loans", kind="sklearn")
    listed = browser.get("/import/mlflow?search=oan").text
    assert f'Take over<span class="visually-hidden"> Loans version {number}</span>' in listed
    form = browser.get(f"/import/mlflow/version?name=Loans&version={number}").text
    assert '<option value="loans" selected>' in form
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', form)
    assert token
    sent = {"csrf_token": token[1], "mlflow_name": "Loans", "mlflow_version": number}
    refused = browser.post("/import/mlflow/version", data={**sent, "into": "loans"})
    assert refused.status_code == 422
    assert "it is of the kind rules, and loans of the kind sklearn" in refused.text
    filled = {"id": "loan-defaults", "name": "Loan defaults", "team": "Retail", "owner": "ada", "purpose": ""}
    incomplete = browser.post("/import/mlflow/version", data={**sent, **filled, "decisions_per_year": "10"})
    assert (incomplete.status_code, 'value="Loan defaults"' in incomplete.text) == (422, True)
    taken = browser.post("/import/mlflow/version", data={**sent, **filled, "id": "loans"})
    assert (taken.status_code, "There is a model &#39;loans&#39; already" in taken.text) == (409, True)
    done = browser.post(
        "/import/mlflow/version", data={**sent, **filled, "purpose": "Who pays.", "decisions_per_year": "10"}
    )
    assert (done.status_code, done.headers["Location"]) == (302, "/models/loan-defaults/versions/1")


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> Any:
        return (Path.touch, (self.place,))


def test_a_hostile_model_file_is_opened_in_the_sandbox_alone(house: Store, registry: str, tmp_path: Path) -> None:
    trap = Trap(tmp_path / "trap")
    hostile = {**saved("cloudpickle"), "model.pkl": pickle.dumps(trap)}
    found = read(house, "Trap", published(registry, "Trap", hostile))
    with pytest.raises(ModelCodeFailed):
        registering.import_version(house, ADA, found)
    assert not trap.place.exists()
    with transaction(house) as session, pytest.raises(queries.ModelUnknown):
        queries.model(session, "trap")


SIGNED = '{inputs: \'[{"type": "long", "name": "age"}]\'}'


@pytest.mark.parametrize(
    ("mlmodel", "reason"),
    [
        ("flavors: {xgboost: {data: m.json}}", r"of its flavours \(xgboost\) none is one that is run here"),
        ("flavors: {sklearn: {pickled_model: ../../secret}}", "leads outside"),
        ("flavors: {sklearn: {pickled_model: /etc/passwd}}", "leads outside"),
        ("flavors: {sklearn: {pickled_model: [1]}}", "names no model file"),
        ("flavors: {sklearn: {pickled_model: model.pkl}}", "it has no signature"),
        ("flavors: !!python/object/apply:os.system [id]", "cannot be read: not YAML"),
        ("[" * 500, "cannot be read: it is nested"),
        (b"\xff\xfe", "cannot be read"),
        ("just a text", "names no flavours"),
        (
            "flavors: {sklearn: {pickled_model: model.pkl}}\n"
            'signature: {inputs: \'[{"type": "tensor", "tensor-spec": {}}]\'}',
            "its signature holds .*tensor",
        ),
        (
            f"flavors: {{python_function: {{loader_module: gatewright_model, data: model}}}}\nsignature: {SIGNED}",
            "its version.json cannot be read",
        ),
    ],
)
def test_what_cannot_be_taken_over_is_named(registry: str, tmp_path: Path, mlmodel: str | bytes, reason: str) -> None:
    """Of an MLmodel file nothing is believed."""
    content = mlmodel if isinstance(mlmodel, bytes) else mlmodel.encode()
    given = {"MLmodel": content, "model.pkl": b"x", "model/version.json": b"[" * 9_999}
    settings = Settings(mlflow_url=registry)
    number = published(registry, "Odd", given)
    with pytest.raises(
        ImportRefused, match=f"(?s)Version {number} of Odd cannot be taken over from MLflow: .*{reason}"
    ):
        imports.read(Mlflow(settings), Files(str(tmp_path)), settings, name="Odd", number=number, declared=DECLARED)


def test_a_model_file_larger_than_an_upload_is_not_fetched(house: Store, registry: str) -> None:
    number = published(registry, "Large", {**saved("cloudpickle"), "model.pkl": b"\0" * (2 << 20)})
    small = dataclasses.replace(house, settings=house.settings.model_copy(update={"upload_limit_mb": 1}))
    with pytest.raises(MlflowRefused, match="larger than 1 MiB"):
        read(small, "Large", number)
