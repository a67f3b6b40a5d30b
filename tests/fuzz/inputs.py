"""Inputs for the targets: what people write, and the same bent, cut, doubled and mixed."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from random import Random

from hypothesis import strategies as st
from lxml import etree

from tests.bpmn import drawing as d
from tests.runtime import worlds as w

_SHIPPED = Path(__file__).parents[2] / "processes"
_HOSTILE = (Path(__file__).parents[1] / "bpmn" / "hostile_expressions.txt").read_text().splitlines()
_WORDS = [
    *str.split("0 -1 1 true false Start End A n PT1S R/PT1S P1D ${x} __class__ parallel news no_luck"),
    *("", "n == 1", "no such name", "* * * * *", "9" * 40, "\u202e", "a\nb", "x" * 300, "\U0001f600"),
]


@cache
def diagrams() -> tuple[bytes, ...]:
    """The shipped processes, and small ones of every kind of element."""
    copies = "multiInstanceLoopCharacteristics"
    loop = f"<bpmn:{copies}><bpmn:loopCardinality>3</bpmn:loopCardinality></bpmn:{copies}>"
    everything = d.xml(
        "p",
        d.lanes(risk_manager=("Start", "Ask", "Each", "End")),
        d.start(),
        d.gateway("parallel", "Fork"),
        d.user("Ask", result="asked"),
        d.boundary("Late", "Ask", d.timer("duration", "PT1H"), False),
        d.script("Set", "a = n + 1", "b = [a]"),
        d.service("Do", "work", "done", word="n"),
        d.boundary("Failed", "Do", d.event("error", "no_luck")),
        d.user("Each", body=loop, result="each"),
        d.sub("Sub", d.start("S"), d.catch("Wait", d.timer("duration", "PT1H")), d.end("E"), d.chain("S", "Wait", "E")),
        d.gateway("eventBased", "First"),
        d.catch("Hear", d.message("news")),
        d.catch("Tick", d.timer("duration", "P1D")),
        d.gateway("exclusive", "Merge"),
        d.gateway("inclusive", "Some", default="Some_Join"),
        d.throw("Tell", d.message("news")),
        d.gateway("parallel", "Join"),
        d.end(),
        d.end("Ended"),
        d.chain("Start", "Fork", "Ask", "Set", "Join"),
        d.chain("Fork", "Do", "Each", "Join"),
        d.chain("Fork", "Sub", "First", "Hear", "Merge"),
        d.chain("First", "Tick", "Merge", "Some"),
        d.flow("Some", "Join"),
        d.flow("Some", "Tell", "n > 0"),
        d.chain("Tell", "Join", "End"),
        d.chain("Late", "Ended"),
        d.chain("Failed", "Ended"),
        declared=d.declared("news", errors=("no_luck",)),
    )
    return (
        everything,
        w.process_p()["process.bpmn"],
        *(file.read_bytes() for file in sorted(_SHIPPED.glob("*/*.bpmn"))),
    )


@cache
def tables() -> tuple[bytes, ...]:
    """The shipped decision tables."""
    return tuple(file.read_bytes() for file in sorted(_SHIPPED.glob("*/*.dmn")))


@cache
def forms() -> tuple[bytes, ...]:
    """The shipped forms, each with an answer that does not fit."""
    return tuple(file.read_bytes() + b'\n--\n{"decision": "x"}' for file in sorted(_SHIPPED.glob("*/*.form.json")))


def bent(random: Random, seeds: tuple[bytes, ...]) -> bytes:
    """One of the documents after a few changes to its elements, and seldom to its bytes."""
    root = etree.fromstring(random.choice(seeds))
    for _ in range(random.randint(1, 6)):
        elements = [each for each in root.iter() if isinstance(each.tag, str)]
        _change(random, random.choice(elements), random.choice(elements))
    content = bytearray(etree.tostring(root))
    if random.random() < 0.1:
        for _ in range(random.randint(1, 5)):
            at = random.randrange(len(content))
            content[at : at + random.randint(0, 3)] = random.choice([b"", b"<", b"\0", b"&", b'"', b"\xff", b"</a>"])
    return bytes(content)


def _change(random: Random, one: etree._Element, other: etree._Element) -> None:
    kind = random.randrange(7)
    attributes = list(one.attrib)
    if kind == 0 and one.getparent() is not None:
        one.getparent().remove(one)
    elif kind == 1 and attributes:
        del one.attrib[random.choice(attributes)]
    elif kind == 2 and attributes:
        values = list(other.attrib.values()) or [""]
        one.set(random.choice(attributes), random.choice(values))
    elif kind == 3 and attributes:
        one.set(random.choice(attributes), random.choice(_WORDS))
    elif kind == 4:
        one.text = random.choice([*_WORDS, *_HOSTILE[:40]]).replace("\0", "")
    elif kind == 5:
        one.tag = other.tag
    elif one is not other and one not in list(other.iterancestors()):
        one.append(etree.fromstring(etree.tostring(other)))


_PIECES = st.sampled_from(
    [
        *str.split("n m xs name nothing yes ( ) [ ] { } . , : + - * ** / // % < == != 1 2.5 1e308 len sum min sorted"),
        *str.split(".join .split .a __ lambda = := # \\ *xs **m @ ... \u00e9 \uff41 'a' '\\x00' '\\ud800' b'x' f'{n}'"),
        *str.split("range str f'{n:>99}'"),
        *(" in ", " not ", " is ", " for ", " if ", " else ", " and ", " or ", "\n", "a = ", '"""', "9" * 30),
    ]
)
_HOSTILE_LINES = st.sampled_from([line for line in _HOSTILE if line and not line.startswith("# ")])
texts = (
    st.lists(_PIECES, max_size=18).map("".join) | st.text(max_size=60) | st.tuples(_HOSTILE_LINES, _PIECES).map("".join)
)

