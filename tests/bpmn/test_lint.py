"""One diagram that breaks each rule; good diagrams pass; no bytes raise."""

# ruff: noqa: E501 - a row of the table is one diagram

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.bpmn import Issue, ServiceTaskInfo, Vocabulary, check, writes
from engine.bpmn.lint import RULES
from tests.bpmn import drawing as d

WORDS = Vocabulary(
    service_tasks={
        "work": ServiceTaskInfo(schema={"properties": {}, "additionalProperties": False}),
        "deploy_model": ServiceTaskInfo(
            kind="job",
            schema={
                "properties": {"version": {"type": "string"}, "environment": {"enum": ["test", "production"]}},
                "required": ["version"],
            },
            errors=("approval_void",),
        ),
    },
    roles=frozenset({"risk_manager", "data_scientist"}),
    evidence=frozenset({"test_report"}),
    processes=frozenset({"validation", "p"}),
)


def straight(*parts, declared="", **others):
    """Start > X > End around the parts; X is theirs."""
    return d.files("p", d.start(), *parts, d.end(), d.chain("Start", "X", "End"), declared=declared, **others)


def in_lane(task, lane="risk_manager", id="X"):
    return d.lanes(**{lane: (id,)}) + task


def choice(*flows, default="", kind="exclusive"):
    return d.files(
        "p", d.start(), d.gateway(kind, "X", default), d.end("E1"), d.end("E2"), d.flow("Start", "X"), *flows
    )


LOOP = "<bpmn:multiInstanceLoopCharacteristics>{}</bpmn:multiInstanceLoopCharacteristics>"
THROUGH = LOOP.format("<bpmn:loopDataInputRef>xs</bpmn:loopDataInputRef>")

ON_MESSAGE = (d.start("ES", d.message("m")), d.end("EE"), d.chain("ES", "EE"))


def handled(*parts, beside=""):
    """A process with the event subprocess H of these parts."""
    return straight(
        d.script("X", "a = 1"), d.handler("H", *parts), beside, declared=d.declared("m", "n", errors=("e",))
    )


