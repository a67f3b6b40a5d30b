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
