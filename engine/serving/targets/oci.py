"""The target `oci`: a build context for a container, with everything that the image needs and nothing else.

    <exchange>/oci/<environment>/<model>-<version>-<deployment>/
        Dockerfile           its base is named by digest; labels with the digests of all that went in
        requirements.txt     the recorded libraries, one name==version a line, with hashes where wheels were kept
        wheels/              these wheels, so that the build needs no index
        model/               the version's files (`engine.serving.bundles`)
        gatewright_model.py  loads them, serve.py answers over HTTP: the standard library alone
        context.json         sha256 of each file; the same deployment gives the same bytes

Gatewright builds no image: whoever owns the platform does, from a folder whose every file is accounted for.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

from engine.config import Settings
from engine.errors import GatewrightError
from engine.inventory import kinds
from engine.serving import bundles, exchange, rehearsals
from engine.serving.deployment import Deployment
from engine.serving.targets import Sight, StartFailed, TargetUnreachable, target
from engine.serving.targets.batch import reachable
from engine.store import Files
from engine.training import interpreters
from engine.training.interpreters import Lock

SERVER = bundles.PROGRAM.with_name("serve.py")
INDEX = "context.json"
DEFAULT_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_WHEEL = re.compile(r"[A-Za-z0-9._+!]+-[A-Za-z0-9._+!]+(-[A-Za-z0-9._+!]+){3,4}\.whl")


@target("oci", outside=True)
class Oci:
    """Writes a build context; what is built of it and where it runs is the platform's."""

    def start(self, deployment: Deployment, settings: Settings, files: Files) -> str:
        """The context's address, once the version has answered its probe rows and every file is written."""
        refused = {"target": "oci", "version": deployment.reference, "environment": deployment.environment}
        reachable(deployment, settings)
        if kinds.get(deployment.kind).remote:
            raise StartFailed(cause="a model behind an API has no files for an image; deploy it on http.", **refused)
        rehearsals.rehearse(deployment, settings, files)
        try:
            content = context(deployment, files, settings.oci_base or "")
        except GatewrightError as failure:
            raise StartFailed(cause=failure.message, **refused) from failure
        place = folder(settings, deployment)
        coming = place.with_name(f".{place.name}.coming")
        try:
            for each in (coming, place):
                if each.exists():
                    shutil.rmtree(each)
            for name, text in content.items():
                exchange.write(coming / name, text)
            coming.rename(place)
        except OSError as cause:
            raise TargetUnreachable(target="oci", address=place.as_uri(), cause=cause) from cause
        return place.as_uri()

    def observe(self, deployment: Deployment, settings: Settings) -> Sight:
        """Running while the context is there as it was written; files that were changed are named."""
        reachable(deployment, settings)
        place = folder(settings, deployment)
        if deployment.desired == "stopped":
            return Sight(state="running" if place.exists() else "stopped")
        try:
            told = json.loads((place / INDEX).read_bytes())["files"]
            changed = [name for name, digest in told.items() if bundles.sha256((place / name).read_bytes()) != digest]
            found = {str(each.relative_to(place)) for each in place.rglob("*") if not each.is_dir()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
            return Sight(state="failing", detail=f"The context cannot be read: {cause}"[:500])
        if changed or (changed := sorted(found - {INDEX, *told})):
            return Sight(state="failing", detail=f"Not as it was written: {', '.join(changed[:10])}.")
        return Sight(state="running", detail="The context is written; what was built of it the platform knows.")

    def stop(self, deployment: Deployment, settings: Settings) -> None:
        """Remove the context: nobody shall build an image of a version that was withdrawn."""
        reachable(deployment, settings)
        place = folder(settings, deployment)
        if place.exists():
            shutil.rmtree(place)


def folder(settings: Settings, deployment: Deployment) -> Path:
    """Where a deployment's context lies."""
    name = f"{deployment.model}-{deployment.version}-{deployment.id.hex[-8:]}"
    return settings.exchange / "oci" / deployment.environment / name


def context(deployment: Deployment, files: Files, base: str) -> dict[str, bytes]:
    """The files of a context by name; of the same deployment the same bytes. base: an image by digest, or empty."""
    inputs = deployment.inputs
    lock = interpreters.read(files.read(inputs["libraries"])) if "libraries" in inputs else None
    wheels = _wheels(lock) if lock else {}
    given = {
        **{f"model/{name}": content for name, content in bundles.bundle(deployment, files).items()},
        **{f"wheels/{name}": files.read(digest) for name, digest in wheels.items()},
        "gatewright_model.py": bundles.PROGRAM.read_bytes(),
        "serve.py": SERVER.read_bytes(),
        "requirements.txt": _hashed(wheels) if wheels else bundles.requirements(deployment, files)[1],
    }
    given["Dockerfile"] = _dockerfile(deployment, lock.python if lock else "", base, offline=bool(wheels))
    told = {
        "version": deployment.reference,
        "environment": deployment.environment,
        "deployment": str(deployment.id),
        "files": {name: bundles.sha256(text) for name, text in sorted(given.items())},
    }
    return {**given, INDEX: bundles.as_json(told)}


def _wheels(lock: Lock) -> dict[str, str]:
    for name in lock.wheels:
        if not _WHEEL.fullmatch(name):
            raise interpreters.LibrariesRefused(reason=f"{name[:100]!r} is no wheel's name")
    return dict(sorted(lock.wheels.items()))


def _hashed(wheels: dict[str, str]) -> bytes:
    """One line a package, with the hashes of all its wheels: pip refuses whatever else it is given."""
    hashes: dict[str, list[str]] = {}
    for name, digest in wheels.items():
        package, version = name.split("-")[:2]
        hashes.setdefault(f"{interpreters.normal(package)}=={version}", []).append(f"--hash=sha256:{digest}")
    return "".join(f"{wanted} {' '.join(each)}\n" for wanted, each in hashes.items()).encode()


def _dockerfile(deployment: Deployment, python: str, base: str, *, offline: bool) -> bytes:
    digests = {f"io.gatewright.sha256.{_label(role)}": digest for role, digest in sorted(deployment.inputs.items())}
    labels = {
        "org.opencontainers.image.title": deployment.model,
        "org.opencontainers.image.version": str(deployment.version),
        "io.gatewright.version": deployment.reference,
        "io.gatewright.environment": deployment.environment,
        "io.gatewright.deployment": str(deployment.id),
        **digests,
    }
    pip = "pip install --no-cache-dir --no-deps --disable-pip-version-check"
    if offline:
        pip += " --no-index --find-links wheels --require-hashes"
    lines = [
        f"# By digest: docker build --build-arg BASE=python:{python or DEFAULT_PYTHON}-slim@sha256:... .",
        f"ARG BASE={base}" if base else "ARG BASE",
        "FROM ${BASE}",
        *(f"LABEL {name}={json.dumps(text)}" for name, text in labels.items()),
        "WORKDIR /srv/model",
        "COPY requirements.txt ./",
        *(["COPY wheels ./wheels"] if offline else []),
        f"RUN {pip} -r requirements.txt",
        "COPY gatewright_model.py serve.py context.json ./",
        "COPY model ./model",
        "USER 65532:65532",
        "EXPOSE 8080",
        'CMD ["python", "-I", "serve.py", "--host", "0.0.0.0"]',
    ]
    return ("\n".join(lines) + "\n").encode()


def _label(role: str) -> str:
    """A role's name as a label may have it: roles of several files have file names in them."""
    return re.sub(r"[^a-z0-9]+", "-", role.lower()).strip("-") or "file"
