"""The bundle's pages alone, in a real browser, under the content security policy of the house."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from lxml import etree
from lxml.etree import _Element
from playwright.sync_api import Page, expect

from engine import bpmn
from tests.bpmn import foreign
from tests.browser import bundled_pages
from tests.browser.accessibility import violations
from tests.browser.bundled_pages import Pages

SPIFF = "{http://spiffworkflow.org/bpmn/schema/1.0/core}"
NAMES = {
    "bpmn": "http://www.omg.org/spec/BPMN/20100524/MODEL",
    "spiffworkflow": "http://spiffworkflow.org/bpmn/schema/1.0/core",
}
FORM = b'{"type": "object", "properties": {"decision": {"type": "string", "enum": ["yes", "no"]}}}'
NOW = datetime(2026, 1, 5, tzinfo=UTC)
Look = Callable[[Page, str], None]

STATE = {
    "active": {"Approve": 2},
    "done": ["Start", "Train"],
    "incidents": {"Deploy": "The environment does not answer."},
    "path": ["Flow_start", "Flow_train"],
    "links": {"Train": {"url": "/instances/2", "text": "open"}},
}

ISSUES = [
    {
        "element": "Deploy",
        "name": "Deploy",
        "line": 40,
        "severity": "error",
        "rule": "handler-required",
        "reason": "It calls no handler.",
        "hint": "Choose one in the panel.",
    },
    {
        "element": "Approve",
        "name": "Approve the release",
        "line": 32,
        "severity": "warning",
        "rule": "due-date",
        "reason": "It has no due date.",
        "hint": "",
    },
]


@pytest.fixture(scope="module")
def served() -> Iterator[Pages]:
    with bundled_pages.serve() as pages:
        yield pages


@pytest.fixture
def pages(served: Pages) -> Pages:
    served.begin_anew()
    return served


def open_page(page: Page, pages: Pages, name: str, *, theme: str = "light") -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(f"{pages.address}/{name}")
    page.wait_for_selector(f"[data-bs-theme={theme}]")
    if name != "parts":
        page.wait_for_selector("[data-ready]")


def open_panel(page: Page, element: str) -> None:
    """Click an element of the modeler, and wait until the panel listens to its changes.

    The panel starts to listen a frame after it has drawn an element: a change sooner than that is made, but not shown.
    """
    page.locator(f"[data-element-id={element}]").click()
    wait_for_the_panel(page)


def wait_for_the_panel(page: Page) -> None:
    page.evaluate("new Promise(go => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(go, 150))))")


def select(page: Page, element: str) -> None:
    page.evaluate(
        """id => {
            const modeler = document.querySelector('[data-modeler]').modeler;
            modeler.get('selection').select(modeler.get('elementRegistry').get(id));
        }""",
        element,
    )
    wait_for_the_panel(page)


def saved(page: Page, pages: Pages) -> _Element:
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Draft 1 saved.")).to_be_visible()
    return etree.fromstring(pages.saved[-1].encode())


def the_watermark_is_uncovered(page: Page) -> bool:
    """bpmn-js' licence: the watermark is within the window, and nothing lies over it."""
    return bool(
        page.evaluate("""() => {
            const mark = document.querySelector('.bjs-powered-by');
            mark.scrollIntoView();
            const box = mark.getBoundingClientRect();
            const inside = box.width > 0 && box.left >= 0 && box.right <= innerWidth && box.bottom <= innerHeight;
            const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
            return inside && mark.contains(top);
        }""")
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["parts", "viewer", "modeler"])
def test_a_page_has_no_grave_fault_of_accessibility(
    page: Page, pages: Pages, look: Look, name: str, theme: str
) -> None:
    pages.state, pages.issues = STATE, ISSUES
    open_page(page, pages, name, theme=theme)
    assert violations(page) == []
    look(page, "whole")


def test_the_theme_is_switched_and_kept(page: Page, pages: Pages) -> None:
    open_page(page, pages, "parts")
    page.get_by_role("button", name="Dark colours").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


@pytest.mark.smoke
def test_the_viewer_shows_where_an_instance_stands(page: Page, pages: Pages) -> None:
    pages.state = STATE
    open_page(page, pages, "viewer")
    expect(page.locator(".gw-mark-active")).to_have_text("2")
    expect(page.locator(".gw-mark-incident")).to_have_attribute("title", "The environment does not answer.")
    expect(page.locator("a.gw-mark-link")).to_have_attribute("href", "/instances/2")
    expect(page.locator(".djs-element.gw-done")).to_have_count(2)
    expect(page.locator(".djs-connection.gw-path")).to_have_count(2)
    expect(page.get_by_text("Now at Approve the release (2).")).to_be_visible()
    assert the_watermark_is_uncovered(page)


def test_the_viewer_follows_the_server(page: Page, pages: Pages) -> None:
    pages.state = STATE
    open_page(page, pages, "viewer")
    while not pages.streams:
        page.wait_for_timeout(20)
    pages.state = {"active": {}, "done": ["Start", "Train", "Approve", "Approved", "Deploy", "End"]}
    pages.tell()
    expect(page.locator(".djs-element.gw-done")).to_have_count(6)
    expect(page.locator(".gw-mark-active")).to_have_count(0)


