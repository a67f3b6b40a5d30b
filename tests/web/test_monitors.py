"""Monitors and findings as people see them, and what they do there."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.monitoring import monitors, queries, thresholds
from engine.monitoring.tables import LookRow
from engine.store import transaction
from tests.web.conftest import words


def test_r38_the_page_of_a_monitor_shows_its_states_readings_bounds_and_runs(visit, known):
    page = words(visit("auditor").get(f"/monitors/{known.ids['monitor']}"))
    for shown in (
        "statistical",
        "technical",
        "business",
        "psi of debt",
        "0.410 0.328 to 0.492",
        "0.100 warns, 0.250 breaks",
    ):
        assert shown in page
    assert "its schedule is paused" in page
    assert "Run now" not in page  # an auditor changes nothing
    assert "Propose bounds" not in page


def test_r49_findings_are_listed_by_cause_and_one_by_one(visit, known):
    client = visit("model_operator")
    listing = words(client.get("/findings"))
    assert "drift psi debt" in listing
    finding = words(client.get(f"/findings/{known.ids['finding']}"))
    assert "Moving with it age" in finding
    csv = client.get("/findings?format=csv").text
    assert csv.splitlines()[1].count("drift psi debt") == 1
    assert "letters" in words(client.get("/monitors"))
    assert "moving with it: age" in words(client.get("/models/letters"))


def test_r32_bounds_are_proposed_on_the_page_and_approved_by_another(visit, known, house):
    address = f"/monitors/{known.ids['monitor']}/thresholds"
    ria = visit("risk_manager")
    given = {"metric": "psi/debt", "warn": "0.5", "breach": "0.9", "reason": "Debts move in January."}
    assert ria.post(address, data=given).status_code == 302
    with transaction(house) as session:
        own = next(each for each in thresholds.history(session, "letters") if each.subject == "debt")
    refused = ria.post(f"{address}/{own.id}", data={"decision": "approve"})
    assert refused.status_code == 403
    assert "does not decide on them" in words(refused)
    assert ria.post(f"{address}/{known.ids['proposal']}", data={"decision": "approve"}).status_code == 302
    with transaction(house) as session:
        assert thresholds.in_force(session, "letters").approved["psi", ""].warn == 0.2
    wrong = ria.post(address, data={**given, "breach": "low"})
    assert wrong.status_code == 422
    assert "is no number" in words(wrong)


def test_a_monitor_is_changed_and_run_on_its_page(visit, known, house):
    address = f"/monitors/{known.ids['monitor']}"
    max_ = visit("model_operator")
    changed = {"timing": "0 * * * *", "window": "PT6H", "floor": "50", "batch_rows": "700"}
    assert max_.post(address, data=changed).status_code == 302
    hour = datetime(2026, 1, 5, 6, tzinfo=UTC)
    seen = {"looks": 41, "rows": 28_700, "first_at": hour, "looked_at": hour, "state": "breach", "version": 1}
    with transaction(house) as session:
        session.add(LookRow(monitor=known.ids["monitor"], hour=hour, **seen))
    page = words(max_.get(address))
    assert "judged every 700 rows" in page
    assert "Batches by hour" in page
    assert "28,700" in page
    with transaction(house) as session:
        found = monitors.get(session, known.ids["monitor"])
    assert (found.timing, found.window, found.floor, found.batch_rows) == ("0 * * * *", "PT6H", 50, 700)
    refused = max_.post(address, data={"timing": "at noon"})
    assert (refused.status_code, "at noon" in words(refused)) == (422, True)
    assert max_.post(f"{address}/run").status_code == 302
    with transaction(house) as session:
        assert queries.runs(session, known.ids["monitor"]).total == 3  # a worker has not taken it yet
