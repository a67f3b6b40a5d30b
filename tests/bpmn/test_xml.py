"""Hostile files are refused with an issue that says what and where."""

from __future__ import annotations

import pytest

from engine.bpmn import NotExecutable, Vocabulary, bundle, check, describe
from engine.bpmn import xml as reading
from tests.bpmn import drawing as d

GOOD = d.xml("p", d.start(), d.end(), d.chain("Start", "End"))
BODY = GOOD.split(b"?>", 1)[1]


def with_doctype(doctype: str, body: bytes = BODY) -> bytes:
    return b'<?xml version="1.0"?>\n' + doctype.encode() + b"\n" + body


BOMB = "<!DOCTYPE l [<!ENTITY a0 'lol'>" + "".join(
    f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)
) + "]>"  # fmt: skip

HOSTILE = {
    "entity bomb": (with_doctype(BOMB, BODY.replace(b'name="p"', b'name="&a9;"')), "DOCTYPE"),
    "external entity": (with_doctype('<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "DOCTYPE"),
    "external document type": (with_doctype('<!DOCTYPE l SYSTEM "http://127.0.0.1/x.dtd">'), "DOCTYPE"),
    "parameter entity": (with_doctype('<!DOCTYPE l [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]>'), "DOCTYPE"),
    "document type in UTF-16": (
        with_doctype("<!DOCTYPE l []>").decode().encode("utf-16"),
        "DOCTYPE",
    ),
    "deep nesting": (b"<a>" * 500 + b"</a>" * 500, "nested deeper"),
    "many elements": (b"<a>" + b"<b/>" * 30_000 + b"</a>", "more than 20,000 elements"),
    "many attributes": (b"<a " + b" ".join(b'x%d="1"' % n for n in range(300)) + b"/>", "attributes"),
    "large file": (b"<a>" + b"x" * 5_000_000 + b"</a>", "bytes"),
    "not XML": (b"hello", "well-formed"),
    "nothing": (b"", "well-formed"),
    "zero bytes": (b"\x00" * 100, "well-formed"),
    "unknown encoding": (b'<?xml version="1.0" encoding="klingon"?><a/>', "well-formed"),
    "unknown prefix": (b"<x:a/>", "well-formed"),
    "another document": (b"<html/>", "root element"),
    "an empty definition": (BODY.split(b"<bpmn:process")[0] + b"</bpmn:definitions>", "exactly one executable process"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_reason(name):
    content, told = HOSTILE[name]
    issues = check({"process.bpmn": content}, Vocabulary())
    assert len(issues) == 1
    assert (issues[0].rule, issues[0].process) == ("readable", "process.bpmn")
    assert told in issues[0].reason
    for act in (bundle, describe):
        with pytest.raises(NotExecutable):
            act({"process.bpmn": content})


def test_a_hostile_decision_table_is_refused_too():
    files = {"process.bpmn": GOOD, "x.dmn": with_doctype(BOMB, b"<definitions/>")}
    assert "DOCTYPE" in check(files, Vocabulary())[0].reason


def test_comments_and_processing_instructions_are_passed_over():
    content = GOOD.replace(b"<bpmn:startEvent", b"<!-- a remark --><?php x ?><bpmn:startEvent")
    assert check({"process.bpmn": content}, Vocabulary()) == []


def test_utf16_is_read():
    content = GOOD.decode().replace("UTF-8", "UTF-16").encode("utf-16")
    assert reading.read(content).tag.endswith("definitions")
