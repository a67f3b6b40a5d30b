"""Every role against every page: a table written by hand, which a new page fails until it has its row."""

from __future__ import annotations

from uuid import UUID

import pytest

from engine import audit
from engine.identity import ROLES, tokens
from engine.store import transaction
from tests.web.conftest import words

ARC, SCI, ENG, DEV, OPS, MOD, RISK, OWN, AUD, ADM = ROLES
ALL = set(ROLES)
NOBODY_NEEDED = ALL | {"stranger"}
STARTERS = {ARC, SCI, MOD, OPS, OWN, RISK}
OPERATORS = {OPS, MOD}
REGISTRANTS = {SCI, DEV}
EDITORS = {SCI, MOD, OWN}
RISKS = {RISK, SCI, OWN}
SCHEDULERS = {MOD, OPS, ARC}
READERS_OF_THE_LOG = {AUD, ADM, RISK, ARC}

#: method and endpoint -> who is let in; what the act itself then refuses is another matter
TABLE = {
    "GET home.page": ALL,
    "GET home.health": NOBODY_NEEDED,
    "GET observing.exposed": NOBODY_NEEDED,  # of this machine; others need the settings' token
    "GET sign_in.form": NOBODY_NEEDED,
    "POST sign_in.enter": NOBODY_NEEDED,
    "POST sign_in.leave": NOBODY_NEEDED,
    "GET account.page": ALL,
    "GET account.choose_password": ALL,
    "POST account.set_password": ALL,
    "POST account.issue_token": ALL,
    "POST account.revoke_token": ALL,
    "POST account.end_other_sessions": ALL,
    "GET inbox.listing": ALL,
    "GET inbox.task": ALL,
    "POST inbox.decide": ALL,
    "POST inbox.claim": ALL,
    "POST inbox.release": ALL,
    "POST inbox.assign": {ARC, OPS, MOD, RISK, OWN},
    "GET life_cycles.listing": ALL,
    "GET life_cycles.page": ALL,
    "GET life_cycles.state": ALL,
    "POST life_cycles.retry": OPERATORS,
    "POST life_cycles.suspend": OPERATORS,
    "POST life_cycles.resume": OPERATORS,
    "POST life_cycles.cancel": OPERATORS,
    "GET waits.of_instance": ALL,
    "GET waits.state_of_instance": ALL,
    "GET waits.of_process": ALL,
    "GET waits.state_of_process": ALL,
    "GET operating.step": OPERATORS,
    "POST operating.retry": OPERATORS,
    "GET operating.tokens": OPERATORS,
    "POST operating.move": OPERATORS,
    "GET operating.variables": OPERATORS,
    "POST operating.set_variable": OPERATORS,
    "GET library.listing": ALL,
    "GET library.process": ALL,
    "GET library.page": ALL,
    "GET library.diagram": ALL,
    "GET library.file": ALL,
    "GET library.changes": ALL,
    "GET library.start_form": STARTERS,
    "POST library.start": STARTERS,
    "GET library.drafts": ALL,
    "POST library.upload": {ARC},
    "GET library.draw": {ARC},
    "GET library.redraw": {ARC},
    "GET library.blank": {ARC},
    "GET library.vocabulary": ALL,
    "POST library.check": {ARC},
    "POST library.save": {ARC},
    "POST library.add_files": {ARC},
    "POST library.submit": {ARC},
    "GET library.review": {ARC},
    "POST library.publish": {ARC},
    "POST library.reject": {ARC},
    "GET models.listing": ALL,
    "GET models.page": ALL,
    "GET models.new": REGISTRANTS,
    "GET importing.listing": REGISTRANTS,
    "GET importing.form": REGISTRANTS,
    "POST importing.take_over": REGISTRANTS,
    "POST models.register": REGISTRANTS,
    "GET models.change": EDITORS,
    "POST models.edit": EDITORS,
    "POST models.open_risk": RISKS,
    "POST models.close_risk": RISKS,
    "POST models.request_retirement": EDITORS,
    "GET versions.page": ALL,
    "GET versions.asset": ALL,
    "GET differences.page": ALL,
    "GET drift.page": ALL,
    "POST drift.of_file": ALL,
    "GET versions.new": REGISTRANTS,
    "POST versions.add": REGISTRANTS,
    "POST versions.attach": EDITORS,
    "GET inferences.listing": ALL - {DEV, ADM},
    "GET inferences.page": ALL - {DEV, ADM},
    "GET inferences.state": ALL - {DEV, ADM},
    "GET explanations.page": ALL - {DEV, ADM},
    "GET batches.listing": ALL,
    "GET batches.page": ALL,
    "GET batches.folders": ALL,
    "GET batches.new": {SCI, MOD, OPS, DEV, OWN},
    "POST batches.ask": {SCI, MOD, OPS, DEV, OWN},
    "GET batches.result": ALL - {DEV, ADM},
    "GET production.before_roll_back": {SCI, MOD, OPS},
    "POST production.roll_back": {SCI, MOD, OPS},
    "GET production.labels": {SCI, MOD, ENG},
    "POST production.add_labels": {SCI, MOD, ENG},
    "GET portfolio.listing": ALL,
    "GET delivery.page": ALL,
    "GET operations.page": ALL,
    "GET operations.card": ALL,
    "GET rules.violations": ALL - {DEV, ADM},
    "GET alerts.listing": ALL,
    "GET alerts.page": ALL,
    "POST alerts.acknowledge": {OPS, MOD, ENG},
    "POST alerts.silence": {OPS, MOD, ENG},
    "POST alerts.end_silence": {OPS, MOD, ENG},
    "GET monitors.listing": ALL,
    "GET monitors.page": ALL,
    "POST monitors.run": STARTERS,
    "POST monitors.edit": {SCI, MOD, OPS},
    "POST monitors.propose": {SCI, MOD, RISK, OWN},
    "POST monitors.decide": {RISK},
    "GET findings.listing": ALL,
    "GET findings.page": ALL,
    "GET schedules.listing": ALL,
    "GET schedules.page": ALL,
    "GET schedules.new": SCHEDULERS,
    "POST schedules.add": SCHEDULERS,
    "POST schedules.pause": SCHEDULERS,
    "POST schedules.resume": SCHEDULERS,
    "GET service_tasks.listing": ALL,
    "GET service_tasks.page": ALL,
    "POST service_tasks.limit": OPERATORS,
    "POST service_tasks.unlimit": OPERATORS,
    "POST service_tasks.close": OPERATORS,
    "GET feeds.listing": ALL,
    "GET feeds.page": ALL,
    "GET feeds.new": {ENG},
    "GET feeds.change": {ENG},
    "POST feeds.define": {ENG},
    "POST feeds.read": {ENG},
    "GET environments.listing": ALL,
    "GET environments.page": {OPS, ADM},
    "GET environments.new": {OPS, ADM},
    "POST environments.define": {OPS, ADM},
    "GET audit_trail.listing": READERS_OF_THE_LOG,
    "GET audit_trail.entry": READERS_OF_THE_LOG,
    "POST audit_trail.verify": {AUD, ADM, RISK},
    "POST audit_trail.export": {AUD, ADM},
    "GET people.listing": {ADM, AUD},
    "GET people.page": {ADM, AUD},
    "GET people.new": {ADM},
    "POST people.add": {ADM},
    "POST people.edit": {ADM},
    "POST people.set_password": {ADM},
    "POST people.disable": {ADM},
    "POST people.enable": {ADM},
    "GET live.changes": ALL,
    "GET live.of_instance": ALL,
}

