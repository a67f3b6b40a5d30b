"""Small diagrams against the policies that ship, for the tests of the proofs."""

from __future__ import annotations

from importlib.resources import files as resources
from typing import Any

from engine.bpmn.proofs import Policy, Proof, Verdict, prove, read
from tests.bpmn import drawing as d

TIERS = ("high", "medium", "low")
ERRORS = {"deploy_model": ("approval_void", "deployment_refused")}
DECISION = b"""{"schema": {"type": "object", "properties": {"decision": {"enum": ["approve", "reject"]},
"comment": {"type": "string"}}, "required": ["decision"]}}"""
EVIDENCE = "test_report, risk_record, model_card"
RISK_TIER = b"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="D" name="D" namespace="x">
<decision id="risk_tier" name="Risk tier"><decisionTable id="T" hitPolicy="FIRST"><input id="I">
<inputExpression id="E"><text>facts["people"]</text></inputExpression></input><output id="O" name="tier"/>
<rule id="R1"><inputEntry id="a"><text>true</text></inputEntry><outputEntry id="b"><text>"high"</text></outputEntry>
</rule>
<rule id="R2"><inputEntry id="c"><text>-</text></inputEntry><outputEntry id="e"><text>"low"</text></outputEntry></rule>
</decisionTable></decision></definitions>"""


def shipped() -> tuple[Policy, ...]:
    folder = resources("engine.runtime.policies")
    found = {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(".yaml")}
    return read(found, TIERS)


POLICIES = shipped()
#: what holds of whoever decides; the small diagrams here leave out what keeps a deployed model watched
DECIDING = tuple(each for each in POLICIES if not each.name.endswith("-monitored"))


def approval(id: str, purpose: str = "deployment", **given: str) -> str:
    """An approval as a policy demands it, unless told otherwise."""
    properties = {"shut_out": "starter", "evidence": EVIDENCE, **given}
    return d.user(
        id, form="decision.form.json", kind="approval", purpose=purpose, result="approval",
        **{name: value for name, value in properties.items() if value},
    )  # fmt: skip


def deploy(id: str = "Deploy") -> str:
    return d.service(id, "deploy_model", "live", version='facts["version"]')


def trial(id: str = "Test", suite: str = "performance") -> str:
    return d.service(id, "test_model", "report", suite=f'"{suite}"')


#: after the approval: on with a yes, to the end Refused with a no
YES = 'approval["decision"] == "approve"'


def decided(approval_: str, on: str, id: str = "Decided") -> str:
    """The gateway behind an approval; its no is recorded and ends."""
    return (
        d.gateway("exclusive", id, default=f"{id}_no")
        + d.service(f"{id}_record", "record_rejection", "rejection")
        + d.end(f"{id}_refused")
        + d.chain(approval_, id)
        + d.flow(id, on, YES)
        + d.flow(id, f"{id}_record", id=f"{id}_no")
        + d.flow(f"{id}_record", f"{id}_refused")
    )


def process(*parts: str, lanes: dict[str, tuple[str, ...]] | None = None, declared: str = "", name: str = "p") -> Any:
    """The files of one definition."""
    drawn = (d.lanes(**lanes), *parts) if lanes else parts
    return d.files(name, *drawn, declared=declared, decision__form__json=DECISION, risk_tier__dmn=RISK_TIER)


def proven(files: Any, called: dict[str, Any] | None = None, **given: Any) -> Proof:
    return prove(files, called or {}, given.pop("policies", DECIDING), ERRORS, TIERS, **given)


def verdict(proof: Proof, name: str) -> Verdict:
    return next(each for each in proof.verdicts if each.name == name)


def walk(found: Verdict) -> list[str]:
    """The elements of a counter-example."""
    return [each.element for each in found.path]
