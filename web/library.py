"""The library of processes: versions, start form with the path shown first, modeler, drafts, review and publishing."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for

from engine import bpmn
from engine.bpmn.proofs import Proof
from engine.errors import GatewrightError
from engine.identity import ROLES
from engine.runtime import bundles, definitions, instances, preview, queries, registry
from engine.runtime.definitions import Definition
from engine.runtime.forms import AnswerRefused, Form
from web import access, answers, blank_diagram, lists
from web.access import current_person, needs, session
from web.plain import plain
from web.proven import proved

pages = Blueprint("library", __name__)

#: the diagram's name among the files of a new draft
DIAGRAM = "process.bpmn"

COLUMNS: lists.Columns[Definition] = lists.Columns(
    "processes",
    {
        "process": lambda each: each.name,
        "title": lambda each: each.title,
        "version": lambda each: each.version,
        "state": lambda each: each.state,
        "author": lambda each: each.author,
        "reviewer": lambda each: each.reviewer,
        "created": lambda each: each.created_at,
        "decided": lambda each: each.decided_at,
        "sha256": lambda each: each.sha256,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One element that differs between two versions of a diagram."""

    element: str
    name: str
    kind: str
    what: str  #: added, removed, or what about it changed


@pages.get("/processes")
@needs("process.view")
def listing() -> str | Response:
    """The latest published version of each process."""
    asked = lists.asked()
    found = [each for each in queries.library(session()) if asked.search.lower() in f"{each.name} {each.title}".lower()]
    drafts = [each for state in ("in_review", "draft", "rejected") for each in _in_state(state)]
    about = {each.id: bundles.description(session(), each.id) for each in found}
    return lists.answer("library/list.html", lists.whole(asked, found), COLUMNS, about=about, n_drafts=len(drafts))


@pages.get("/processes/<name>")
@needs("process.view")
def process(name: str) -> str | Response:
    """A process: its latest diagram and all its versions."""
    latest = definitions.latest(session(), name)
    return _definition(latest)


@pages.get("/definitions/<uuid:definition>")
@needs("process.view")
def page(definition: UUID) -> str | Response:
    """One version, or one draft, of a process."""
    return _definition(definitions.get(session(), definition))


@pages.get("/definitions/<uuid:definition>/diagram")
@needs("process.view")
def diagram(definition: UUID) -> Response:
    """The BPMN file of a version or draft."""
    files = definitions.files_of(session(), definition)
    if not files:
        abort(404)
    return Response(files[_diagram_of(files)], mimetype="application/xml")


