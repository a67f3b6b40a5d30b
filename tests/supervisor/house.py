"""A small house for the tests of the supervisor: a database, and processes that only live. Run as a program."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from engine.config import Settings
from web.supervisor import Command, Supervisor

#: lives until it is told to end, with a child of its own
LIVES = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print('alive', flush=True); time.sleep(600)"
)
#: a process that takes its bond, like every command of ours
TIED = f"from web.supervisor import bond; bond.tie(); {LIVES}"
#: does not listen when it is told to end
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {LIVES}"


def main(data: str, database: str, *kinds: str) -> None:
    """Run the house; what it tells goes to the standard output, a line of JSON each."""
    programs = {"tied": TIED, "deaf": DEAF, "plain": LIVES}
    children = [Command(name=kind, arguments=[sys.executable, "-P", "-c", programs[kind]]) for kind in kinds]

    def tell(kind: str, what: object) -> None:
        print(json.dumps([kind, what]), flush=True)

    settings = Settings(data_dir=Path(data), database_dir=Path(database))
    Supervisor(settings, children, prepare=lambda settings, tell: None, conclude=lambda settings: None, tell=tell).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
