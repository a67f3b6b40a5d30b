"""What BPMN 2.0.2 says about the tokens of a diagram, as one pure relation; the engine's oracle, written without it."""

from engine.bpmn.token_game.configuration import Action, Configuration, Happening, Step, Token
from engine.bpmn.token_game.game import Held, assigned, begin, held, moved, settle, steps, waiting
from engine.bpmn.token_game.net import Net, net
from engine.bpmn.token_game.world import Concrete, Raised, World

__all__ = [
    "Action",
    "Concrete",
    "Configuration",
    "Happening",
    "Held",
    "Net",
    "Raised",
    "Step",
    "Token",
    "World",
    "assigned",
    "begin",
    "held",
    "moved",
    "net",
    "settle",
    "steps",
    "waiting",
]
