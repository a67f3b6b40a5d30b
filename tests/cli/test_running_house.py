"""The commands on a house that runs, from its first start to its end."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from engine.store.postgres import EmbeddedPostgres, default_folder
from tests.cli.commands import gatewright, run

#: a house of its own, on whatever ports are free
FREE = {"GATEWRIGHT_WEB_PORT": "0", "GATEWRIGHT_SCORING_PORT": "0"}


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data folder; its house is ended and its database removed afterwards."""
    folder = tmp_path / "house"
    yield folder
    run("stop", data=folder)
    shutil.rmtree(default_folder(folder), ignore_errors=True)


def test_a_house_from_its_first_start_to_its_end(data: Path, tmp_path: Path) -> None:
    """up, status, logs, a second up, backup, stop, up again, reset, restore: as somebody does on a new machine."""
    said = gatewright("up", "--detach", data=data, **FREE)
    found = re.search(r"The first admin: admin, one-time password: (\S+)", said)
    assert found is not None, said
    assert said.count(found[1]) == 1
    assert "Published model_life_cycle v1" in said

    told = json.loads(gatewright("status", "--json", data=data))
    assert told["state"] == "running"
    assert told["database"]["place"] == str(default_folder(data))
    assert "can only read and add to the audit log" in told["database"]["roles"]
    addresses = {each["name"]: each["address"] for each in told["processes"]}
    assert set(addresses) == {"web", "worker", "clock", "scoring"}
    assert requests.get(f"{addresses['web']}/api/v1/ready", timeout=10).json()["status"] == "ready"
    assert next(each for each in told["processes"] if each["name"] == "clock")["role"] == "leading"
    body = {"id": "admin", "password": found[1]}
    refused = requests.post(f"{addresses['web']}/api/v1/sign-in", json=body, timeout=10)
    assert (refused.status_code, refused.json()["code"]) == (403, "password-due")
    body["new_password"] = "correct-horse-battery"
    assert requests.post(f"{addresses['web']}/api/v1/sign-in", json=body, timeout=10).ok

    _tells_of_itself(addresses)
    logged = "".join(path.read_text() for path in (data / "logs").iterdir())
    assert found[1] not in gatewright("logs", "-n", "1000", data=data)  # it was shown once, and kept nowhere
    assert str(urlsplit(gatewright("db", "url", data=data).strip()).password) not in logged
    lines = [json.loads(line) for line in (data / "logs" / "clock.log").read_text().splitlines()]
    assert {"time", "level", "process", "logger", "message"} <= lines[0].keys()
    assert "This clock leads" in gatewright("logs", "clock", "--level", "info", data=data)
    assert gatewright("up", data=data, code=1, **FREE).startswith("[house-running]")
    assert gatewright("reset", "--yes", data=data, code=1).startswith("[reset-refused]")
    assert gatewright("db", "url", data=data).startswith("postgresql://gatewright_app:")
    assert "0024_retention" in gatewright("db", "upgrade", data=data)
    assert gatewright("db", "backup", str(tmp_path / "backup"), data=data).startswith(str(tmp_path / "backup"))

    processes = psutil.Process(told["supervisor"]).children(recursive=True)
    assert "The house has ended." in gatewright("stop", data=data)
    assert not [each for each in processes if each.is_running() and each.status() != "zombie"]
    gatewright("status", data=data, code=3)

    assert "Deleted." in gatewright("reset", "--yes", data=data)
    assert not data.exists()
    assert not default_folder(data).exists()
    assert "Restored" in gatewright("db", "restore", str(tmp_path / "backup"), data=data)
    said = gatewright("up", "--detach", data=data, **FREE)
    assert "one-time password" not in said  # there are people already
    assert "admin" in gatewright("user", "list", "--as", "admin", data=data)
    assert "the log is intact" in gatewright("audit", "verify", "--as", "admin", data=data)


def _tells_of_itself(addresses: dict[str, str]) -> None:
    """Each process has its metrics; the server processes of the pages count together."""
    for _ in range(12):
        # A connection each, so that both of them are reached.
        requests.get(f"{addresses['web']}/api/v1/health", timeout=10, headers={"Connection": "close"})
    told = {name: requests.get(f"{address}/metrics", timeout=10).text for name, address in addresses.items()}
    route = 'gatewright_http_request_duration_seconds_count{method="GET",route="/api/v1/health",status="200"}'
    assert f"{route} 12.0" in told["web"]
    assert "gatewright_database_up 1.0" in told["web"]
    assert 'gatewright_tick_duration_seconds_count{outcome="done",tick="timers"}' in told["clock"]
    assert "gatewright_scored_rows_total 0.0" in told["scoring"]
    assert "process_cpu_seconds_total" in told["worker"]
    forwarded = requests.get(f"{addresses['scoring']}/metrics", timeout=10, headers={"X-Forwarded-For": "192.0.2.1"})
    assert (forwarded.status_code, forwarded.json()["code"]) == (403, "metrics-refused")


def test_processes_started_alone_never_start_a_database(data: Path) -> None:
    """They say how to get one."""
    for name in ("web", "worker", "clock", "scoring"):
        assert "database-missing" in gatewright(name, data=data, code=1)
    assert not default_folder(data).exists()


def test_a_house_on_an_external_database_without_some_of_its_processes(
    data: Path, cluster: EmbeddedPostgres, new_database: Callable[..., str]
) -> None:
    """Migrated as its owner, used as the application; the processes left out may run elsewhere."""
    name = new_database()
    external = {
        "GATEWRIGHT_DATABASE_URL": cluster.url("application", name),
        "GATEWRIGHT_DATABASE_OWNER_URL": cluster.url("owner", name),
    }
    words = ("up", "--detach", "--without", "scoring", "--without", "clock")
    said = gatewright(*words, data=data, **FREE, **external)
    assert "one-time password" in said
    told = json.loads(gatewright("status", "--json", data=data, **external))
    assert [each["name"] for each in told["processes"]] == ["worker", "web"]
    assert told["database"]["kind"] == "external"
    assert "password" not in json.dumps(told)
    assert cluster.url("application", name).split(":")[2].split("@")[0] not in json.dumps(told)
    assert "The house has ended." in gatewright("stop", data=data)
    assert not default_folder(data).exists()
