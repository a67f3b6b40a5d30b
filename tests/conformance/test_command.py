"""The command judges any folder, whatever lies in it."""

# ruff: noqa: E501 - a diagram as its modeller lays it out

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from tests.bpmn import drawing as d
from tests.conformance import children, folders, judging
from tests.conformance.__main__ import main
from tests.conformance.elements.case import drawn, line

GOOD = line(d.script("X", "a = 1"))["process.bpmn"]
#: as another engine's modeller writes it: nothing of it is known here
ELSEWHERE = b"""<?xml version="1.0"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:camunda="http://camunda.org/schema/1.0/bpmn"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:tns="urn:t" targetNamespace="urn:t" id="D">
<message id="m" name="order"/>
<collaboration id="C"><participant id="P1" processRef="tns:Sid-Seller"/><participant id="P2" processRef="Buyer"/></collaboration>
<process id="Sid-Seller" isExecutable="false">
  <startEvent id="s1"><messageEventDefinition messageRef="tns:m"/></startEvent>
  <sequenceFlow sourceRef="s1" targetRef="u1"/><userTask id="u1" camunda:assignee="ada" camunda:formKey="f"/>
  <sequenceFlow sourceRef="u1" targetRef="x"/><exclusiveGateway id="x" default="no"/>
  <sequenceFlow id="yes" sourceRef="x" targetRef="v"><conditionExpression xsi:type="tFormalExpression">${order.total &gt; 100}</conditionExpression></sequenceFlow>
  <sequenceFlow id="no" sourceRef="x" targetRef="w"/>
  <serviceTask id="v" camunda:delegateExpression="${pack}"><extensionElements><camunda:inputOutput/></extensionElements></serviceTask>
  <scriptTask id="w" scriptFormat="groovy"><script>println 1</script></scriptTask>
  <boundaryEvent id="b" attachedToRef="v"><timerEventDefinition/></boundaryEvent>
</process>
<process id="Buyer">
  <task id="t1"/><sequenceFlow id="f" sourceRef="t1" targetRef="g"/><inclusiveGateway id="g"/>
  <sequenceFlow id="g1" name="one" sourceRef="g" targetRef="t2"/><sequenceFlow id="g2" name="two" sourceRef="g" targetRef="t3"/>
  <businessRuleTask id="t2" camunda:decisionRef="d"/><callActivity id="t3" calledElement="Elsewhere"/>
</process></definitions>"""


def judged(content: bytes, tmp_path: Path, **options: object) -> dict:
    path = tmp_path / "one.bpmn"
    path.write_bytes(content)
    return judging.judge(path, judging.Options(**options))


def test_a_diagram_of_another_modeller_runs_once_its_words_are_bound(tmp_path):
    one = judged(ELSEWHERE, tmp_path)
    assert one["outcome"] == "finished", one
    assert {each["process"]: each["outcome"] for each in one["processes"]} == {
        "Sid-Seller": "finished",
        "Buyer": "finished",
    }
    assert set(one["bound"]) >= {"people", "handlers", "scripts", "decisions", "calls", "translations", "questions",
                                 "choices", "times", "foreign bindings"}  # fmt: skip


def test_nothing_is_bound_where_it_is_judged_strictly(tmp_path):
    one = judged(ELSEWHERE, tmp_path, strict=True)
    assert (one["outcome"], one["bound"]) == ("refused", {})


def test_a_deadlock_that_is_drawn_is_told_as_one(tmp_path):
    content = drawn(
        d.start(), d.gateway("exclusive", "F", "no"), d.gateway("parallel", "J"), d.end(), d.flow("Start", "F"),
        d.flow("F", "J", "true", "yes"), d.flow("F", "J", id="no"), d.flow("J", "End"),
    )["process.bpmn"]  # fmt: skip
    one = judged(content, tmp_path)
    assert (one["outcome"], one["element"]) == ("deadlock", "J")


