"""Which steps an element offers: one generator a kind, registered by a decorator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.bpmn.model import Node
from engine.bpmn.token_game.configuration import Configuration, Step, Token
from engine.bpmn.token_game.moves import Move
from engine.bpmn.token_game.net import Net, Place
from engine.bpmn.token_game.world import World


@dataclass(frozen=True, slots=True)
class Position:
    """A token at its element, with the board around it."""

    net: Net
    world: World
    configuration: Configuration
    token: Token

    @property
    def place(self) -> Place:
        """The scope in which it stands."""
        return self.net.places[self.token.process, self.token.scope]

    @property
    def node(self) -> Node:
        """The element at which it stands."""
        return self.place.scope.nodes[self.token.node]

    def move(self) -> Move:
        """A move that begins here."""
        return Move(self.net, self.world, self.configuration)


Element = Callable[[Position], Iterator[Step]]
ELEMENTS: dict[str, Element] = {}


def element(*kinds: str) -> Callable[[Element], Element]:
    """Registers what a token at an element of these kinds may do. Raises world.Trouble where it is held up."""

    def register(steps: Element) -> Element:
        for kind in kinds:
            if kind in ELEMENTS:
                raise ValueError(f'Two parts of the token game are for the element "{kind}".')
            ELEMENTS[kind] = steps
        return steps

    return register
