"""Which form of a version serves: the original, or its compiled form where that is near enough.

Decided once, when a deployment is asked for, and the same for every way in which the version is asked: of two forms the
same row could get two answers.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.store import Files
from engine.training import compiled
from engine.training.trees import TreesRefused


def choose(files: Files, inputs: Mapping[str, str], within: float | None) -> tuple[dict[str, str], str]:
    """The inputs that go in, and which form serves and why, in words for the record.

    within: the largest difference on a probe row that the version's model states; None: the original serves. Where the
    original serves, the compiled form is not among the inputs.
    """
    original = {role: digest for role, digest in inputs.items() if role != compiled.ROLE}
    if within is None:
        return original, "original: no max_compiled_difference is declared"
    if compiled.ROLE not in inputs:
        return original, "original: the version has no compiled form"
    try:
        measured = compiled.difference(files, inputs[compiled.ROLE])
    except TreesRefused as refused:
        return original, f"original: {refused.message}"
    if (measured.artefact, measured.probe) != (inputs.get("artefact"), inputs.get("probe")):
        return original, "original: the compiled form was measured on another model file or other probe rows"
    told = f"largest difference {measured.largest_difference:g} on {measured.rows} probe rows, {within:g} is allowed"
    if not measured.largest_difference <= within:
        return original, f"original: {told}"
    return dict(inputs), f"compiled: {told}"
