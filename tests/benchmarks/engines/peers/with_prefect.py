"""Process P in Prefect, with a server of its own: service tasks are tasks, the user task is an input of the run.

On SQLite, its own default: on PostgreSQL it wants the extension pg_trgm, which the embedded server does not have.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request

from tests.benchmarks.engines.peers import serve

PORT = int(os.environ.get("BENCHMARK_PORT", "42777"))
API = f"http://127.0.0.1:{PORT}/api"
QUIET = {"PREFECT_LOGGING_LEVEL": "CRITICAL", "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "PREFECT_API_URL": API}
os.environ |= QUIET


def start_server() -> subprocess.Popen[bytes]:
    """Prefect's own server in a folder of its own; returns when it answers."""
    server = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(PORT)],
        env={**os.environ, "PREFECT_HOME": tempfile.mkdtemp(prefix="gatewright-benchmark-prefect-")},
        stdout=sys.stderr,
    )
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{API}/health", timeout=1).close()  # noqa: S310 - our own address
            return server
        except OSError:
            time.sleep(0.3)
    raise TimeoutError("Prefect's server does not answer")


def main() -> None:
    """Answer the benchmark."""
    from prefect import flow, task
    from prefect.input import receive_input, send_input
    from prefect.runtime import flow_run

    @task
    def note(word: str) -> dict[str, str]:
        return {"said": word}

    @flow
    def process_p() -> str:
        first = note("one")
        # Prefect's person: the run sends its own input, since nothing else is told its id.
        send_input("approve", flow_run.id)
        decided = receive_input(str, timeout=60, poll_interval=0.02).next()
        if decided == "approve":
            note(first["said"])
            return "done"
        return "refused"

    def one() -> None:
        assert process_p() == "done"

    serve(one)


if __name__ == "__main__":
    running = start_server()
    try:
        main()
    finally:
        running.terminate()
        running.wait(20)
