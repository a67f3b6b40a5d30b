"""The pages of a whole house in a real browser: looked at by axe, used by keyboard, by script and without it."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow.parquet
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pydantic import SecretStr
from werkzeug.serving import make_server

from engine.config import Settings
from engine.identity import browser_sessions
from engine.runtime import definitions, instances, wakeups
from engine.serving.runner import Runner
from engine.store import Store, open_store, transaction
from engine.store.postgres import OWNER, EmbeddedPostgres
from tests.browser.accessibility import violations
from tests.browser.test_bundled_pages import the_watermark_is_uncovered
from tests.handlers import house as lives
from tests.monitoring.world import given_a_model_that_brings, given_a_model_that_moved
from tests.web import world
from web import access, live, shipped
from web.app import create_app

Look = Callable[[Page, str], None]


@dataclass(slots=True)
class House:
    """A house with something on every page, and where it answers."""

    address: str
    store: Store
    known: world.World
    waiting: dict[str, Any]  #: model -> the open task of its operator

    def signed_in(self, context: BrowserContext, role: str) -> None:
        """Let the browser's next page be that of somebody of this role."""
        with transaction(self.store) as session:
            secret = browser_sessions.begin(session, self.known.person(role).id, address="", agent="tests")
        context.add_cookies([{"name": access.COOKIE, "value": secret, "url": self.address, "sameSite": "Lax"}])


