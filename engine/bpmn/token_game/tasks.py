"""Tasks (BPMN 2.0.2, 13.3.3)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.bpmn.token_game import occurring
from engine.bpmn.token_game.configuration import FIRED, Step
from engine.bpmn.token_game.net import waits
from engine.bpmn.token_game.registry import Position, element
from engine.bpmn.token_game.world import Raised, Trouble


@element("task", "manualTask")
def passed(at: Position) -> Iterator[Step]:
    """Nothing is asked of anybody: it is over as it begins."""
    move = at.move()
    move.complete(at.token)
    yield move.step("complete", at.token)


@element("userTask")
def answered(at: Position) -> Iterator[Step]:
    """A person's answer becomes the value of one variable."""
    variable = at.node.result
    for answer in at.world.answers(at.node, at.token.path, at.token.carried):
        move = at.move()
        move.complete(at.token, at.token.carried.written({variable: answer}, move.number()))
        yield move.step("answer", at.token, answer)


@element("serviceTask")
def called(at: Position) -> Iterator[Step]:
    """A handler's value goes to a variable, or its named error to the nearest boundary event that catches it."""
    uncaught = False
    for outcome in at.world.outcomes(at.node, at.token.path, at.token.carried):
        move = at.move()
        if isinstance(outcome, Raised):
            catcher = occurring.catcher(move, at.token, "error", str(outcome))
            if catcher is None:
                uncaught = True  # another outcome may have a way on
                continue
            event, which = catcher
            occurring.fire(move, event, {"code": str(outcome)}, which)
            yield move.step("raise", at.token, outcome)
            continue
        variable = at.node.operator.result_variable if at.node.operator else ""
        carried = at.token.carried
        move.complete(at.token, carried.written({variable: outcome}, move.number()) if variable else carried)
        yield move.step("result", at.token, outcome)
    if uncaught:
        raise Trouble("error")


@element("scriptTask")
def assigned(at: Position) -> Iterator[Step]:
    """The script's variables are written."""
    for values in at.world.assigned(at.node, at.token.carried):
        move = at.move()
        move.complete(at.token, at.token.carried.written(values, move.number()))
        yield move.step("complete", at.token)


@element("businessRuleTask")
def decided(at: Position) -> Iterator[Step]:
    """The decision's outputs are written."""
    decision = at.net.diagrams[at.token.process].decisions[at.node.decision]
    for values in at.world.decided(decision, at.token.carried):
        move = at.move()
        move.complete(at.token, at.token.carried.written(values, move.number()))
        yield move.step("complete", at.token)


@element("intermediateCatchEvent", "receiveTask", "boundaryEvent")
def occurred(at: Position) -> Iterator[Step]:
    """A catching event or receive task goes on once it has occurred (13.5.2), a link at once."""
    if at.token.phase == FIRED or not (waits(at.node) or at.node.kind == "boundaryEvent"):
        move = at.move()
        move.complete(at.token)
        yield move.step("complete", at.token)
