"""Random processes of every element that is accepted, block-structured and not, from a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from tests.bpmn import drawing as d

DECISIONS = b"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="D" name="D" namespace="x">
<decision id="pick" name="Pick"><decisionTable id="T" hitPolicy="FIRST"><input id="I">
<inputExpression id="E"><text>x0 % 3</text></inputExpression></input><output id="O" name="x1"/>
<rule id="R1"><inputEntry id="a"><text>0</text></inputEntry><outputEntry id="b"><text>x1 + 1</text></outputEntry></rule>
<rule id="R2"><inputEntry id="c"><text>[1..2)</text></inputEntry><outputEntry id="e"><text>7</text></outputEntry></rule>
<rule id="R3"><inputEntry id="f"><text>-</text></inputEntry><outputEntry id="g"><text>x0</text></outputEntry></rule>
</decisionTable></decision></definitions>"""

MESSAGES, SIGNALS = ("m1", "m2"), ("s1", "s2")
ERRORS, ESCALATIONS = ("e1", "e2"), ("up1", "up2")
DECLARED = d.declared(*MESSAGES, signals=SIGNALS, errors=ERRORS, escalations=ESCALATIONS)


@dataclass(frozen=True)
class End:
    """A way on that leads nowhere yet: it leaves this element, under this condition."""

    source: str  #: empty where the scope begins with whatever comes next
    condition: str = ""
    default: bool = False
    alone: bool = False  #: no other way leaves the element, so that its path may end there


@dataclass
class Canvas:
    """One scope as it is being drawn."""

    path: tuple[str, ...]
    depth: int
    parts: list[str] = field(default_factory=list)
    gateways: list[str] = field(default_factory=list)  #: that may take a further flow
    codes: tuple[str, ...] = ()  #: of errors that someone around it catches
    undone: list[str] = field(default_factory=list)  #: activities that a handler undoes
    cancels: bool = False  #: a transaction that can be cancelled


