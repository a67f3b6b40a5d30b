"""The base of every error of Gatewright; its children stand beside the acts that raise them."""

from __future__ import annotations

from typing import Any, ClassVar

if __doc__ is None:  # python -OO
    raise SystemExit("Gatewright's messages are its docstrings: run Python without -OO.")


def words(failure: BaseException, most: int = 2_000) -> str:
    """What an exception says, as the log and the database can keep it; empty where it says nothing.

    A handler's exception may hold any text, NUL characters and halves of surrogate pairs included, or fail to speak.
    """
    try:
        said = str(failure)
    except Exception as mute:
        return f"{type(failure).__name__} that cannot be told: {type(mute).__name__}"
    return said[:most].replace("\x00", "\ufffd").encode(errors="replace").decode()


class _Missing(str):
    """Stands where a fact is missing, whatever format the message asks of it."""

    def __format__(self, spec: str) -> str:
        return str(self)


class _Named(dict[str, Any]):
    """The facts of a message; one that is missing stays readable instead of hiding the error behind a KeyError."""

    def __missing__(self, key: str) -> str:
        return _Missing(f"<{key}>")


class GatewrightError(Exception):
    """Gatewright met something that it did not expect."""

    code: ClassVar[str] = "unexpected"  #: stable; names the docs section, the JSON field and the metric label
    hint: ClassVar[str] = "The log under this instance's id says more."
    status: ClassVar[int] = 400  #: the HTTP status with which the faces answer

    def __init__(self, element: str | None = None, **facts: Any) -> None:
        self.element, self.facts = element, facts
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The class's docstring with the facts filled in."""
        return (type(self).__doc__ or "").format_map(_Named(self.facts))

    @property
    def way_on(self) -> str:
        """What to do next, with the facts filled in."""
        return self.hint.format_map(_Named(self.facts))

    def __str__(self) -> str:
        where = f" At {self.element}." if self.element else ""
        return f"[{self.code}] {self.message}{where} {self.way_on}"

    def as_problem(self) -> dict[str, Any]:
        """The error as an RFC 9457 problem object: type, title, detail, status, and the element where there is one."""
        problem: dict[str, Any] = {
            "type": f"urn:gatewright:error:{self.code}",
            "title": self.message,
            "detail": self.way_on,
            "status": self.status,
            "code": self.code,
        }
        if self.element:
            problem["element"] = self.element
        return problem
