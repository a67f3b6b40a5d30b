"""What a house does before its processes start and after they have ended."""

from __future__ import annotations

from engine import audit, handlers
from engine.config import Settings
from engine.identity import Person, people
from engine.runtime import definitions
from engine.serving import environments
from engine.store import addresses, migrations, open_store, transaction
from web import shipped
from web.supervisor.house import Tell

ADMIN = "admin"
#: what a release brings to an empty house is its own act
RELEASE = Person(id="release", name="release", roles=frozenset({"admin"}))


def prepare(settings: Settings, tell: Tell) -> None:
    """Migrate, publish the shipped library, and make the first admin where there is nobody yet."""
    migrate(settings, tell)
    store = open_store(settings, application="command")
    try:
        handlers.load()
        with transaction(store) as session:
            for definition in definitions.publish_shipped(session, shipped.library()):
                tell("line", f"Published {definition.label}: {definition.title}")
            if not environments.ordered(session):
                # Without one no first deployment gets through; whoever runs the house changes it or adds others.
                environments.define(
                    session, RELEASE, name="production", title="Production", target="local", position=100, promoters=[]
                )
        if word := people.first_admin(store, id=ADMIN):
            tell("admin", {"person": ADMIN, "password": word})
    finally:
        store.close()


def migrate(settings: Settings, tell: Tell) -> None:
    """Bring the database to the newest revision, as its owner."""
    before, newest = migrations.current(addresses.of(settings).owner), migrations.head()
    if before != newest:
        tell("line", f"Migrating the database from {before or 'nothing'} to {newest}")
    migrations.upgrade_of(settings)


def conclude(settings: Settings) -> None:
    """Sign the last rows of the audit log: nobody writes any more."""
    store = open_store(settings, application="command")
    try:
        audit.checkpoint(store)
    finally:
        store.close()
