"""Code inside the transaction stays inside: no commit, no network, no child process."""

from __future__ import annotations

import _thread
import multiprocessing
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from sqlalchemy import text

from engine.runtime import deadlines, instances, registry
from engine.runtime.guard import LeftTheTransaction, inside_transaction
from engine.store import transaction
from tests.runtime import worlds as w


@pytest.mark.parametrize(
    "act",
    [
        lambda session: session.commit(),
        lambda session: session.rollback(),
        lambda session: session.connection().commit(),
        lambda session: session.execute(text("COMMIT")),
        lambda session: session.execute(text(" rollback")),
        lambda session: socket.getaddrinfo("localhost", 80),
        lambda session: socket.create_connection(("127.0.0.1", 9)),
        lambda session: subprocess.run(["true"], check=True),
        lambda session: session.get_bind().connect(),
        lambda session: multiprocessing.get_context("fork").Process(target=print).start(),
        lambda session: multiprocessing.get_context("spawn").Process(target=print).start(),
        lambda session: threading.Thread(target=print).start(),
        lambda session: _thread.start_new_thread(print, ()),
        lambda session: ThreadPoolExecutor(1).submit(print),
    ],
)
def test_what_would_leave_the_transaction_is_refused(house, act):
    with pytest.raises(LeftTheTransaction):
        inside(house, act)


def inside(house, act) -> None:
    with transaction(house) as session:
        session.execute(text("SELECT 1"))
        with inside_transaction("the test", session):
            act(session)


def test_a_thread_begins_again_once_the_block_is_left(house):
    inside(house, lambda session: None)
    ran = threading.Event()
    threading.Thread(target=ran.set).start()
    assert ran.wait(10)


def test_what_would_end_the_process_ends_the_step_alone(house):
    with pytest.raises(deadlines.TriedToEnd, match="SystemExit"):
        inside(house, lambda session: sys.exit(3))


def test_what_hangs_inside_is_ended_and_nothing_meets_it_afterwards(house, monkeypatch):
    monkeypatch.setattr(deadlines, "INSIDE_SECONDS", 0.3)

    def hang(session) -> None:
        while True:
            with suppress(Exception):
                time.sleep(0.01)

    with pytest.raises(deadlines.TookTooLong, match="the test"):
        inside(house, hang)
    ends = time.monotonic() + 0.6
    while time.monotonic() < ends:
        pass  # were it still on its way, it would come here


def test_a_savepoint_inside_is_no_way_out_and_allowed(house):
    with transaction(house) as session, inside_transaction("the test", session):
        with session.begin_nested() as nested:
            session.execute(text("SELECT 1"))
            nested.rollback()
        assert session.scalar(text("SELECT 2")) == 2


@registry.service_task("leaves_for_tests", kind="transactional")
def leaves(session, parameters: w.Word, ctx) -> dict:
    """Tries to commit."""
    session.commit()
    return {}


def test_a_handler_that_tries_to_commit_is_an_incident_and_nothing_is_lost(house):
    w.given_a_published(house, w.process_p(handler="leaves_for_tests"))
    instance = instances.start(house, w.ADA, "process_p")
    (incident,) = w.detail(house, instance).incidents
    assert "left-the-transaction" in incident.cause
    assert w.detail(house, instance).instance.state == "running"
