"""The page of alerts: what waits is taken in hand or silenced, by who may."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

from engine.monitoring.alerts import queries
from engine.store import now, transaction
from tests.web.conftest import words


def test_an_operator_takes_an_alert_in_hand_and_silences_its_cause(house, known, visit):
    visitor, where = visit("model_operator"), f"/alerts/{known.ids['alert']}"
    listed = words(visitor.get("/alerts"))
    assert "debt of letters moved: PSI 0.41, beyond 0.25" in listed
    assert "Its feed moves to another server" in listed
    sent = visitor.post(f"{where}/acknowledge", {"note": "asking the team"})
    assert sent.status_code == 302
    shown = words(visitor.get(where))
    assert "acknowledged" in shown
    assert "asking the team" in shown
    again = visitor.post(f"{where}/acknowledge")
    assert again.status_code == 409
    assert "acknowledged already" in words(again)
    wrong = visitor.post(f"{where}/silence", {"until": "soon", "reason": "known"})
    assert wrong.status_code == 422
    assert "no date" in words(wrong)
    with transaction(house) as session:
        day = now(session).date() + timedelta(days=2)
    visitor.post(f"{where}/silence", {"until": day.isoformat(), "reason": "known"})
    with transaction(house) as session:
        (silence,) = [each for each in queries.silences(session) if each.cause]
    assert silence.until.date() >= day
    assert "silenced until" in words(visitor.get(where))
    visitor.post(f"/alerts/silences/{silence.id}/end")
    assert "silenced until" not in words(visitor.get(where))


def test_the_csv_holds_the_alerts(visit):
    rows = list(csv.DictReader(io.StringIO(visit("auditor").get("/alerts?format=csv").text)))
    assert [(row["severity"], row["models"]) for row in rows] == [("breach", "letters")]
