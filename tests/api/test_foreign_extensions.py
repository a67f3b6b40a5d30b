"""A diagram from another modeller keeps what is that modeller's, from the draft to the download."""

from __future__ import annotations

from collections.abc import Callable

from tests.api.callers import Caller
from tests.bpmn import drawing as d
from tests.bpmn import foreign


def test_foreign_extensions_survive_draft_edit_publish_and_download(as_: Callable[..., Caller]) -> None:
    """Byte by byte: nothing here rewrites a diagram."""
    author, reviewer = as_("ada", "ai_architect"), as_("bob", "ai_architect")
    task = (
        d.user("Approve")
        .replace("<bpmn:extensionElements>", f"<bpmn:extensionElements>{foreign.ELEMENTS}")
        .replace("<bpmn:userTask ", f"<bpmn:userTask {foreign.ATTRIBUTES} ")
    )
    parts = d.lanes(risk_manager=("Approve",)), d.start(), task, d.end(), d.chain("Start", "Approve", "End")
    files = d.files("approval_of_ours", *parts)
    content = files["process.bpmn"].decode().replace(f'xmlns:camunda="{foreign.SPACES["camunda"]}" ', "")
    content = content.replace("<bpmn:definitions ", f"<bpmn:definitions {foreign.DEFINITIONS} ")
    assert len(foreign.told(content.encode())) > 15

    body = {"files": {"process.bpmn": content, "answer.form.json": '{"schema": {"type": "object", "properties": {}}}'}}
    draft = author("POST", "/definitions", expect=201, json=body)
    edited = {**body["files"], "process.bpmn": content.replace('name="Approve"', 'name="Approve it"')}
    author("PUT", f"/definitions/{draft['id']}/files", expect=200, json={"files": edited})
    author("POST", f"/definitions/{draft['id']}/submit", expect=200)
    published = reviewer("POST", f"/definitions/{draft['id']}/publish", expect=200, json={"comment": "fine"})
    assert published["state"] == "published"

    exported = reviewer.ask("GET", f"/definitions/{draft['id']}/files/process.bpmn").data
    assert exported == edited["process.bpmn"].encode()
    assert foreign.told(exported) == foreign.told(content.encode())
