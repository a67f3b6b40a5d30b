"""How a version is named: model@number."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.errors import GatewrightError

SLUG = re.compile(r"[a-z][a-z0-9-]{0,62}[a-z0-9]")


class ReferenceMalformed(GatewrightError):
    """{reference!r} names no model version."""

    code = "version-reference"
    hint = "Write model@number, for example credit@3."
    status = 422


@dataclass(frozen=True, slots=True, order=True)
class VersionRef:
    """A version within its model."""

    model: str
    number: int

    def __str__(self) -> str:
        return f"{self.model}@{self.number}"

    @classmethod
    def parse(cls, reference: str) -> VersionRef:
        """The version that a text names; ReferenceMalformed says how to write it."""
        model, _, number = reference.partition("@")
        if not SLUG.fullmatch(model) or not re.fullmatch(r"[1-9][0-9]{0,8}", number):
            raise ReferenceMalformed(reference=reference)
        return cls(model, int(number))


def stream(model: str) -> str:
    """The stream of the audit log that a model's acts stand in."""
    return f"model:{model}"
