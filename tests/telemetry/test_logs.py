"""Log lines say what they are about and hold no secret."""

from __future__ import annotations

import io
import json
import logging
import traceback
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from engine.config import Settings
from engine.runtime import instances, worker
from engine.telemetry import context, logs, tracing
from tests.runtime import worlds as w

PASSWORD = "s3cret/with:odd@signs"
QUOTED = "s3cret%2Fwith%3Aodd%40signs"
TOKEN = "gwt_" + "x" * 43
METRICS = "the-token-of-prometheus"


@pytest.fixture
def written() -> Iterator[Callable[..., io.StringIO]]:
    """Has this process log as one of the house's, into what is returned; afterwards as before."""
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def begin(**settings: object) -> io.StringIO:
        stream = io.StringIO()
        given = {"database_url": SecretStr(f"postgresql://gatewright_app:{QUOTED}@db/gatewright"), **settings}
        logs.begin("worker", Settings(metrics_token=SecretStr(METRICS), **given), stream)
        return stream

    yield begin
    root.handlers[:], root.level = before
    logging.captureWarnings(False)


SECRETS = [
    f"postgresql://gatewright_app:{QUOTED}@db/gatewright",
    f"could not connect to postgresql+psycopg://gatewright_app:{QUOTED}@db/gatewright?sslmode=require",
    f"password={PASSWORD}",
    "connection string: host=db password=hunter2-hunter2 dbname=gatewright",
    f"Authorization: Bearer {TOKEN}",
    f"the token {TOKEN} was refused",
    f"scraped with {METRICS}",
    '{"password": "hunter2-hunter2", "id": "ada"}',
    "https://user:hunter2-hunter2@example.org/path",
    "GET /callback?token=hunter2-hunter2&state=1",
]


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_password_token_or_database_url_reaches_a_line(written, form):
    stream = written(log_format=form)
    for secret in SECRETS:
        logging.getLogger("anything").info("It went wrong: %s", secret)
        try:
            raise RuntimeError(secret)
        except RuntimeError:
            logging.getLogger("anything").exception("It failed")
        logging.getLogger("anything").info("With more", extra={"url": secret, "job": {"args": secret}})
    found = stream.getvalue()
    for secret in (PASSWORD, QUOTED, TOKEN, METRICS, "hunter2-hunter2"):
        assert secret not in found
    assert found.count("It failed") == len(SECRETS)
    assert "gatewright_app:***@db/gatewright" in found or "***" in found


def test_what_is_no_secret_stays_readable(written):
    stream = written(log_format="json")
    said = "Job train_model of http://127.0.0.1:8471/v2/models failed at 2026-11-24T13:00:00+00:00: 3 of 5 rows"
    logging.getLogger("anything").info("%s", said)
    assert json.loads(stream.getvalue())["message"] == said


def test_a_line_is_an_object_with_what_it_is_about(written):
    stream = written(log_format="json")
    with tracing.span("event decision", kind="decision", instance="one", element="Decide"):
        logging.getLogger("engine.somewhere").warning("Careful")
    logging.getLogger("engine.somewhere").info("Alone")
    inside, alone = map(json.loads, stream.getvalue().splitlines())
    assert inside.pop("time").endswith("+00:00")
    assert inside == {
        "level": "WARNING",
        "process": "worker",
        "logger": "engine.somewhere",
        "message": "Careful",
        "kind": "decision",
        "instance": "one",
        "element": "Decide",
    }
    assert "instance" not in alone


def test_text_for_a_person_tells_the_same(written):
    stream = written(log_format="text")
    with context.about(instance="one"):
        context.tell(element="Decide")
        logging.getLogger("engine.somewhere").warning("Careful")
    assert stream.getvalue().endswith(" worker WARNING engine.somewhere: Careful (instance one, element Decide)\n")


def test_nobody_makes_a_person_a_fact_of_a_line():
    with pytest.raises(TypeError, match="person"), context.about(person="ada"):
        pass


def test_every_line_of_a_job_names_instance_element_and_handler(house, written):
    w.given_a_published(house, w.process_p(handler="work_for_tests"))
    instance = instances.start(house, w.ADA, "process_p", "credit")
    w.RECORDER.failures["work"] = [RuntimeError(f"no answer from https://ada:{QUOTED}@example.org")]
    stream = written(log_format="json")
    task = w.detail(house, instance).jobs[0].task
    worker.run_handler(house, task)
    (line,) = [json.loads(each) for each in stream.getvalue().splitlines()]
    assert (line["instance"], line["element"], line["handler"]) == (str(instance), "First", "work_for_tests")
    assert line["task"] == str(task)
    assert "ada:***@example.org" in line["message"]


def test_a_scrubbed_traceback_is_still_one():
    try:
        raise RuntimeError("password=hunter2-hunter2")
    except RuntimeError:
        told = logs.Scrubber()(traceback.format_exc())
    assert told.startswith("Traceback")
    assert told.endswith("RuntimeError: password=***\n")
