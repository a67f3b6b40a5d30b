"""An alert goes the road of everything else: told by every channel, and an incident where one stays away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from pydantic import SecretStr

from engine.config import AlertChannel, Settings
from engine.handlers import alarms
from engine.monitoring import alerts
from engine.monitoring.alerts import Concern, queries
from engine.runtime import queries as runtime
from engine.runtime import wakeups
from engine.store import Store, TestClock, new_id, open_store, transaction
from tests.handlers import house as h
from tests.integrations.receivers import Hook, Mailbox, mail_server, web_server
from tests.integrations.test_notifier_contract import SECRET


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_server() as server:
        yield server


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as server:
        yield server


@pytest.fixture
def house(settings: Settings, clock: TestClock, hook: Hook, mailbox: Mailbox) -> Iterator[Store]:
    """A house with a mailbox that is told everything, and a webhook that is told of breaches alone."""
    mail = f"mailto://127.0.0.1:{mailbox.port}/?from=house@example.org&to=ops@example.org&mode=insecure"
    channels = {
        "operators": AlertChannel(url=SecretStr(mail)),
        "pager": AlertChannel(kind="webhook", url=SecretStr(hook.address), secret=SecretStr(SECRET), least="breach"),
    }
    store = open_store(settings.model_copy(update={"alert_channels": channels}), clock=clock)
    h.given_a_house(store)
    try:
        yield store
    finally:
        wakeups.close()
        store.close()


def given_an_alert(house: Store, severity: str) -> UUID:
    with transaction(house) as session:
        return alerts.take(
            session,
            Concern(finding=new_id(), model="credit", cause="drift:credit", severity=severity, title="AGEP moved"),
        )


def go_on(house: Store, clock: TestClock) -> None:
    """Clock and workers do what there is to do, the attempts of a day after another."""
    alarms.hand_over(house)
    h.go_on(house)
    for _ in range(8):
        clock.advance(timedelta(hours=2))
        h.go_on(house)


def took(house: Store, alert: UUID) -> set[tuple[str, str]]:
    with transaction(house) as session:
        return {(each.channel, each.severity) for each in queries.alert(session, alert).deliveries}


def test_an_alert_is_told_by_each_channel_that_listens(
    house: Store, clock: TestClock, hook: Hook, mailbox: Mailbox
) -> None:
    alert = given_an_alert(house, "warn")
    go_on(house, clock)
    assert [each["subject"] for each in mailbox.mails] == ["[warn] AGEP moved"]
    assert hook.requests == []
    given_an_alert(house, "breach")
    go_on(house, clock)
    assert [each["subject"] for each in mailbox.mails][1:] == ["[breach] AGEP moved"]
    ((_, body),) = hook.requests
    assert json.loads(body)["data"]["models"] == ["credit"]
    assert took(house, alert) == {("operators", "warn"), ("operators", "breach"), ("pager", "breach")}
    with transaction(house) as session:
        runs = runtime.instances(session, process="alerting").rows
    assert [run.state for run in runs] == ["finished", "finished"]
    assert {run.subject for run in runs} == {"credit"}


def test_a_channel_that_stays_away_is_an_incident_and_holds_back_no_other(
    house: Store, clock: TestClock, hook: Hook, mailbox: Mailbox
) -> None:
    hook.status = 503
    alert = given_an_alert(house, "breach")
    go_on(house, clock)
    assert took(house, alert) == {("operators", "breach")}
    assert len(hook.requests) == 6
    assert len(mailbox.mails) == 1
    with transaction(house) as session:
        (run,) = runtime.instances(session, process="alerting").rows
        (incident,) = runtime.open_incidents(session).rows
        assert incident.instance == run.id
    assert incident.element == "Tell_channel"
    assert "status 503" in incident.cause


def test_without_channels_it_stands_on_its_page_alone(store: Store, clock: TestClock) -> None:
    h.given_a_house(store)
    alert = given_an_alert(store, "breach")
    go_on(store, clock)
    assert took(store, alert) == set()
    with transaction(store) as session:
        (run,) = runtime.instances(session, process="alerting").rows
    assert (run.state, h.passed(store, run.id)[-1]) == ("finished", "Shown_alone")
    wakeups.close()