BROKEN = [
    ("identifiers", "P", {**straight(d.script("X", "a = 1")), "process.bpmn": d.xml("P X", d.start(), d.end(), d.chain("Start", "End"))}),
    ("identifiers", "twice", straight(d.script("X", "a = 1"), '<bpmn:textAnnotation id="X"/>')),
    ("size", "500", d.files("p", d.start(), *[d.script(f"S{i}", "a = 1") for i in range(500)], d.end(),
                            d.chain("Start", *[f"S{i}" for i in range(500)], "End"))),
    ("unknown-elements", "choreographyTask", straight(d.script("X", "a = 1"), '<bpmn:choreographyTask id="C"/>')),
    ("complex-gateways", "complex", choice(d.flow("X", "E1"), d.flow("X", "E2"), kind="complex")),
    ("special-subprocesses", "ad-hoc", straight('<bpmn:adHocSubProcess id="X"/>')),
    ("event-subprocesses", "waits for nothing", handled(d.start("ES"), d.end("EE"), d.chain("ES", "EE"))),
    ("event-subprocesses", "exactly one", handled(d.end("EE"))),
    ("event-subprocesses", "exactly one", handled(*ON_MESSAGE, d.start("ET", d.message("n")), d.chain("ET", "EE"))),
    ("event-subprocesses", "leads to an event subprocess", handled(*ON_MESSAGE, beside=d.flow("X", "H"))),
    ("event-subprocesses", "stands on the boundary", handled(
        *ON_MESSAGE, beside=d.boundary("B", "H", d.timer("duration", "PT1H")) + d.flow("B", "End"))),
    ("event-subprocesses", "is repeated", handled(*ON_MESSAGE, '<bpmn:standardLoopCharacteristics loopMaximum="3"/>')),
    ("event-subprocesses", "beside the flow", handled(d.start("ES", d.event("error", "e"), False), d.end("EE"), d.chain("ES", "EE"))),
    ("event-subprocesses", 'take the message "m"', handled(
        *ON_MESSAGE, beside=d.handler("G", d.start("GS", d.message("m")), d.end("GE"), d.chain("GS", "GE")))),
    ("event-definitions", "terminate", handled(d.start("ES", d.event("terminate")), d.end("EE"), d.chain("ES", "EE"))),
    ("compensation", "no compensation event leads to it", straight(d.script("X", "a = 1"), d.for_compensation(d.user("Y")))),
    ("transactions", "outside of a transaction", straight(d.script("X", "a = 1"), d.end("T", d.event("cancel")), d.flow("X", "T"))),
    ("link-events", "no name", straight(d.throw("X", d.link("")))),
    ("link-events", "No catching", d.files("p", d.start(), d.throw("X", d.link("a")), d.catch("C", d.link("b")), d.end(),
                                           d.chain("Start", "X"), d.chain("C", "End"))),
    ("link-events", '"C"', d.files("p", d.start(), d.throw("X", d.link("a")), d.catch("B", d.link("a")), d.catch("C", d.link("a")),
                                   d.end(), d.chain("Start", "X"), d.chain("B", "End"), d.chain("C", "End"))),
    ("link-events", "another one", d.files("p", d.start(), d.throw("X", d.link("a")), d.chain("Start", "X"), d.end(),
                                           d.sub("S", d.start("SS"), d.catch("C", d.link("a")), d.end("E"), d.chain("SS", "E"), d.flow("C", "E")))),
    ("link-events", "leaves the throwing", d.files("p", d.start(), d.throw("X", d.link("a")), d.catch("C", d.link("a")), d.end(),
                                                   d.chain("Start", "X", "End"), d.chain("C", "End"))),
    ("link-events", "leads to the catching", d.files("p", d.start(), d.throw("X", d.link("a")), d.catch("C", d.link("a")), d.end(),
                                                     d.chain("Start", "X"), d.chain("Start", "C", "End"))),
    ("event-definitions", "link", d.files("p", d.start("Start", d.link("a")), d.end(), d.chain("Start", "End"))),
    ("conditional-events", "no condition", straight(d.catch("X", d.event("conditional")))),
    ("expressions", "no expression", straight(d.catch("X", d.condition("x >")))),
    ("event-definitions", "conditional", d.files("p", d.start("Start", d.condition("x > 1")), d.end(), d.chain("Start", "End"))),
    ("event-definitions", "twice", straight(d.catch("X", 2 * d.message("m")), declared=d.declared("m"))),
    ("event-definitions", "error", d.files("p", d.start("Start", d.event("error")), d.end(), d.chain("Start", "End"))),
    ("timers", "no variables before", d.files("p", d.start("Start", d.timer("cycle", "every")), d.end(), d.chain("Start", "End"))),
    ("start-events", 'the signal "s"', straight(d.script("X", "a = 1"), *[
        d.start(s, d.event("signal", "s")) + d.flow(s, "X") for s in ("S1", "S2")], declared=d.declared(signals=("s",)))),
    ("event-definitions", "without a definition", straight(d.catch("X", ""))),
    ("references", '"gone"', straight(d.catch("X", d.message("gone")))),
    ("references", "names no message", straight(d.catch("X", d.event("message")))),
    ("references", "names no error", d.files("p", d.start(), d.end("End", d.event("error")), d.chain("Start", "End"))),
    ("references", "has no code", d.files("p", d.start(), d.end("End", d.event("error", "e")), d.chain("Start", "End"),
                                          declared='<bpmn:error id="e"/>')),
    ("flows", "is not there", straight(d.script("X", "a = 1"), d.flow("X", "Gone"))),
    ("flows", "another subprocess", straight(d.sub("X", d.start("S"), d.end("E"), d.chain("S", "E")), d.flow("X", "E"))),
    ("flows", "leaves an end", straight(d.script("X", "a = 1"), d.flow("End", "X"))),
    ("flows", "leads into a startEvent", straight(d.script("X", "a = 1"), d.flow("X", "Start"))),
    ("start-events", "Nothing begins", d.files("p", d.script("X", "a = 1"), d.script("Y", "a = 1"), d.end(), d.chain("X", "Y", "X"), d.flow("Y", "End"))),
    ("start-events", "Nothing is drawn", d.files("p")),
    ("start-events", "several plain", straight(d.script("X", "a = 1"), d.start("S2"), d.flow("S2", "X"))),
    ("start-events", "subprocess begins", straight(
        d.sub("X", d.start("S", d.message("m")), d.end("E"), d.chain("S", "E")), declared=d.declared("m"))),
    ("start-events", "Two start events", straight(d.script("X", "a = 1"), *[
        d.start(s, d.message("m")) + d.flow(s, "X") for s in ("S1", "S2")], declared=d.declared("m"))),
    ("end-events", "No path ends", d.files("p", d.start(), d.script("X", "a = 1"), d.script("Y", "a = 1"), d.chain("Start", "X", "Y", "X"))),
    ("dead-ends", "would never run", straight(d.script("X", "a = 1"), d.script("Y", "a = 1"), d.flow("Y", "End"))),
    ("conditional-flows", "conditional flow", d.files("p", d.start(), d.script("X", "a = 1"), d.end(), d.flow("Start", "X", "a == 1"),
                                                      d.flow("X", "End"))),
    ("conditional-flows", "default flow", choice(d.flow("X", "E1"), d.flow("X", "E2"), default="X_E1", kind="parallel")),
    ("choices", "has no condition", choice(d.flow("X", "E1"), d.flow("X", "E2"))),
    ("choices", "does not leave", choice(d.flow("X", "E1", "a == 1"), d.flow("X", "E2", "b == 1"), default="gone")),
    ("event-gateways", "waits for no event", d.files("p", d.start(), d.gateway("eventBased", "X"), d.chain("Start", "X"))),
    ("choreographies", "choreography", d.files("p", d.start(), declared='<bpmn:choreography id="C" name="Order"/>')),
    ("choreographies", "globalConversation", {"process.bpmn": d.xml("p", declared='<bpmn:globalConversation id="C"/>').replace(b'isExecutable="true"', b'isExecutable="0"')}),
    ("event-gateways", "leads to the scriptTask", d.files(
        "p", d.start(), d.gateway("eventBased", "X"), d.script("C", "a = 1"), d.catch("D", d.timer("duration", "PT1H")),
        d.end(), d.chain("Start", "X", "C", "End"), d.chain("X", "D", "End"))),
    ("boundary-events", "no activity", straight(d.script("X", "a = 1"), d.boundary("B", "Gone", d.timer("duration", "PT1H")), d.flow("B", "End"))),
    ("boundary-events", "does not interrupt", straight(
        d.service("X"), d.boundary("B", "X", d.event("error", "e"), False), d.flow("B", "End"), declared=d.declared(errors=("e",)))),
    ("service-tasks", "bound to no handler", straight('<bpmn:serviceTask id="X"/>')),
    ("service-tasks", '"deploy_modell"', straight(d.service("X", "deploy_modell"))),
    ("service-tasks", "not given", straight(d.service("X", "deploy_model"))),
    ("service-tasks", 'no parameter "versio"', straight(d.service("X", "deploy_model", version="v", versio="v"))),
    ("service-tasks", "wants the type string", straight(d.service("X", "deploy_model", version="3"))),
    ("service-tasks", "wants one of", straight(d.service("X", "deploy_model", version="v", environment="'prod'"))),
    ("user-tasks", "no lane", straight(d.user("X"))),
    ("user-tasks", "is no role", straight(in_lane(d.user("X"), "risk_manger"))),
    ("user-tasks", 'kind of task "aproval"', straight(in_lane(d.user("X", kind="aproval")))),
    ("user-tasks", "names no form", straight(in_lane(d.user("X", form="")))),
    ("user-tasks", 'no evidence "report"', straight(in_lane(d.user("X", evidence="test_report, report")))),
    ("user-tasks", '"Trian"', straight(in_lane(d.user("X", shut_out="starter, Trian")))),
    ("user-tasks", "process", straight(in_lane(d.user("X", shut_out="validaton/Test")))),
    ("user-tasks", "due", straight(in_lane(d.user("X", due="2 days")))),
    ("forms", "no file", straight(in_lane(d.user("X", form="other.form.json")))),
    ("expressions", "no expression", choice(d.flow("X", "E1", "a ="), d.flow("X", "E2"), default="X_E2")),
    ("expressions", "another engine", choice(d.flow("X", "E1", "${a > 1}"), d.flow("X", "E2"), default="X_E2")),
    ("expressions", "__class__", straight(d.service("X", "deploy_model", version="a.__class__"))),
    ("scripts", "not of the form", straight(d.script("X", "import os"))),
    ("scripts", "no script", straight('<bpmn:scriptTask id="X"/>')),
    ("timers", "PT0.5S", straight(d.catch("X", d.timer("duration", "PT0.5S")))),
    ("timers", "soon!", straight(d.catch("X", d.timer("duration", "soon!")))),
    ("timers", "without end", straight(in_lane(d.user("X")), d.boundary("B", "X", d.timer("cycle", "R/PT30S"), False), d.flow("B", "End"))),
    ("timers", "another engine", straight(d.catch("X", d.timer("duration", "${pause}")))),
    ("timers", "five fields", straight(in_lane(d.user("X")), d.boundary("B", "X", d.timer("cycle", "0 0 6 * * 1"), False), d.flow("B", "End"))),
    ("variables", "no name", straight(d.service("X", "work", result="my result"))),
    ("variables", "no name", straight(d.service("X", "work", result="len"))),
    ("decisions", "bound to no decision", straight('<bpmn:businessRuleTask id="X"/>')),
    ("decisions", '"tiers"', straight(d.rule("X", "tiers"))),
    ("call-activities", '"validaton"', straight(d.call("X", "validaton"))),
    ("call-activities", "calls itself", straight(d.call("X", "p"))),
    ("call-activities", "names no process", straight(d.call("X", ""))),
    ("multi-instance", "no cap", straight(in_lane(d.user("X", body=THROUGH)))),
    ("multi-instance", "either a number", straight(in_lane(d.user("X", body=LOOP.format(""), max_instances="3")))),
    ("multi-instance", "neither a condition nor a maximum", straight(in_lane(d.user("X", body="<bpmn:standardLoopCharacteristics/>")))),
    ("multi-instance", 'maximum "0"', straight(in_lane(d.user("X", body='<bpmn:standardLoopCharacteristics loopMaximum="0"/>')))),
    ("multi-instance", 'behavior="One"', straight(in_lane(d.user("X", max_instances="3", body=THROUGH.replace(
        "Characteristics>", 'Characteristics behavior="One">', 1))))),
    ("multi-instance", "is not repeated", straight(d.catch("X", d.timer("duration", "PT1H") + THROUGH))),
    ("multi-instance", "cap", straight(in_lane(d.user("X", body=THROUGH, max_instances="many")))),
    ("foreign-bindings", "camunda:delegateExpression", straight('<bpmn:serviceTask id="X" camunda:delegateExpression="${a}"/>')),
    ("foreign-bindings", "camunda:inputOutput", straight(
        '<bpmn:scriptTask id="X"><bpmn:extensionElements><camunda:inputOutput/></bpmn:extensionElements><bpmn:script>a = 1</bpmn:script></bpmn:scriptTask>')),
]  # fmt: skip