@pytest.fixture(scope="module")
def house(cluster: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One server for all tests of this file."""
    name = f"browser_{secrets.token_hex(4)}"
    with psycopg.connect(cluster.url("admin", "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER {OWNER} TEMPLATE {template}")
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("browser"),
        database_url=SecretStr(cluster.url("application", name)),
        database_owner_url=SecretStr(cluster.url("owner", name)),
    )
    store = open_store(settings)
    known = world.given_a_world(store)
    given_a_model_that_moved(store)
    given_a_model_that_brings(store)
    # All at once and before any decision: nothing here runs the deployments that decisions lead to.
    waiting = {model: _waiting_task(store, known, model) for model in ("keyboard", "scriptless", "followed")}
    app = create_app(store)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield House(address=f"http://127.0.0.1:{server.server_port}", store=store, known=known, waiting=waiting)
    server.shutdown()
    thread.join(timeout=5)
    with app.app_context():
        live.broadcast().close()
    wakeups.close()
    store.close()
    with psycopg.connect(cluster.url("admin", "postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _waiting_task(store: Store, known: world.World, model: str) -> Any:
    """The open task of a new life cycle that waits for its operator."""
    ada = known.person("data_scientist")
    world.given_a_plain_model(store, ada, model)
    instance = instances.start(store, ada, "model_life_cycle", variables={"model": model})
    lives.go_on(store)
    (task,) = lives.open_tasks(store, instance)
    return task


def opened(page: Page, house: House, address: str) -> Page:
    """The page, once its diagram is drawn where it has one."""
    page.goto(house.address + address.format(**house.known.ids))
    if page.locator("[data-viewer], [data-modeler]").count():
        page.wait_for_selector("[data-ready]")
    return page


#: page -> (whose it is, its address); every page of the house by name
PAGES = {
    "sign in": ("", "/sign-in"),
    "home": ("risk_manager", "/"),
    "home of an admin": ("admin", "/"),
    "inbox": ("risk_manager", "/inbox"),
    "an empty inbox": ("auditor", "/inbox"),
    "task with its evidence": ("risk_manager", "/tasks/{task}"),
    "task of others": ("data_scientist", "/tasks/{task}"),
    "task that is done": ("risk_manager", "/tasks/{done_task}"),
    "life cycles": ("model_operator", "/instances"),
    "life cycle": ("model_operator", "/instances/{credit}"),
    "life cycle with an incident": ("model_operator", "/instances/{incident}"),
    "retry with other parameters": ("model_operator", "/instances/{incident}/steps/{incident_task}"),
    "set a variable": ("it_operations", "/instances/{credit}/variables?name=facts"),
    "move a token": ("model_operator", "/instances/{credit}/tokens?task={task}"),
    "waits of a life cycle": ("business_owner", "/instances/{credit}/waits"),
    "waits of a process": ("ai_architect", "/processes/model_life_cycle/waits"),
    "processes": ("ai_architect", "/processes"),
    "process": ("ai_architect", "/processes/model_life_cycle"),
    "start form": ("data_scientist", "/processes/review/start?model=letters"),
    "drafts": ("ai_architect", "/drafts"),
    "draft": ("ai_architect", "/definitions/{draft}"),
    "review of a draft": ("ai_architect", "/definitions/{in_review}/review"),
    "modeler": ("ai_architect", "/definitions/{draft}/draw"),
    "modeler on a blank diagram": ("ai_architect", "/drafts/new"),
    "models": ("data_scientist", "/models"),
    "register a model": ("data_scientist", "/models/new"),
    "take over from mlflow": ("data_scientist", "/import/mlflow/version?name=Churn&version=1"),
    "model": ("data_scientist", "/models/credit"),
    "model with a risk": ("risk_manager", "/models/letters"),
    "model that runs": ("business_owner", "/models/outreach"),
    "inferences": ("auditor", "/inferences"),
    "inference": ("auditor", "/inferences/{inference}"),
    "why it was answered so": ("business_owner", "/inferences/{inference}/explanation"),
    "batches": ("model_operator", "/batches"),
    "batch that was refused": ("auditor", "/batches/{batch}"),
    "batch with answers": ("business_owner", "/batches/{done_batch}"),
    "hand in a file of rows": ("data_scientist", "/batches/new"),
    "watched folders": ("it_operations", "/drops"),
    "roll back a model": ("it_operations", "/models/outreach/roll-back"),
    "labels of a model": ("data_engineer", "/models/letters/labels"),
    "edit a model": ("data_scientist", "/models/credit/edit"),
    "version": ("auditor", "/models/credit/versions/1"),
    "drift": ("auditor", "/models/credit/versions/1/drift"),
    "differences": ("auditor", "/models/credit/versions/1/differences?before=outreach@1"),
    "add a version": ("data_scientist", "/models/credit/versions/new"),
    "portfolio": ("business_owner", "/portfolio"),
    "delivery": ("business_owner", "/delivery"),
    "operations": ("model_operator", "/operations"),
    "health card": ("model_operator", "/models/moved/health"),
    "health card with a value": ("model_operator", "/models/lending/health"),
    "rows that break a rule": ("model_operator", "/models/lending/violations"),
    "alerts": ("model_operator", "/alerts"),
    "alert": ("model_operator", "/alerts/{alert}"),
    "monitors": ("model_operator", "/monitors"),
    "monitor": ("risk_manager", "/monitors/{monitor}"),
    "monitor that may be changed": ("data_scientist", "/monitors/{monitor}"),
    "feeds": ("data_engineer", "/feeds"),
    "feed": ("data_engineer", "/feeds/claims"),
    "add a feed": ("data_engineer", "/feeds/new"),
    "findings": ("auditor", "/findings"),
    "finding": ("model_operator", "/findings/{finding}"),
    "schedules": ("model_operator", "/schedules"),
    "schedule": ("model_operator", "/schedules/{schedule}"),
    "add a schedule": ("model_operator", "/schedules/new?process=review"),
    "service tasks": ("it_operations", "/service-tasks"),
    "service task": ("it_operations", "/service-tasks/deploy_model"),
    "environments": ("it_operations", "/environments"),
    "environment": ("it_operations", "/environments/production"),
    "add an environment": ("it_operations", "/environments/new"),
    "audit trail": ("auditor", "/audit"),
    "row of the audit trail": ("auditor", "/audit/system/1"),
    "users": ("admin", "/users"),
    "user": ("admin", "/users/ada"),
    "add a user": ("admin", "/users/new"),
    "account": ("data_scientist", "/account"),
    "password": ("data_scientist", "/account/password"),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_no_grave_fault_of_accessibility_in_light_and_dark(
    page: Page, context: BrowserContext, house: House, look: Look, name: str
) -> None:
    role, address = PAGES[name]
    if role:
        house.signed_in(context, role)
    opened(page, house, address)
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.wait_for_selector(f"[data-bs-theme={theme}]")
        assert violations(page, colours_alone=theme == "dark") == []
        look(page, theme)


@pytest.mark.parametrize("name", ["home", "inbox", "task with its evidence", "life cycle", "model", "audit trail"])
def test_a_page_fits_on_a_telephone(page: Page, context: BrowserContext, house: House, look: Look, name: str) -> None:
    role, address = PAGES[name]
    house.signed_in(context, role)
    page.set_viewport_size({"width": 390, "height": 800})
    opened(page, house, address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert violations(page) == []
    look(page, "narrow")


def test_an_error_page_is_accessible_and_leads_home(
    page: Page, context: BrowserContext, house: House, complaints: list[str]
) -> None:
    house.signed_in(context, "data_scientist")
    for address, title in {"/nothing": "There is nothing at this address.", "/users": "ada may not do this"}.items():
        page.goto(house.address + address)
        expect(page.get_by_role("heading", level=1)).to_contain_text(title)
        assert violations(page) == []
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="Good to see you, Ada")).to_be_visible()
    complaints.clear()  # the browser itself notes the 404 and the 403


def test_somebody_signs_in_by_keyboard_and_out(page: Page, house: House, complaints: list[str]) -> None:
    page.goto(f"{house.address}/inbox")
    page.get_by_label("Login name").fill("ria")
    page.keyboard.press("Tab")
    page.keyboard.type("not her password")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Login name and password do not fit together.")
    complaints.clear()  # the browser itself notes the 401
    page.get_by_label("Password").fill(world.PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{house.address}/inbox")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{house.address}/inbox")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_task_is_decided_by_keyboard_alone(page: Page, context: BrowserContext, house: House) -> None:
    task = house.waiting["keyboard"]
    house.signed_in(context, "model_operator")
    page.goto(f"{house.address}/inbox?search=keyboard")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    reach(page, "a", task.name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=task.name)).to_be_visible()
    reach(page, "input[type=radio]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Approve", exact=True)).to_be_checked()
    page.keyboard.press("Tab")
    page.keyboard.type("The figures bear it.")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Decide")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your decision is taken; the life cycle went on.")).to_be_visible()
    expect(page.get_by_text("The figures bear it.").first).to_be_visible()


def reach(page: Page, selector: str, words: str = "") -> None:
    """Press Tab until such an element has the focus."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(
            "([s, w]) => document.activeElement.matches(s) && document.activeElement.textContent.includes(w)",
            [selector, words],
        ):
            return
    raise AssertionError(f"Tab does not lead to {selector} {words}")


