"""Tells the left wing which risk tiers the rules have, so that policies can name them."""

from __future__ import annotations

from engine.governance import tiers
from engine.runtime import proofs

proofs.declare_tiers(tiers.names())
