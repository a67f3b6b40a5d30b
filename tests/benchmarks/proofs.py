"""What a proof at publish costs: 200 elements with 8 parallel branches, and each shipped life cycle.

    .venv/bin/python -m tests.benchmarks.proofs [--json FILE]

Each is proven three times against all policies that ship; the fastest is told, in seconds of CPU. The branches of
the first hold approvals with a way back, deadlines and waits for messages; those of the second hold tests, and an
approval and a deployment follow, so that policies speak of all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from engine import handlers
from engine.bpmn.proofs import prove
from engine.runtime import proofs, registry
from tests.bpmn.proofs.large import branches, gated
from web import shipped


def measured(files: dict[str, bytes], called: dict[str, dict[str, bytes]]) -> dict[str, Any]:
    """One definition: seconds, configurations, verdicts."""
    errors = {task.name: task.errors for task in registry.service_tasks()}
    times = []
    for _ in range(3):
        began = time.process_time()
        proof = prove(files, called, proofs.policies(), errors, proofs.tiers())
        times.append(time.process_time() - began)
    outcomes = [each.outcome for each in proof.verdicts]
    return {
        "seconds": round(min(times), 3),
        "configurations": proof.n_configurations,
        **{outcome: outcomes.count(outcome) for outcome in ("holds", "fails", "not decided", "does not apply")},
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    handlers.load()
    library = shipped.library()
    asked = {"200 elements, 8 branches": branches(8, 200), "200 elements, 8 branches, then a gate": gated(8, 200)}
    found = {name: measured(files, {}) for name, files in {**asked, **library}.items() if name not in library}
    found |= {name: measured(files, library) for name, files in sorted(library.items())}
    print(f"{'definition':40} {'CPU s':>7} {'configurations':>15}  holds fails undecided idle")
    for name, each in found.items():
        counts = f"{each['holds']:5} {each['fails']:5} {each['not decided']:9} {each['does not apply']:4}"
        print(f"{name:40} {each['seconds']:7.3f} {each['configurations']:15,}  {counts}")
    if path := parser.parse_args().json:
        path.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