def errors(files) -> list[Issue]:
    return [issue for issue in check(files, WORDS) if issue.severity == "error"]


def test_a_subscription_by_another_key_than_the_business_key_is_warned_of():
    files = straight(d.script("X", "a = 1"), '<bpmn:correlationSubscription id="CS" correlationKeyRef="CK"/>')
    (issue,) = [issue for issue in check(files, WORDS) if issue.rule == "unknown-elements"]
    assert (issue.severity, issue.element) == ("warning", "CS")


@pytest.mark.parametrize(("rule", "told", "files"), BROKEN, ids=[f"{rule}: {told}" for rule, told, _ in BROKEN])
def test_a_broken_diagram_is_refused_by_its_rule(rule, told, files):
    found = [issue for issue in errors(files) if issue.rule == rule]
    assert found, check(files, WORDS)
    assert any(told in f"{issue.reason} {issue.element}" for issue in found), found
    assert all(issue.hint and (issue.process or issue.element) for issue in found)


def test_every_rule_has_a_diagram_that_breaks_it():
    check(straight(d.script("X", "a = 1")), WORDS)
    only_warn = {"idle-tasks", "lanes", "parallel-writes"}
    assert {rule for rule, _, _ in BROKEN} == set(RULES) - only_warn


@pytest.mark.parametrize(
    ("task", "body", "told"),
    [(d.script("X", "a = 1"), d.timer("duration", "PT1H"), "is over as soon as it begins"),
     (d.script("X", "a = 1"), d.condition("a > 1"), "is over as soon as it begins"),
     (in_lane(d.user("X")), d.event("error", "e"), "raises no BPMN error"),
     (in_lane(d.user("X")), d.event("escalation", "u"), "raises no escalation"),
     (in_lane(d.user("X")), d.condition("true"), "always true or never")],
)  # fmt: skip
def test_an_event_that_never_happens_is_warned_of(task, body, told):
    files = straight(
        task, d.boundary("B", "X", body), d.flow("B", "End"), declared=d.declared(errors=("e",), escalations=("u",))
    )
    (issue,) = check(files, WORDS)
    assert (issue.severity, issue.element) == ("warning", "B")
    assert told in issue.reason


