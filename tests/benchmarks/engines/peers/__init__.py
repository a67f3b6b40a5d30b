"""Process P in each engine: a program of its own that runs it as often as it is told.

It reads lines {"instances", "clients"} and answers each when they are done; who asks measures. Those of other engines
know nothing of Gatewright, so that they can run in an environment of their own. The database is named by
BENCHMARK_DATABASE_URL.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def database() -> str:
    """The URL of the database that this engine has for itself."""
    return os.environ["BENCHMARK_DATABASE_URL"]


def serve(one: Callable[[], object]) -> None:
    """Run `one` as often as each line says, by as many clients at a time."""
    tell({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        with ThreadPoolExecutor(asked["clients"]) as clients:
            for done in [clients.submit(one) for _ in range(asked["instances"])]:
                done.result()
        tell({"done": asked["instances"]})


def tell(what: object) -> None:
    """One line to whoever asks."""
    print(json.dumps(what), file=_OUT, flush=True)


# Some engines print; what they say must not stand between the answers.
_OUT = os.fdopen(os.dup(sys.stdout.fileno()), "w")
os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
