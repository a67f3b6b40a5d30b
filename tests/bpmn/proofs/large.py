"""A process of a given number of elements whose branches run side by side."""

from __future__ import annotations

from tests.bpmn import drawing as d

DECISION = b"""{"schema": {"type": "object", "properties": {"decision": {"enum": ["approve", "reject"]}},
"required": ["decision"]}}"""


def branches(count: int, size: int) -> dict[str, bytes]:
    """`count` parallel branches of `size` elements in all.

    Each holds tests, an approval with a way back, a reminder and a deadline on a user task, and a wait for a message.
    """
    parts = [
        d.start(),
        d.gateway("parallel", "Split"),
        d.gateway("parallel", "Join"),
        d.end(),
        d.flow("Start", "Split"),
    ]
    drawn = 4
    each = (size - drawn) // count
    for number in range(count):
        b = f"B{number}"
        own = [
            d.gateway("exclusive", f"{b}_again"),
            d.service(f"{b}_test", "test_model", f"report{number}"),
            d.user(f"{b}_decide", form="decision.form.json", result=f"answer{number}", kind="approval"),
            d.boundary(f"{b}_late", f"{b}_decide", d.timer("duration", "P5D")),
            d.gateway("exclusive", f"{b}_decided", default=f"{b}_back"),
            d.catch(f"{b}_told", d.message("told")),
            d.gateway("exclusive", f"{b}_on"),
        ]
        flows = [
            d.flow("Split", f"{b}_again"),
            d.chain(f"{b}_again", f"{b}_test", f"{b}_decide", f"{b}_decided"),
            d.flow(f"{b}_decided", f"{b}_told", f'answer{number}["decision"] == "approve"'),
            d.flow(f"{b}_decided", f"{b}_again", id=f"{b}_back"),
            d.flow(f"{b}_late", f"{b}_on"),
            d.flow(f"{b}_told", f"{b}_on"),
        ]
        last = f"{b}_on"
        more = size - drawn - each * count if number == 0 else 0
        for step in range(each + more - len(own)):
            name = f"{b}_step{step}"
            own.append(d.service(name, "work", f"w{number}_{step}"))
            flows.append(d.flow(last, name))
            last = name
        parts += [*own, *flows, d.flow(last, "Join")]
    parts.append(d.flow("Join", "End"))
    return d.files("large", *parts, declared=d.declared("told"), decision__form__json=DECISION)


def gated(count: int, size: int) -> dict[str, bytes]:
    """Branches that test in parallel, then an approval, then the deployment: policies speak of all of them."""
    parts = [
        d.lanes(risk_manager=("Approve",)), d.start(), d.gateway("parallel", "Split"), d.gateway("parallel", "Join"),
        d.user("Approve", form="decision.form.json", result="approval", kind="approval", shut_out="starter",
               evidence="test_report, risk_record, model_card"),
        d.gateway("exclusive", "Approved", default="no"), d.service("Record", "record_rejection"), d.end("Refused"),
        d.service("Deploy", "deploy_model", "live"), d.end(), d.flow("Start", "Split"),
        d.chain("Join", "Approve", "Approved"), d.flow("Approved", "Deploy", 'approval["decision"] == "approve"'),
        d.flow("Approved", "Record", id="no"), d.chain("Record", "Refused"), d.chain("Deploy", "End"),
    ]  # fmt: skip
    drawn = 9
    each = (size - drawn) // count
    for number in range(count):
        names = [f"B{number}_step{step}" for step in range(each + (size - drawn - each * count if number == 0 else 0))]
        for step, name in enumerate(names):
            parts.append(
                d.service(name, "test_model" if step % 6 == 3 else "work", f"w{number}_{step}", suite="'smoke'")
            )
        parts.append(d.chain("Split", *names, "Join"))
    return d.files("large", *parts, decision__form__json=DECISION)