def test_inbox_and_decision_work_without_script(browser: Browser, house: House) -> None:
    task = house.waiting["scriptless"]
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{house.address}/inbox?search=scriptless")
    page.get_by_label("Login name").fill("max")
    page.get_by_label("Password").fill(world.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Show").select_option("unclaimed")
    page.get_by_role("button", name="Apply").click()
    page.get_by_role("link", name=task.name).click()
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_text("The task is in your hands.")).to_be_visible()
    page.get_by_label("Reject").check()
    page.get_by_label("Comment").fill("no")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Not sent.")).to_be_visible()
    expect(page.get_by_label("Reject")).to_be_checked()
    page.get_by_label("Comment").fill("The evidence does not bear it.")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Your decision is taken")).to_be_visible()
    context.close()


def test_the_diagram_and_the_words_follow_what_happens(page: Page, context: BrowserContext, house: House) -> None:
    task = house.waiting["followed"]
    house.signed_in(context, "auditor")
    opened(page, house, f"/instances/{task.instance}?process=deployment")
    expect(page.locator(".gw-mark-active")).to_have_text("1")
    expect(page.get_by_text(f"Now at {task.name}.")).to_be_visible()
    assert the_watermark_is_uncovered(page)
    instances.complete(house.store, house.known.person("model_operator"), task.id, {"decision": "approve"})
    expect(page.get_by_text(f"Now at {task.name}.")).not_to_be_visible()
    expect(page.locator(f"[data-element-id={task.element}].gw-done")).to_have_count(1)
    expect(page.locator("#standing")).not_to_contain_text(task.name)
    expect(page.locator("#standing")).to_contain_text("A worker takes it next.")


def test_a_called_process_is_opened_from_its_element(page: Page, context: BrowserContext, house: House) -> None:
    house.signed_in(context, "auditor")
    opened(page, house, "/instances/{credit}?process=model_life_cycle")
    page.locator("a.gw-mark-link[href$='process=deployment']").click()
    page.wait_for_selector("[data-ready]")
    expect(page.get_by_text("Now at Approve deployment as risk manager.")).to_be_visible()


def test_a_search_narrows_the_list_in_place(page: Page, context: BrowserContext, house: House) -> None:
    house.signed_in(context, "data_scientist")
    opened(page, house, "/models")
    expect(page.get_by_role("link", name="Churn")).to_be_visible()
    page.evaluate("window.stayed = true")
    page.get_by_label("Search").fill("outreach")
    expect(page.get_by_role("link", name="Churn")).not_to_be_visible()
    expect(page.get_by_role("link", name="Outreach")).to_be_visible()
    expect(page).to_have_url(f"{house.address}/models?search=outreach&state=&tier=&kind=&owner=&tool=")
    assert page.evaluate("window.stayed")