def test_a_repeating_timer_that_can_fire_only_once_is_warned_of():
    issues = check(straight(d.catch("X", d.timer("cycle", "R3/PT1H"))), WORDS)
    assert [(i.rule, i.severity) for i in issues] == [("timers", "warning")]
    assert "only once" in issues[0].reason


def test_ids_of_any_modeller_are_names():
    """Signavio writes sid-..., others begin with an underscore or a letter of their language."""
    content = d.xml(
        "Kredit-Prüfung.2".replace("ü", "ue"), d.start("Größe"), d.user("sid-2F-1"), d.user("_7"), d.end(),
        d.lanes(risk_manager=("sid-2F-1", "_7")), d.chain("Größe", "sid-2F-1", "_7", "End"),
    ).replace(b'id="sid-2F-1__7" ', b"")  # fmt: skip
    files = {"process.bpmn": content, "answer.form.json": b"{}"}
    assert check(files, WORDS) == []
    assert writes(files) == {"Größe": set(), "sid-2F-1": {"sid_2f_1"}, "_7": {"task_7"}, "End": set()}


def test_idle_tasks_and_broken_lanes_are_warned_of():
    files = straight('<bpmn:task id="X"/>', d.lanes(system=("Gone",)))
    assert sorted((issue.rule, issue.severity) for issue in check(files, WORDS)) == [
        ("idle-tasks", "warning"),
        ("lanes", "warning"),
    ]


