"""A model of the census in production, and windows of it that are counted as the scoring service would count them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from engine.identity import Person
from engine.inferences.tables import PieceRow
from engine.inventory.references import VersionRef
from engine.statistics.tallies import Reference
from engine.store import Store, new_id, transaction
from tests.serving import house

ADA = Person(id="ada", name="Ada", roles=frozenset({"data_scientist"}))
RIA = Person(id="ria", name="Ria", roles=frozenset({"risk_manager", "model_operator"}))
ROSA = Person(id="rosa", name="Rosa", roles=frozenset({"risk_manager"}))
REF = VersionRef("employment", 1)


def given_it_is_live(store: Store, reference: Reference, model: str = "employment", **declared: Any) -> VersionRef:
    """A version with a reference, that answers in production."""
    facts: dict[str, Any] = {"monitoring": {"window": "P7D", "timing": "0 6 * * *"}}
    house.given_an_environment(store)
    house.given_a_model(store, model, **(facts | declared))
    ref = house.given_a_version(
        store,
        model,
        artefact=f"rules of {model}".encode(),
        input_schema=b"{}",
        reference=reference.as_bytes(),
    )
    house.when_it_goes_live(store, house.when_it_is_requested(store, ref))
    return ref


def counted(store: Store, reference: Reference, ref: VersionRef, window: Mapping[str, Any], hour: datetime) -> None:
    """The window, as if all of it had been asked in one hour."""
    tally = reference.tallies(dict(window), [0] * len(next(iter(window.values()))))[0]
    with transaction(store) as session:
        session.execute(
            insert(PieceRow),
            [
                {
                    "id": new_id(),
                    "model": ref.model,
                    "version": ref.number,
                    "environment": "production",
                    "reference": store.files.put(reference.as_bytes()),
                    "hour": hour,
                    "rows": tally.rows,
                    "tally": tally.packed(),
                }
            ],
        )
