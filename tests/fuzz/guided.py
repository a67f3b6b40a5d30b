"""The same targets under atheris, which looks at what of our code each input reaches.

    pip install "atheris>=3,<4"      # in an environment of its own: the tests do not need it
    python -m tests.fuzz.guided expression --seconds 600 [FOLDER OF INPUTS]

What it finds is written to a file `crash-...` in the working folder; `python -m tests.fuzz.guided expression FILE` runs
that one input again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random


def _bend(content: bytes, most: int, seed: int) -> bytes:
    """The document with elements changed, moved or taken away; bent bytes hardly ever are XML."""
    from lxml import etree

    from tests.fuzz import inputs

    try:
        return inputs.bent(Random(seed), (content,))[:most]
    except (etree.LxmlError, ValueError):
        return inputs.bent(Random(seed), inputs.diagrams())[:most]


def main() -> None:
    """Run one target until the time is over or something is found."""
    import atheris

    with atheris.instrument_imports(include=["engine.bpmn", "engine.runtime.forms", "engine.runtime.patterns"]):
        from tests.fuzz import inputs, targets

    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("target", choices=sorted(targets.TARGETS))
    asked.add_argument("--seconds", type=int, default=3600)
    asked.add_argument("inputs", nargs="?", type=Path)
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as made:
        corpus = given.inputs or Path(made)
        if given.inputs is None:
            seeds = {"diagram": inputs.diagrams, "decision": inputs.tables, "form": inputs.forms}
            for number, content in enumerate(seeds.get(given.target, tuple)()):
                (corpus / str(number)).write_bytes(content)
        words = [sys.argv[0], str(corpus), f"-max_total_time={given.seconds}", "-max_len=60000", "-timeout=20"]
        bends = {"custom_mutator": _bend} if given.target in ("diagram", "decision") else {}
        atheris.Setup(words, targets.TARGETS[given.target], **bends)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
