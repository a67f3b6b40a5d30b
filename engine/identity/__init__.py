"""Who may: people, roles, permissions, sign-ins and tokens."""

from __future__ import annotations

from engine.identity.permissions import PERMISSIONS, ROLES, NotPermitted, Person, may, require

__all__ = ["PERMISSIONS", "ROLES", "NotPermitted", "Person", "may", "require"]
