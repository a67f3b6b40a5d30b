"""Who acts, on which database: every command that reads or changes the house's content does so as a named person.

Whoever may read the database's password may do anything to it; so this is no door, but a name for the log, and the
engine asks that person's roles as it does on the pages. The log keeps the account of the machine beside the name.
"""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import GatewrightError

if TYPE_CHECKING:
    from engine.identity import Person
    from engine.store import Store

ENVIRONMENT = "GATEWRIGHT_AS"
#: acts on instances own their transaction and write their refusals themselves
_RECORDED_BY_THE_ENGINE = ("handler ", "instance ", "monitor run", "task ", "process start")

As = Annotated[
    str,
    typer.Option("--as", envvar=ENVIRONMENT, metavar="PERSON", help="The login name of the person who acts."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class NobodyActs(GatewrightError):
    """{whose} names nobody who could act: {reason}."""

    code = "nobody-acts"
    hint = "Name somebody with --as or GATEWRIGHT_AS; the first admin is called `admin`."


@contextmanager
def opened() -> Iterator[Store]:
    """The store that the settings name, for one command."""
    from engine.config import Settings
    from engine.runtime import wakeups
    from engine.store import open_store

    store = open_store(Settings.load(), application="command")
    try:
        yield store
    finally:
        wakeups.close()
        store.close()


@contextmanager
def reading(as_: str, permission: str) -> Iterator[tuple[Any, Person]]:
    """A session and the person who reads, who must have the permission."""
    from engine import identity
    from engine.store import transaction

    with opened() as store, transaction(store) as session:
        person = _person(session, as_)
        identity.require(person, permission)
        yield session, person


@contextmanager
def acting(as_: str, command: str) -> Iterator[tuple[Store, Person]]:
    """The store and the person who acts; the log tells which account of the machine gave the command.

    What is refused to them is a row of the log, too.
    """
    from engine import audit, handlers
    from engine.store import transaction

    with opened() as store:
        handlers.load()
        with transaction(store) as session:
            person = _person(session, as_)
            audit.record(
                session,
                f"person:{person.id}",
                "command_line.used",
                actor=person.id,
                subject=person.id,
                command=command,
                account=_account(),
                host=socket.gethostname(),
            )
        try:
            yield store, person
        except GatewrightError as refused:
            if not command.startswith(_RECORDED_BY_THE_ENGINE):
                audit.refusal(
                    store,
                    "system",
                    "act.refused",
                    actor=person.id,
                    tried=command,
                    reason=refused.code,
                    message=refused.message[:500],
                )
            raise


def _person(session: Any, as_: str) -> Person:
    from engine.identity import queries

    name = as_ or _account()
    whose = f"--as {name}" if as_ else f"The account {name} of this machine"
    try:
        person = queries.get(session, name)
    except queries.PersonUnknown as unknown:
        raise NobodyActs(whose=whose, reason="there is no such person in the house") from unknown
    if person.disabled:
        raise NobodyActs(whose=whose, reason="that person is disabled")
    return person


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.geteuid())
