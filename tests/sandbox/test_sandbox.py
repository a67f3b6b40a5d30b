"""Model code runs shut in: it sees its own folder, no network, no secrets, and ends when its time is up."""

from __future__ import annotations

import ast
import os
import pickle
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engine.sandbox import (
    Child,
    ChildDied,
    Limits,
    MemoryExceeded,
    ModelCodeFailed,
    Process,
    SandboxRefused,
    TimeExceeded,
    process,
    run,
)

LOOK = """
import json, os, socket, sys
def start(options):
    return options
def environment(state, request):
    return dict(os.environ)
def paths(state, request):
    return sys.path
def can_import(state, name):
    try:
        return __import__(name).__name__
    except ImportError:
        return None
def write(state, path):
    try:
        with open(path, "w") as file:
            file.write("x")
        return "written"
    except OSError as error:
        return type(error).__name__
def read(state, path):
    try:
        with open(path) as file:
            return file.read()
    except OSError as error:
        return type(error).__name__
def connect(state, address):
    try:
        socket.create_connection(tuple(address), 2).close()
        return "connected"
    except OSError as error:
        return type(error).__name__
def connect_unix(state, path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
            return "connected"
        except OSError as error:
            return type(error).__name__
def processes(state, request):
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
def status(state, request):
    return open("/proc/self/status").read()
def user(state, request):
    return os.getuid()
"""


@pytest.fixture(scope="module")
def child():
    with Process(LOOK) as started:
        yield started


