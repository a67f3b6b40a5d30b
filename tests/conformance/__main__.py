"""`python -m tests.conformance FOLDER`: judge every BPMN file beneath a folder, each in a child process with limits."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from tests.conformance import children, folders, table
from tests.conformance.judging import BAD, Options


def main(arguments: list[str]) -> int:
    """Print the table; 1 where a file gave a traceback, was stuck, or ran otherwise than the token game."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("folder", type=Path, help="searched in depth for BPMN files of any name and encoding")
    parser.add_argument("--json", type=Path, help="write what became of each file here")
    parser.add_argument(
        "--strict", action="store_true", help="bind nothing: the files as they are, with no handler known"
    )
    parser.add_argument("--runs", type=int, default=3, help="seeded orders in which each process is played (default 3)")
    parser.add_argument("--acts", type=int, default=60, help="answers, timers and messages in one run (default 60)")
    parser.add_argument("--seconds", type=int, default=60, help="CPU time of one file (default 60)")
    parser.add_argument("--megabytes", type=int, default=2_000, help="memory of one file (default 2000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="files at a time (default: the cores)")
    given = parser.parse_args(arguments)
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    options = Options(strict=given.strict, runs=given.runs, acts=given.acts)
    limits = children.Limits(seconds=given.seconds, megabytes=given.megabytes, jobs=given.jobs)
    judged = []
    for one in children.judged(folders.diagrams(given.folder), options, limits):
        judged.append(one)
        if sys.stderr.isatty():
            print(f"\r{len(judged)} files", end="", file=sys.stderr)
    judged.sort(key=lambda one: one["file"])
    print(table.rendered(judged))
    if given.json:
        given.json.write_text(json.dumps(judged, indent=1, ensure_ascii=False), encoding="utf-8")
    return 1 if any(one["outcome"] in BAD for one in judged) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
