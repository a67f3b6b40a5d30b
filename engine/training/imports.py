"""Versions taken over from an MLflow registry: what is offered there, and what one of them becomes here.

Everything that comes from there is a file of others: the model file is loaded in the sandbox alone, as an upload is,
YAML is read without tags or aliases, and nothing larger than an upload may be is fetched.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from engine.config import Settings
from engine.errors import GatewrightError
from engine.inventory import kinds, metadata, schemas
from engine.inventory.kinds import rules
from engine.inventory.metadata import Metadata
from engine.store import Files
from engine.training import fits, interpreters, mlflow, scorers
from engine.training.mlflow import Mlflow, MlflowRefused
from engine.training.plans import Plan

MOST_OFFERED = 200
_SMALL = 1 << 20
#: what MLflow calls a column's type -> our own
_TYPES = {
    "long": "integer",
    "integer": "integer",
    "double": "number",
    "float": "number",
    "string": "string",
    "boolean": "boolean",
}
#: packages that MLflow writes into requirements.txt for itself
_ITS_OWN = frozenset({"mlflow", "mlflow-skinny", "mlflow-tracing"})


class ImportRefused(GatewrightError):
    """Version {number} of {name} cannot be taken over from MLflow: {reason}."""

    code = "import-refused"
    hint = "Register it by its files instead, or as a remote model behind its own endpoint."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A version in MLflow's registry."""

    name: str
    number: str
    run: str  #: the id of the run that made it; empty where none is named
    description: str
    tags: Mapping[str, str]
    made_at: datetime

    @property
    def ours(self) -> str:
        """The version of ours of which it is a copy, where our own target registered it."""
        return self.tags.get("gatewright.version", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """A version of MLflow's, ready to be added here."""

    offered: Offered
    plan: Plan  #: its metadata, files and documents
    parameters: Mapping[str, str]  #: of its run

    @property
    def note(self) -> str:
        """Where it came from, in words."""
        run = f", run {self.offered.run}" if self.offered.run else ""
        return f"MLflow: {self.offered.name} version {self.offered.number}{run}"


def offered(server: Mlflow, *, search: str = "") -> list[Offered]:
    """What the registry offers, last changed first; search: a part of the model's name."""
    query = {"max_results": str(MOST_OFFERED), "order_by": "last_updated_timestamp DESC"}
    if part := re.sub(r"[^\w .-]", "", search):
        query["filter"] = f"name ILIKE '%{part}%'"
    found = server.get("model-versions/search", **query).get("model_versions", ())
    return [_offered(each) for each in found]


def read(
    server: Mlflow,
    files: Files,
    settings: Settings,
    *,
    name: str,
    number: str,
    declared: Mapping[str, Any] | Metadata,
) -> Import:
    """A version of MLflow's with its files kept in the store.

    declared: the metadata of the model of ours that gets it; or what people say of a new one, to which id, name, kind,
    tool, features and input schema are added from MLflow where they are left out. Raises ImportRefused, MlflowRefused,
    MlflowAway, MetadataRefused or SchemaRefused.
    """
    chosen = _offered(server.get("model-versions/get", name=name, version=number)["model_version"])
    described = _mlmodel(server, chosen)
    kind, path = _model_file(server, chosen, described)
    content = server.artefact(name, number, path, settings.upload_limit_mb << 20)
    run = server.find("runs/get", run_id=chosen.run) if chosen.run else None
    facts = dict(run["run"].get("data", {})) if run else {}
    schema = _schema(chosen, described, declared)
    if not isinstance(declared, Metadata):
        declared = _declared(chosen, kind, schema, declared)
    if declared.kind != kind:
        reason = f"it is of the kind {kind}, and {declared.id} of the kind {declared.kind}"
        raise ImportRefused(name=name, number=number, reason=reason)
    parameters = {str(each["key"]): str(each["value"]) for each in facts.get("params", ())}
    metrics = {str(each["key"]): _number(each.get("value")) for each in facts.get("metrics", ())}
    assets = {
        "artefact": files.put(kinds.get(kind).accept(content, path)),
        "input_schema": files.put(fits.as_file(schema)),
        "parameters": files.put(fits.as_file(parameters)),
        "metrics": files.put(fits.as_file(metrics)),
    }
    if used := _libraries(server, chosen):
        assets["libraries"] = files.put(fits.as_file({"used": used}))
    if probe := _probe(server, chosen, described, schema):
        assets["probe"] = files.put(scorers.canonical({"columns": probe}))
    told = {
        "server": server.address,
        "model": name,
        "version": number,
        "run": chosen.run,
        "description": chosen.description,
        "tags": dict(chosen.tags),
        "run_tags": mlflow.tags_of({"tags": facts.get("tags", ())}),
        "parameters": parameters,
        "metrics": metrics,
    }
    document = files.put(fits.as_file(told))
    plan = Plan(metadata=declared, recipe=None, assets=assets, test_data=None, documents={"mlflow.json": document})
    return Import(offered=chosen, plan=plan, parameters=parameters)


def slug(name: str) -> str:
    """An id of ours for a model's name in MLflow."""
    return re.sub(r"-+", "-", re.sub(r"[^a-z0-9]+", "-", name.lower())).strip("-")[:64].rstrip("-")


def _offered(found: Mapping[str, Any]) -> Offered:
    try:
        return Offered(
            name=str(found["name"]),
            number=str(found["version"]),
            run=str(found.get("run_id", "")),
            description=str(found.get("description", ""))[:4000],
            tags=mlflow.tags_of(found),
            made_at=datetime.fromtimestamp(int(found.get("creation_timestamp", 0)) / 1000, UTC),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError) as failure:
        raise MlflowRefused(what="model-versions", cause="its answer is not as its API tells", kind="") from failure


def _mlmodel(server: Mlflow, chosen: Offered) -> dict[str, Any]:
    try:
        found = rules.read_yaml(server.artefact(chosen.name, chosen.number, "MLmodel", _SMALL).decode("utf-8"))
    except ValueError as failure:  # a UnicodeDecodeError is one
        raise _refused(chosen, f"its file MLmodel cannot be read: {failure}"[:300]) from failure
    if not isinstance(found, dict) or not isinstance(found.get("flavors"), dict):
        raise _refused(chosen, "its file MLmodel names no flavours")
    return found


def _model_file(server: Mlflow, chosen: Offered, described: Mapping[str, Any]) -> tuple[str, str]:
    """The kind of model, and the path of its file."""
    flavours = described["flavors"]
    if isinstance(flavours.get("sklearn"), dict):
        return "sklearn", _plain(chosen, flavours["sklearn"].get("pickled_model"))
    python = flavours.get("python_function")
    if isinstance(python, dict) and python.get("loader_module") == "gatewright_model":
        folder = _plain(chosen, python.get("data"))
        try:
            told = json.loads(server.artefact(chosen.name, chosen.number, f"{folder}/version.json", _SMALL))
            return kinds.get(str(told["kind"])).name, f"{folder}/artefact"
        except (ValueError, KeyError, TypeError, RecursionError) as failure:
            raise _refused(chosen, f"its version.json cannot be read: {failure}"[:300]) from failure
    known = ", ".join(sorted(map(str, flavours))[:10])
    raise _refused(chosen, f"of its flavours ({known}) none is one that is run here, such as sklearn")


def _plain(chosen: Offered, path: Any) -> str:
    """A path below the model's folder."""
    if not isinstance(path, str) or not path or "\\" in path or not path.isprintable():
        raise _refused(chosen, "its file MLmodel names no model file")
    found = PurePosixPath(path)
    if found.is_absolute() or ".." in found.parts:
        raise _refused(chosen, f"{path[:100]} leads outside")
    return str(found)


def _schema(chosen: Offered, described: Mapping[str, Any], declared: Mapping[str, Any] | Metadata) -> dict[str, Any]:
    """The input schema: the declared one, else that of the signature."""
    given = declared.input_schema if isinstance(declared, Metadata) else declared.get("input_schema")
    if given is not None:
        return dict(given)
    signature = described.get("signature")
    try:
        columns = json.loads(signature["inputs"]) if isinstance(signature, dict) else []
    except (ValueError, KeyError, TypeError, RecursionError):
        columns = []
    if not isinstance(columns, list) or not columns:
        raise _refused(chosen, "it has no signature with inputs; declare an input_schema")
    properties: dict[str, Any] = {}
    required = []
    for column in columns:
        kind = _TYPES.get(str(column.get("type"))) if isinstance(column, dict) else None
        if kind is None or not isinstance(column.get("name"), str):
            raise _refused(chosen, f"its signature holds {str(column)[:100]}, no named plain column")
        optional = column.get("required", True) is False
        properties[column["name"]] = {"type": [kind, "null"] if optional else kind}
        required += [] if optional else [column["name"]]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    schemas.check(schema)
    return schema


def _declared(chosen: Offered, kind: str, schema: Mapping[str, Any], given: Mapping[str, Any]) -> Metadata:
    found = {
        "id": slug(chosen.name),
        "name": chosen.name[:200],
        "kind": kind,
        "tool": "MLflow",
        "features": schemas.columns(schema),
        "input_schema": dict(schema),
    }
    return metadata.read({**found, **given})


def _libraries(server: Mlflow, chosen: Offered) -> dict[str, str]:
    content = _optional(server, chosen, "requirements.txt", _SMALL)
    used = interpreters.read(content).used if content and not content.lstrip().startswith(b"{") else {}
    return {name: version for name, version in used.items() if name not in _ITS_OWN}


def _probe(
    server: Mlflow, chosen: Offered, described: Mapping[str, Any], schema: Mapping[str, Any]
) -> dict[str, list[Any]] | None:
    """The rows of its input example by column, where they fit the schema: by predictions on them it is known again."""
    told = described.get("saved_input_example_info")
    if not isinstance(told, dict) or told.get("type") != "dataframe":
        return None
    content = _optional(server, chosen, _plain(chosen, told.get("artifact_path")), 4 * _SMALL)
    try:
        given = json.loads(content or b"null")
        names, rows = given["columns"], given["data"]
        found = [dict(zip(names, row, strict=True)) for row in rows][: fits.PROBE_ROWS]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not found or schemas.validate_rows(schema, found):
        return None
    return {name: [row.get(name) for row in found] for name in schemas.columns(schema)}


def _optional(server: Mlflow, chosen: Offered, path: str, most: int) -> bytes | None:
    try:
        return server.artefact(chosen.name, chosen.number, path, most)
    except MlflowRefused:
        return None


def _number(value: Any) -> float | str:
    """A metric; as a text where JSON has no number for it."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return str(value)[:100]
    return found if found - found == 0 else str(found)


def _refused(chosen: Offered, reason: str) -> ImportRefused:
    return ImportRefused(name=chosen.name, number=chosen.number, reason=reason)
