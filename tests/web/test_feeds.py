"""The pages of feeds: defined by a form, read at once, what is wrong with a window stands beside it."""

from __future__ import annotations

from tests.web.conftest import words


def test_a_feed_is_changed_by_its_form_and_refused_by_field(visit):
    ena = visit("data_engineer")
    page = words(ena.get("/feeds/claims"))
    assert "Claims desk" in page
    assert "external" in page
    sent = {
        "known": "claims",
        "name": "claims",
        "model": "letters",
        "environment": "production",
        "kind": "folder",
        "owner": "Claims desk",
        "origin": "external",
        "cadence": "P1W",
        "grace": "PT6H",
        "settings": '{"path": "/srv/claims"}',
        "columns": "{}",
        "output": "",
    }
    assert ena.post("/feeds", sent).status_code == 302
    assert "P1W, each expected PT6H after its end" in words(ena.get("/feeds/claims"))
    refused = ena.post("/feeds", {**sent, "settings": "{"})
    assert refused.status_code == 422
    assert "settings: it is no JSON" in words(refused)
    assert "Change the feed claims" in words(ena.get("/feeds/claims/change"))
    assert ena.post("/feeds/claims/read").status_code in (302, 409)
