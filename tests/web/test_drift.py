"""The page of drift: what moved, and where to; what is not known is said."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
import pytest

from engine.inferences import counts
from engine.inferences.inference import Answered
from engine.inventory import metadata, models, versions
from engine.statistics.tallies import refer
from engine.store import new_id, transaction
from tests.web.conftest import words

DECLARED = {
    "id": "drifting",
    "name": "Drifting",
    "kind": "rules",
    "owner": "ada",
    "team": "Lending",
    "purpose": "Decides about loans.",
    "affects_people": True,
    "decisions_per_year": 10,
}
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def drifting(house, known):
    """A version with a reference, and 400 answers on one day whose degree moved and whose age did not."""
    rng = np.random.default_rng(0)
    ages = rng.integers(20, 60, 2000)
    reference = refer({"age": ages, "degree": rng.choice(["none", "BSc", "MSc"], 2000).tolist()})
    digest, person = house.files.put(reference.as_bytes()), known.person("data_scientist")
    with transaction(house) as session:
        models.register(session, person, metadata.read(DECLARED))
        versions.add(session, person, "drifting", {"reference": digest}, source="uploaded")
        versions.add(session, person, "drifting", {"source": house.files.put(b"none")}, source="uploaded")
    n = 400
    given = Answered(
        request=uuid4(),
        logged_at=AT,
        model="drifting",
        version=1,
        environment="production",
        deployment=uuid4(),
        caller="ada",
        latency_us=1,
        ids=[new_id() for _ in range(n)],
        event_times=[None] * n,
        references=[None] * n,
        inputs=[{"age": int(age), "degree": "MSc"} for age in rng.choice(ages, n)],
        scores=[None] * n,
        decisions=["grant"] * n,
    )
    with transaction(house) as session:
        counts.add(session, counts.References(house.files), [given])
    return "/models/drifting/versions/1/drift"


def test_the_column_that_moved_is_named_with_its_shares(visit, drifting):
    page = visit("auditor").get(drifting)
    assert page.status_code == 200
    text = words(page)
    assert "breach degree" in text
    assert "400 counted" in text
    assert "degree: shares by group" in text
    assert "under 0.0001" in text


def test_a_window_without_rows_is_no_data_and_one_of_no_date_is_refused(visit, drifting):
    mika = visit("model_operator")
    quiet = words(mika.get(f"{drifting}?since=2026-03-06"))
    assert "no data" in quiet
    assert "0 counted, fewer than the 200" in quiet
    assert "400 counted" in words(mika.get(f"{drifting}?since=2026-03-05&until=2026-03-05&environment=production"))
    refused = mika.get(f"{drifting}?since=tomorrow")
    assert refused.status_code == 422
    assert "since is no date" in words(refused)
    assert mika.get(f"{drifting}?since=2026-03-06&until=2026-03-01").status_code == 422


def test_a_version_without_reference_says_what_to_do(visit, drifting):
    page = visit("auditor").get("/models/drifting/versions/2/drift")
    assert "drifting@2 has no reference" in words(page)
    assert "Have the version tested" in words(page)
    assert visit("auditor").get("/models/drifting/versions/9/drift").status_code == 404


def test_the_table_is_a_file_too(visit, drifting):
    answer = visit("auditor").get(f"{drifting}?format=csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["column"] for row in rows] == ["degree", "age"]
    assert [row["state"] for row in rows] == ["breach", "healthy"]
    assert float(rows[0]["psi low"]) < float(rows[0]["psi"])


def test_a_table_is_compared_and_not_kept(visit, drifting):
    """By its page: the column that moved is named, what the table does not have is said, a broken one is refused."""
    ada = visit("auditor")
    rng = np.random.default_rng(1)
    table = "age,colour\n" + "".join(f"{age},red\n" for age in rng.integers(40, 60, 500))
    page = ada.post(drifting, {"file": (io.BytesIO(table.encode()), "rows.csv")}, content_type="multipart/form-data")
    text = words(page)
    assert "Drift of rows.csv" in text
    assert "breach age" in text
    assert "degree: nothing is said of them" in text
    assert "colour" in text
    broken = {"file": (io.BytesIO(b"PAR1 and nothing"), "rows.parquet")}
    refused = ada.post(drifting, broken, content_type="multipart/form-data")
    assert refused.status_code == 422
    assert "rows.parquet cannot be read" in words(refused)
    assert ada.post(drifting, {}).status_code == 422
