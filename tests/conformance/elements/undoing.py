"""Compensation and transactions."""

# ruff: noqa: E501 - a row of the table is one diagram

from __future__ import annotations

from tests.bpmn import drawing as d
from tests.conformance.elements.case import Case, drawn, line, refused, runs


def undone(name: str) -> str:
    """A script that another undoes."""
    return (
        d.script(name, f"{name.lower()} = 1")
        + d.undoing(name, f"Not{name}")
        + d.for_compensation(d.script(f"Not{name}", f"{name.lower()} = 0"))
    )


BOTH = undone("A") + undone("B")
CANCELLED = d.start("S") + undone("A") + d.end("E", d.event("cancel")) + d.chain("S", "A", "E")

CASES: list[Case] = [
    runs("compensation that nobody asks for", drawn(d.start(), undone("A"), d.end(), d.chain("Start", "A", "End")), "Start A End", writes={"a": 1}),
    runs("compensation thrown", drawn(d.start(), BOTH, d.throw("T", d.compensate()), d.end(), d.chain("Start", "A", "B", "T", "End")), "Start A B NotB NotA T End", writes={"a": 0, "b": 0}),
    runs("compensation of one activity", drawn(d.start(), BOTH, d.throw("T", d.compensate("A")), d.end(), d.chain("Start", "A", "B", "T", "End")), "Start A B NotA T End", writes={"a": 0, "b": 1}),
    runs("compensation at the end", drawn(d.start(), undone("A"), d.end("End", d.compensate()), d.chain("Start", "A", "End")), "Start A NotA End", writes={"a": 0}),
    runs("compensation that is not waited for", drawn(d.start(), d.script("A", "a = 1"), d.undoing("A", "NotA"), d.for_compensation(d.service("NotA")), d.throw("T", d.compensate("", False)), d.user("U"), d.end(), d.chain("Start", "A", "T", "U", "End")), "Start A U End NotA T", "answer U, job NotA"),
    runs("compensation at the end that is not waited for", drawn(d.start(), undone("A"), d.end("End", d.compensate("", False)), d.chain("Start", "A", "End")), "Start A NotA End", writes={"a": 0}),
    runs("transaction", line(d.transaction("X", d.start("S"), d.script("A", "a = 1"), d.end("E"), d.chain("S", "A", "E"))), "Start S A E X End", writes={"a": 1}),
    runs("transaction that is cancelled", drawn(d.start(), d.transaction("X", CANCELLED), d.boundary("B", "X", d.event("cancel")), d.end(), d.end("Other"), d.chain("Start", "X", "End"), d.flow("B", "Other")), "Start S A NotA E B Other"),
    refused("cancel end event outside a transaction", drawn(d.start(), d.end("End", d.event("cancel")), d.flow("Start", "End")), "transactions", "End"),
    refused("cancel boundary event on a task", drawn(d.start(), d.user("U"), d.boundary("B", "U", d.event("cancel")), d.end(), d.chain("Start", "U", "End"), d.flow("B", "End")), "transactions", "B"),
    refused("compensation handler on a path", drawn(d.start(), d.for_compensation(d.script("A", "a = 1")), d.end(), d.chain("Start", "A", "End")), "compensation", "A"),
    refused("compensation boundary event without a handler", line(d.script("X", "a = 1"), d.boundary("B", "X", "<bpmn:compensateEventDefinition/>")), "compensation", "B"),
    refused("compensation start event of a process", drawn(d.start("Start", "<bpmn:compensateEventDefinition/>"), d.end(), d.flow("Start", "End")), "event-definitions", "Start"),
]  # fmt: skip
