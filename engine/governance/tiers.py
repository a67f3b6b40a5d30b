"""What each risk tier demands: data, not code."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from engine.errors import GatewrightError

#: what a model without a recorded tier is held to
STRICTEST = "high"


class TierUnknown(GatewrightError):
    """There is no risk tier {tier}."""

    code = "tier-unknown"
    hint = "Take one of these: {known}."
    status = 422


def names() -> list[str]:
    """The tiers, the strictest first."""
    return list(_rules()["tiers"])


def approvers(tier: str | None, further: Iterable[str] = ()) -> list[str]:
    """The roles whose approval a deployment needs: those of the tier, then those that the model itself names.

    tier: None, where none is recorded, is held to the strictest. Raises TierUnknown.
    """
    rules = _rules()
    found = rules["tiers"].get(tier or STRICTEST)
    if found is None:
        raise TierUnknown(tier=tier, known=", ".join(rules["tiers"]))
    allowed = [role for role in further if role in rules["further_approvers"]]
    return list(dict.fromkeys([*found["approvers"], *allowed]))


def retirement_approvers(tier: str | None) -> list[str]:
    """The roles whose approval a retirement needs; raises TierUnknown."""
    rules = _rules()
    found = rules["tiers"].get(tier or STRICTEST)
    if found is None:
        raise TierUnknown(tier=tier, known=", ".join(rules["tiers"]))
    return list(found["retirement"])


@cache
def _rules() -> dict[str, Any]:
    text = files("engine.governance.rules").joinpath("tiers.yaml").read_text(encoding="utf-8")
    rules: dict[str, Any] = yaml.safe_load(text)
    return rules
