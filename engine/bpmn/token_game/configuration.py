"""Where all tokens stand: the configuration, and the steps that lead from one to the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.bpmn.token_game.carried import Carried

#: what an event brought: the variables, each with its payload
Brought = tuple[tuple[str, Any], ...]

#: a token is about to make an activity active that arms events
COMING = "coming"
#: it stands at an element
STANDING = "standing"
#: it has come along one flow to a gateway that joins
WAITING = "waiting"
#: it stands at a catching event
CATCHING = "catching"
#: no token yet: an event that may put one, at an activity or behind an event-based gateway
ARMED = "armed"
#: the event has occurred, its token goes on
FIRED = "fired"
#: what its element throws is being caught; never longer than one step
THROWING = "throwing"
#: a completed subprocess that is undone by what is in it
UNDOING = "undoing"
#: its activity is complete, and conditions decide on which flows it goes on
LEAVING = "leaving"
#: consumed; kept for what it carries until its scope is over
ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """An activity that has completed and can be undone, or one copy of it."""

    node: str
    within: tuple[int, ...]  #: the tokens of the activities around it
    number: int  #: later ones have higher numbers
    restored: Mapping[str, Any] = field(hash=False)  #: the snapshot that its handler sees
    inner: tuple[Record, ...] = ()  #: what had completed in it, or its copies
    whole: bool = True  #: False for a subprocess that was cancelled: what is in it is undone, not itself
    copies: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Undo:
    """What a token that compensates has before it."""

    pending: tuple[Record, ...]  #: the next one last
    current: Record | None = None  #: its handler is under way
    carried: Carried  #: with what the handlers changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """How far a multi-instance activity has come."""

    items: tuple[Any, ...] | int
    started: int = 0
    done: int = 0
    enough: bool = False
    broken: str = ""
    results: tuple[Any, ...] = ()
    copies: tuple[Carried, ...] = ()  #: in parallel: what the finished copies carry out of it
    current: Carried | None = None  #: in sequence: what the last one left to the next
    records: tuple[Record, ...] = ()  #: of the copies that are done

    @property
    def total(self) -> int:
        """How many copies it asks for."""
        return self.items if isinstance(self.items, int) else len(self.items)

    @property
    def over(self) -> bool:
        """Whether no more copy is wanted."""
        return self.enough or self.done == self.total

    def __hash__(self) -> int:
        return hash((self.total, self.started, self.done, self.enough))


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token, or one armed event."""

    id: int
    node: str
    process: str
    scope: str  #: id of the process or subprocess
    within: tuple[int, ...]  #: the tokens of the activities around it, outermost first
    path: tuple[str, ...]  #: the elements of the calls and subprocesses around it, outermost first
    phase: str
    carried: Carried
    flow: str = ""  #: WAITING: the flow it came along
    of: int = 0  #: ARMED: the token of the activity or gateway; 0 for the process itself
    left: int | None = 1  #: ARMED: how often it may occur still; None without end
    index: int | None = None  #: which copy of a repeated activity it is
    repetition: Repetition | None = None
    conflicts: tuple[str, ...] = ()  #: variables on which the branches that made it disagree
    met: bool = False  #: ARMED: its condition has not been false since it occurred
    which: int | None = None  #: ARMED: for which of its event's definitions; None for all of them
    #: of definitions that have to occur together, those that have, each with what it brought for which variable
    occurred: tuple[tuple[int, Brought], ...] = field(default=(), hash=False)
    caught: Brought = field(default=(), hash=False)  #: what its event subprocess begins with
    undo: Undo | None = None  #: it compensates
    undoes: int = 0  #: the token for which this one, a compensation handler's, undoes


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened to one element."""

    happened: str  #: "entered", "completed" or "cancelled"
    element: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Throw:
    """A message or signal that leaves the instance."""

    kind: str
    name: str
    payload: dict[str, Any] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What one step does."""

    kind: str  #: "complete", "enter", "answer", "result", "raise", "fire", "deliver", or, unseen, "activate", ...
    element: str
    path: tuple[str, ...]
    token: int
    detail: Any = field(default=None, hash=False)  #: the answer, the result, the payload
    happenings: tuple[Happening, ...] = ()  #: everything it did, in no order that means anything
    thrown: tuple[Throw, ...] = ()

    @property
    def free(self) -> bool:
        """Whether it waits for somebody outside: a person, a worker, a clock, a sender."""
        return self.kind in {"answer", "result", "raise", "fire", "deliver"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """All tokens of an instance; `next` numbers what is to come, tokens and writes alike."""

    tokens: tuple[Token, ...]
    next: int
    finished: bool = False
    carried: Carried = field(default_factory=Carried)  #: at the end
    records: tuple[Record, ...] = ()  #: what has completed and can be undone, in the scopes that are open

    def token(self, number: int) -> Token:
        """The token of that number."""
        return next(token for token in self.tokens if token.id == number)

    def inside(self, number: int) -> Iterator[Token]:
        """Everything beneath the activity at which a token stands."""
        return (token for token in self.tokens if number in token.within)

    @property
    def marking(self) -> Counter[tuple[tuple[str, ...], str, str]]:
        """How many tokens stand where: (path, element, phase)."""
        return Counter((token.path, token.node, token.phase) for token in self.tokens)


@dataclass(frozen=True, slots=True)
class Step:
    """One pair of the relation."""

    action: Action
    configuration: Configuration
