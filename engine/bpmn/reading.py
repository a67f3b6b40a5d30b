"""Files into a diagram; what cannot be read becomes issues."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from engine.bpmn import xml
from engine.bpmn.issues import Issue
from engine.bpmn.model import Decision, Diagram, Node, Process
from engine.bpmn.passes import choreographies as choreographies_pass
from engine.bpmn.passes import decisions as decisions_pass
from engine.bpmn.passes import processes as processes_pass
from engine.bpmn.passes import references as references_pass

#: what nothing points to by its id: two of one id make no difference
UNNAMED = frozenset(
    {
        "ioSpecification", "dataInput", "dataOutput", "inputSet", "outputSet", "dataInputAssociation",
        "dataOutputAssociation", "property", "inputDataItem", "outputDataItem", "itemDefinition", "documentation",
        "potentialOwner", "resourceRole", "performer", "humanPerformer", "resourceAssignmentExpression",
        "formalExpression", "conditionExpression", "extensionElements", "incoming", "outgoing",
    }
)  # fmt: skip

Files = Mapping[str, bytes]
MAX_FILES = 100


def read(files: Files) -> tuple[Diagram, list[Issue]]:
    """The diagram of a definition's files, and what could not be read of them."""
    issues: list[Issue] = []
    processes: list[Process] = []
    choreographies: list[Node] = []
    decisions: dict[str, Decision] = {}
    duplicates: list[tuple[str, str, int | None]] = []

    def refuse(file: str, reason: str, hint: str, line: int | None = None, element: str = "") -> None:
        issues.append(Issue(rule="readable", process=file, element=element, line=line, reason=reason, hint=hint))

    for file in sorted(files)[:MAX_FILES]:
        if not file.endswith((".bpmn", ".dmn")):
            continue
        try:
            root = xml.read(files[file])
        except xml.Unreadable as error:
            refuse(file, error.reason, error.hint, error.line)
            continue
        space, name = xml.tag(root)
        duplicates += _duplicates(root, file)
        if file.endswith(".bpmn"):
            if (space, name) != (xml.BPMN, "definitions"):
                refuse(file, f"The root element is <{name}>, not <bpmn:definitions>.", "Save it as BPMN 2.0.")
                continue
            processes += processes_pass.read(root, file, references_pass.read(root))
            choreographies += choreographies_pass.read(root)
        else:
            if space not in decisions_pass.DMN or name != "definitions":
                refuse(file, f"The root element is <{name}>, not DMN's <definitions>.", "Save it as DMN 1.1 or later.")
                continue
            for decision in decisions_pass.read(root, file):
                if decision.id in decisions:
                    refuse(file, f'Decision "{decision.id}" stands in two files.', "Rename one.", decision.line)
                decisions[decision.id] = decision
    if len(files) > MAX_FILES:
        refuse("", f"The definition has {len(files)} files; at most {MAX_FILES} are read.", "Split it.")
    processes = _meant(processes)
    found = [process for process in processes if process.executable]
    if not found and not issues:
        # Said here, since the rules look at a process.
        issues += [
            Issue(
                rule="choreographies",
                element=node.id,
                name=node.name,
                line=node.line,
                reason=choreographies_pass.reason(node),
                hint=choreographies_pass.HINT,
            )
            for node in choreographies
        ]
    if len(found) != 1 and not issues:
        names = ", ".join(f'"{process.id}"' for process in found) or "none"
        refuse(
            next((file for file in sorted(files) if file.endswith(".bpmn")), ""),
            f"A definition holds exactly one executable process; this one holds {len(found)} ({names}).",
            'Say isExecutable="true" of one alone; a file of several is drafted as a definition for each.'
            if found
            else 'Say isExecutable="true" of the process.',
        )
    return (
        Diagram(
            processes=tuple(processes),
            decisions=decisions,
            files=tuple(sorted(files)),
            duplicates=tuple(duplicates),
            choreographies=tuple(choreographies),
        ),
        issues,
    )


def _meant(processes: list[Process]) -> list[Process]:
    """The processes, with those for the reader that stand beside the ones to be executed.

    Of several that do not say that they are not executable, those are meant in which something is drawn (a pool may
    have an empty process), and of these, those that say that they are.
    """
    meant = [process for process in processes if process.executable]
    for counts in (lambda process: any(scope.nodes for scope in process.scopes.values()), lambda process: process.said):
        meant = [process for process in meant if counts(process)] or meant
    return [replace(each, executable=False) if each.executable and each not in meant else each for each in processes]


def _duplicates(root: xml.Node, file: str) -> list[tuple[str, str, int | None]]:
    seen: Counter[str] = Counter()
    space = xml.tag(root)[0]
    found = []
    for element in root.iter():
        # Extensions (an operator, its parameters) have ids of their own kind, used many times in a file.
        named, name = xml.tag(element)
        identifier = element.get("id") if named == space and name not in UNNAMED else None
        if identifier:
            seen[identifier] += 1
            if seen[identifier] == 2:
                found.append((file, identifier, element.sourceline))
    return found
