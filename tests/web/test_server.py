"""The server as it is run: gunicorn, its workers, its end."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time

import pytest

from engine.identity import browser_sessions, people
from engine.runtime import wakeups
from engine.store import open_store, transaction
from tests.ports import free_port
from tests.web.world import ROOT
from web import access, live, server

_RUN = "from engine.config import Settings; from web import server; server.run(Settings.load())"


@pytest.fixture
def running(settings):
    """The address of a server of its own, the cookie of somebody signed in, and its process."""
    store = open_store(settings)
    with transaction(store) as session:
        people.add(session, ROOT, "ada", name="Ada", roles=["auditor"])
        cookie = browser_sessions.begin(session, "ada", address="", agent="")
    port = free_port()
    environment = {
        **os.environ,
        "GATEWRIGHT_DATA_DIR": str(settings.home),
        "GATEWRIGHT_DATABASE_URL": settings.database_url.get_secret_value(),
        "GATEWRIGHT_WEB_PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, "-c", _RUN], env=environment, stderr=subprocess.PIPE)
    try:
        for _ in range(600):
            if _answers(port):
                break
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.1)
        yield port, {"Cookie": f"{access.COOKIE}={cookie}"}, process
    finally:
        process.kill()
        process.wait()
        wakeups.close()
        store.close()


def _answers(port):
    try:
        return get(port, "/health")[0] == 200
    except OSError:
        return False


def get(port, address, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", address, headers=headers or {})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_more_streams_than_there_are_threads_leave_pages_answering_and_the_end_is_orderly(running):
    port, signed_in, process = running
    wanted = server.WORKERS * server.THREADS + 6
    streams, answers = [], []
    for _ in range(wanted):
        stream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        stream.request("GET", "/events/changes", headers=signed_in)
        answers.append(stream.getresponse())
        streams.append(stream)
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) <= server.WORKERS * live.MOST_STREAMS
    assert get(port, "/", signed_in)[0] == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    # A stream that is told to end says so; one that is cut off when the server's patience ends breaks off.
    assert not [answer for answer in answers if answer.status == 200 and not answer.read().endswith(b"\n\n")]
    for stream in streams:
        stream.close()