def test_a_click_in_the_viewer_tells_of_the_element(page: Page, pages: Pages) -> None:
    pages.state = STATE
    open_page(page, pages, "viewer")
    page.locator("[data-element-id=Train]").click()
    shown = page.locator(".gw-element-shown")
    expect(shown).to_contain_text("Train, service task, done")
    expect(shown).to_contain_text("Trains the version on the data that it declares.")


def test_a_diagram_that_does_not_come_says_so(page: Page, pages: Pages, complaints: list[str]) -> None:
    pages.xml = b"this is no diagram"
    page.goto(f"{pages.address}/viewer")
    expect(page.get_by_text("The diagram can't be shown.")).to_be_visible()
    complaints.clear()


def test_a_handler_chosen_in_the_modeler_is_saved_with_its_parameters(page: Page, pages: Pages, look: Look) -> None:
    open_page(page, pages, "modeler")
    open_panel(page, "Deploy")
    page.get_by_label("Handler").select_option("deploy_model")
    page.get_by_label("version *").fill("candidate")
    page.get_by_label("size").select_option('"large"')
    page.get_by_label("Result variable").fill("deployment")
    look(page, "panel")
    tree = saved(page, pages)
    operators = {operator.get("id"): operator for operator in tree.iter(f"{SPIFF}serviceTaskOperator")}
    assert operators["deploy_model"].get("resultVariable") == "deployment"
    parameters = [
        (p.get("id"), p.get("type"), p.get("value"))
        for p in operators["deploy_model"].findall(f"{SPIFF}parameters/{SPIFF}parameter")
    ]
    assert parameters == [
        ("version", "str", "candidate"),
        ("environment", "str", '"staging"'),
        ("size", "str", '"large"'),
        ("warm", "bool", "True"),
    ]
    assert set(pages.tokens) == {"token-of-the-form"}


def test_what_the_modeler_draws_is_executed(page: Page, pages: Pages) -> None:
    open_page(page, pages, "modeler")
    open_panel(page, "Deploy")
    page.get_by_label("Handler").select_option("deploy_model")
    page.get_by_label("version *").fill("version")
    page.get_by_label("Result variable").fill("deployment")
    saved(page, pages)

    files = {"process.bpmn": pages.saved[-1].encode(), "decision.form.json": FORM}
    known = {h["name"]: bpmn.ServiceTaskInfo(kind="job", schema=h["parameters"]) for h in bundled_pages.HANDLERS}
    roles = frozenset(bundled_pages.VOCABULARY["roles"])
    issues = bpmn.check(files, bpmn.Vocabulary(service_tasks=known, roles=roles))
    assert [issue for issue in issues if issue.severity == "error"] == []

    calls = []
    execution = bpmn.Execution.start(bpmn.bundle(files), {"version": "credit@7"}, now=NOW)
    rest = execution.run(lambda call: calls.append((call.handler, call.parameters)) or call.parameters, now=NOW)
    (task,) = rest.user_tasks
    assert (task.lane, task.form) == ("risk_manager", "decision.form.json")
    execution.complete_user_task(task.task_id, {"decision": "yes"})
    assert execution.run(lambda call: calls.append((call.handler, call.parameters)) or "up", now=NOW).finished
    deploy = {"version": "credit@7", "environment": "staging", "size": "small", "warm": True}
    assert calls == [("train_model", {"version": "credit@7"}), ("deploy_model", deploy)]
    assert execution.variables()["deployment"] == "up"


@pytest.mark.parametrize(
    ("drawn", "label", "value", "expected"),
    [
        ("businessRuleTask", "Decision id", "risk_tier", "spiffworkflow:calledDecisionId"),
        ("callActivity", "Called process", "registration", "@calledElement"),
        ("scriptTask", "Assignments", 'tier = "low"', "bpmn:script"),
    ],
)
def test_other_tasks_take_what_they_run(
    page: Page, pages: Pages, drawn: str, label: str, value: str, expected: str
) -> None:
    pages.xml = pages.xml.replace(b'bpmn:serviceTask id="Deploy"', f'bpmn:{drawn} id="Deploy"'.encode())
    deploy = pages.xml.index(f"<bpmn:{drawn}".encode())
    pages.xml = pages.xml[:deploy] + pages.xml[deploy:].replace(b"</bpmn:serviceTask>", f"</bpmn:{drawn}>".encode(), 1)
    open_page(page, pages, "modeler")
    open_panel(page, "Deploy")
    page.get_by_label(label).fill(value)
    assert (
        saved(page, pages).xpath(
            f"string(//*[@id='Deploy']//{expected} | //*[@id='Deploy']/{expected})", namespaces=NAMES
        )
        == value
    )


