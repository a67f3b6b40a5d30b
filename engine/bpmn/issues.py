"""What is wrong with a diagram, told so that its author can mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One finding of a lint rule, at one element of one process."""

    rule: str  #: the rule's name, as `docs/bpmn.md` lists it
    severity: str = "error"  #: "error" refuses the diagram, "warning" does not
    process: str = ""  #: the process id, or the file where there is none
    element: str = ""  #: the element's id, empty for the whole file
    name: str = ""
    line: int | None = None
    reason: str
    hint: str

    def __str__(self) -> str:
        where = f'element "{self.name}" ({self.element})' if self.name else self.element
        place = ", ".join(part for part in (f'process "{self.process}"', where, f"line {self.line}") if part)
        return f"[{self.rule}] {self.reason} At {place}. {self.hint}"