@pages.get("/definitions/<uuid:definition>/files/<name>")
@needs("process.view")
def file(definition: UUID, name: str) -> Response:
    """One file of a version or draft, to keep."""
    content = definitions.files_of(session(), definition).get(name)
    if content is None:
        abort(404)
    response = Response(content, mimetype="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{re.sub(r"[^A-Za-z0-9._-]", "_", name)}"'
    return response


@pages.get("/processes/<name>/start")
@needs("instance.start")
def start_form(name: str) -> str:
    """The start form."""
    return _start_page(name, given=_from_address(queries.start_form(session(), name)))


@pages.post("/processes/<name>/start")
@needs("instance.start")
def start(name: str) -> Response | str | tuple[str, int]:
    """Shows the path that the start would take, or starts."""
    person, subject = current_person(), request.form.get("subject", "").strip()[:200]
    form = queries.start_form(session(), name)
    given = answers.read(form, request.form)
    try:
        if request.form.get("act") != "start":
            path = preview.path(access.house(), person, name, subject, given)
            return _start_page(name, given=given, subject=subject, path=path)
        instance = instances.start(access.house(), person, name, subject, given)
    except AnswerRefused as refusal:
        return _start_page(name, given=given, subject=subject, wrong=refusal.fields), refusal.status
    except GatewrightError as refusal:
        return _start_page(name, given=given, subject=subject, refusal=refusal), refusal.status
    flash("The life cycle is started.", "done")
    return redirect(url_for("life_cycles.page", instance=instance))  # type: ignore[return-value]


@pages.get("/drafts")
@needs("process.view")
def drafts() -> str | Response:
    """What is drawn and not published: drafts, those in review, those sent back."""
    asked = lists.asked("state")
    wanted = (
        [asked["state"]] if asked["state"] in ("draft", "in_review", "rejected") else ["in_review", "draft", "rejected"]
    )
    found = [
        each
        for state in wanted
        for each in _in_state(state)
        if asked.search.lower() in f"{each.name} {each.title} {each.author}".lower()
    ]
    return lists.answer("library/drafts.html", lists.whole(asked, found), COLUMNS)


@pages.post("/drafts")
@needs("process.draft")
def upload() -> Response | tuple[str, int]:
    """A draft from uploaded files: one diagram, with its decision tables and forms."""
    files = {each.filename.rpartition("/")[2]: each.read() for each in request.files.getlist("files") if each.filename}
    try:
        saved = definitions.draft_each(session(), current_person(), files)
    except GatewrightError as refusal:
        page = render_template("library/drafts.html", **_no_drafts(), refusal=refusal)
        return page, refusal.status
    if len(saved) > 1:
        flash(f"{len(saved)} drafts are saved, one for each process: {', '.join(each.name for each in saved)}.", "done")
        return redirect(url_for("library.drafts"))  # type: ignore[return-value]
    flash("The draft is saved.", "done")
    return redirect(url_for("library.page", definition=saved[0].id))  # type: ignore[return-value]


@pages.get("/drafts/new")
@needs("process.draft")
def draw() -> str:
    """The modeler on an empty diagram."""
    return render_template("library/modeler.html", definition=None, title="Draw a life cycle")


@pages.get("/definitions/<uuid:definition>/draw")
@needs("process.draft")
def redraw(definition: UUID) -> str:
    """The modeler on a version or a draft; what is published stays, a new draft is saved."""
    found = definitions.get(session(), definition)
    return render_template("library/modeler.html", definition=found, title=found.title)


@pages.get("/modeler/blank")
@needs("process.draft")
def blank() -> Response:
    """The diagram with which drawing begins."""
    return Response(blank_diagram.XML, mimetype="application/xml")


@pages.get("/modeler/vocabulary")
@needs("process.view")
def vocabulary() -> dict[str, Any]:
    """What diagrams may name: handlers with their parameters, roles, evidence, kinds of task, forms, processes."""
    words = registry.vocabulary(frozenset(ROLES))
    draft = request.args.get("definition", "")
    forms = definitions.files_of(session(), UUID(draft)) if draft else {}
    return {
        "handlers": [
            {
                "name": task.name,
                "summary": task.summary,
                "kind": task.kind,
                "parameters": task.parameters.model_json_schema(),
                "errors": list(task.errors),
            }
            for task in registry.service_tasks()
        ],
        "roles": list(ROLES),
        "evidence": sorted(words.evidence),
        "task_kinds": sorted(words.task_kinds),
        "forms": sorted(name for name in forms if name.endswith(".form.json")),
        "processes": [each.name for each in queries.library(session())],
    }


@pages.post("/modeler/check")
@needs("process.draft")
def check() -> dict[str, Any]:
    """What is wrong with the diagram that was sent, and what holds on every path of it."""
    examined = definitions.examine(session(), _sent(request.args.get("definition", "")))
    return {"issues": [_issue(each) for each in examined.issues], "proof": plain(proved(examined.proof))}


@pages.post("/modeler/save")
@needs("process.draft")
def save() -> dict[str, str]:
    """Saves the diagram that was sent: into its draft, or as a new one beside what is published."""
    person, base = current_person(), request.args.get("definition", "")
    files = _sent(base)
    if base:
        found = definitions.get(session(), UUID(base))
        if found.state in ("draft", "rejected"):
            definitions.edit(session(), person, found.id, files)
            return {"message": "Draft saved."}
    draft = definitions.draft(session(), person, files)
    return {"message": "Draft saved.", "location": url_for("library.redraw", definition=draft.id)}


@pages.post("/definitions/<uuid:definition>/files")
@needs("process.draft")
def add_files(definition: UUID) -> Response:
    """Adds files to a draft, or takes the place of those of the same name."""
    files = definitions.files_of(session(), definition)
    sent = {each.filename.rpartition("/")[2]: each.read() for each in request.files.getlist("files") if each.filename}
    definitions.edit(session(), current_person(), definition, {**files, **sent})
    flash("The files are saved.", "done")
    return _to(definition)


@pages.post("/definitions/<uuid:definition>/submit")
@needs("process.draft")
def submit(definition: UUID) -> Response:
    """Puts a draft before a second architect."""
    definitions.submit(session(), current_person(), definition)
    flash("The draft waits for the review of another architect.", "done")
    return _to(definition)


@pages.get("/definitions/<uuid:definition>/review")
@needs("process.review")
def review(definition: UUID) -> str:
    """What a draft changes against what is published, what is wrong with it, and the decision."""
    return _review_page(definitions.get(session(), definition))


@pages.post("/definitions/<uuid:definition>/publish")
@needs("process.publish")
def publish(definition: UUID) -> Response:
    """Publishes a reviewed draft as the next version."""
    found = definitions.publish(
        session(),
        current_person(),
        definition,
        request.form.get("comment", "").strip(),
        undecided_accepted=request.form.get("accept_undecided") == "yes",
    )
    flash(f"{found.label} is published; instances that run keep their version.", "done")
    return redirect(url_for("library.process", name=found.name))  # type: ignore[return-value]


@pages.post("/definitions/<uuid:definition>/reject")
@needs("process.review")
def reject(definition: UUID) -> Response | tuple[str, int]:
    """Sends a draft back to its author, with the reason."""
    comment = request.form.get("comment", "").strip()
    if not comment:
        page = _review_page(definitions.get(session(), definition), wrong="Say what has to change.")
        return page, 422
    definitions.reject(session(), current_person(), definition, comment)
    flash("The draft is back with its author.", "done")
    return _to(definition)


@pages.get("/definitions/<uuid:definition>/changes")
@needs("process.view")
def changes(definition: UUID) -> dict[str, Any]:
    """The elements that a draft changes, to be marked in its diagram."""
    found = definitions.get(session(), definition)
    changed = _changes(definitions.files_of(session(), found.id), _published_files(found))
    return {"path": [each.element for each in changed if each.what != "removed"]}


def _definition(found: Definition) -> str | Response:
    asked = lists.asked()
    versions = queries.definition_list(session(), name=found.name, state="published").rows
    files = definitions.files_of(session(), found.id)
    if asked.csv:
        return lists.file(lists.whole(asked, versions), COLUMNS)
    return render_template(
        "library/definition.html",
        definition=found,
        versions=versions,
        latest=bool(versions) and versions[0].id == found.id,
        about=_described(files),
        files={name: len(content) for name, content in files.items()},
        issues=[] if found.state == "published" else definitions.examine(session(), files).issues,
        running=queries.instances(session(), process=found.name, state="running", limit=1).total,
        asked=asked,
    )


def _described(files: Mapping[str, bytes]) -> bpmn.ProcessDescription | None:
    try:
        return bpmn.describe(files)
    except GatewrightError:
        return None  # a draft may be unfinished; its issues say what is wrong


def _start_page(
    name: str,
    *,
    given: Mapping[str, Any] | None = None,
    subject: str = "",
    wrong: Mapping[str, str] | None = None,
    refusal: GatewrightError | None = None,
    path: preview.Path | None = None,
) -> str:
    definition = definitions.latest(session(), name)
    about = bundles.description(session(), definition.id)
    form = queries.start_form(session(), name)
    return render_template(
        "library/start.html",
        definition=definition,
        about=about,
        form=form,
        fields=answers.fields(form, given, wrong),
        general=answers.general(wrong or {}, form),
        # A form that holds the subject itself needs no second field for it.
        asks_subject=not about.start_properties.get("subject"),
        subject=subject,
        refusal=refusal,
        path=path,
    )


def _from_address(form: Form | None) -> dict[str, Any] | None:
    """What a link to the start form fills in, e.g. ?model=credit."""
    names = {name for name, _, _ in form.fields} if form else set()
    given = {name: value for name, value in request.args.items() if name in names}
    return given or None


def _in_state(state: str) -> list[Definition]:
    return queries.definition_list(session(), state=state, limit=500).rows


def _no_drafts() -> dict[str, Any]:
    asked = lists.asked("state")
    return {
        "listing": lists.whole(asked, [each for s in ("in_review", "draft", "rejected") for each in _in_state(s)]),
        "asked": asked,
    }


def _diagram_of(files: Mapping[str, bytes]) -> str:
    return next((name for name in files if name.endswith(".bpmn")), DIAGRAM)


def _sent(base: str) -> dict[str, bytes]:
    files = definitions.files_of(session(), UUID(base)) if base else {}
    return {**files, _diagram_of(files): request.get_data()}


def _issue(issue: bpmn.Issue) -> dict[str, Any]:
    names = ("element", "name", "line", "severity", "rule", "reason", "hint")
    return {name: getattr(issue, name) for name in names}


def _review_page(found: Definition, *, wrong: str = "") -> str:
    files, before = definitions.files_of(session(), found.id), _published_files(found)
    examined = definitions.examine(session(), files)
    return render_template(
        "library/review.html",
        definition=found,
        # What the proof has to say stands in its own list.
        issues=[each for each in examined.issues if not _of_proof(each, examined.proof)],
        proof=proved(examined.proof),
        undecided=bool(examined.proof and examined.proof.undecided),
        changes=_changes(files, before),
        lines=_lines(files, before),
        is_first=not before,
        wrong=wrong,
    )


def _of_proof(issue: bpmn.Issue, proof: Proof | None) -> bool:
    return proof is not None and issue.rule in {each.name for each in proof.verdicts}


def _published_files(found: Definition) -> dict[str, bytes]:
    published = queries.definition_list(session(), name=found.name, state="published", limit=1).rows
    return definitions.files_of(session(), published[0].id) if published and published[0].id != found.id else {}


def _changes(files: Mapping[str, bytes], before: Mapping[str, bytes]) -> list[Change]:
    new, old = _elements(files), _elements(before)
    found = []
    for id, element in new.items():
        earlier = old.get(id)
        if earlier is None:
            found.append(Change(element=id, name=element.name, kind=element.kind, what="added"))
            continue
        what = [name for name in ("name", "kind", "lane", "handler", "called", "form", "documentation")
                if getattr(element, name) != getattr(earlier, name)]  # fmt: skip
        if _block(files, id) != _block(before, id) and not what:
            what = ["parameters, properties or flows"]
        if what:
            found.append(Change(element=id, name=element.name, kind=element.kind, what=", ".join(what) + " changed"))
    found += [
        Change(element=id, name=element.name, kind=element.kind, what="removed")
        for id, element in old.items()
        if id not in new
    ]
    return found


def _elements(files: Mapping[str, bytes]) -> Mapping[str, bpmn.Element]:
    described = _described(files) if files else None
    return described.elements if described else {}


def _block(files: Mapping[str, bytes], id: str) -> str:
    """The element's own text in the diagram, blanks aside."""
    text = files.get(_diagram_of(files), b"").decode(errors="replace")
    opening = re.search(rf"<([\w:]+)\s[^>]*\bid=\"{re.escape(id)}\"[^>]*?(/?)>", text)
    if opening is None:
        return ""
    end = opening.end() if opening[2] else text.find(f"</{opening[1]}>", opening.end())
    return re.sub(r"\s+", " ", text[opening.start() : end])


def _lines(files: Mapping[str, bytes], before: Mapping[str, bytes]) -> dict[str, list[str]]:
    """File -> its unified difference, where there is one; where elements stand in the drawing is left out."""
    found = {}
    for name in sorted({*files, *before}):
        old, new = (_text(each.get(name, b"")) for each in (before, files))
        lines = list(difflib.unified_diff(old, new, "published", "draft", lineterm="", n=2))[2:]
        if lines and before:
            found[name] = lines[:2000]
    return found


def _text(content: bytes) -> list[str]:
    text = content.decode(errors="replace")
    return re.sub(r"<bpmndi:BPMNDiagram.*?</bpmndi:BPMNDiagram>", "", text, flags=re.DOTALL).splitlines()


def _to(definition: UUID) -> Response:
    return redirect(url_for("library.page", definition=definition))  # type: ignore[return-value]
