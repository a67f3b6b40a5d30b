"""Event subprocesses, and what is thrown from one scope to another."""

# ruff: noqa: E501 - a row of the table is one diagram

from __future__ import annotations

from tests.bpmn import drawing as d
from tests.conformance.elements.case import Case, drawn, refused, runs

WHERE = {
    "message": (d.message("m1"), "send m1"),
    "signal": (d.event("signal", "s1"), "signal s1"),
    "timer": (d.timer("duration", "PT1H"), "fire HS"),
}


def handled(body: str, interrupting: bool = True, *, thrower: str = "") -> dict[str, bytes]:
    """A process that waits at U, with an event subprocess H."""
    parts = d.handler(
        "H", d.start("HS", body, interrupting), d.script("HA", "handled = true"), d.end("HE"), d.chain("HS", "HA", "HE")
    )
    flow = d.chain("Start", "T", "U", "End") if thrower else d.chain("Start", "U", "End")
    return drawn(d.start(), thrower, d.user("U"), d.end(), flow, parts)


CASES: list[Case] = [
    *(runs(f"event subprocess by {kind}, interrupting", handled(body), "Start HS HA HE H", act, writes={"handled": True}) for kind, (body, act) in WHERE.items()),
    *(runs(f"event subprocess by {kind}, beside", handled(body, False), "Start HS HA HE H U End", f"{act}, answer U") for kind, (body, act) in WHERE.items()),
    runs("event subprocess that is not needed", handled(d.message("m1")), "Start U End", "answer U"),
    runs("event subprocess by escalation", handled(d.event("escalation", "up"), False, thrower=d.throw("T", d.event("escalation", "up"))), "Start T HS HA HE H U End", "answer U"),
    runs("event subprocess by error", drawn(d.start(), d.service("X"), d.end(), d.chain("Start", "X", "End"), d.handler("H", d.start("HS", d.event("error", "e1")), d.end("HE"), d.flow("HS", "HE"))), "Start HS HE H", "raise X e1"),
    refused("event subprocess with a plain start", handled(""), "event-subprocesses", "HS"),
    refused("event subprocess in the flow", drawn(d.start(), d.handler("X", d.start("HS", d.message("m1")), d.end("HE"), d.flow("HS", "HE")), d.end(), d.chain("Start", "X", "End")), "event-subprocesses", "X"),
]  # fmt: skip
