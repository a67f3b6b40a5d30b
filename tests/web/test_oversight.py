"""Audit trail, users and schedules."""

from __future__ import annotations

import io
import zipfile

from engine import audit
from engine.identity import people, queries
from engine.runtime import queries as runtime
from engine.store import transaction
from tests.web import world
from tests.web.conftest import words


def test_the_log_is_narrowed_and_each_row_opened(visit, known):
    uma = visit("auditor")
    page = uma.get(f"/audit?stream=instance:{known.ids['instance']}&act=user_task.")
    assert "user_task.opened" in words(page)
    assert "instance.started" not in words(page)
    row = words(uma.get(f"/audit/instance:{known.ids['instance']}/1"))
    assert "instance.started" in row
    assert "Row 1 of instance:" in row
    assert uma.get("/audit/person:ada/99999").status_code == 404


def test_a_day_narrows_the_log(visit):
    uma = visit("auditor")
    assert "No act fits" in words(uma.get("/audit?until=2001-01-01"))
    assert "No act fits" not in words(uma.get("/audit?since=2001-01-01"))
    assert uma.get("/audit?since=yesterday").status_code == 200


def test_the_log_is_verified_and_taken_away_with_its_proof(visit, house):
    audit.checkpoint(house)
    uma = visit("auditor")
    assert "The log is intact." in words(uma.post("/audit/verify"))
    archive = zipfile.ZipFile(io.BytesIO(uma.post("/audit/export").data))
    assert {"audit-log/rows.jsonl", "audit-log/checkpoints.jsonl"} <= set(archive.namelist())


def test_a_new_user_gets_a_password_that_is_shown_once(visit, house, known):
    adam = visit("admin")
    answer = adam.post("/users", {"id": "nora", "name": "Nora", "roles": ["auditor", "developer"]})
    word = answer.text.split('gw-secret">')[1].split("<")[0]
    assert word not in adam.get("/users/nora").text
    assert "one-time password" in words(adam.get("/users?search=nora"))
    with transaction(house) as session:
        assert queries.get(session, "nora").roles == {"auditor", "developer"}


def test_a_user_that_cannot_be_added_is_told_why_and_what_was_written_stays(visit, known):
    answer = visit("admin").post("/users", {"id": "Ada Lovelace", "name": "Ada L.", "roles": ["auditor"]})
    assert answer.status_code == 422
    assert "cannot be a login name" in words(answer)
    assert 'value="Ada L."' in answer.text
    assert visit("admin").post("/users", {"id": "ada", "name": "Ada"}).status_code == 409


def test_who_is_disabled_is_out_at_once(visit, house, known):
    with transaction(house) as session:
        gone = people.add(session, world.ROOT, "gone", name="Gone", roles=["auditor"])
    browser = visit(gone)
    assert browser.get("/audit").status_code == 200
    visit("admin").post("/users/gone/disable")
    assert browser.get("/audit").status_code == 302
    assert "This account is disabled" in words(visit("admin").get("/users/gone"))
    visit("admin").post("/users/gone/enable")
    assert "This account is disabled" not in words(visit("admin").get("/users/gone"))


def test_roles_change_what_is_seen_with_the_next_page(visit, house, known):
    with transaction(house) as session:
        moved = people.add(session, world.ROOT, "moved", name="Moved", roles=[])
    browser = visit(moved)
    assert browser.get("/audit").status_code == 403
    visit("admin").post("/users/moved", {"name": "Moved", "email": "", "roles": ["auditor"]})
    assert browser.get("/audit").status_code == 200


def test_a_schedule_is_added_paused_and_let_go(visit, house, known):
    max_ = visit("model_operator")
    page = max_.get("/schedules/new?process=review")
    assert "answer-model" in page.text
    given = {"process": "review", "name": "weekly", "timing": "0 6 * * 1", "missed": "skip"}
    wrong = max_.post("/schedules", {**given, "timing": "every monday", "answer-model": "letters"})
    assert wrong.status_code == 422
    assert "no time at which a schedule can fire" in words(wrong)
    assert max_.post("/schedules", {**given, "answer-model": "letters"}).status_code == 302
    assert "mark them as missed" in words(max_.get("/schedules/weekly"))
    max_.post("/schedules/weekly/pause")
    with transaction(house) as session:
        (found,) = (each for each in runtime.schedules(session).rows if each.name == "weekly")
    assert found.paused
    assert found.variables == {"model": "letters"}
    assert found.subject == "letters"
    max_.post("/schedules/weekly/resume")
    assert "paused" not in words(max_.get("/schedules/weekly"))
