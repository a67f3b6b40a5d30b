"""The page of operations and the health card: what is drawn stands in a table, too."""

from __future__ import annotations

import csv
import io

import pytest

from tests.monitoring.world import given_a_model_that_brings, given_a_model_that_moved
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


@pytest.fixture(scope="module")
def brings(house, known):
    """A model with KPIs and rules, sixty days of loans, and their truths."""
    return given_a_model_that_brings(house)


def test_r17_the_value_since_deployment_is_drawn_and_stands_in_a_table(brings, visit):
    for address in ("/models/lending/health", "/models/lending"):
        shown = visit("business_owner").get(address)
        text = words(shown)
        assert "margin in production" in text
        assert "EUR per day" in text
        assert shown.text.count("since deployment; the table") == 2
        assert "2026-01-30" in text
    delivery = words(visit("business_owner").get("/delivery"))
    assert "Value since deployment" in delivery
    assert "margin of lending: by month" in delivery


def test_r44_violating_rows_are_listed_as_page_and_csv_for_those_who_may_see_inferences(brings, visit):
    visitor = visit("model_operator")
    text = words(visitor.get("/models/lending/violations?rule=sure+of+men"))
    assert "sex != 1 or score" in text
    rows = list(csv.DictReader(io.StringIO(visitor.get("/models/lending/violations?format=csv").text)))
    assert len(rows) == 48
    assert {row["sex "] for row in rows} == {"1"}
    assert min(float(row["score "]) for row in rows) >= 0.95
    assert "No row breaks it" in words(visitor.get("/models/lending/violations?rule=scores+are+chances"))
    assert visit("admin").get("/models/lending/violations").status_code == 403
    assert "It declares no rules" in words(visitor.get("/models/moved/violations"))


def test_r42_kpis_and_rules_are_declared_in_the_form(brings, visit):
    visitor = visit("data_scientist")
    shown = visitor.get("/models/lending/edit").text
    assert "- name: margin" in shown
