"""Definitions: two architects, versions that stay, instances that keep theirs."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from engine import bpmn
from engine.identity import NotPermitted
from engine.runtime import definitions, delivery, instances, queries
from engine.runtime.tables import InstanceRow
from engine.store import transaction
from tests.bpmn import drawing as d
from tests.runtime import worlds as w


def test_a_second_architect_publishes_what_the_first_drew(house):
    with transaction(house) as session:
        draft = definitions.draft(session, w.CAS, w.process_p())
        definitions.submit(session, w.CAS, draft.id)
    with pytest.raises(definitions.OwnReview), transaction(house) as session:
        definitions.publish(session, w.CAS, draft.id)
    with pytest.raises(NotPermitted), transaction(house) as session:
        definitions.publish(session, w.ADA, draft.id)
    with transaction(house) as session:
        published = definitions.publish(session, w.DOT, draft.id, "Good.")
    assert (published.version, published.reviewer, published.sha256) == (1, "dot", bpmn.digest(w.process_p()))


def test_a_diagram_with_errors_is_kept_as_a_draft_and_refused_at_review(house):
    wrong = w.process_p(handler="nobody_knows_it")
    with transaction(house) as session:
        draft = definitions.draft(session, w.CAS, wrong)
    with pytest.raises(definitions.DefinitionRefused) as refusal, transaction(house) as session:
        definitions.submit(session, w.CAS, draft.id)
    assert {issue.element for issue in refusal.value.issues} == {"First", "Second"}
    with transaction(house) as session:
        mended = definitions.edit(session, w.CAS, draft.id, w.process_p())
        assert definitions.submit(session, w.CAS, mended.id).state == "in_review"


def test_each_pool_of_a_drawing_is_a_definition_and_they_tell_each_other(house):
    """What the one throws begins the other, through the outbox."""
    with transaction(house) as session:
        drafts = definitions.draft_each(session, w.CAS, pools())
        for each in drafts:
            definitions.submit(session, w.CAS, each.id)
    with transaction(house) as session:
        published = [definitions.publish(session, w.DOT, each.id) for each in drafts]
    assert [(each.name, each.version) for each in published] == [("shop", 1), ("store", 1)]
    instances.start(house, w.ADA, "shop", "order7")
    while delivery.deliver_waiting(house):
        pass
    with transaction(house) as session:
        begun = {row.process: (row.subject, row.state) for row in session.scalars(select(InstanceRow))}
    assert begun == {"shop": ("order7", "finished"), "store": ("order7", "finished")}


def pools():
    """Two pools with a message from the one to the other, and a black box."""
    shop = d.start() + d.throw("Order", d.message("ordered")) + d.end() + d.chain("Start", "Order", "End")
    store = d.start("Asked", d.message("ordered")) + d.script("Pack", "packed = true") + d.end("Sent")
    drawn = d.xml("shop", shop, declared=d.declared("ordered")).decode()
    beside = (
        f'<bpmn:process id="store">{store}{d.chain("Asked", "Pack", "Sent")}</bpmn:process><bpmn:collaboration id="C">'
        '<bpmn:participant id="P1" processRef="shop"/><bpmn:participant id="P2" processRef="store"/>'
        '<bpmn:participant id="Outside"/></bpmn:collaboration>'
    )
    drawn = drawn.replace("</bpmn:definitions>", f"{beside}</bpmn:definitions>")
    return {"process.bpmn": drawn.replace(' id="store"', ' id="store" isExecutable="true"').encode()}


def test_a_published_definition_cannot_be_changed_by_anyone(house, superuser):
    published = w.given_a_published(house, w.process_p())
    with pytest.raises(definitions.DefinitionClosed), transaction(house) as session:
        definitions.edit(session, w.CAS, published.id, w.process_p())
    with pytest.raises(DBAPIError), transaction(house) as session:
        session.execute(text("UPDATE runtime.definition_files SET content = 'x'"))
    with pytest.raises(DBAPIError), transaction(house) as session:
        session.execute(text("DELETE FROM runtime.definitions"))


def test_of_fifty_instances_those_started_before_stay_on_the_old_version(house):
    w.given_a_published(house, w.process_p())
    before = [instances.start(house, w.ADA, "process_p", f"model{n}") for n in range(25)]
    changed = w.process_p(name="process_p", handler="work_for_tests")
    w.given_a_published(house, changed)
    after = [instances.start(house, w.ADA, "process_p", f"model{n}") for n in range(25, 50)]
    with transaction(house) as session:
        versions = {row.id: row.version for row in queries.instances(session, limit=100).rows}
    assert [versions[each] for each in before] == [1] * 25
    assert [versions[each] for each in after] == [2] * 25
    for each in before[:3]:
        instances.complete(house, w.BEN, w.open_tasks(house, each)[0].id, {"decision": "approve"})
        assert w.detail(house, each).instance.state == "finished"
        assert not w.detail(house, each).jobs
    assert len(w.detail(house, after[0]).jobs) == 1


def test_a_called_process_is_resolved_at_the_start_and_stays(house):
    inner = w.process_p("inner")
    outer = d.files(
        "outer",
        d.lanes(risk_manager=("Begin", "Call", "Done")),
        d.start("Begin"),
        d.call("Call", "inner"),
        d.end("Done"),
        d.chain("Begin", "Call", "Done"),
    )
    w.given_a_published(house, inner)
    w.given_a_published(house, outer)
    old = instances.start(house, w.ADA, "outer", "credit")
    w.given_a_published(house, w.process_p("inner", handler="work_for_tests"))
    new = instances.start(house, w.ADA, "outer", "credit")
    (task,) = w.open_tasks(house, old)
    assert (task.process, task.scope) == ("inner", "Call")
    instances.complete(house, w.BEN, task.id, {"decision": "approve"})
    assert w.detail(house, old).instance.state == "finished"
    assert [job.handler for job in w.detail(house, new).jobs] == ["work_for_tests"]


def test_only_one_may_run_for_a_subject_where_the_diagram_says_so(house):
    files = d.files(
        "single",
        d.lanes(risk_manager=("Start", "Decide", "End")),
        d.start(once_per_subject="true"),
        d.user("Decide", form="decision.form.json"),
        d.end(),
        d.chain("Start", "Decide", "End"),
        decision__form__json=w.DECISION,
    )
    w.given_a_published(house, files)
    first = instances.start(house, w.ADA, "single", "credit")
    with pytest.raises(instances.AlreadyRunning):
        instances.start(house, w.ADA, "single", "credit")
    instances.start(house, w.ADA, "single", "other")
    instances.cancel(house, w.BEN, first, "Drawn by mistake.")
    instances.start(house, w.ADA, "single", "credit")


def test_the_shipped_library_is_published_once(house):
    folders = {"process_p": w.process_p()}
    with transaction(house) as session:
        assert [each.label for each in definitions.publish_shipped(session, folders)] == ["process_p v1"]
    with transaction(house) as session:
        assert definitions.publish_shipped(session, folders) == []


def test_who_drew_at_a_version_does_not_publish_it_after_another_edited_it(house):
    with transaction(house) as session:
        draft = definitions.draft(session, w.CAS, w.process_p())
        definitions.edit(session, w.DOT, draft.id, w.process_p() | {"README.md": b"Mended."})
        definitions.submit(session, w.DOT, draft.id)
    for author in (w.CAS, w.DOT):
        with pytest.raises(definitions.OwnReview), transaction(house) as session:
            definitions.publish(session, author, draft.id)


@pytest.mark.parametrize("name", ["../process.bpmn", "a/b.form.json", "C:\\x", "x\x00y", ".hidden", "", "x" * 101])
def test_a_file_of_a_definition_has_a_plain_name(house, name):
    with pytest.raises(definitions.FileNameRefused), transaction(house) as session:
        definitions.draft(session, w.CAS, w.process_p() | {name: b"x"})


def test_a_form_that_cannot_be_used_is_an_issue_of_its_diagram(house):
    files = w.process_p() | {"decision.form.json": b'{"schema": {"properties": {"decision": {"$ref": "file:///x"}}}}'}
    with transaction(house) as session:
        (issue,) = definitions.check(session, files)
    assert (issue.rule, issue.process, "$ref" in issue.reason) == ("forms", "decision.form.json", True)


def test_two_houses_that_start_at_once_publish_the_library_once(house):
    begun, versions = threading.Barrier(2, timeout=30), []

    def start():
        begun.wait()
        with transaction(house) as session:
            versions.extend(each.label for each in definitions.publish_shipped(session, {"process_p": w.process_p()}))

    both = [threading.Thread(target=start) for _ in range(2)]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert versions == ["process_p v1"]
