"""Batches on the pages: what came of each, their answers for who may see them, a file handed in."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from engine.serving import drops
from engine.serving import queries as serving
from engine.store import transaction
from tests.web.conftest import words


def test_a_batch_tells_what_is_wrong_with_its_file(visit, known):
    told = words(visit("auditor").get(f"/batches/{known.ids['batch']}"))
    assert "failed" in told
    assert "Row 7, field debt: is missing" in told
    listed = words(visit("auditor").get("/batches?state=failed"))
    assert "broken.csv" in listed
    assert "march.parquet" not in listed
    assert "march.parquet" in visit("auditor").get("/batches?format=csv").text


def test_answers_are_fetched_by_who_may_see_inferences(visit, known):
    address = f"/batches/{known.ids['done_batch']}"
    assert "Download the answers" in visit("business_owner").get(address).text
    answer = visit("business_owner").get(f"{address}/result")
    assert (answer.data, answer.mimetype) == (b"PAR1", "application/vnd.apache.parquet")
    assert "Download the answers" not in visit("admin").get(address).text
    assert visit("admin").get(f"{address}/result").status_code == 403
    assert visit("business_owner").get(f"/batches/{known.ids['batch']}/result").status_code == 409


@pytest.mark.parametrize(
    ("content", "where", "reason"),
    [(b"", "letters production", "no file was chosen"), (b"debt\n1\n", "letters production", "answers nowhere in")],
)
def test_a_file_that_cannot_be_scored_is_refused_beside_the_form(visit, content, where, reason):
    sent = {"where": where, "file": (io.BytesIO(content), "rows.csv")}
    answer = visit("data_scientist").post("/batches", sent, content_type="multipart/form-data")
    assert answer.status_code in (409, 422)
    assert reason in words(answer)


def test_what_lies_in_a_watched_folder_is_counted(house):
    with transaction(house) as session:
        deployment = replace(serving.deployments(session, model="letters")[0], target=drops.TARGET)
    drops.lay_out(house.settings, deployment)
    place = drops.folder(house.settings, "production", "letters")
    for name in ("in/a.csv", "in/.b.csv.coming", "done/c.csv", "done/c.scores.parquet", "failed/d.csv"):
        (place / name).write_bytes(b"debt\n1\n")
    assert [drops.files_in(place / name) for name in (drops.IN, drops.DONE, drops.FAILED)] == [1, 1, 1]
    assert drops.files_in(place / "elsewhere") is None
