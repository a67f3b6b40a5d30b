"""Why an element cannot go on."""

from __future__ import annotations


class ElementError(Exception):
    """An element cannot go on; `kind` is that of the failure told to the operator."""

    def __init__(self, kind: str, cause: str, code: str | None = None) -> None:
        self.kind, self.cause, self.code = kind, cause, code
        super().__init__(cause)