def test_a_condition_and_a_lanes_role_are_edited(page: Page, pages: Pages) -> None:
    open_page(page, pages, "modeler")
    select(page, "Flow_yes")
    page.get_by_label("Taken if").fill("tier == 'high'")
    page.keyboard.press("Tab")
    select(page, "Lane_risk")
    page.get_by_label("Role").select_option("data_scientist")
    tree = saved(page, pages)
    assert tree.xpath("string(//*[@id='Flow_yes']/bpmn:conditionExpression)", namespaces=NAMES) == "tier == 'high'"
    assert tree.xpath("string(//*[@id='Lane_risk']/@name)") == "data_scientist"


def test_a_start_event_takes_a_form(page: Page, pages: Pages) -> None:
    open_page(page, pages, "modeler")
    open_panel(page, "Start")
    page.get_by_label("Form").select_option("decision.form.json")
    form = saved(page, pages).xpath(
        "string(//*[@id='Start']//spiffworkflow:property[@name='form']/@value)", namespaces=NAMES
    )
    assert form == "decision.form.json"


def test_what_other_tools_wrote_into_the_diagram_is_kept(page: Page, pages: Pages) -> None:
    open_page(page, pages, "modeler")
    open_panel(page, "Train")
    page.get_by_label("Result variable").fill("trained")
    tree = saved(page, pages)
    assert [note.get("text") for note in tree.iter("{urn:another:tool}note")] == ["kept as it is"]
    assert [o.get("resultVariable") for o in tree.iter(f"{SPIFF}serviceTaskOperator")] == ["trained"]


def test_what_the_modellers_of_other_engines_wrote_is_kept(page: Page, pages: Pages) -> None:
    """Through bpmn-js, which knows none of these names, and through an edit of the very element that carries them."""
    text = pages.xml.decode().replace("<bpmn:definitions ", f"<bpmn:definitions {foreign.DEFINITIONS} ", 1)
    text = text.replace('<bpmn:userTask id="Approve"', f'<bpmn:userTask {foreign.ATTRIBUTES} id="Approve"', 1)
    at = text.index("<bpmn:extensionElements>", text.index('id="Approve"')) + len("<bpmn:extensionElements>")
    pages.xml = (text[:at] + foreign.ELEMENTS + text[at:]).encode()
    before = foreign.told(pages.xml)
    assert len(before) > 15
    open_page(page, pages, "modeler")
    open_panel(page, "Approve")
    page.get_by_label("Result variable").fill("decided")
    saved(page, pages)
    assert foreign.told(pages.saved[-1].encode()) == before


def test_a_change_in_the_panel_is_undone_as_one(page: Page, pages: Pages) -> None:
    open_page(page, pages, "modeler")
    open_panel(page, "Deploy")
    page.get_by_label("Handler").select_option("deploy_model")
    expect(page.get_by_label("version *")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Handler")).to_have_value("")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_user_task_takes_its_properties(page: Page, pages: Pages, look: Look) -> None:
    open_page(page, pages, "modeler")
    open_panel(page, "Approve")
    page.get_by_label("Kind").select_option("approval")
    page.get_by_label("Due after").fill("P3D")
    page.get_by_text("Evidence", exact=True).click()
    page.get_by_label("test_report").check()
    page.get_by_text("Shut out (four eyes)").click()
    expect(page.get_by_label("starter")).to_be_checked()
    look(page, "panel")
    properties = {p.get("name"): p.get("value") for p in saved(page, pages).iter(f"{SPIFF}property")}
    assert properties == {
        "form": "decision.form.json",
        "shut_out": "starter",
        "kind": "approval",
        "due": "P3D",
        "evidence": "test_report",
    }


def test_issues_are_listed_and_seen_on_their_elements(page: Page, pages: Pages, look: Look) -> None:
    pages.issues = ISSUES
    open_page(page, pages, "modeler")
    expect(page.get_by_role("heading", name="Issues: 1 error, 1 warning")).to_be_visible()
    # The document looked right where white signs stood on nothing: ask for the colours as they are drawn.
    for kind, colour in {"error": "rgb(155, 28, 46)", "warning": "rgb(138, 82, 0)"}.items():
        mark = page.locator(f".gw-mark-{kind}")
        expect(mark).to_be_visible()
        expect(mark).to_have_css("background-color", colour)
        expect(mark).to_have_css("color", "rgb(255, 255, 255)")
    page.get_by_role("button", name="error Deploy It calls no handler.").click()
    expect(page.locator("[data-element-id=Deploy].selected")).to_have_count(1)
    expect(page.get_by_label("Handler")).to_be_visible()
    look(page, "shown")
    assert the_watermark_is_uncovered(page)
    pages.issues = []
    page.get_by_role("button", name="Validate").click()
    expect(page.get_by_text("None: this diagram can be published.")).to_be_visible()
    expect(page.locator(".gw-mark-error")).to_have_count(0)


def test_a_refused_draft_shows_the_servers_words(page: Page, pages: Pages, complaints: list[str]) -> None:
    pages.save_problem = (403, {"title": "Ada may not draft.", "detail": "Ask a process architect."})
    open_page(page, pages, "modeler")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("status")).to_have_text("Not saved. Ada may not draft. Ask a process architect.")
    assert len(complaints) == 1  # the browser itself notes the 403
    complaints.clear()
