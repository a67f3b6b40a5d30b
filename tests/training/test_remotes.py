"""Models behind an API: what is sent, what is read, where the house does not go, and what happens when it is away."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from engine.config import Settings
from engine.inventory.kinds import remote
from engine.sandbox import ModelCodeFailed
from engine.training import remotes
from engine.training.remotes import HostNotAllowed, Remote, RemoteAway, RemoteRefused, SecretMissing
from tests.serving.api import Api

ALLOWED = Settings(remote_hosts=("127.0.0.1",), remote_secrets={"vendor": SecretStr("s3cret")})
TOLD: dict[str, Any] = {
    "url": "https://api.vendor.example/score",
    "columns": ["age"],
    "request": {"at": "rows"},
    "response": {"at": "predictions", "number": "score", "decision": "label"},
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remotes, "FIRST_PAUSE_SECONDS", 0.0)
    with Api(lambda row: row["age"] / 100) as served:
        yield served


def asked(api: Api, settings: Settings = ALLOWED, **changed: Any) -> Remote:
    return Remote(json.dumps({**TOLD, "url": api.address, **changed}).encode(), ["age", "job"], settings)


def test_rows_are_asked_in_requests_of_the_size_that_was_told_with_the_secret_and_nothing_else(api: Api) -> None:
    with asked(api, auth={"secret": "vendor"}, rows_per_request=2) as model:
        found = model.score_columns({"age": [10, 60, 90], "job": ["cook", None, "spy"]})
    assert (found.values, found.decisions) == ([0.1, 0.6, 0.9], ["refuse", "grant", "grant"])
    assert [sent for _, sent in api.asked] == [{"rows": [{"age": 10}, {"age": 60}]}, {"rows": [{"age": 90}]}]
    assert {headers["Authorization"] for headers, _ in api.asked} == {"Bearer s3cret"}
    with pytest.raises(SecretMissing, match="no secret named other"):
        asked(api, auth={"secret": "other"})


@pytest.mark.parametrize(
    ("form", "sent"),
    [
        ({"form": "rows", "at": ""}, [{"Age": 1, "job": "a"}, {"Age": 2, "job": "b"}]),
        ({"form": "columns", "at": "in.data"}, {"in": {"data": {"Age": [1, 2], "job": ["a", "b"]}}}),
        (
            {"form": "split", "at": "dataframe_split", "with": {"params": {"k": 1}}},
            {"params": {"k": 1}, "dataframe_split": {"columns": ["Age", "job"], "data": [[1, "a"], [2, "b"]]}},
        ),
    ],
)
def test_a_request_has_the_form_that_was_told(form: dict[str, Any], sent: Any) -> None:
    told = remote.complete({**TOLD, "columns": ["age", "job"], "rename": {"age": "Age"}, "request": form})
    assert remote.request_of(told, {"age": [1, 2], "job": ["a", "b"], "secret": [3, 4]}) == sent


@pytest.mark.parametrize(
    ("response", "answer", "values"),
    [
        ({}, [0.5, 1], [0.5, 1.0]),
        ({"at": "a.0", "number": 1}, {"a": [[[0, 0.25], [1, 0.75]]]}, [0.25, 0.75]),
        ({"at": "p", "number": "q"}, {"p": [{"q": 0}, {"q": 1}]}, [0.0, 1.0]),
        ({}, [0.5], "1 answers"),
        ({}, {"p": 1}, "no list"),
        ({"at": "p"}, [1, 2], "has no 'p'"),
        ({}, [0.5, 1.5], "row 1: the score"),
        ({}, [True, 0.5], "row 0"),
        ({"number": "q"}, [0.5, 0.5], "row 0 has no 'q'"),
        ({"number": "q", "decision": "d"}, [{"q": 0, "d": "x"}, {"q": 0, "d": ""}], "a decision is no text"),
    ],
)
def test_an_answer_is_read_as_it_was_told_or_refused(response: Any, answer: Any, values: Any) -> None:
    told = remote.complete({**TOLD, "response": response})
    if isinstance(values, str):
        with pytest.raises(ValueError, match=values):
            remote.answers_of(told, answer, 2)
    else:
        assert remote.answers_of(told, answer, 2)["values"] == values


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://a.example/"},
        {"url": "https://user:pw@a.example/"},
        {"url": "https://a.example/\r\nX: y"},
        {"url": None},
        {"columns": []},
        {"request": {"form": "xml"}},
        {"response": {"number": 1.5}},
        {"auth": {"header": "A"}},
        {"auth": {"secret": "a", "header": "X: y\r\n"}},
        {"timeout_seconds": 1e9},
        {"attempts": 0},
        {"attempts": True},
        {"other": 1},
    ],
)
def test_a_description_that_does_not_hold_is_refused_by_its_field(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        remote.complete({**TOLD, **wrong})


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "https://localhost/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[fe80::1]/",
        "https://0.0.0.0/",
        "https://2130706433/",
        "http://93.184.215.14/",  # public, but without TLS
    ],
)
def test_the_house_goes_to_public_addresses_or_where_the_settings_say(url: str) -> None:
    with pytest.raises(HostNotAllowed):
        remotes.address_of(urlsplit(url), frozenset())


def test_a_host_that_the_settings_name_is_gone_to_by_its_port_too() -> None:
    url = urlsplit("http://127.0.0.1:81/")
    assert remotes.address_of(url, frozenset({"127.0.0.1:81"})) == "127.0.0.1"
    with pytest.raises(HostNotAllowed):
        remotes.address_of(url, frozenset({"127.0.0.1:82"}))
    assert remotes.address_of(urlsplit("https://93.184.215.14/"), frozenset()) == "93.184.215.14"


def test_an_api_that_falters_is_asked_again_and_one_that_refuses_is_not(api: Api) -> None:
    api.failing = [(503, {}, b"busy"), (429, {}, b"")]
    with asked(api) as model:
        assert model.score_columns({"age": [50]}).values == [0.5]
        assert len(api.asked) == 3
        api.failing = [(422, {}, b"age 50 is odd")]
        with pytest.raises(RemoteRefused, match="status 422") as refused:
            model.score_columns({"age": [50]})
        assert "odd" not in str(refused.value)
        assert model.alive


def test_no_redirect_is_followed_and_no_answer_is_read_beyond_its_limit(api: Api) -> None:
    with asked(api, attempts=1, largest_mb=1) as model:
        api.failing = [(307, {"Location": "http://127.0.0.1:1/"}, b"")]
        with pytest.raises(RemoteRefused, match="status 307"):
            model.score_columns({"age": [50]})
        api.failing = [(200, {}, b"[" + b" " * (2 << 20) + b"]")]
        with pytest.raises(RemoteAway, match="more than 1 MiB"):
            model.score_columns({"age": [50]})
    with asked(api, attempts=1) as model:
        api.failing = [(200, {}, b"[" * 100_000)]
        with pytest.raises(ModelCodeFailed, match="score"):
            model.score_columns({"age": [50]})


def test_one_that_is_away_is_named_after_its_attempts(api: Api) -> None:
    with asked(api, attempts=2, timeout_seconds=1) as model:
        assert model.score_columns({"age": [50]}).values == [0.5]
        api.close()
        with pytest.raises(RemoteAway, match=rf"127.0.0.1:{api.port} gave no answer in 2 attempts"):
            model.score_columns({"age": [50]})
        assert not model.alive
