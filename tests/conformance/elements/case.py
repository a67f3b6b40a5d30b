"""A diagram with what has to become of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.bpmn import ServiceTaskInfo, Vocabulary
from tests.bpmn import drawing as d

DECISIONS = b"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="D" name="D" namespace="x">
<decision id="tier"><decisionTable id="T"><input id="I"><inputExpression id="E"><text>n</text></inputExpression></input>
<output id="O" name="tier"/><rule id="R"><inputEntry id="a"><text>-</text></inputEntry><outputEntry id="b">
<text>"high"</text></outputEntry></rule></decisionTable></decision></definitions>"""
DECLARED = d.declared("m1", "m2", signals=("s1",), errors=("e1",), escalations=("up",))
WORDS = Vocabulary(
    service_tasks={"work": ServiceTaskInfo(schema={"additionalProperties": True}, errors=("e1",))},
    roles=frozenset({"reviewer"}),
    processes=frozenset({"called", "p"}),
)
CALLED = d.files(
    "called", d.start("CStart"), d.script("CScript", "c = 1"), d.end("CEnd"), d.chain("CStart", "CScript", "CEnd")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Either a run or a refusal."""

    name: str
    files: Mapping[str, bytes]
    acts: tuple[str, ...] = ()  #: "answer U", "job S", "raise S e1", "fire T", "send m1", "signal s1"
    trace: tuple[str, ...] = ()  #: the elements in the order in which they complete, to the end of the process
    refused: tuple[str, str] = ("", "")  #: rule and element
    hint: str = ""  #: what the refusal's hint says
    variables: dict[str, Any] = field(default_factory=dict)
    message: str | None = None  #: that starts it
    event: str = ""  #: the start event at which it starts
    writes: dict[str, Any] = field(default_factory=dict)  #: variables at the end


def drawn(*parts: str, declared: str = DECLARED, people: tuple[str, ...] = ("U", "V")) -> dict[str, bytes]:
    """The files around these parts: U and V are tasks of the reviewer's lane."""
    body = "".join(parts)
    inside = tuple(name for name in people if f'<bpmn:userTask id="{name}"' in body)
    lanes = d.lanes(reviewer=inside) if inside else ""
    return d.files("p", lanes, *parts, declared=declared, tier__dmn=DECISIONS)


def line(*parts: str, **given: Any) -> dict[str, bytes]:
    """Start > X > End around the parts; X is theirs."""
    return drawn(d.start(), *parts, d.end(), d.chain("Start", "X", "End"), **given)


def runs(name: str, files: Mapping[str, bytes], trace: str, acts: str = "", **given: Any) -> Case:
    """It is accepted and runs so; acts are parted by commas."""
    made = tuple(act.strip() for act in acts.split(",") if act.strip())
    return Case(name=name, files=files, trace=tuple(trace.split()), acts=made, **given)


def refused(name: str, files: Mapping[str, bytes], rule: str, element: str, hint: str = "") -> Case:
    """It is refused by this rule at this element."""
    return Case(name=name, files=files, refused=(rule, element), hint=hint)