def test_no_secret_and_no_setting_of_ours_reaches_the_child(monkeypatch):
    monkeypatch.setenv("GATEWRIGHT_DATABASE_URL", "postgresql://secret@host/db")
    monkeypatch.setenv("PGPASSWORD", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    environment = run(LOOK, "environment").value
    assert "secret" not in repr(environment)
    assert set(environment) <= {"PATH", "LANG", "TZ", "HOME", "TMPDIR", *process.ONE_THREAD}


def test_our_clone_is_not_on_its_import_path(child):
    clone = Path(__file__).resolve().parents[2]
    assert str(clone) not in child.call("paths")
    assert child.call("can_import", "engine") is None
    assert child.call("can_import", "json") == "json"


def test_it_writes_nowhere_but_in_its_own_folder(child, tmp_path):
    tmp_path.chmod(0o777)
    inside = Path(sys.prefix) / "lib"
    for place in (tmp_path / "x", inside / "x", "/etc/x", "/usr/x", "/x", "/var/x"):
        assert child.call("write", str(place)) in ("FileNotFoundError", "OSError", "PermissionError"), place
    assert not (tmp_path / "x").exists()
    assert child.call("write", "out/x") == "written"
    assert child.collect() == {"x": b"x"}


def test_it_reads_no_file_of_the_house(child, tmp_path):
    (tmp_path / "key").write_text("private")
    tmp_path.chmod(0o755)
    assert child.call("read", str(tmp_path / "key")) == "FileNotFoundError"
    assert child.call("read", "/etc/shadow") == "FileNotFoundError"


def test_it_reaches_no_network_and_no_database_socket(child, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as database:
        assert child.call("connect", server.getsockname()) in ("OSError", "ConnectionRefusedError")
        path = tmp_path / ".s.PGSQL.5432"
        database.bind(str(path))
        database.listen()
        path.chmod(0o777)
        assert child.call("connect_unix", str(path)) == "FileNotFoundError"
    assert child.isolation.network == "none"
    assert child.isolation.files == "own"


def test_it_sees_and_signals_no_other_process(child):
    assert child.call("processes") == [1]


def test_it_has_no_rights_left(child):
    status = dict(line.split(":\t") for line in child.call("status").splitlines() if ":\t" in line)
    assert int(status["CapEff"], 16) == 0
    assert int(status["CapPrm"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    assert child.call("user") != 0


def test_as_root_it_runs_as_a_user_who_owns_nothing(child):
    if os.geteuid() != 0:
        assert child.isolation.user == os.geteuid()
    else:
        import pwd

        assert child.isolation.user not in {entry.pw_uid for entry in pwd.getpwall()}


PICKLE = """
import pickle
def start(options):
    return None
def load(state, request):
    with open("model.pkl", "rb") as file:
        return pickle.load(file)
"""


class Hostile:
    """Runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return (os.system, (self.command,))


def test_a_pickle_that_runs_code_runs_it_only_inside(tmp_path):
    """Opening the pickle here would write the mark; in the sandbox the same code finds neither place nor network."""
    tmp_path.chmod(0o777)
    mark = tmp_path / "mark"
    model = pickle.dumps(Hostile(f"echo was here > {mark}; echo inside > out/mark"))
    result = run(PICKLE, "load", files={"model.pkl": model})
    assert not mark.exists()
    assert result.files == {"mark": b"inside\n"}


def test_r25_code_that_eats_memory_is_stopped_and_named():
    eat = "def start(options):\n    return None\ndef go(state, request):\n    return len(bytearray(1 << 33))\n"
    with pytest.raises(MemoryExceeded) as caught:
        run(eat, "go", limits=Limits(memory_mb=512))
    assert "512 MB" in str(caught.value)


def test_r25_code_that_hangs_is_ended_with_all_that_it_started():
    mark = f"{random.randrange(10**6, 10**7)}.5"  # seconds that nobody else on this machine sleeps
    hang = f"""
import os, subprocess, time
def start(options):
    return None
def go(state, request):
    subprocess.Popen(["sleep", "{mark}"], start_new_session=True)
    while True:
        time.sleep(1)
"""
    with pytest.raises(TimeExceeded):
        run(hang, "go", limits=Limits(wall_seconds=1.5))
    deadline = time.monotonic() + 30
    while mark in commands() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert mark not in commands()


def commands() -> str:
    texts = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                texts.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
            except OSError:
                continue
    return "\n".join(text for text in texts if text.startswith("sleep"))


def test_code_that_burns_the_processor_is_ended():
    burn = "def start(options):\n    return None\ndef go(state, request):\n    while True:\n        pass\n"
    with pytest.raises(TimeExceeded) as caught:
        run(burn, "go", limits=Limits(cpu_seconds=1))
    assert "processor" in str(caught.value)


def test_a_file_larger_than_the_limit_is_refused():
    fill = "def start(options):\n    pass\ndef go(state, request):\n    open('out/x', 'wb').write(bytes(3 << 20))\n"
    with pytest.raises(ModelCodeFailed) as caught:
        run(fill, "go", limits=Limits(file_mb=1))
    assert caught.value.facts["kind"] == "OSError"


def test_a_fork_bomb_meets_its_limit():
    bomb = """
import subprocess
def start(options):
    return None
def go(state, request):
    return len([subprocess.Popen(["sleep", "60"]) for _ in range(500)])
"""
    with pytest.raises(ModelCodeFailed) as caught:
        run(bomb, "go", limits=Limits(processes=16))
    assert caught.value.facts["kind"] == "BlockingIOError"


def test_a_model_with_its_own_engine_module_gets_that_one():
    own = "import engine\ndef start(options):\n    pass\ndef go(state, request):\n    return engine.answer()\n"
    result = run(own, "go", files={"modules/engine.py": b"def answer():\n    return 'theirs'\n"})
    assert result.value == "theirs"


def test_a_failure_of_the_code_carries_its_kind_words_and_line():
    broken = "def start(options):\n    return None\ndef go(state, request):\n    raise KeyError('AGEP')\n"
    with Process(broken) as child:
        for _ in range(2):  # it lives on
            with pytest.raises(ModelCodeFailed) as caught:
                child.call("go")
        assert caught.value.facts["kind"] == "KeyError"
        assert "line 4" in caught.value.facts["trace"]


def test_a_child_that_ends_by_itself_is_told_with_its_last_words():
    quits = """
import os, sys
def start(options):
    return None
def go(state, request):
    print("no more", flush=True)
    os._exit(3)
"""
    with pytest.raises(ChildDied) as caught:
        run(quits, "go")
    assert "exit code 3" in str(caught.value)
    assert "no more" in str(caught.value)


def test_a_link_among_the_results_is_not_followed():
    link = (
        "import os\ndef start(options):\n    pass\ndef go(state, request):\n    os.symlink('/etc/hostname', 'out/x')\n"
    )
    with pytest.raises(ChildDied):
        run(link, "go")


def test_files_may_not_be_laid_outside_the_folder():
    with pytest.raises(ValueError, match="outside"):
        run(LOOK, "paths", files={"../x": b""})


def test_an_answer_that_json_cannot_hold_is_a_failure_and_not_a_broken_stream():
    nan = "def start(options):\n    pass\ndef go(state, r):\n    return float('nan')\ndef ok(state, r):\n    return 1\n"
    with Process(nan) as child:
        with pytest.raises(ModelCodeFailed):
            child.call("go")
        assert child.call("ok") == 1


def test_code_that_prints_without_end_does_not_block():
    chatter = "def start(options):\n    pass\ndef go(state, request):\n    [print('x' * 1000) for _ in range(3000)]\n"
    assert run(chatter, "go").value is None


def test_where_the_kernel_refuses_nothing_starts_unless_a_setting_allows_it(tmp_path, monkeypatch):
    refusing = tmp_path / "runner.py"
    text = process.RUNNER.read_text()
    refusing.write_text(
        text.replace("    uid, gid = os.getuid(), os.getgid()\n", '    raise Refused("no namespaces")\n')
    )
    assert refusing.read_text() != text
    monkeypatch.setattr(process, "RUNNER", refusing)
    started = "def start(options):\n    open('out/started', 'w').close()\ndef go(state, request):\n    return 1\n"
    with pytest.raises(SandboxRefused, match="no namespaces"):
        run(started, "go")
    result = run(started, "go", allow_network=True)
    assert result.isolation.network == "open"
    assert result.isolation.files == "shared"
    assert result.isolation.refused == "no namespaces"
    assert result.isolation.user == (os.geteuid() or process.unprivileged_user()[0])


def test_it_dies_with_its_parent(tmp_path):
    program = (
        "import time\nfrom engine.sandbox import Process\n"
        "child = Process('def start(options):\\n    pass\\n')\nprint(child.pid, flush=True)\ntime.sleep(60)\n"
    )
    clone = Path(__file__).resolve().parents[2]
    # Killed, it leaves its folder behind, which the next process sweeps: here it lies in the test's own.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", program]
    parent = subprocess.Popen(command, cwd=clone, env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    deadline = time.monotonic() + 30
    while running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(pid)


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_outlives_the_thread_that_started_it():
    started = []
    thread = threading.Thread(target=lambda: started.append(Process(LOOK)))
    thread.start()
    thread.join()
    with started[0] as child:
        time.sleep(0.2)
        assert child.call("processes") == [1]


def test_closing_leaves_no_folder_and_no_process():
    child = Process(LOOK)
    folder, pid = child._folder, child.pid
    assert folder.exists()
    child.close()
    child.close()
    assert not folder.exists()
    assert not running(pid)
    with pytest.raises(ChildDied):
        child.call("paths")


def test_the_runner_imports_the_standard_library_only():
    tree = ast.parse(process.RUNNER.read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


class Doubling:
    """A kind as small as one can be."""

    name = "doubling"
    program = """
def start(options):
    return options
def describe(state, request):
    return {"output": "value", "columns": ["x"]}
def score(state, columns):
    return {"values": [2 * x for x in columns["x"]][: 3]}
"""


def test_a_scoring_child_answers_rows_in_their_order():
    with Child.start(b"", Doubling) as child:
        predictions = child.score([{"x": 1}, {"x": 2, "y": 0}])
        assert (predictions.output, list(predictions.values)) == ("value", [2, 4])
        assert len(child.score([])) == 0


def test_a_scoring_child_that_answers_too_few_rows_is_ended():
    with Child.start(b"", Doubling) as child:
        with pytest.raises(ChildDied, match="3 answers to 4 rows"):
            child.score([{"x": 1}] * 4)
        assert not child.alive


def test_several_threads_may_share_a_scoring_child():
    with Child.start(b"", Doubling) as child:
        answers: dict[int, list[float]] = {}

        def ask(number: int) -> None:
            for _ in range(50):
                answers[number] = list(child.score([{"x": number}]).values)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == {number: [2 * number] for number in range(4)}