def test_branches_that_write_one_variable_are_warned_of():
    def forked(*names):
        branches = [
            d.script(f"B{n}", f"{name} = {name} + 1") + d.chain("X", f"B{n}", "J") for n, name in enumerate(names)
        ]
        return d.files(
            "p", d.start(), d.gateway("parallel", "X"), *branches, d.gateway("parallel", "J"), d.end(),
            d.chain("Start", "X"), d.chain("J", "End"),
        )  # fmt: skip

    assert check(forked("a", "b"), WORDS) == []
    (issue,) = check(forked("a", "a"), WORDS)
    assert (issue.rule, issue.severity, issue.element) == ("parallel-writes", "warning", "X")
    assert '"a"' in issue.reason


def test_an_unknown_word_is_answered_with_the_nearest_known():
    (issue,) = errors(straight(d.service("X", "deploy_modell", version="v")))
    assert issue.hint == 'Did you mean "deploy_model"?'
    assert (issue.process, issue.element, issue.name) == ("p", "X", "X")
    assert issue.line == 1


def test_another_engines_condition_comes_with_its_translation():
    (issue,) = errors(choice(d.flow("X", "E1", "${approved && amount > 3}"), d.flow("X", "E2"), default="X_E2"))
    assert issue.hint == "Write it as: approved and amount > 3"


def test_unknown_call_targets_are_only_warned_of_where_no_process_is_known():
    words = Vocabulary(roles=WORDS.roles)
    assert [issue.severity for issue in check(straight(d.call("X", "anything")), words)] == ["warning"]


GOOD = [
    straight(d.script("X", "a = 1")),
    straight(d.service("X", "deploy_model", "deployment", version="model.version", environment="'test'")),
    straight(in_lane(d.user("X", shut_out="starter, validation/Test", due="P3D", evidence="test_report", kind="approval"))),
    straight(in_lane(d.user("X", body=THROUGH, max_instances="10"))),
    straight(in_lane(d.user("X", body='<bpmn:standardLoopCharacteristics loopMaximum="3"/>'))),
    straight(in_lane(d.user("X", body="<bpmn:standardLoopCharacteristics><bpmn:loopCondition>x.more == true</bpmn:loopCondition>"
                            "</bpmn:standardLoopCharacteristics>"))),
    straight(d.call("X", "validation")),
    straight(in_lane(d.user("X")), d.boundary("B", "X", d.timer("cycle", "0 6 * * 1"), False), d.flow("B", "End")),
    straight(d.catch("X", d.timer("date", "2027-01-31T09:00"))),
    straight(d.catch("X", d.timer("duration", "pause if urgent else 'P1D'"))),
    choice(d.flow("X", "E1", "a == 1"), d.flow("X", "E2"), default="X_E2"),
    straight(d.catch("X", d.timer("cycle", "0 6 * * 1"))),
    d.files("p", d.start("Start", d.timer("cycle", "R3/PT1H")), d.start("S", d.event("signal", "s")), d.end(), d.chain("Start", "End"),
            d.flow("S", "End"), declared=d.declared(signals=("s",))),
    straight(d.catch("X", d.condition("score > 0.5"))),
    handled(*ON_MESSAGE),
    handled(d.start("ES", d.timer("cycle", "R/P1D"), False), d.end("EE"), d.chain("ES", "EE")),
    d.files("p", d.start(), d.throw("X", d.link("a")), d.catch("C", d.link("a")), d.end(), d.chain("Start", "X"), d.chain("C", "End")),
    straight(d.script("X", "a = 1"), '<bpmn:textAnnotation id="T"/><bpmn:dataObjectReference id="D" dataObjectRef="O"/>'
             '<bpmn:dataObject id="O"/><bpmn:group id="G"/><bpmn:dataStoreReference id="DS"/>'),
]  # fmt: skip