NOWHERE = UUID(int=0)


def endpoints(app):
    """METHOD endpoint -> its rule, for all that is not the API's."""
    return {
        f"{method} {rule.endpoint}": rule
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static" and not rule.rule.startswith("/api/")
    }


def address(app, rule, ids):
    """The rule's address: for pages of things that are there, for acts of things that are not: they do nothing."""
    there = "GET" in rule.methods
    values = {
        "task": ids["task"] if there else NOWHERE,
        "token": ids["token"],
        "instance": ids["instance"] if there else NOWHERE,
        "definition": ids["draft"] if there else NOWHERE,
        "risk": NOWHERE,
        "alert": ids["alert"] if there else NOWHERE,
        "silence": NOWHERE,
        "monitor": ids["monitor"] if there else NOWHERE,
        "finding": ids["finding"],
        "proposal": NOWHERE,
        "inference": ids["inference"],
        "batch": ids["batch"],
        "process": "registration",
        "model": ids["model"] if there else "none",
        "number": 1,
        "role": "artefact",
        "person": "ada" if there else "nobody",
        "stream": "person:ada",
        "seq": 1,
        "name": "none",
    }
    if there:
        values["name"] = {
            "library": "retirement",
            "waits": "retirement",
            "schedules": ids["schedule"],
            "versions": "artefact",
            "environments": "production",
            "feeds": "claims",
            "service_tasks": "deploy_model",
        }.get(rule.endpoint.partition(".")[0], "")
    if rule.endpoint == "library.file":
        values["name"] = "process.bpmn"
    return app.url_map.bind("localhost").build(rule.endpoint, {name: values[name] for name in rule.arguments})


def test_every_page_has_its_row(app):
    assert set(endpoints(app)) == set(TABLE)


@pytest.mark.parametrize("role", [*ROLES, "stranger"])
def test_who_is_let_in(app, house, visit, stranger, known, role):
    visitor = stranger if role == "stranger" else visit(role)
    token, ids = visitor.token(), {**known.ids, "token": NOWHERE}
    if visitor.person:
        with transaction(house) as session:
            ids["token"] = tokens.issue(session, visitor.person, name="to be revoked", scopes=["api"])[0].id
    wrong = []
    for name, rule in sorted(endpoints(app).items()):
        if name in ("POST sign_in.enter", "POST sign_in.leave", "POST account.set_password"):
            continue  # they change who is signed in; the tests of sign-in hold them
        where = address(app, rule, ids)
        if name.startswith("GET"):
            answer = visitor.get(where)
        else:
            answer = visitor.client.post(where, data={"csrf_token": token})
        answer.close()
        led_away = answer.status_code == 302 and (answer.location or "").startswith("/sign-in")
        refused = led_away or (answer.status_code == 403 and "may not do this" in words(answer))
        if refused == (role in TABLE[name]):
            wrong.append(f"{name} {where}: {answer.status_code}")
        if answer.status_code >= 500:
            wrong.append(f"{name} {where}: {answer.status_code}")
    assert wrong == []


def test_nobody_is_offered_what_they_may_not_do(visit):
    page = visit("auditor").get("/").text
    assert "/users" in page
    assert "Register a model" not in page.split("Three first steps")[0]
    page = visit("data_scientist").get("/").text
    assert 'href="/audit"' not in page
    assert 'href="/users"' not in page


def test_what_was_refused_is_a_row_of_the_log(house, visit):
    visit("data_scientist").post("/users/dan/disable")
    with transaction(house) as session:
        (row,) = audit.entries(session, actor="ada", act="act.refused", limit=1)
    assert (row.facts["tried"], row.facts["reason"], row.subject) == ("people.disable", "not-permitted", "dan")