def test_a_diagram_makes_the_way_from_the_modeler_to_the_engine_and_back(
    page: Page, context: BrowserContext, house: House
) -> None:
    house.signed_in(context, "ai_architect")
    opened(page, house, "/definitions/{draft}/draw")
    assert the_watermark_is_uncovered(page)
    expect(page.get_by_text("None: this diagram can be published.")).to_be_visible()
    page.locator("[data-element-id=Take_out_of_service], [data-element-id=Retire_model]").first.click()
    expect(page.get_by_label("Handler")).to_have_value("retire_model")
    page.get_by_label("Handler").select_option("withdraw_model")
    page.get_by_label("Model *").fill("model")
    page.get_by_label("Reason").fill('"Drawn otherwise."')
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("Draft saved.")).to_be_visible()
    with transaction(house.store) as session:
        files = definitions.files_of(session, house.known.ids["draft"])
        issues = [each for each in definitions.check(session, files) if each.severity == "error"]
    assert b'id="withdraw_model"' in files["process.bpmn"]
    assert b"Drawn otherwise." in files["process.bpmn"]
    assert issues == []
    opened(page, house, "/definitions/{draft}/review")
    expect(page.get_by_role("table").first).to_contain_text("handler")


def test_a_way_round_the_gate_is_shown_on_the_diagram(
    page: Page, context: BrowserContext, house: House, look: Look
) -> None:
    """The gateway lets a no through: the modeler names the policy and draws the path, numbered and in words."""
    files = dict(shipped.library()["deployment"])
    asked = b'approval["decision"] == "approve"</bpmn:conditionExpression>'
    first = files["process.bpmn"].index(asked)
    broken = files["process.bpmn"][:first] + files["process.bpmn"][first:].replace(b"==", b"!=", 1)
    with transaction(house.store) as session:
        draft = definitions.draft(session, house.known.person("ai_architect"), {**files, "process.bpmn": broken})
        house.known.ids["broken"] = draft.id
    house.signed_in(context, "ai_architect")
    opened(page, house, "/definitions/{broken}/draw")
    expect(page.get_by_role("heading", name="Proof over all paths:")).to_be_visible()
    page.locator("[data-verdict=deployment-approved][aria-expanded]").click()
    expect(page.locator(".gw-proof-steps:not([hidden]) li").first).to_contain_text("Deployment requested")
    expect(page.locator(".gw-proof-steps:not([hidden])")).to_contain_text("decision: reject")
    assert page.locator(".gw-path.djs-shape").count() >= 8
    assert page.locator(".gw-path.djs-connection").count() >= 7
    numbers = page.locator(".gw-canvas .gw-mark-link").all_inner_texts()
    assert sorted(int(each) for each in numbers) == list(range(1, len(numbers) + 1))
    assert violations(page) == []
    look(page, "path")
    page.locator(".gw-proof-steps:not([hidden]) .gw-proof-step", has_text="Deploy the version").click()
    expect(page.locator("[data-element-id=Deploy_version].selected")).to_be_visible()
    page.locator("[data-verdict=deployment-approved][aria-expanded]").click()
    expect(page.locator(".gw-path.djs-shape")).to_have_count(0)
    refused = page.request.post(f"{house.address}/definitions/{draft.id}/submit", headers=from_page(page))
    assert refused.status == 422
    assert "A risk manager who did not ask for it approves each deployment" in refused.text()


def from_page(page: Page) -> dict[str, str]:
    """What a form of the page would send beside its fields."""
    token = page.locator("[data-csrf]").get_attribute("data-csrf") or ""
    return {"X-CSRFToken": token, "Referer": page.url}


def test_the_path_is_shown_before_the_start(page: Page, context: BrowserContext, house: House, look: Look) -> None:
    house.signed_in(context, "data_scientist")
    opened(page, house, "/processes/review/start?model=letters")
    page.get_by_role("button", name="Show the path").click()
    expect(page.get_by_role("heading", name="The path it will take")).to_be_visible()
    expect(page.locator(".gw-path")).to_contain_text("Keep or retire")
    assert violations(page) == []
    look(page, "path")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("The life cycle is started.")).to_be_visible()


def test_r16_a_file_is_handed_in_and_its_answers_are_fetched_on_the_page(
    page: Page, context: BrowserContext, house: House
) -> None:
    """The page tells by itself when a worker has scored the file."""
    house.signed_in(context, "data_scientist")
    opened(page, house, "/batches/new")
    page.get_by_label("Model and environment").select_option("outreach production")
    page.get_by_label("File").set_input_files({"name": "may.csv", "mimeType": "text/csv", "buffer": b"age\n41\n17\n"})
    page.get_by_role("button", name="Hand it in").click()
    expect(page.get_by_text("a worker takes it next")).to_be_visible()
    Runner(house.store).look()
    page.get_by_role("link", name="Download the answers").wait_for()
    with page.expect_download() as fetched:
        page.get_by_role("link", name="Download the answers").click()
    answers = pyarrow.parquet.read_table(fetched.value.path())
    assert answers["decision"].to_pylist() == ["grant", "call"]
    page.get_by_role("link", name="the first of them in the log").click()
    expect(page.locator("main")).to_contain_text(answers["id"].to_pylist()[0])
