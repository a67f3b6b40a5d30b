"""What a move by hand leads to: whether a token would wait for ever once one of them has been put elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from engine.bpmn.execution import Execution
from engine.bpmn.located import NotLocated, located
from engine.bpmn.proofs import soundness
from engine.bpmn.proofs.checking import undecided
from engine.bpmn.proofs.exploration import explore
from engine.bpmn.proofs.variables import variables
from engine.bpmn.proofs.verdicts import HOLDS, UNDECIDED, Verdict
from engine.bpmn.proofs.world import Anything
from engine.bpmn.token_game import Action, Step, moved, net

#: an operator waits for the answer: no more configurations than this are gone through
BOUND = 5_000
NAME, TITLE = "no-token-left-behind", "No token is left behind by the move"
STRANDS = "Move it to before the gateway that split the flow, or to an element of the same branch."


def after_move(
    execution: Execution,
    task_id: str,
    element: str,
    errors: Mapping[str, tuple[str, ...]] | None,
    bound: int = BOUND,
) -> Verdict:
    """Whether the move leaves a token waiting for ever, or without a way to an end, that would not be so without it.

    What the tokens of the instance carry is known; whatever else may come is followed as in the proof at publish.
    """
    bundle = execution.bundle
    members = {process: bundle.files(process) for process in (bundle.process, *bundle.called)}
    of = net(bundle.main, bundle.called)
    known = variables(of, members, {})
    try:
        standing, numbers = located(of, execution.instance)
    except NotLocated as untold:
        return Verdict(name=NAME, title=TITLE, outcome=UNDECIDED, reason=f"Where it stands is not told: {untold}.")
    step = moved(of, Anything.around(of, known, errors), standing, numbers[task_id], element)
    after = explore(of, known, errors, {}, bound, begun=[step])
    found = soundness.stranded(after)
    if found:
        here = Step(Action(kind="stand", element=bundle.process, path=(), token=0), standing)
        before = explore(of, known, errors, {}, bound, begun=[here])
        known_before = soundness.stranded(before)
        worse = {place: number for place, number in found.items() if place not in known_before}
        if worse:
            place = min(worse, key=lambda each: (worse[each], each))
            return soundness.waits_at(after, worse[place], place, TITLE, STRANDS)
    decided = after.complete and not after.grown
    already = "A token waits for ever already, whether it is moved or not." if found else ""
    reason = already if decided else undecided(after)
    return Verdict(name=NAME, title=TITLE, outcome=HOLDS if decided else UNDECIDED, reason=reason)
