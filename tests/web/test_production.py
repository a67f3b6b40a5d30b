"""What is done with a model in production from its page: going back, and telling what became known late."""

from __future__ import annotations

import io

from engine.runtime import queries as runtime
from engine.store import transaction
from tests.web.conftest import words


def labels(visitor, content: bytes):
    sent = {"file": (io.BytesIO(content), "labels.csv")}
    return visitor.post("/models/letters/labels", sent, content_type="multipart/form-data")


def test_r30_late_labels_are_sent_on_the_page_and_their_outcome_is_told(visit, known):
    at = "2026-11-24T12:00:00Z"
    row = f"{known.ids['inference']},1,{at}\n"
    ada = visit("data_scientist")
    told = words(labels(ada, f"inference,value,known_at\n{row}{row}".encode()))
    assert "2 labels are joined, no id was unknown." in told
    assert "New 1 In place of an earlier label 0 Named again in the same file 1" in told
    assert "In place of an earlier label 1" in words(labels(ada, f"inference,value,known_at\n{row}".encode()))
    refused = labels(ada, f"reference,value,known_at\nletter 4711,0,{at}\nletter 9,0,{at}\n".encode())
    assert refused.status_code == 422
    assert "None of the labels was taken." in words(refused)
    assert "line 3: no inferences have the reference 'letter 9'" in words(refused)
    assert "no file was chosen" in words(labels(ada, b""))
    assert "1, known" in words(visit("auditor").get(f"/inferences/{known.ids['inference']}"))


def test_a_roll_back_is_one_act_with_a_reason(visit, house):
    max_ = visit("model_operator")
    act = {"environment": "production", "reason": ""}
    refused = max_.post("/models/letters/roll-back", act)
    assert refused.status_code == 422
    done = max_.post("/models/letters/roll-back", {**act, "reason": "It writes to people who moved."})
    assert done.status_code == 302
    with transaction(house) as session:
        (started,) = runtime.instances(session, process="roll_back", subject="letters").rows
        given = runtime.variables(session, started.id)
    assert (started.starter, given["reason"]) == ("max", "It writes to people who moved.")
    assert f"/instances/{started.id}" in max_.get("/models/letters").text
    assert "It runs nowhere" in words(max_.get("/models/letters/roll-back"))
