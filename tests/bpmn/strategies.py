"""Random block-structured processes, for the property tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from hypothesis import strategies as st

from tests.bpmn import drawing as d


@dataclass
class Drawing:
    """A process as it is drawn, block by block."""

    parts: list[str] = field(default_factory=list)
    numbers: Any = field(default_factory=count)

    def name(self, kind: str) -> str:
        return f"{kind}{next(self.numbers)}"


#: a block: ("user",), ("script",), ("service",), ("choice", a, b), ("fork", kind, a, b), ("loop", body), ("sub", body),
#: ("row", a, b), ("timed", body), ("linked", body), ("handled", interrupting, body, handler), ("watched", body)
blocks = st.recursive(
    st.sampled_from([("user",), ("script",), ("service",)]),
    lambda inner: (
        st.tuples(st.just("row"), inner, inner)
        | st.tuples(st.just("choice"), inner, inner)
        | st.tuples(st.just("fork"), st.sampled_from(["parallel", "inclusive"]), inner, inner)
        | st.tuples(st.just("loop"), inner)
        | st.tuples(st.just("sub"), inner)
        | st.tuples(st.just("timed"), inner)
        | st.tuples(st.just("linked"), inner)
        | st.tuples(st.just("handled"), st.booleans(), inner, inner)
        | st.tuples(st.just("watched"), inner)
    ),
    max_leaves=7,
)


def draw(drawing: Drawing, block: Any) -> tuple[str, str]:
    """Draws a block; returns its first and its last element."""
    kind, parts = block[0], drawing.parts
    if kind in {"user", "script", "service"}:
        name = drawing.name(kind)
        parts.append(
            d.user(name) if kind == "user" else d.service(name, "work", f"v_{name}", n="n")
            if kind == "service" else d.script(name, f"v_{name} = n + {len(name)}")
        )  # fmt: skip
        return name, name
    if kind == "row":
        first, last = draw(drawing, block[1]), draw(drawing, block[2])
        parts.append(d.flow(first[1], last[0]))
        return first[0], last[1]
    if kind == "loop":
        top, check = drawing.name("top"), drawing.name("again")
        body = draw(drawing, ("sub", block[1]))
        counter = drawing.name("count")
        parts.append(d.gateway("exclusive", top) + d.gateway("exclusive", check, default=f"{check}_out"))
        parts.append(d.script(counter, f"c_{check} = c_{check} + 1"))
        parts.append(d.chain(top, body[0]) + d.chain(body[1], counter, check))
        parts.append(d.flow(check, top, f"c_{check} % 3 != 0"))
        out = drawing.name("out")
        parts.append(d.script(out, f"v_{out} = 1") + d.flow(check, out, id=f"{check}_out"))
        return top, out
    if kind == "linked":
        body, throw, catch = draw(drawing, block[1]), drawing.name("to"), drawing.name("from")
        parts.append(d.throw(throw, d.link(throw)) + d.catch(catch, d.link(throw)) + d.flow(body[1], throw))
        return body[0], catch
    if kind == "handled":
        name, inner, other = drawing.name("sub"), Drawing(numbers=drawing.numbers), Drawing(numbers=drawing.numbers)
        body, handling = draw(inner, block[2]), draw(other, block[3])
        handler, begin, done, start, end = (drawing.name(kind) for kind in ("handler", "b", "d", "s", "e"))
        other.parts += [d.start(begin, d.timer("duration", "PT1H"), block[1]), d.end(done)]
        other.parts += [d.flow(begin, handling[0]), d.flow(handling[1], done)]
        inner.parts += [d.start(start), d.end(end), d.flow(start, body[0]), d.flow(body[1], end)]
        parts.append(d.sub(name, *inner.parts, d.handler(handler, *other.parts)))
        return name, name
    if kind in {"sub", "timed", "watched"}:
        name, inner = drawing.name("sub"), Drawing(numbers=drawing.numbers)
        body = draw(inner, block[1])
        start, end = drawing.name("s"), drawing.name("e")
        parts.append(
            d.sub(name, d.start(start), *inner.parts, d.end(end), d.chain(start, body[0]), d.flow(body[1], end))
        )
        if kind == "timed":
            event, after = drawing.name("late"), drawing.name("end")
            parts.append(
                d.boundary(event, name, d.timer("duration", "PT1H"), False) + d.end(after) + d.flow(event, after)
            )
        if kind == "watched":
            event, note, after = drawing.name("seen"), drawing.name("note"), drawing.name("end")
            last = f"v_{body[1]} != n" if body[1].startswith(("script", "service")) else "n > 5"
            parts.append(d.boundary(event, name, d.condition(last), False) + d.script(note, f"v_{note} = n"))
            parts.append(d.end(after) + d.chain(event, note, after))
        return name, name
    one, other = draw(drawing, block[-2]), draw(drawing, block[-1])
    gateway = "exclusive" if kind == "choice" else block[1]
    split, join = drawing.name("split"), drawing.name("join")
    default = f"{split}_default" if gateway != "parallel" else ""
    parts.append(d.gateway(gateway, split, default) + d.gateway(gateway, join))
    parts.append(d.flow(split, one[0], "" if gateway == "parallel" else f"n % {len(split)} < 3"))
    parts.append(d.flow(split, other[0], id=f"{split}_default" if default else ""))
    parts.append(d.flow(one[1], join) + d.flow(other[1], join))
    return split, join


def files(block: Any) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The definition around a block, and variables to start it with."""
    drawing = Drawing()
    first, last = draw(drawing, block)
    found = d.files("p", d.start(), *drawing.parts, d.end(), d.flow("Start", first), d.flow(last, "End"))
    counters = {f"c_again{n}": 0 for n in range(next(drawing.numbers))}
    return found, {"n": 1, **counters}
