"""Evidence `data_profile`."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.orm import Session

from engine.handlers import subjects
from engine.inventory import queries
from engine.runtime.context import Context
from engine.runtime.registry import Evidence, evidence
from engine.store import files


@evidence("data_profile")
def data_profile(session: Session, ctx: Context) -> Evidence:
    """The training data of the version in hand: rows, columns, missing values, the sizes of protected groups."""
    version = subjects.in_hand(session, ctx)
    digests = queries.asset_digests(session, version.ref)
    digest, made = digests.get("training_data"), digests.get("profile")
    profile: dict[str, Any] | None = json.loads(files(session).read(made)) if made else None
    if profile is not None and profile["training_data"] != digest:
        profile = None  # it tells of a table that was replaced since
    return Evidence(
        title="Data profile",
        content={"version": str(version.ref), "training_data": digest, "profile": profile},
    )
