"""Turns told facts into messages of life cycles, and holds approvals to what has changed since.

The one place where what the right wing tells reaches the left one.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial

from sqlalchemy.orm import Session

from engine import events
from engine.events import Event
from engine.governance import approvals
from engine.handlers import alarms, subjects
from engine.identity import Person
from engine.inventory import queries, risks
from engine.inventory.references import VersionRef
from engine.monitoring import findings
from engine.monitoring.measures import Reading
from engine.monitoring.verdicts import Taken
from engine.runtime import messages
from engine.serving import deployments
from engine.serving import queries as serving
from engine.statistics import Estimate
from engine.store import Store, now, replayed, transaction

_log = logging.getLogger(__name__)

_TELLER = Person.system("system")
#: until when a bias that a monitor found is to be answered for
_TO_MEND = timedelta(days=30)


def deliver_facts(house: Store) -> int:
    """Take the facts that wait, each in its own transaction; returns how many were taken."""
    with transaction(house) as session:
        waiting = events.pending(session)
    taken = 0
    for fact in waiting:
        try:
            taken += replayed(house, partial(_take, fact))
        except Exception:
            # One fact in trouble must not hold up those behind it; it is tried again later.
            _log.exception("The fact %s of %s could not be taken", fact.name, fact.subject)
            with transaction(house) as session:
                events.postpone(session, fact.id)
    return taken


def _take(fact: Event, session: Session) -> bool:
    if not events.deliver(session, fact.id):
        return False
    if fact.name == "version.added":
        ref = VersionRef.parse(fact.subject)
        if ref.number > 1:  # the first one is what its life cycle starts with
            messages.send(session, _sender(fact), "version_registered", ref.model, {"version": str(ref)})
    elif fact.name == "retirement.requested":
        reason = str(fact.facts.get("reason", ""))
        messages.send(session, _sender(fact), "retirement_requested", fact.subject, {"reason": reason})
    elif fact.name in ("asset.changed", "model.edited"):
        _hold(session, fact)
    elif fact.name in ("finding.opened", "finding.worsened", "finding.closed"):
        alarms.take(session, fact)
        if fact.name != "finding.closed":
            _open_risk_of_bias(session, fact)
    elif fact.name in ("schedule.failed", "schedule.recovered"):
        alarms.heed_schedule(session, fact)
    elif fact.name == "deployment.died":
        _find_deaths(session, fact)
    elif fact.name == "instance.cancelled":
        _end_deployments(session, fact)
    return True


def _sender(fact: Event) -> Person:
    """Whoever did what the fact tells: who asks for something by it does not decide it, too."""
    by = fact.facts.get("by")
    return Person(id=by, name=by) if by else _TELLER


def _end_deployments(session: Session, fact: Event) -> None:
    """Stop what a cancelled instance asked for and nobody will let go live any more."""
    routed = {route.deployment.id for route in serving.routes(session, model=fact.subject)}
    for each in serving.deployments(session, model=fact.subject, desired="running"):
        if each.instance == fact.facts["instance"] and each.id not in routed:
            deployments.withdraw(session, each.id, person=_TELLER, reason="its life cycle was cancelled")


def _open_risk_of_bias(session: Session, fact: Event) -> None:
    """A group that fares worse than the declared bound is a high risk: nothing more is deployed while it is open."""
    told = fact.facts
    if (told["measure"], told["state"]) != ("fairness", "breach") or queries.model(session, fact.subject).retired:
        return
    metric, environment = str(told["metric"]).replace("_", " "), told["environment"]
    risks.found(
        session,
        fact.subject,
        level="high",
        title=f"Bias in {environment}: {metric} of {told['of']}",
        description=f"A monitor found it beyond its bound; the finding {told['finding']} tells values and intervals.",
        due=now(session).date() + _TO_MEND,
        actor=_TELLER.id,
    )


def _find_deaths(session: Session, fact: Event) -> None:
    """A process that keeps dying is found at once, and not by the next run."""
    ref, told = VersionRef.parse(fact.subject), fact.facts
    n = int(told["deaths"])
    reading = Reading(
        metric="deaths",
        value=Estimate(n, n, n, 0.95),
        rows=n,
        unit="deaths",
        better="low",
        detail={"detail": told["detail"]},
    )
    taken = Taken(measure="deployment", dimension="technical", readings=(reading,))
    findings.at_once(session, model=ref.model, environment=told["environment"], taken=taken, version=ref.number)


def _hold(session: Session, fact: Event) -> None:
    """Void what was approved on digests that no longer stand."""
    refs = (
        [VersionRef.parse(fact.subject)]
        if fact.name == "asset.changed"
        else [version.ref for version in queries.versions(session, fact.subject)]
    )
    for ref in refs:
        approvals.assets_changed(session, str(ref), subjects.approved_digests(session, ref), by=_TELLER.id)