@dataclass
class Maker:
    """Draws one definition; what it calls is drawn beside it."""

    chance: random.Random
    size: int
    shared: bool = True  #: branches write each other's variables
    called: dict[str, dict[str, bytes]] = field(default_factory=dict)
    deep: bool = False  #: scopes in scopes wherever there may be some
    variables: dict[str, Any] = field(default_factory=dict)
    count: int = 0
    undoing: float = 0.0  #: how often an activity is compensable

    def name(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def variable(self, canvas: Canvas, name: str) -> str:
        """A variable to write: of a small pool, or the element's own."""
        if self.shared and self.chance.random() < 0.5:
            return f"x{self.chance.randrange(4)}"
        self.variables[f"v_{name}"] = 0
        return f"v_{name}"

    def condition(self) -> str:
        return self.chance.choice(
            [f"x{self.chance.randrange(4)} % {self.chance.choice([2, 3])} == {self.chance.randrange(2)}",
             f"a{self.chance.randrange(2)}.v % 2 == {self.chance.randrange(2)}", "true", "false"]
        )  # fmt: skip

    def connect(self, canvas: Canvas, end: End, target: str) -> str:
        name = f"{end.source}_default" if end.default else self.name("f")
        if not end.source:
            return target
        canvas.parts.append(d.flow(end.source, target, end.condition, name))
        return target

    def scope(self, canvas: Canvas, size: int) -> None:
        """Everything between the start and the end events of a scope, and its event subprocesses."""
        outside = canvas.codes
        handlers = self.handlers() if canvas.depth > 0 and self.chance.random() < 0.35 else []
        for kind, code in handlers:
            if kind == "error":
                canvas.codes = (*canvas.codes, *([code] if code else ERRORS))
        self.flow(canvas, self.begin(canvas), size)
        for kind, code in handlers:
            self.handler(canvas, outside, kind, code, self.chance.randint(0, max(1, size // 2)))

    def flow(self, canvas: Canvas, begins: list[End], size: int) -> None:
        if self.deep and canvas.depth > 0 and self.chance.random() < 0.8:
            begins[0], size = self.nested(canvas, begins[0], size // 2), size - size // 2
        draw = self.mesh if self.chance.random() < 0.6 or len(begins) > 1 else self.row
        for end in draw(canvas, begins, size):
            self.close(canvas, end)

    def nested(self, canvas: Canvas, end: End, size: int) -> End:
        kind = self.chance.choice(["scope", "scope", "call"])
        name = self.name(kind.capitalize())
        self.element(canvas, name, kind, "", size, canvas.codes)
        self.connect(canvas, end, name)
        return End(name, alone=True)

    def handlers(self) -> list[tuple[str, str]]:
        """What begins event subprocesses of one scope: kinds with their codes, messages or signals."""
        every = [
            ("timer", ""),
            ("timer", ""),
            ("condition", ""),
            ("condition", ""),
            *(("message", name) for name in MESSAGES),
        ]
        every += [*(("signal", name) for name in SIGNALS), *(("error", code) for code in (*ERRORS, ""))]
        every += [("escalation", code) for code in (*ESCALATIONS, "")]
        return self.chance.sample(every, self.chance.choice([1, 1, 2, 3]))

    def handler(self, canvas: Canvas, codes: tuple[str, ...], kind: str, code: str, size: int) -> None:
        """An event subprocess of the scope; an error inside it goes further out, or to another one."""
        name, start = self.name("Handler"), self.name("Begin")
        interrupting = kind == "error" or self.chance.random() < 0.4
        if kind == "signal":
            body = d.event("signal", code)
        elif kind in {"error", "escalation"}:
            body = d.event(kind, code)
        else:
            body = self.definition(kind, code, not interrupting)
        inner = Canvas((*canvas.path, name), canvas.depth - 1, codes=codes)
        begins = d.start(start, body, interrupting)
        if self.chance.random() < 0.15 and kind != "condition":
            # Of messages and errors one event subprocess of a scope takes each: a timer or a condition it is.
            other = self.chance.choice([each for each in ("timer", "condition") if each != kind])
            begins = d.start(start, body + self.definition(other, "", not interrupting), interrupting)
            begins = self.together(begins, interrupting and kind in {"timer", "message", "signal"})
        inner.parts.append(begins)
        self.flow(inner, [End(start)], size)
        canvas.parts.append(d.handler(name, *inner.parts))

    def begin(self, canvas: Canvas) -> list[End]:
        """A start event, or the elements that nothing leads to, one or two."""
        if self.chance.random() < 0.15:
            tips = [self.activity(canvas, End(""), 0)[0] for _ in range(self.chance.choice([1, 2]))]
            return [*tips, End("")] if self.chance.random() < 0.1 else tips
        start = self.name("Start")
        canvas.parts.append(d.start(start))
        if not canvas.path and self.chance.random() < 0.2:
            return [self.join(canvas, [End(start), *self.told(canvas)], "exclusive")]
        return [End(start), End(start)] if self.chance.random() < 0.1 else [End(start)]

    def told(self, canvas: Canvas) -> list[End]:
        """Start events of the process for messages, signals and timers, one or two."""
        kinds = [d.message("m1"), d.message("m2", "got"), d.event("signal", "s1"), d.timer("cycle", "R/PT1H")]
        starts = {self.name("Told"): kind for kind in self.chance.sample(kinds, self.chance.choice([1, 2]))}
        if self.chance.random() < 0.3:
            starts = {self.name("Told"): "".join(starts.values())}
        canvas.parts += [d.start(name, by) for name, by in starts.items()]
        return [End(name) for name in starts]

    def close(self, canvas: Canvas, end: End) -> None:
        if not end.source or (end.alone and self.chance.random() < 0.2):
            return
        name, body = self.name("End"), ""
        drawn = self.chance.random()
        if canvas.cancels and self.chance.random() < 0.4:
            body = d.event("cancel")
        elif canvas.undone and self.chance.random() < 0.3:
            body = d.compensate(self.chance.choice(["", "", *canvas.undone]), waits=self.count % 4 > 0)
        elif canvas.codes and drawn < 0.3:
            body = d.event("error", self.chance.choice(canvas.codes))
        elif drawn < 0.01 and canvas.path:
            body = d.event("error", self.chance.choice(ERRORS))
        elif drawn < 0.08:
            body = d.event("terminate")
        elif drawn < 0.2:
            body = d.event("escalation", self.chance.choice(ESCALATIONS))
        elif drawn < 0.26:
            body = d.event("signal", self.chance.choice(SIGNALS))
        elif drawn < 0.3:
            body = d.message(self.chance.choice(MESSAGES), payload="{'v': x0}")
        canvas.parts.append(d.end(name, self.with_another(body)))
        self.connect(canvas, end, name)

    def with_another(self, body: str) -> str:
        """Now and then something else that the event throws."""
        if not body or "waitForCompletion" in body or self.chance.random() < 0.7:
            return body
        others = {
            "signal": d.event("signal", self.chance.choice(SIGNALS)),
            "message": d.message(self.chance.choice(MESSAGES), payload="{'v': x2}"),
            "escalation": d.event("escalation", self.chance.choice(ESCALATIONS)),
        }
        other = self.chance.choice([text for kind, text in others.items() if f":{kind}Event" not in body])
        return body + other if self.chance.random() < 0.5 else other + body

    def together(self, part: str, may_be: bool) -> str:
        """An event of several definitions, now and then one that occurs when all of them have."""
        if not may_be or self.chance.random() < 0.5:
            return part
        return part.replace(" id=", ' parallelMultiple="true" id=', 1)

    def row(self, canvas: Canvas, ends: list[End], size: int) -> list[End]:
        """Block after block: what parts is joined by a gateway of the same kind."""
        (end,) = ends
        while size > 0:
            kind = self.chance.choice(
                [
                    "task",
                    "task",
                    "task",
                    "task",
                    "fork",
                    "loop",
                    "wheel",
                    "race",
                    "boundary",
                    "boundary",
                    "link",
                    "parting",
                ]
            )
            if kind == "fork" and size > 2:
                gateway = self.chance.choice(["exclusive", "parallel", "inclusive"])
                branches = self.split(canvas, end, gateway, self.chance.choice([2, 2, 3]))
                part = max(1, size // (len(branches) + 1))
                tips = [tip for branch in branches for tip in self.row(canvas, [branch], self.chance.randint(0, part))]
                end = self.join(canvas, tips, gateway)
                size -= part * len(branches)
            elif kind == "loop" and size > 1:
                merge = self.name("Again")
                canvas.parts.append(d.gateway("exclusive", merge))
                self.connect(canvas, end, merge)
                part = self.chance.randint(1, size)
                (tip,) = self.row(canvas, [End(merge)], part - 1)
                end = self.back(canvas, tip, merge)
                size -= part
            elif kind == "wheel" and size > 1:
                end = self.wheel(canvas, end, size // 2)
                size -= size // 2 + 1
            elif kind == "race" and size > 1:
                tips = [tip for e in self.race(canvas, end) for tip in self.row(canvas, [e], self.chance.randint(0, 1))]
                end = self.join(canvas, tips, "exclusive")
                size -= 2
            elif kind == "link":
                end = self.links(canvas, [end])
            elif kind == "parting":
                tips = [
                    tip for e in self.parting(canvas, end) for tip in self.row(canvas, [e], self.chance.randint(0, 1))
                ]
                end = self.join(canvas, tips, self.chance.choice(["inclusive", "inclusive", "parallel", "exclusive"]))
                size -= 1
            elif kind == "boundary":
                end, beside = self.activity(canvas, end, size, boundary=True)
                for other in beside:
                    (tip,) = self.row(canvas, [other], self.chance.randint(0, 1))
                    if self.chance.random() < 0.5:
                        self.close(canvas, tip)
                    else:
                        end = self.join(canvas, [end, tip], "exclusive")
                size -= 2
            else:
                end, _ = self.activity(canvas, end, size)
            size -= 1
        return [end]

    def mesh(self, canvas: Canvas, ends: list[End], size: int) -> list[End]:
        """Gateways that part and join ways as they come, backwards too."""
        ends = list(ends)
        if self.chance.random() < 0.6:
            ends += self.split(canvas, ends.pop(), self.chance.choice(["parallel", "parallel", "inclusive"]), 2)
        for _ in range(size):
            self.chance.shuffle(ends)
            end = ends.pop()
            kind = self.chance.choice(
                [
                    "task",
                    "task",
                    "split",
                    "split",
                    "join",
                    "join",
                    "back",
                    "wheel",
                    "race",
                    "boundary",
                    "boundary",
                    "link",
                    "parting",
                    "end",
                ]
            )
            if kind == "split":
                ends += self.split(
                    canvas, end, self.chance.choice(["exclusive", "parallel", "inclusive", "parallel"]), 2
                )
            elif kind == "join" and ends:
                taken = [end, *(ends.pop() for _ in range(min(len(ends), self.chance.choice([1, 1, 2]))))]
                gateway = self.chance.choice(["exclusive", "parallel", "inclusive", "inclusive"])
                ends.append(self.join(canvas, taken, gateway))
            elif kind == "back" and canvas.gateways:
                ends.append(self.back(canvas, end, self.chance.choice(canvas.gateways)))
            elif kind == "wheel":
                ends.append(self.wheel(canvas, end, self.chance.randint(0, 2)))
            elif kind == "race":
                ends += self.race(canvas, end)
            elif kind == "link":
                ends.append(self.links(canvas, [end, *(ends.pop() for _ in range(min(len(ends), 1)))]))
            elif kind == "parting":
                ends += self.parting(canvas, end)
            elif kind == "boundary":
                after, beside = self.activity(canvas, end, size, boundary=True)
                ends += [after, *beside]
            elif kind == "end" and ends:
                self.close(canvas, end)
            else:
                ends.append(self.activity(canvas, end, size)[0])
        return ends

    def wheel(self, canvas: Canvas, end: End, size: int) -> End:
        """A fork and its join, or one of another kind, inside a loop of the same scope."""
        merge = self.name("Again")
        canvas.parts.append(d.gateway("exclusive", merge))
        self.connect(canvas, end, merge)
        kind = self.chance.choice(["parallel", "parallel", "inclusive"])
        tips = []
        for branch in self.split(canvas, End(merge), kind, self.chance.choice([2, 2, 3])):
            tips += self.row(canvas, [branch], self.chance.randint(0, size))
        joined = self.join(canvas, tips, self.chance.choice([kind, kind, "inclusive"]))
        return self.back(canvas, joined, self.chance.choice([merge, merge, self.chance.choice(canvas.gateways)]))

    def split(self, canvas: Canvas, end: End, kind: str, ways: int) -> list[End]:
        name = self.name("Split")
        # The only flow without a condition is the default, whether it is marked as such or not.
        default = f"{name}_default" if kind != "parallel" and self.chance.random() < 0.7 else ""
        canvas.parts.append(d.gateway(kind, name, default))
        self.connect(canvas, end, name)
        if kind == "parallel":
            canvas.gateways.append(name)
            return [End(name) for _ in range(ways)]
        return [*(End(name, self.condition()) for _ in range(ways - 1)), End(name, default=True)]

    def join(self, canvas: Canvas, ends: list[End], kind: str) -> End:
        name = self.name("Join")
        canvas.parts.append(d.gateway(kind, name))
        for end in ends:
            self.connect(canvas, end, name)
        canvas.gateways.append(name)
        return End(name, alone=True)

    def links(self, canvas: Canvas, ends: list[End]) -> End:
        """Ways that go on at one place without a line to it."""
        name = self.name("Link")
        canvas.parts.append(d.catch(name, d.link(name)))
        for end in ends:
            throw = self.name("To")
            canvas.parts.append(d.throw(throw, d.link(name)))
            self.connect(canvas, end, throw)
        return End(name, alone=True)

    def back(self, canvas: Canvas, end: End, target: str) -> End:
        """A way back, taken a few times."""
        count, check = self.name("Count"), self.name("Check")
        counter = f"c_{check}"
        self.variables[counter] = 0
        canvas.parts.append(d.script(count, f"{counter} = {counter} + 1"))
        canvas.parts.append(d.gateway("exclusive", check, f"{check}_default"))
        self.connect(canvas, end, count)
        canvas.parts.append(d.flow(count, check, id=self.name("f")))
        canvas.parts.append(d.flow(check, target, f"{counter} % {self.chance.choice([2, 3])} != 0", self.name("f")))
        return End(check, default=True)

    def parting(self, canvas: Canvas, end: End) -> list[End]:
        """Several flows out of an activity or event, with and without conditions: a fork without a gateway."""
        (tip, beside), at = self.activity(canvas, end, 1, self.chance.random() < 0.3), len(canvas.parts) - 1
        name = tip.source
        while f'id="{name}"' not in canvas.parts[at]:
            at -= 1
        tag = canvas.parts[at].split(" ", 1)[0]
        if "Event" in tag or self.chance.random() < 0.4:
            return [*(End(name) for _ in range(self.chance.choice([2, 2, 3]))), *beside]
        found = [End(name, self.condition()) for _ in range(self.chance.choice([1, 2, 2]))]
        if self.chance.random() < 0.7:
            canvas.parts[at] = canvas.parts[at].replace(f'id="{name}"', f'id="{name}" default="{name}_default"', 1)
            found.append(End(name, default=True))
        if self.chance.random() < 0.3:
            found.append(End(name))
        return [*found, *beside]

    def race(self, canvas: Canvas, end: End) -> list[End]:
        name = self.name("Race")
        canvas.parts.append(d.gateway("eventBased", name))
        self.connect(canvas, end, name)
        found = []
        kinds = self.chance.sample(
            ["timer", "message", "signal", "receive", "condition"], self.chance.choice([2, 2, 3])
        )
        for kind in kinds:
            catch = self.name("Catch")
            canvas.parts.append(self.catching(catch, kind, raced=True))
            canvas.parts.append(d.flow(name, catch, id=self.name("f")))
            found.append(End(catch, alone=True))
        return found

    def catching(self, name: str, kind: str, raced: bool = False) -> str:
        if kind == "receive":
            return f'<bpmn:receiveTask id="{name}" messageRef="m2"/>'
        if self.chance.random() < 0.3:
            kinds = [each for each in ("timer", "message", "signal", "condition") if each != kind]
            others = [kind, *self.chance.sample(kinds, self.chance.choice([1, 1, 2]))]
            event = d.catch(name, "".join(self.definition(each, "m1") for each in others))
            return self.together(event, not raced)
        return d.catch(name, self.definition(kind, "m1"))

    def awaited(self) -> str:
        """A condition that may become true, and false again."""
        return self.chance.choice(
            [f"x{self.chance.randrange(4)} > {self.chance.randrange(1, 9)}",
             f"x{self.chance.randrange(4)} % 2 == {self.chance.randrange(2)}",
             f"a{self.chance.randrange(2)}.v > {self.chance.randrange(9)}", "late == 1"]
        )  # fmt: skip

    def definition(self, kind: str, message: str, repeats: bool = False) -> str:
        if kind == "condition":
            return d.condition(self.awaited())
        if kind == "timer":
            if repeats and self.chance.random() < 0.5:
                return d.timer("cycle", self.chance.choice(["R2/PT1H", "R3/PT1H", "every"]))
            return d.timer("duration", self.chance.choice(["PT1H", "PT1H", "pause", "'PT' + str(x2 + 1) + 'H'"]))
        if kind == "message":
            return d.message(message, self.chance.choice(["", "got"]))
        return d.event("signal", self.chance.choice(SIGNALS))

    def activity(self, canvas: Canvas, end: End, size: int, boundary: bool = False) -> tuple[End, list[End]]:
        """One activity or event, with events on its boundary if they are wanted."""
        kinds = ["user", "user", "service", "scope", "scope", "call", "script", "task"] if boundary else [
            "user", "service", "quick", "script", "script", "rule", "task", "send", "receive", "throw", "throw",
            "catch", "scope", "call",
        ]  # fmt: skip
        kind = self.chance.choice(kinds)
        if kind in {"scope", "call"} and (canvas.depth <= 0 or size < 1):
            kind = self.chance.choice(["user", "service"])
        name = self.name(kind.capitalize())
        loop = ""
        if kind not in {"rule", "throw", "catch"} and self.chance.random() < 0.12:
            loop = self.repetition()
        caught = [self.caught(kind) for _ in range(self.chance.choice([1, 1, 2]))] if boundary else []
        codes = {
            code for what, reference in caught if what == "error" for code in ([reference] if reference else ERRORS)
        }
        cancels = kind == "scope" and self.chance.random() < 0.35
        self.element(canvas, name, kind, loop, size, (*canvas.codes, *sorted(codes)), cancels)
        self.connect(canvas, end, name)
        if kind not in {"throw", "catch"} and self.chance.random() < self.undoing:
            self.undo(canvas, name, size)
        beside = [self.beside(canvas, name, *each) for each in caught]
        if cancels:
            event = self.name("On")
            canvas.parts.append(d.boundary(event, name, d.event("cancel")))
            if boundary:
                beside.append(End(event))
            else:
                self.close(canvas, End(event))
        return End(name, alone=True), beside

    def undo(self, canvas: Canvas, activity: str, size: int) -> None:
        """A handler that undoes an activity."""
        kind = self.chance.choice(["user", "service", "quick", "script", "script", "task", "scope", "call"])
        if kind in {"scope", "call"} and (canvas.depth <= 0 or size < 2):
            kind = "script"
        name = self.name("Undo")
        loop = self.repetition() if self.chance.random() < 0.08 else ""
        parts, canvas.parts = canvas.parts, []
        self.element(canvas, name, kind, loop, 2, canvas.codes)
        (part,), canvas.parts = canvas.parts, parts
        canvas.parts += [d.for_compensation(part), d.undoing(activity, name)]
        canvas.undone.append(activity)

    def thrown(self, canvas: Canvas) -> str:
        return self.with_another(self.thrown_alone(canvas))

    def thrown_alone(self, canvas: Canvas) -> str:
        if canvas.undone and self.chance.random() < 0.7:
            return d.compensate(self.chance.choice(["", "", *canvas.undone]), waits=self.count % 3 > 0)
        return self.chance.choice(
            ["", d.event("signal", self.chance.choice(SIGNALS)), d.message("m1", payload="{'v': x1}"),
             d.event("escalation", self.chance.choice(ESCALATIONS))]
        )  # fmt: skip

    def element(
        self, canvas: Canvas, name: str, kind: str, loop: str, size: int, codes: tuple[str, ...], cancels: bool = False
    ) -> None:
        if kind == "user":
            given = {"result": f"a{self.chance.randrange(2)}" if self.shared else f"v_{name}"}
            part = d.user(name, body=loop, **given, max_instances="4")
        elif kind in {"service", "quick"}:
            part = d.service(name, kind, self.variable(canvas, name), loop, n=f"x{self.chance.randrange(4)}")
            part = with_cap(part, loop)
        elif kind == "script":
            part = d.script(
                name, f"{self.variable(canvas, name)} = x{self.chance.randrange(4)} + {self.chance.randrange(5)}"
            )
            part = with_cap(part.replace("</bpmn:scriptTask>", f"{loop}</bpmn:scriptTask>"), loop)
        elif kind == "rule":
            part = d.rule(name, "pick")
        elif kind == "task":
            part = with_cap(f'<bpmn:task id="{name}">{loop}</bpmn:task>', loop)
        elif kind == "send":
            part = with_cap(f'<bpmn:sendTask id="{name}" messageRef="m1">{loop}</bpmn:sendTask>', loop)
        elif kind == "receive":
            part = with_cap(f'<bpmn:receiveTask id="{name}" messageRef="m2">{loop}</bpmn:receiveTask>', loop)
        elif kind == "throw":
            part = d.throw(name, self.thrown(canvas))
        elif kind == "catch":
            part = self.catching(name, self.chance.choice(["timer", "message", "signal", "receive", "condition"]))
        elif kind == "scope":
            inner = Canvas((*canvas.path, name), canvas.depth - 1, codes=codes, cancels=cancels)
            self.scope(inner, self.chance.randint(1, max(1, size)))
            part = with_cap((d.transaction if cancels else d.sub)(name, *inner.parts, loop), loop)
        else:
            process = self.name("p")
            inner = Canvas((*canvas.path, name), canvas.depth - 1, codes=codes)
            self.scope(inner, self.chance.randint(1, max(1, size)))
            self.called[process] = d.files(process, *inner.parts, declared=DECLARED, pick__dmn=DECISIONS)
            part = with_cap(d.call(name, process, loop), loop)
        canvas.parts.append(part)

    def caught(self, kind: str) -> tuple[str, str]:
        """What an event on the boundary catches: its kind and, where it has one, its code."""
        kinds = ["timer", "message", "signal", "condition"]
        if kind in {"service", "scope", "call"}:
            kinds += ["error", "error"]
        if kind in {"scope", "call"}:
            kinds += ["escalation", "escalation"]
        caught = self.chance.choice(kinds)
        codes = {"error": ERRORS, "escalation": ESCALATIONS}.get(caught, ("",))
        return caught, self.chance.choice([*codes, ""])

    def beside(self, canvas: Canvas, name: str, caught: str, reference: str) -> End:
        event = self.name("On")
        interrupting = caught == "error" or self.chance.random() < 0.5
        coded = caught in {"error", "escalation"}
        body = d.event(caught, reference) if coded else self.definition(caught, "m2", not interrupting)
        other = self.chance.choice([each for each in ("timer", "message", "signal", "condition") if each != caught])
        if self.chance.random() < 0.3:
            body += self.definition(other, "m2", not interrupting)
            again = {caught, other} <= {"message", "signal"}
            part = d.boundary(event, name, body, interrupting)
            canvas.parts.append(self.together(part, not coded and (interrupting or again)))
        else:
            canvas.parts.append(d.boundary(event, name, body, interrupting))
        return End(event, alone=True)

    def repetition(self) -> str:
        if self.chance.random() < 0.3:
            return self.passes()
        sequential = self.chance.choice(["true", "false"])
        if self.chance.random() < 0.5:
            inside = f"<bpmn:loopCardinality>{self.chance.randint(0, 3)}</bpmn:loopCardinality>"
        else:
            inside = '<bpmn:loopDataInputRef>items</bpmn:loopDataInputRef><bpmn:inputDataItem name="x3"/>'
        if self.chance.random() < 0.3:
            inside = inside.replace(
                "<bpmn:inputDataItem", "<bpmn:loopDataOutputRef>results</bpmn:loopDataOutputRef><bpmn:inputDataItem"
            ) + ('<bpmn:outputDataItem name="x0"/>' if "inputDataItem" in inside else "")
        if self.chance.random() < 0.3:
            enough = self.chance.choice(
                ["nrOfCompletedInstances &gt;= 2", "numberOfActiveInstances &lt; 2", "loopCounter == 2"]
            )
            inside += f"<bpmn:completionCondition>{enough}</bpmn:completionCondition>"
        return (
            f'<bpmn:multiInstanceLoopCharacteristics isSequential="{sequential}">{inside}'
            "</bpmn:multiInstanceLoopCharacteristics>"
        )

    def passes(self) -> str:
        """A standard loop that ends."""
        maximum = f' loopMaximum="{self.chance.randint(1, 3)}"'
        condition = self.chance.choice([f"{self.condition()}", "loopCounter < 2", ""])
        if condition == "loopCounter < 2" and self.chance.random() < 0.5:
            maximum = ""
        inside = f"<bpmn:loopCondition>{d.escape(condition)}</bpmn:loopCondition>" if condition else ""
        before = self.chance.choice(["true", "false"])
        return (
            f'<bpmn:standardLoopCharacteristics testBefore="{before}"{maximum}>{inside}'
            "</bpmn:standardLoopCharacteristics>"
        )


def with_cap(part: str, loop: str) -> str:
    """The element with a cap on its copies."""
    if not loop or part.startswith("<bpmn:userTask"):
        return part
    cap = (
        '<spiffworkflow:properties><spiffworkflow:property name="max_instances" value="4"/></spiffworkflow:properties>'
    )
    at = part.index(">") + 1
    tag = part[:at]
    if part[at:].startswith("<bpmn:extensionElements>") and "serviceTask" in tag:
        return part.replace("<bpmn:extensionElements>", f"<bpmn:extensionElements>{cap}", 1)
    return f"{tag}<bpmn:extensionElements>{cap}</bpmn:extensionElements>{part[at:]}"


def made(seed: int) -> tuple[dict[str, bytes], dict[str, dict[str, bytes]], dict[str, Any]]:
    """(files, called, variables) of the process of a seed."""
    chance = random.Random(seed)
    maker = Maker(chance, size=chance.choice([3, 5, 7, 9, 12, 15]), shared=chance.random() < 0.6)
    maker.deep = chance.random() < 0.3
    maker.undoing = chance.choice([0.0, 0.1, 0.5])
    canvas = Canvas((), depth=4 if maker.deep else chance.choice([1, 2, 3, 4]))
    maker.scope(canvas, maker.size)
    files = d.files("p", *canvas.parts, declared=DECLARED, pick__dmn=DECISIONS)
    variables = {f"x{n}": n for n in range(4)} | {"a0": {"v": 0}, "a1": {"v": 1}, "items": [5, 6]}
    variables |= {"pause": "PT1H", "every": "R2/PT1H"} | maker.variables
    return files, maker.called, variables
