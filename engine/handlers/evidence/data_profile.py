"""Evidence `data_profile`."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from sqlalchemy.orm import Session

from engine import training
from engine.handlers import subjects
from engine.inventory import queries
from engine.runtime.context import Context
from engine.runtime.registry import Evidence, evidence
from engine.store import Files, files


@evidence("data_profile")
def data_profile(session: Session, ctx: Context) -> Evidence:
    """The training data of the version in hand: rows, columns, missing values, the sizes of protected groups."""
    version = subjects.in_hand(session, ctx)
    model = queries.model(session, ctx.subject)
    digests = queries.asset_digests(session, version.ref)
    digest, made = digests.get("training_data"), digests.get("profile")
    profile: dict[str, Any] | None = None
    if made:
        profile = json.loads(files(session).read(made))
    elif digest:  # trained elsewhere: its table is read here, once
        profile = _profile(files(session), digest, tuple(model.metadata.protected))
    return Evidence(
        title="Data profile",
        content={"version": str(version.ref), "training_data": digest, "profile": profile},
    )


@lru_cache(maxsize=64)
def _profile(store: Files, digest: str, protected: tuple[str, ...]) -> dict[str, Any]:
    return training.profile(store, digest, protected)
