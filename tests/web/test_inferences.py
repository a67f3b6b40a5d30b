"""Any id that somebody holds leads to an inference, and the inference to all that it rests on."""

from __future__ import annotations

import pytest

from tests.web.conftest import words


@pytest.mark.parametrize("word", ["inference", "request", "reference"])
def test_r55_any_id_leads_to_the_inference(visit, known, word):
    id = {**known.ids, "reference": "letter 4711"}[word]
    page = visit("auditor").get("/inferences", query_string={"search": str(id)}).text
    assert f"/inferences/{known.ids['inference']}" in page
    other = visit("auditor").get("/inferences", query_string={"search": f"{id}0"})
    assert "No inference has this id" in words(other)


def test_r55_the_page_tells_version_data_step_and_approvers(visit, known, house):
    told = words(visit("auditor").get(f"/inferences/{known.ids['inference']}"))
    assert "refuse" in told
    assert "letter 4711" in told
    assert "letters@1 , uploaded by ada" in told
    assert "Artefact" in told
    assert "Nobody approved it" in told  # a deployment that nobody let in is not made to look as if somebody had
    state = visit("auditor").get(f"/inferences/{known.ids['inference']}/steps/registration").get_json()
    (element,) = state["done"]
    assert state["links"][element]["text"] == "deployed letters@1"
    assert visit("auditor").get(f"/inferences/{known.ids['inference']}/steps/none").status_code == 404
