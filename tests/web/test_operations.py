"""The page of operations and the health card: what is drawn stands in a table, too."""

from __future__ import annotations

import csv
import io

import pytest

from tests.monitoring.world import given_a_model_that_moved
from tests.serving.house import given_a_model
from tests.web.conftest import words


@pytest.fixture(scope="module")
def moved(house, known):
    """A model in production that was quiet in one week and moved in the next."""
    return given_a_model_that_moved(house)


def test_r38_the_card_tells_three_states_with_readings_bounds_and_trends(moved, visit):
    shown = visit("auditor").get("/models/moved/health")
    text = words(shown)
    assert "Statistical breach" in text
    assert "Technical no data" in text
    assert "Business no data" in text
    assert "psi of AGEP" in text
    assert shown.text.count('class="gw-trend"') == 3
    assert shown.text.count('class="gw-trend-dot"') == 6
    assert text.index("psi of AGEP") < text.index("psi of MAR")


def test_r38_a_model_without_a_monitor_is_unknown_and_not_healthy(house, visit):
    given_a_model(house, "unwatched")
    text = words(visit("auditor").get("/models/unwatched/health"))
    assert "it is not healthy, it is unknown" in text
    assert "healthy" not in text.replace("it is not healthy, it is unknown", "").replace("none of them healthy", "")


def test_r50_operations_list_the_worst_first_as_page_and_csv(moved, visit):
    visitor = visit("model_operator")
    assert "drift psi AGEP and 2 more" in words(visitor.get("/operations"))
    rows = list(csv.DictReader(io.StringIO(visitor.get("/operations?format=csv").text)))
    assert (rows[0]["model"], rows[0]["state"], rows[0]["findings"]) == ("moved", "breach", "3")
    assert "No model fits" in words(visitor.get("/operations?state=healthy"))