def test_the_table_names_what_became_of_each_file(tmp_path, capsys):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "Good.BPMN20.xml").write_bytes(GOOD)
    (tmp_path / "utf16.bpmn").write_bytes(GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16"))
    (tmp_path / "complex.bpmn").write_bytes(line(d.gateway("complex", "X"))["process.bpmn"])
    (tmp_path / "bomb.bpmn").write_bytes(b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')
    (tmp_path / "noise.bpmn").write_bytes(random.Random(1).randbytes(2_000))
    (tmp_path / "empty.bpmn").write_bytes(b"")
    (tmp_path / "other.xml").write_bytes(b"<html/>")
    (tmp_path / "gone.bpmn").symlink_to(tmp_path / "nowhere")
    (tmp_path / "circle").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe.bpmn")
    found = [path.name for path in folders.diagrams(tmp_path)]
    assert sorted(found) == ["Good.BPMN20.xml", "bomb.bpmn", "complex.bpmn", "empty.bpmn", "noise.bpmn", "utf16.bpmn"]
    assert main([str(tmp_path), "--json", str(tmp_path / "out.json"), "--jobs", "1"]) == 0
    table = capsys.readouterr().out
    assert "finished          2" in table
    assert "complex-gateways             1" in table
    outcomes = {Path(one["file"]).name: one["outcome"] for one in json.loads((tmp_path / "out.json").read_text())}
    assert outcomes["Good.BPMN20.xml"] == outcomes["utf16.bpmn"] == "finished"
    assert {outcomes[name] for name in ("complex.bpmn", "bomb.bpmn", "noise.bpmn", "empty.bpmn")} == {"refused"}


def spin() -> None:
    while True:
        pass


@pytest.mark.parametrize(
    ("does", "outcome"),
    [
        (spin, "stuck"),
        (lambda: bytearray(10**10), "traceback"),
        (lambda: os._exit(3), "traceback"),
        (lambda: 1 / 0, "traceback"),
    ],
    ids=["hangs", "eats memory", "dies", "raises"],
)
def test_a_file_that_hangs_or_kills_its_process_is_told_by_name_and_stops_nothing(tmp_path, monkeypatch, does, outcome):
    bound = judging._cases
    monkeypatch.setattr(
        judging, "_cases", lambda content, *given: does() if content == b"bad" else bound(content, *given)
    )
    (tmp_path / "a.bpmn").write_bytes(b"bad")
    (tmp_path / "b.bpmn").write_bytes(GOOD)
    limits = children.Limits(seconds=1, megabytes=2_000, jobs=1)
    found = children.judged(folders.diagrams(tmp_path), judging.Options(), limits)
    assert {Path(one["file"]).name: one["outcome"] for one in found} == {"a.bpmn": outcome, "b.bpmn": "finished"}


def damaged(seed: int) -> bytes:
    """A diagram with attributes dropped, ids doubled, parts cut out or told twice."""
    chance = random.Random(seed)
    text = chance.choice([ELSEWHERE, GOOD]).decode()
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(text))
        kind = chance.choice(["cut", "drop", "double", "swap", "end"])
        if kind == "cut":
            text = text[:at] + text[at + chance.randint(1, 30) :]
        elif kind == "drop":
            words = text.split(" ")
            del words[chance.randrange(len(words))]
            text = " ".join(words)
        elif kind == "double":
            parts = text.split("<")
            one = chance.randrange(1, len(parts))
            text = "<".join([*parts[:one], parts[one], parts[one], *parts[one + 1 :]])
        elif kind == "swap":
            names = ["u1", "x", "v", "w", "g", "t1", "t2", "s1", "X", "Start", "End"]
            text = text.replace(f'"{chance.choice(names)}"', f'"{chance.choice(names)}"', chance.randint(1, 3))
        elif chance.random() < 0.3:
            text = text[:at]
    return text.encode()


def campaign(seeds: range, tmp_path: Path) -> None:
    for seed in seeds:
        one = judged(damaged(seed), tmp_path, runs=2, acts=15)
        assert one["outcome"] not in judging.BAD, (seed, one["reason"])


def test_damage_gives_a_refusal_or_a_run_and_never_an_exception(tmp_path):
    campaign(range(80), tmp_path)


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_much_damage_gives_a_refusal_or_a_run_and_never_an_exception(tmp_path):
    campaign(range(1_000, 21_000), tmp_path)
