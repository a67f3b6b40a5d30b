"""Labels from files: by id or by the caller's reference, in CSV or Parquet, all of them or none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pyarrow as pa
import pytest

from engine import audit
from engine.inferences import outcomes
from engine.inferences.inference import Answered
from engine.monitoring import label_files
from engine.monitoring.feeds.registry import FeedCorrupt, FeedMissing
from engine.monitoring.label_files import LabelFileRefused, Taken
from engine.statistics.outcomes import NEGATIVE, POSITIVE, table
from engine.store import Store, transaction
from engine.training import frames
from tests.inferences.test_outcomes import EVE, REF, START, answered, given_a_version, logged


@pytest.fixture
def sent(store: Store) -> Answered:
    """Three answers; the last two carry one reference."""
    given_a_version(store)
    given = replace(
        answered([(0, 1, "north", 0.9), (1, 2, "south", 0.2), (1, 2, "south", 0.3)]), references=["a", "twice", "twice"]
    )
    logged(store, given)
    return given


def taken(store: Store, content: bytes) -> Taken:
    with transaction(store) as session:
        return label_files.take(session, EVE, model="credit", content=content)


def test_r30_labels_of_a_file_are_joined_by_id_or_reference_and_counted(store: Store, sent: Answered) -> None:
    by_id = (
        f"inference,value,known_at\n{sent.ids[0]},1,2026-02-01T00:00:00Z\n{sent.ids[1]},0,2026-02-01T00:00:00+01:00\n"
    )
    assert taken(store, by_id.encode()) == Taken(sent=2, new=2, replaced=0, repeated=0)
    by_reference = pa.table({"reference": ["a", "a"], "value": [1.0, 0.0], "known_at": [START, START]})
    assert taken(store, frames.write(by_reference)) == Taken(sent=2, new=0, replaced=1, repeated=1)
    with transaction(store) as session:
        found = table(outcomes.window(session, REF))
        newest = audit.entries(session, stream="model:credit", act="labels.added")[0]
    assert (found[POSITIVE].sum(), found[NEGATIVE].sum()) == (0, 2)
    assert (newest.actor, newest.facts["labels"]) == ("eve", 1)


def test_rows_that_are_wrong_are_named_by_line_and_nothing_is_taken(store: Store, sent: Answered) -> None:
    at = "2026-02-01T00:00:00Z"
    wrong = f"reference,value,known_at\na,1,{at}\ntwice,1,{at}\nnobody,1,{at}\n,1,{at}\na,,{at}\n"
    with pytest.raises(LabelFileRefused) as refused:
        taken(store, wrong.encode())
    told = str(refused.value)
    assert "line 3: 2 inferences have the reference 'twice'" in told
    assert "line 4: no inferences have the reference 'nobody'" in told
    assert "line 6: the value" in told
    assert "line 2" not in told
    for rows, reason in (
        (f"inference,value,known_at\n{uuid4()},1,{at}\n", "line 2: there is no inference"),
        (f"inference,value,known_at\nseven,1,{at}\n", "line 2: 'seven' is no id"),
        (
            f"inference,value,known_at\n{sent.ids[0]},1,2026-02-01 00:00:00\n",
            "line 2: known_at is no time with its zone",
        ),
        (f"id,value,known_at\n{sent.ids[0]},1,{at}\n", "neither a column inference nor a column reference"),
    ):
        with pytest.raises(LabelFileRefused, match=reason):
            taken(store, rows.encode())
    with transaction(store) as session:
        assert table(outcomes.window(session, REF))[[NEGATIVE, POSITIVE]].sum() == 0


def test_labels_are_asked_of_another_database_read_only(
    store: Store, sent: Answered, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address stands in the environment alone; a query that writes is refused by the database."""
    url = store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    monkeypatch.setenv("GATEWRIGHT_FEED_TRUTHS", url)
    window = {"url_from": "TRUTHS", "since": START, "until": START + timedelta(days=1)}
    query = "SELECT 'a' AS reference, 1 AS value, %(since)s::timestamptz AS known_at WHERE %(until)s > %(since)s"
    rows = label_files.asked(store, "credit", query=query, **window)
    with transaction(store) as session:
        assert label_files.take_rows(session, EVE, model="credit", rows=rows).new == 1
        assert table(outcomes.window(session, REF))[POSITIVE].sum() == 1
    writes = "WITH gone AS (DELETE FROM inferences.labels RETURNING *) SELECT %(since)s, %(until)s FROM gone"
    with pytest.raises(FeedCorrupt, match="data-modifying"):
        label_files.asked(store, "credit", query=writes, **window)
    with pytest.raises(LabelFileRefused, match="not one SELECT"):
        label_files.asked(store, "credit", query="DELETE FROM inferences.labels", **window)
    with pytest.raises(FeedMissing, match="GATEWRIGHT_FEED_OTHER is not set"):
        label_files.asked(store, "credit", query=query, **(window | {"url_from": "OTHER"}))
