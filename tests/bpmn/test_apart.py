"""A file of several processes: each is a definition of its own, the others stay drawn beside it."""

from __future__ import annotations

import pytest

from engine.bpmn import ProcessNotDrawn, Vocabulary, apart, bundle, check, chosen, describe
from engine.bpmn.reading import read
from tests.bpmn import drawing as d
from tests.bpmn.running import Running

SHOP = d.start() + d.throw("Order", d.message("ordered")) + d.end() + d.chain("Start", "Order", "End")
STORE = d.start("Asked", d.message("ordered")) + d.user("Pack") + d.end("Sent") + d.chain("Asked", "Pack", "Sent")
POOLS = (
    '<bpmn:collaboration id="C"><bpmn:participant id="P1" processRef="shop"/><bpmn:participant id="P2" '
    'processRef="store"/><bpmn:participant id="Outside"/><bpmn:messageFlow id="M" sourceRef="Order" targetRef="Asked"/>'
    "</bpmn:collaboration>"
)


def drawn(*processes: str, declared: str = d.declared("ordered") + POOLS) -> dict[str, bytes]:
    text = (
        f'<?xml version="1.0"?><!-- drawn by hand --><bpmn:definitions {d.NAMESPACES} id="D" targetNamespace="x">'
        f"{declared}{''.join(processes)}</bpmn:definitions>"
    )
    return {"process.bpmn": text.encode(), "answer.form.json": b"{}"}


def process(id: str, body: str = "", executable: str = "") -> str:
    return f"<bpmn:process{d.attributes(id=id, isExecutable=executable)}>{body}</bpmn:process>"


def errors(files):
    return [issue for issue in check(files, Vocabulary()) if issue.severity == "error"]


def test_two_pools_are_two_definitions():
    files = drawn(process("shop", SHOP, "true"), process("store", STORE, "true"))
    (told,) = [issue for issue in errors(files) if issue.rule == "readable"]
    assert 'this one holds 2 ("shop", "store")' in told.reason
    each = apart(files)
    assert list(each) == ["shop", "store"]
    assert [describe(found).process_id for found in each.values()] == ["shop", "store"]
    assert each["shop"]["answer.form.json"] == b"{}"
    text = each["store"]["process.bpmn"]
    assert b"<!-- drawn by hand -->" in text
    assert b'id="Order"' in text
    run = Running(bundle(each["shop"]), {}, lambda call: None)
    assert run.rest.finished
    assert [thrown.name for thrown in run.rest.thrown] == ["ordered"]
    other = Running(bundle(each["store"]), {}, lambda call: None, message="ordered")
    assert [task.element for task in other.rest.user_tasks] == ["Pack"]


def test_one_of_them_is_chosen_by_its_id():
    files = drawn(process("shop", SHOP), process("store", STORE))
    assert describe(chosen(files, "store")).process_id == "store"
    with pytest.raises(ProcessNotDrawn, match="shop, store"):
        chosen(files, "bank")


@pytest.mark.parametrize(
    "others",
    [
        process("store", STORE, "false"),
        process("store"),
        process("store", '<bpmn:laneSet id="L"/>', "true"),
        process("store", STORE),
    ],
    ids=["said not to be", "empty", "nothing drawn in it", "silent beside one that says so"],
)
def test_a_pool_for_the_reader_stands_beside_the_process(others):
    files = drawn(others, process("shop", SHOP, "true"))
    assert errors(files) == []
    assert apart(files) == {"shop": files}
    diagram, _ = read(files)
    assert [each.id for each in diagram.processes] == ["store", "shop"]
    assert diagram.process.id == "shop"


def test_what_cannot_be_read_is_left_as_it_is():
    for files in ({"a.bpmn": b"<a"}, {"a.bpmn": b"<a/>"}, drawn(), {}):
        assert apart(files) == {"": files}


def test_ids_that_nothing_points_to_may_be_used_twice():
    inside = '<bpmn:ioSpecification><bpmn:dataInput id="x"/><bpmn:inputSet/><bpmn:outputSet/></bpmn:ioSpecification>'
    body = d.start() + d.user("A", body=inside) + d.user("B", body=inside) + d.end() + d.chain("Start", "A", "B", "End")
    assert "identifiers" not in {issue.rule for issue in errors(drawn(process("p", body), declared=""))}
    twice = d.start() + d.user("A") + d.end() + d.chain("Start", "A", "End") + '<bpmn:textAnnotation id="A"/>'
    assert "identifiers" in {issue.rule for issue in errors(drawn(process("p", twice), declared=""))}