@pytest.mark.parametrize("files", GOOD)
def test_a_good_diagram_is_accepted(files):
    assert check(files, WORDS) == []


@given(st.dictionaries(st.sampled_from(["process.bpmn", "a.dmn", "b.bpmn", "x.form.json"]), st.binary(max_size=200)))
@settings(max_examples=150, deadline=None)
def test_no_bytes_raise(files):
    assert all(issue.reason and issue.hint for issue in check(files, WORDS))


_SEED = d.files("p", d.start(), d.gateway("exclusive", "G", default="G_B"), d.service("A", "work"), in_lane(d.user("B"), id="B"),
                d.end(), d.chain("Start", "G"), d.flow("G", "A", "a == 1"), d.flow("G", "B"), d.chain("A", "End"),
                d.chain("B", "End"))["process.bpmn"]  # fmt: skip


def test_a_subprocess_that_seems_to_lie_in_itself_is_refused_by_its_id():
    """Scopes are followed by their ids; two rules did so without an end."""
    for inner in ("S", "X", ""):
        nested = d.sub("X", d.sub(inner, d.sub("X", d.script("A", "a = 1"))))
        files = straight(nested)
        found = [issue for issue in check(files, WORDS) if issue.severity == "error"]
        assert {issue.rule for issue in found} == {"identifiers"}, found


@given(st.lists(st.tuples(st.integers(0, len(_SEED) - 1), st.integers(0, 40), st.binary(max_size=12)), max_size=4))
@settings(max_examples=300, deadline=None)
def test_no_damage_to_a_good_file_raises(damages):
    content = _SEED
    for at, length, new in damages:
        content = content[:at] + new + content[at + length :]
    for issue in check({"process.bpmn": content}, WORDS):
        assert issue.reason
        assert issue.hint


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_no_shuffled_diagram_raises(data):
    """Well-formed nonsense: elements of every kind with flows between any of them."""
    tags = ["startEvent", "endEvent", "userTask", "serviceTask", "scriptTask", "callActivity", "subProcess", "boundaryEvent",
            "exclusiveGateway", "parallelGateway", "inclusiveGateway", "eventBasedGateway", "intermediateCatchEvent",
            "intermediateThrowEvent", "receiveTask", "adHocSubProcess", "transaction", "complexGateway", "nonsense"]  # fmt: skip
    ids = st.sampled_from(["a", "b", "c", "d", "e", ""])
    inside = st.sampled_from(["", d.timer("duration", "PT1H"), d.timer("cycle", "x"), d.message("m"), d.event("error"),
                              d.event("link"), THROUGH, d.event("escalation", "x")])  # fmt: skip
    parts = data.draw(
        st.lists(st.tuples(st.sampled_from(tags), ids, ids, inside), max_size=8).map(
            lambda nodes: [
                f"<bpmn:{tag} id='{i}' attachedToRef='{o}' default='{o}' calledElement='{o}'>{body}</bpmn:{tag}>"
                for tag, i, o, body in nodes
            ]
        )
    )
    flows = data.draw(st.lists(st.tuples(ids, ids, st.sampled_from(["", "a == 1", "${x}", "("])), max_size=8))
    content = d.xml("p", *parts, *[d.flow(one, other, c) for one, other, c in flows], declared=d.declared("m"))
    for issue in check({"process.bpmn": content}, WORDS):
        assert "The check itself failed" not in issue.reason, issue
