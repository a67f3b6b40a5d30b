"""The target `mlflow`: the version stands in an MLflow registry, under an alias named for the environment.

    <model>            the registered model, named as ours is
      version n        with the tag gatewright.version = credit@3, its files written by `engine.serving.bundles`
      alias production leads to what was deployed there last; the tag gatewright.alias.production names the deployment

Our scoring service answers, as for every model: by a child of its own, or, where the environment's setting `endpoint`
names an `mlflow models serve`, by asking that (`engine.serving.endpoints`). Everything here may be done again: a
version is known by the digest of its files, an alias by the deployment that holds it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.config import Settings
from engine.errors import GatewrightError
from engine.inventory import kinds
from engine.serving import bundles, rehearsals
from engine.serving.deployment import Deployment
from engine.serving.targets import Sight, StartFailed, TargetUnreachable, target
from engine.serving.targets.local import Local
from engine.store import Files
from engine.training import mlflow
from engine.training.mlflow import Mlflow, MlflowAway, MlflowRefused

EXPERIMENT = "gatewright"
VERSION, BUNDLE = "gatewright.version", "gatewright.bundle"
#: of a version, with the deployment's id; of a registered model, with the alias's name
DEPLOYED, HELD = "gatewright.deployment.", "gatewright.alias."
#: Seconds for which an endpoint may go on answering with what it served before: somebody has to start it anew.
ENDPOINT_SECONDS = 60.0
_AGAIN_SECONDS = 1.0
#: type in our schema -> in MLflow's; whole numbers that may be missing are doubles to it
_TYPES = {"integer": "long", "number": "double", "string": "string", "boolean": "boolean"}


@target("mlflow", served=True, outside=True)
class MlflowTarget:
    """Registers versions, and holds the environment's alias for what is deployed there."""

    def start(self, deployment: Deployment, settings: Settings, files: Files) -> str:
        """The address of the scoring service for the model, once MLflow has version and alias."""
        refused = {"target": "mlflow", "version": deployment.reference, "environment": deployment.environment}
        if kinds.get(deployment.kind).remote:
            raise StartFailed(cause="a model behind an API has no files to register; deploy it on http.", **refused)
        rehearsals.rehearse(deployment, settings, files)
        try:
            server = Mlflow(settings)
            number = _registered(server, deployment, files)
            _hold(server, deployment, number)
        except MlflowAway as away:
            raise _unreachable(away) from away
        except GatewrightError as failure:
            raise StartFailed(cause=failure.message, **refused) from failure
        ends = time.monotonic() + ENDPOINT_SECONDS
        while True:
            try:
                return Local().start(deployment, settings, files)
            except StartFailed:
                # It started just now, in a rehearsal: what is left is an endpoint that does not follow the alias yet.
                if time.monotonic() > ends:
                    raise
                time.sleep(_AGAIN_SECONDS)

    def observe(self, deployment: Deployment, settings: Settings) -> Sight:
        """What the scoring service tells, while the alias leads to the version; an alias that is gone is set again."""
        try:
            server = Mlflow(settings)
            model = _model(server, deployment)
            holder = mlflow.tags_of(model).get(HELD + deployment.environment)
            leads_to = mlflow.version_by_alias(model, deployment.environment)
            if deployment.desired == "running":
                number = _version(server, deployment)
                if leads_to is None and number is not None:
                    _hold(server, deployment, number)
                elif holder == str(deployment.id) and leads_to != number:
                    told = f"The alias {deployment.environment} leads to version {leads_to} in MLflow, not to {number}."
                    return Sight(state="failing", detail=told)
            elif holder == str(deployment.id):
                return Sight(state="running", detail=f"The alias {deployment.environment} is still set in MLflow.")
        except MlflowAway as away:
            raise _unreachable(away) from away
        return Local().observe(deployment, settings)

    def stop(self, deployment: Deployment, settings: Settings) -> None:
        """Take the alias away where this deployment holds it, and wait until nothing of it runs."""
        try:
            server = Mlflow(settings)
            model, name = _model(server, deployment), deployment.environment
            if mlflow.tags_of(model).get(HELD + name) == str(deployment.id):
                if mlflow.version_by_alias(model, name) == _version(server, deployment):
                    alias = {"name": deployment.model, "alias": name}
                    server.post("registered-models/alias", alias, method="DELETE")
                tag = {"name": deployment.model, "key": HELD + name}
                server.post("registered-models/delete-tag", tag, method="DELETE")
        except MlflowAway as away:
            raise _unreachable(away) from away
        Local().stop(deployment, settings)


