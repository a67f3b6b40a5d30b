"""A folder with a `model.yaml`: what is registered, what it is trained on, what it is tested on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import GatewrightError
from engine.inventory import kinds, metadata
from engine.inventory.metadata import Metadata
from engine.store import Files
from engine.training import fits, frames
from engine.training.fits import Recipe
from engine.training.measurement import Suite

#: what a `model.yaml` holds beside the fields of the metadata
SECTIONS = ("training", "test", "artefact", "source", "files", "documents")
#: what a model that was made elsewhere may bring besides, by role
BROUGHT = ("training_data", "libraries", "parameters", "metrics", "output_schema")


class PlanRefused(GatewrightError):
    """The folder {folder} is refused: {reason}."""

    code = "model-folder"
    hint = "Compare it with the model.yaml in docs/models.md, which has all the fields."
    status = 422


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything in a folder, its files kept in the store."""

    metadata: Metadata
    recipe: Recipe | None  #: where it is trained here
    assets: Mapping[str, str]  #: role -> digest, where it is handed in ready made
    test_data: str | None  #: digest of the rows that test it
    documents: Mapping[str, str]  #: file name -> digest

    @property
    def suite(self) -> Suite | None:
        """What its test holds it to; None where the metadata names no target."""
        return suite(self.metadata)


def suite(declared: Metadata) -> Suite | None:
    """What a test holds a model to, by its own metadata; None where that names no target."""
    if declared.target is None:
        return None
    return Suite(target=declared.target, thresholds=declared.thresholds, protected=declared.protected)


def read(files: Files, folder: Path) -> Plan:
    """The plan in `folder/model.yaml`; paths in it start at the folder.

    `training` or `test` name the data, the rows (`where`), and the share held out by the hash of `id_column`
    (`hold_out`): trained on the rest, tested on what was held out. Raises PlanRefused, or what its parts raise.
    """
    try:
        values = metadata.read_yaml((folder / "model.yaml").read_bytes())
    except OSError as error:
        raise PlanRefused(folder=folder, reason=f"no model.yaml: {error.strerror}") from error
    sections = {name: values.pop(name) for name in SECTIONS if name in values}
    declared = metadata.read(values)
    kind = kinds.get(declared.kind)
    documents = {name: files.put(_file(folder, name)) for name in sections.get("documents", [])}
    recipe, assets, test_data = None, {}, None
    training, testing = sections.get("training"), sections.get("test")
    if training is not None:
        if declared.target is None:
            raise PlanRefused(folder=folder, reason="`training` without a `target`")
        rest, test_data = _rows(files, folder, training, declared)
        recipe = Recipe(
            kind=kind.name,
            source=files.put(_file(folder, training["source"])),
            training_data=rest,
            target=declared.target,
            features=declared.features,
            seed=training.get("seed", 0),
            parameters=training.get("parameters", {}),
            declared=declared.input_schema,
        )
    if testing is not None:
        every, held = _rows(files, folder, testing, declared)
        test_data = held or every
    if "artefact" in sections:
        handed_in = _file(folder, sections["artefact"])
        assets["artefact"] = files.put(kind.accept(handed_in.read_bytes(), handed_in.name))
        assets["source"] = files.put(_file(folder, sections.get("source", sections["artefact"])))
        for role, name in sections.get("files", {}).items():
            if role not in BROUGHT:
                raise PlanRefused(folder=folder, reason=f"`files` names {role}; it may name {', '.join(BROUGHT)}")
            assets[role] = files.put(_file(folder, name))
        if declared.input_schema is None:
            raise PlanRefused(folder=folder, reason="`artefact` without an `input_schema`")
        assets["input_schema"] = files.put(fits.as_file(declared.input_schema))
        if test_data is not None and declared.features:
            rows = frames.read(files.read(test_data), "test data")
            assets["probe"] = files.put(fits.probe_file(frames.choose(rows, declared.features, "test data")))
    if recipe is None and not assets:
        raise PlanRefused(folder=folder, reason="neither `training` nor `artefact`")
    if "files" in sections and "artefact" not in sections:
        raise PlanRefused(folder=folder, reason="`files` without an `artefact`: a training here brings its own")
    return Plan(metadata=declared, recipe=recipe, assets=assets, test_data=test_data, documents=documents)


def _rows(files: Files, folder: Path, section: Mapping[str, Any], declared: Metadata) -> tuple[str, str | None]:
    """Digests of (the rows to train on, those held out): a test on rows of the training would prove nothing."""
    if "data" not in section:
        raise PlanRefused(folder=folder, reason="a section without `data`")
    table = frames.read(_file(folder, section["data"]).read_bytes(), section["data"])
    table = frames.where(table, section.get("where", {}), section["data"])
    share = section.get("hold_out")
    if share is None:
        digest = files.put(frames.write(table))
        return digest, None
    if declared.id_column is None:
        raise PlanRefused(folder=folder, reason="`hold_out` without an `id_column`")
    rest, held = frames.hold_out(table, declared.id_column, share)
    return files.put(frames.write(rest)), files.put(frames.write(held))


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise PlanRefused(folder=folder, reason=f"there is no file {name}")
    return path