_KEYWORDS = st.sampled_from(
    str.split(
        "type properties required enum const items minimum maximum multipleOf pattern format minLength maxLength "
        "uniqueItems additionalProperties allOf anyOf oneOf not if then else dependentSchemas propertyNames contains "
        "minItems $ref $defs $id default examples x y"
    )
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.sampled_from(
        ["string", "object", "array", "integer", "number", "null", "a", "^a+$", "(a*)*b", "date", "email", "\0"]
    )
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYWORDS, inner, max_size=4),
    max_leaves=14,
)


def _form(schema: object, properties: object, answer: object) -> bytes:
    whole = {"schema": {**(schema if isinstance(schema, dict) else {}), "type": "object", "properties": properties}}
    return json.dumps(whole).encode() + b"\n--\n" + json.dumps(answer).encode()


_FIELDS = st.dictionaries(st.sampled_from(["x", "y"]), st.dictionaries(_KEYWORDS, _VALUES, max_size=4), max_size=2)
form_files = st.builds(
    _form,
    st.dictionaries(_KEYWORDS, _VALUES, max_size=3),
    _FIELDS,
    st.dictionaries(st.sampled_from(["x", "y", "z"]), _VALUES, max_size=3),
) | st.binary(max_size=120)

pattern_texts = st.text(alphabet="ab()[]{}|*+?^$\\.,-1d\u00e9", max_size=20).flatmap(
    lambda pattern: st.text(alphabet="ab1-.\u00e9 \t", max_size=40).map(lambda sample: f"{pattern}\n{sample}")
)
_TIMES = str.split(
    "P T R / 1 0 9999 Y M D H S W - : Z +02:00 2026-03-29T02:30 0001-01-01 9999-12-31T23:59:59 * , */5 7 60 # L mon ."
)
timings = st.lists(st.sampled_from([*_TIMES, " "]), max_size=10).map("".join) | st.text(max_size=30)
randoms = st.integers(0, 2**32).map(Random)

#: target -> what it is given
INPUTS: dict[str, st.SearchStrategy[bytes]] = {
    "diagram": randoms.map(lambda random: bent(random, diagrams())) | st.binary(max_size=100),
    "decision": randoms.map(lambda random: bent(random, tables())) | st.binary(max_size=100),
    "expression": texts.map(lambda text: text.encode("utf-8", "replace")),
    "script": texts.map(lambda text: text.encode("utf-8", "replace")),
    "form": form_files,
    "pattern": pattern_texts.map(str.encode),
    "timing": timings.map(lambda text: text.encode("utf-8", "replace")),
}