def _registered(server: Mlflow, deployment: Deployment, files: Files) -> str:
    """The number of the version in MLflow, made where it is not there yet."""
    server.ensure("registered-models/create", {"name": deployment.model})
    content = model_folder(deployment, files)
    digest = bundles.sha256(bundles.as_json({name: bundles.sha256(text) for name, text in content.items()}))
    known = _newest(server, deployment.model, BUNDLE, digest)
    if known is not None and _holds(server, deployment.model, known, content):
        return known
    marks = {VERSION: deployment.reference, BUNDLE: digest}
    run = _run(server, marks)
    root = str(run["artifact_uri"])
    place = urlsplit(root)
    if place.scheme != "mlflow-artifacts":
        cause = f"its artefacts are kept at {place.scheme}:, and not through the server (--serve-artifacts)"
        raise MlflowRefused(what="artefacts", cause=cause, kind="")
    for name, text in content.items():
        server.put(f"{place.path.strip('/')}/model/{name}", text)
    server.post("runs/update", {"run_id": run["run_id"], "status": "FINISHED", "end_time": int(time.time() * 1000)})
    made = server.post(
        "model-versions/create",
        {
            "name": deployment.model,
            "source": f"{root}/model",
            "run_id": run["run_id"],
            "tags": mlflow.tags(marks),
            "description": f"{deployment.reference} of Gatewright",
        },
    )
    return str(made["model_version"]["version"])


def _holds(server: Mlflow, model: str, number: str, content: Mapping[str, bytes]) -> bool:
    """Whether the version still is what was written: a tag says so, and anybody may set one."""
    try:
        return all(server.artefact(model, number, name, len(text)) == text for name, text in content.items())
    except MlflowRefused:
        return False


def _run(server: Mlflow, marks: dict[str, str]) -> dict[str, Any]:
    """The run that holds the files: one that was begun before, or a new one."""
    server.ensure("experiments/create", {"name": EXPERIMENT})
    experiment = server.get("experiments/get-by-name", experiment_name=EXPERIMENT)["experiment"]["experiment_id"]
    wanted = {"experiment_ids": [experiment], "filter": f"tags.`{BUNDLE}` = '{marks[BUNDLE]}'", "max_results": 1}
    for found in server.post("runs/search", wanted).get("runs", ()):
        return dict(found["info"])
    begun = {"experiment_id": experiment, "start_time": int(time.time() * 1000), "run_name": marks[VERSION]}
    return dict(server.post("runs/create", {**begun, "tags": mlflow.tags(marks)})["run"]["info"])


def _version(server: Mlflow, deployment: Deployment) -> str | None:
    """The version in MLflow for which the deployment took its alias."""
    return _newest(server, deployment.model, f"{DEPLOYED}{deployment.id}", deployment.environment)


def _newest(server: Mlflow, model: str, tag: str, value: str) -> str | None:
    wanted = f"name = '{model}' AND tags.`{tag}` = '{value}'"
    found = server.get("model-versions/search", filter=wanted, max_results="100").get("model_versions", ())
    return max((str(each["version"]) for each in found), key=int, default=None)


def _hold(server: Mlflow, deployment: Deployment, number: str) -> None:
    """Let the environment's alias lead to the version, in the deployment's name."""
    name, place = deployment.model, deployment.environment
    mark = {"name": name, "version": number, "key": f"{DEPLOYED}{deployment.id}", "value": place}
    server.post("model-versions/set-tag", mark)
    server.post("registered-models/set-tag", {"name": name, "key": HELD + place, "value": str(deployment.id)})
    server.post("registered-models/alias", {"name": name, "alias": place, "version": number})


def _model(server: Mlflow, deployment: Deployment) -> dict[str, Any]:
    found = server.find("registered-models/get", name=deployment.model)
    return dict(found["registered_model"]) if found else {}


def _unreachable(away: MlflowAway) -> TargetUnreachable:
    return TargetUnreachable(target="mlflow", address=away.facts["address"], cause=away.facts["cause"])


def model_folder(deployment: Deployment, files: Files) -> dict[str, bytes]:
    """The version as an MLflow model: a pyfunc that is loaded by a file of its own, and needs no Gatewright."""
    held = bundles.bundle(deployment, files)
    python, lines = bundles.requirements(deployment, files)
    properties = json.loads(held["input_schema.json"])
    required = set(properties.get("required", ()))
    signature = [
        {"type": _mlflow_type(rule["type"]), "name": name, "required": name in required}
        for name, rule in properties["properties"].items()
    ]
    flavour = {
        "loader_module": "gatewright_model",
        "code": "code",
        "data": "model",
        "env": {"virtualenv": "python_env.yaml"},
    }
    described = {
        "flavors": {"python_function": flavour | ({"python_version": python} if python else {})},
        "signature": {"inputs": json.dumps(signature), "outputs": None, "params": None},
        "metadata": {"gatewright": deployment.reference},
    }
    environment = {"dependencies": ["-r requirements.txt"]} | ({"python": python} if python else {})
    return {
        # JSON is YAML, too.
        "MLmodel": bundles.as_json(described),
        "requirements.txt": lines,
        "python_env.yaml": bundles.as_json(environment),
        "code/gatewright_model.py": bundles.PROGRAM.read_bytes(),
        **{f"model/{name}": content for name, content in held.items()},
    }


def _mlflow_type(types: str | list[str]) -> str:
    """MLflow's type of a column; `any` where it would turn a missing value into another one."""
    named = [types] if isinstance(types, str) else types
    (first, *more) = [each for each in named if each != "null"] or ["any"]
    if more:
        return "double" if {first, *more} == {"integer", "number"} else "any"
    if "null" in named and first in ("integer", "boolean"):
        return "double" if first == "integer" else "any"
    return _TYPES.get(first, "any")
