"""Of several clocks one leads; another takes the lead over when it ends, however it ends."""

from __future__ import annotations

import threading

from engine.runtime import clock as clock_process
from engine.runtime.leading import Lead
from tests.runtime.test_worker import until


def test_one_leads_and_another_follows_it(house):
    first, second = Lead(house), Lead(house)
    assert first.look()
    assert first.look()
    assert not second.look()
    first.close()
    assert not first.held
    until(second.look)  # the server lets go of it once it sees the connection closed
    second.close()


def test_a_leader_whose_connection_broke_leads_no_longer(house, superuser):
    first, second = Lead(house), Lead(house)
    assert first.look()
    superuser.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'gatewright clock lead'"
    )
    until(second.look)
    assert not first.look()
    first.close()
    second.close()


def test_a_clock_that_follows_ticks_more_seldom_and_takes_over(house):
    leading, following = threading.Event(), threading.Event()
    counts = {"leader": 0, "follower": 0}

    def tick(name: str):
        def act(store) -> None:
            counts[name] += 1

        return [clock_process.Tick("test", 0.05, act)]

    running = []
    for name, stop in (("leader", leading), ("follower", following)):
        running.append(threading.Thread(target=clock_process.run, args=(house, tick(name)), kwargs={"stop": stop}))
        running[-1].start()
        until(lambda name=name: counts[name])
    try:
        until(lambda: counts["leader"] >= 40)
        assert counts["follower"] < counts["leader"] / 2
        leading.set()
        running[0].join(20)
        before = counts["follower"]
        until(clock_process.leads)
        until(lambda: counts["follower"] >= before + 20)
    finally:
        leading.set()
        following.set()
        for each in running:
            each.join(20)
