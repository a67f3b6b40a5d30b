"""What the demo promises, looked at from outside: its report, its output, the house that it leaves running."""

from __future__ import annotations

import requests

from tests.demo import running
from tests.demo.running import Told


def test_the_report_has_the_promised_keys(told: Told) -> None:
    """And values of the promised kind."""
    report = told.report
    assert set(report) == {
        "steps",
        "auc",
        "refused",
        "scored",
        "logged",
        "audit",
        "reproduced",
        "seconds",
    }
    assert all(set(step) == {"at", "actor", "act", "subject"} for step in report["steps"])
    assert [step["at"] for step in report["steps"]] == sorted(step["at"] for step in report["steps"])


def test_the_model_ranks_as_it_should(told: Told) -> None:
    """Measured, with its interval: HistGradientBoosting's defaults on these people."""
    auc = told.report["auc"]
    assert 0.80 <= auc["value"] <= 0.85
    assert auc["low"] < auc["value"] < auc["high"]


def test_everybody_of_2016_is_scored_and_logged(told: Told) -> None:
    """29,793 people aged 16 to 49, each with an id, spread over the year as event time."""
    assert told.report["scored"] == told.report["logged"] == 29_793
    year = {"since": "2016-01-01T00:00:00Z", "until": "2017-01-01T00:00:00Z"}  # others ask for answers of today
    summary = told.get("otto", "/models/employment/inference-summary", **year)
    assert summary["rows"] == 29_793
    assert summary["first_event"].startswith("2016-01-01")
    assert summary["last_event"].startswith("2016-12-31")
    assert sum(summary["decisions"].values()) == 29_793
    july = {"since": "2016-07-01T00:00:00Z", "until": "2016-08-01T00:00:00Z"}
    rows = told.get("otto", "/models/employment/inference-summary", **july)["rows"]
    assert abs(rows - 29_793 * 31 / 366) <= 1


def test_the_log_is_intact_and_the_training_reproduced(told: Told) -> None:
    """By the report, and again by asking."""
    assert told.report["audit"]["verified"] is True
    assert told.report["audit"]["rows"] > 100
    assert told.report["reproduced"] is True
    again = told.ask("otto", "POST", "/audit/verification").json()
    assert (again["intact"], again["findings"]) == (True, [])
    assert again["rows"] >= told.report["audit"]["rows"]


def test_refusals_are_counted(told: Told) -> None:
    """Ada's approval of her own model, at least."""
    refused = [step for step in told.report["steps"] if step["act"].endswith(".refused")]
    assert len(refused) == told.report["refused"] >= 1
    assert "ada" in {step["actor"] for step in refused}


def test_it_takes_less_than_three_minutes(told: Told) -> None:
    """On two cores, once installed."""
    assert told.report["seconds"] < 180


def test_the_visitor_finds_an_approval_waiting(told: Told) -> None:
    """With the sign-in that was printed, in the inbox of the printed person, on the pages too."""
    inbox = told.get("mika", "/tasks")["items"]
    assert told.approval in [task["id"] for task in inbox]
    page = requests.get(told.address, timeout=30)
    assert page.ok
    assert "Sign in" in page.text
    for person in ("ada", "bea", "rosa", "boris", "mika", "ilse", "arne", "dana", "otto", "admin"):
        assert f"  {person} " in told.output
        assert told.get(person, "/me")["id"] == person


def test_the_timeline_names_who_did_what(told: Told) -> None:
    """A line each, with the time since the beginning."""
    for words in ("ada      tries to approve her own model and is refused", "clock    starts the review", "410 Gone"):
        assert words in told.output


def test_nothing_is_written_outside_of_its_own_folders(told: Told) -> None:
    """Its data folder and its database's, whose place is printed; nothing else on this machine."""
    assert told.strays == []
    assert f"Database: {running.database_of(told.folder)}" in told.output
    assert told.left == {".gatewright-demo", "demo.json", "temporary"}


def test_r31_the_monitor_finds_the_people_it_was_not_made_for(told: Told) -> None:
    """By its schedule: 2016 healthy, 2017 a breach that names age first, with what moved with it."""
    (watched,) = told.get("mika", "/monitors", model="employment")["items"]
    runs = told.get("mika", f"/monitors/{watched['monitor']['id']}/runs")["items"]
    assert [(each["verdict"], each["statistical"]) for each in runs] == [("breach", "breach"), ("healthy", "healthy")]
    assert [each["until"][:7] for each in runs] == ["2017-12", "2017-01"]
    started = {told.get("otto", f"/instances/{each['instance']}")["instance"]["starter"] for each in runs}
    assert started == {"clock"}
    found = told.get("mika", "/findings", model="employment", is_open=True)["items"]
    assert [each["subject"] for each in found][:3] == ["AGEP", "MAR", "RELP"]
    assert {each["cause"] for each in found} == {"drift psi AGEP"}
    alerts = told.get("mika", "/alerts", model="employment")["items"]
    assert [each["cause"] for each in alerts] == ["drift psi AGEP"]
