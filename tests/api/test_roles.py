"""Every role against every operation: a table written by hand is the expectation, and a missing row fails."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pydantic import SecretStr

from engine import audit, handlers
from engine.config import Settings
from engine.identity import ROLES, Person
from engine.store import Store, TestClock, open_store, transaction
from engine.store.postgres import EmbeddedPostgres
from tests import conftest as databases
from tests.api.callers import Caller, person, token
from web import api
from web.app import create_app

# One letter a role, in the order of the requirements.
LETTERS = {
    "A": "ai_architect",
    "S": "data_scientist",
    "E": "data_engineer",
    "D": "developer",
    "I": "it_operations",
    "M": "model_operator",
    "R": "risk_manager",
    "B": "business_owner",
    "U": "auditor",
    "X": "admin",
}
EVERY = "ASEDIMRBUX"
ANYONE = "anyone"

#: operation -> who is let in; an act may still be refused by what it is about (whose task, whose draft)
TABLE = {
    # signing in
    "sign_in": ANYONE,
    "sign_out": EVERY,
    "me": EVERY,
    "set_own_password": EVERY,
    "own_tokens": EVERY,
    "issue_token": EVERY,
    "revoke_token": "X",  # of another; one's own is in the test below
    # people
    "list_people": "UX",
    "add_person": "X",
    "show_person": "UX",
    "edit_person": "X",
    "disable_person": "X",
    "enable_person": "X",
    "give_password": "X",
    # life cycles
    "list_processes": EVERY,
    "start_form": EVERY,
    "preview_path": "ASIMRB",
    "list_definitions": EVERY,
    "draft_definition": "A",
    "check_definition": EVERY,
    "show_definition": EVERY,
    "definition_files": EVERY,
    "definition_file": EVERY,
    "edit_definition": "A",
    "submit_definition": "A",
    "publish_definition": "A",
    "reject_definition": "A",
    # instances
    "list_instances": EVERY,
    "start_instance": "ASIMRB",
    "show_instance": EVERY,
    "instance_variables": EVERY,
    "instance_diagram": EVERY,
    "retry_instance": "IM",
    "instance_waits": EVERY,
    "process_waits": EVERY,
    "show_failed_step": EVERY,
    "retry_step": "IM",
    "set_variables": "IM",
    "instance_tokens": EVERY,
    "move_token": "IM",
    "suspend_instance": "IM",
    "resume_instance": "IM",
    "cancel_instance": "IM",
    # tasks
    "inbox": EVERY,
    "list_tasks": EVERY,
    "show_task": EVERY,
    "claim_task": EVERY,
    "release_task": EVERY,
    "assign_task": "AIMRB",
    "complete_task": EVERY,
    # models
    "list_models": EVERY,
    "register_model": "SD",
    "show_model": EVERY,
    "edit_model": "SMB",
    "model_approvals": EVERY,
    "model_risks": EVERY,
    "open_risk": "SRB",
    "close_risk": "SRB",
    "ask_for_retirement": "SMB",
    "list_versions": EVERY,
    "add_version": "SD",
    "show_version": EVERY,
    "read_asset": EVERY,
    "attach_asset": "SMB",
    "test_reports": EVERY,
    "version_differences": EVERY,
    "show_drift": EVERY,
    "measure_drift": EVERY,
    # serving
    "list_environments": EVERY,
    "define_environment": "IX",
    "list_deployments": EVERY,
    "show_deployment": EVERY,
    "list_routes": EVERY,
    "request_batch": "SDIMB",
    "list_batches": EVERY,
    "show_batch": EVERY,
    "read_result": "ASEIMRBU",
    "find_inferences": "ASEIMRBU",
    "show_inference": "ASEIMRBU",
    "explain_inference": "ASEIMRBU",
    "list_inferences": "ASEIMRBU",
    "summarise_inferences": "ASEIMRBU",
    "show_value": EVERY,
    "list_violations": "ASEIMRBU",
    "add_labels": "SEM",
    "add_label_file": "SEM",
    "show_delivery": EVERY,
    "list_operations": EVERY,
    # alerts
    "list_alerts": EVERY,
    "show_alert": EVERY,
    "acknowledge_alert": "EIM",
    "list_silences": EVERY,
    "add_silence": "EIM",
    "end_silence": "EIM",
    # monitors
    "list_monitors": EVERY,
    "show_monitor": EVERY,
    "edit_monitor": "SIM",
    "run_monitor_now": "ASIMRB",
    "list_runs": EVERY,
    "show_series": EVERY,
    "show_model_health": EVERY,
    "list_findings": EVERY,
    "show_finding": EVERY,
    "list_causes": EVERY,
    "list_thresholds": EVERY,
    "propose_threshold": "SMRB",
    "approve_threshold": "R",
    "reject_threshold": "R",
    # feeds
    "list_feeds": EVERY,
    "show_feed": EVERY,
    "define_feed": "E",
    "list_arrivals": EVERY,
    "read_feed": "E",
    # schedules
    "list_schedules": EVERY,
    "add_schedule": "AIM",
    "pause_schedule": "AIM",
    "resume_schedule": "AIM",
    # service tasks at work
    "list_service_tasks": EVERY,
    "set_limits": "IM",
    "forget_limits": "IM",
    "close_breaker": "IM",
    # audit log
    "list_entries": "ARUX",
    "verify_audit": "RUX",
    # health
    "openapi": ANYONE,
    "health": ANYONE,
    "ready": ANYONE,
    "counts": EVERY,
    "portfolio": EVERY,
}


def operations() -> list[tuple[str, str, str]]:
    """(name, method, address) of every operation, with made-up things in the address."""
    found = []
    for path, item in api.document()["paths"].items():
        for method, operation in item.items():
            address = path.removeprefix(api.PREFIX)
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "path":
                    schema = parameter["schema"]
                    value = (
                        str(uuid.UUID(int=0))  # of nothing that there is; the same in each worker
                        if schema.get("format") == "uuid"
                        else "1"
                        if schema["type"] == "integer"
                        else "x"
                    )
                    address = address.replace("{" + parameter["name"] + "}", value)
            found.append((operation["operationId"], method.upper(), address))
    return found


def test_the_table_knows_every_operation_and_no_other() -> None:
    """Whoever adds an operation says who may use it."""
    assert {name for name, _, _ in operations()} == set(TABLE)
    assert set(LETTERS.values()) == set(ROLES)


@pytest.fixture(scope="module")
def house(
    cluster: EmbeddedPostgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Store, Flask, dict[str, Person]]]:
    """One database for the whole table: nothing in it is changed but tokens."""
    name = f"test_{secrets.token_hex(6)}"
    databases._create(cluster, name, template)
    folder: Path = tmp_path_factory.mktemp("roles")
    settings = Settings(data_dir=folder, database_url=SecretStr(cluster.url("application", name)))
    store = open_store(settings, clock=TestClock())
    handlers.load()
    people = {letter: person(store, f"{role.replace('_', '-')}-one", role) for letter, role in LETTERS.items()}
    yield store, create_app(store, testing=True), people
    store.close()
    databases._admin(cluster, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.mark.parametrize(("name", "method", "address"), operations(), ids=lambda value: value)
def test_who_is_let_in(house: tuple[Store, Flask, dict[str, Person]], name: str, method: str, address: str) -> None:
    """403 for who is not in the row, 401 for nobody, anything else for who is: before what they sent is read."""
    store, app, people = house
    expected = TABLE[name]
    words: dict[str, Any] = {} if method == "GET" else {"json": {}}
    shut_out = Caller(app).ask(method, address, **words).status_code == 401
    assert shut_out == (expected != ANYONE)
    let_in = "".join(
        letter
        for letter, who in people.items()
        if Caller(app, token(store, who)).ask(method, address, **words).status_code not in (401, 403)
    )
    if expected == ANYONE:
        assert let_in == EVERY
    else:
        assert let_in == expected


def test_everybody_ends_a_token_of_their_own(house: tuple[Store, Flask, dict[str, Person]]) -> None:
    """And it stands for nobody from then on."""
    store, app, people = house
    for who in people.values():
        caller = Caller(app, token(store, who))
        issued = caller("POST", "/me/tokens", 201, json={"name": "mine", "scopes": ["api"]})
        caller("DELETE", f"/me/tokens/{issued['token']['id']}", 204)
        Caller(app, issued["secret"])("GET", "/me", 401)


def test_a_refusal_for_want_of_a_role_is_in_the_log(house: tuple[Store, Flask, dict[str, Person]]) -> None:
    """A refused act is a row, too; a refused look is none."""
    store, app, people = house
    auditor = Caller(app, token(store, people["U"]))
    auditor("POST", "/people", 403, json={"id": "mallory", "name": "Mallory"})
    auditor("POST", "/models", 403, json={"declared": {"id": "mine"}})
    with transaction(store) as session:
        found = audit.entries(session, actor=people["U"].id, act="act.refused", limit=2)
    assert [each.facts["tried"] for each in found] == ["register_model", "add_person"]
    assert {each.facts["reason"] for each in found} == {"not-permitted"}
