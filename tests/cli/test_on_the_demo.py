"""The commands on a house that runs and has something in it: the one that the demo leaves."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.commands import gatewright, printed, run
from tests.demo.running import Told


def _as(told: Told, person: str, *words: str, code: int = 0) -> str:
    return gatewright(*words, data=told.folder / ".gatewright-demo", code=code, GATEWRIGHT_AS=person)


def _printed(told: Told, *words: str, person: str = "otto") -> str:
    """The same, run in this process: a second of processor time less."""
    return printed(*words, data=told.folder / ".gatewright-demo", GATEWRIGHT_AS=person)


def test_lists_come_as_json_and_as_lines(told: Told) -> None:
    """For each list: JSON for programs, tab-separated lines where no terminal reads."""
    for words in (
        "process list",
        "instance list",
        "task list",
        "model list",
        "schedule list",
        "handler list",
        "user list",
    ):
        found = json.loads(_printed(told, *words.split(), "--json"))
        assert isinstance(found, list), words
        lines = _printed(told, *words.split()).splitlines()
        assert len(lines) == len(found) + 1, words
    assert "employment" in _as(told, "otto", "model", "list")


def test_one_thing_is_shown_whole(told: Told) -> None:
    """A model with its versions and what they owe; an instance with its steps and what it waits for."""
    shown = _printed(told, "model", "show", "employment")
    assert "version   employment@1 tested, by ada; still owes: nothing" in shown
    assert "runs      employment@1 in production, 100%" in shown
    listed = json.loads(_printed(told, "instance", "list", "--search", "outreach-2", "--json"))
    shown = _as(told, "otto", "instance", "show", listed[0]["id"])
    assert "waits     Approve deployment as operator (user task), owed by model_operator" in shown
    whole = json.loads(_printed(told, "instance", "show", listed[0]["id"], "--json"))
    assert whole["variables"]["tier"] == "low"


def test_an_act_of_the_command_line_names_account_and_person(told: Told) -> None:
    """The roles of the person are asked by the engine; the log holds the machine's account beside them."""
    _as(told, "mika", "schedule", "add", "Yearly look", "review", "0 6 1 1 *", "--subject", "employment")
    _as(told, "mika", "schedule", "pause", "Yearly look")
    listed = json.loads(_printed(told, "schedule", "list", "--json"))
    assert next(each for each in listed if each["name"] == "Yearly look")["paused"] is True
    assert _as(told, "bea", "schedule", "pause", "Yearly look", code=1).startswith(
        "[not-permitted] bea may not do this"
    )
    used = told.audit(act="command_line.used", actor="mika")[-1]
    assert used["facts"]["command"] == "schedule pause"
    assert used["facts"]["account"]
    assert used["facts"]["host"]


def test_a_life_cycle_is_checked_from_the_shell(told: Told, tmp_path: Path) -> None:
    """The issues of a folder, and an exit code that a build can rely on."""
    import processes

    folder = Path(processes.__file__).parent / "review"
    issues = json.loads(_printed(told, "process", "validate", str(folder), "--json", person="arne"))
    assert [each for each in issues if each["severity"] == "error"] == []
    said = _printed(told, "process", "validate", str(folder), person="arne")
    assert "no-token-left-behind" in said
    assert "four-eyes" in said
    assert "configurations" in said
    (tmp_path / "process.bpmn").write_text("<nothing/>")
    done = run("process", "validate", str(tmp_path), data=told.folder / ".gatewright-demo", GATEWRIGHT_AS="arne")
    assert done.returncode == 1
    assert "error" in done.stdout
