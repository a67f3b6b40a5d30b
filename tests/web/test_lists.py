"""Every list: search, filters, pages, and the same rows as CSV."""

from __future__ import annotations

import csv
import io

import pytest

from engine.identity import people
from engine.store import transaction
from tests.web import world
from tests.web.conftest import words

LISTS = ["/inbox", "/instances", "/processes", "/drafts", "/models", "/portfolio", "/schedules", "/audit", "/users"]


def rows_of(answer):
    return list(csv.reader(io.StringIO(answer.text)))


@pytest.mark.parametrize("address", LISTS)
def test_a_list_has_search_empty_words_and_csv(visit, known, address):
    who = visit("risk_manager" if address == "/audit" else "admin" if address == "/users" else "model_operator")
    assert who.get(address).status_code == 200
    empty = who.get(address, query_string={"search": "no such thing", "actor": "no such thing"})
    assert "fits" in words(empty)
    answer = who.get(address, query_string={"format": "csv"})
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    assert len(rows_of(answer)) > 1


def test_the_csv_holds_the_rows_of_the_filter(visit):
    admin = visit("admin")
    found = rows_of(admin.get("/users?search=ada%40&format=csv"))
    assert [row[0] for row in found] == ["login name", "ada"]


def test_a_cell_that_a_spreadsheet_would_run_stays_text(house, visit, known):
    with transaction(house) as session:
        people.add(session, world.ROOT, "formula", name='=HYPERLINK("http://elsewhere")', roles=[])
    found = rows_of(visit("admin").get("/users?search=formula&format=csv"))
    assert found[1][1] == '\'=HYPERLINK("http://elsewhere")'


def test_a_long_list_has_pages(house, visit, known):
    with transaction(house) as session:
        for number in range(55):
            people.add(session, world.ROOT, f"many.{number:02}", name=f"Many {number}", roles=[])
    admin = visit("admin")
    first = admin.get("/users?search=many.")
    assert "1 to 50" in words(first)
    assert 'rel="next"' in first.text
    second = admin.get("/users?search=many.&page=2")
    assert "51 to 55" in words(second)
    assert 'rel="next"' not in second.text
    assert len(rows_of(admin.get("/users?search=many.&format=csv"))) == 56


@pytest.mark.parametrize("page", ["0", "-3", "x", "99999999999999"])
def test_a_page_that_is_none_is_read_as_one_that_is(visit, page):
    assert visit("admin").get(f"/users?page={page}").status_code == 200


def test_a_search_for_what_no_text_can_hold_finds_nothing_and_breaks_nothing(visit):
    assert visit("auditor").get("/models?search=%00&kind=%00").status_code == 200
