"""Ends what a supervisor leaves behind when it is killed: a tiny process of its own that holds one end of a pipe.

Started as a file, not imported. It reads lines `pid born-at signal last-signal`, each time the whole list after a line
`list`. At the end of the pipe the supervisor is dead: what still lives gets its signal, and its last one 10 s later.
A line `bye` tells that everything was ended in order.
"""

from __future__ import annotations

import os
import signal
import sys
import time

import psutil

_GRACE_SECONDS = 10.0


def watch(pipe: int) -> None:
    """Read until the pipe ends, then end what is left."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # we go last, with the pipe
    wards: list[list[str]] = []
    with os.fdopen(pipe) as lines:
        for line in lines:
            words = line.split()
            if words == ["bye"]:
                return
            if words == ["list"]:
                wards = []
            elif len(words) == 4:
                wards.append(words)
    end([(int(pid), float(born), int(first), int(last)) for pid, born, first, last in wards])


def end(wards: list[tuple[int, float, int, int]]) -> None:
    """Signal what lives of the wards, wait, and signal for the last time, with all they started."""
    below = {ward: _below(*ward[:2]) for ward in wards}
    for (pid, _, first, _), processes in below.items():
        for process in processes:
            if process.pid == pid:
                _signal(process, first)
    deadline = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < deadline and any(each.is_running() for processes in below.values() for each in processes):
        time.sleep(0.1)
        # A ward that has ended may leave behind what it started: that has no reason to go on.
        for (pid, _, _, last), processes in below.items():
            if not any(each.pid == pid and each.is_running() for each in processes):
                for process in processes:
                    _signal(process, last)
    for (_, _, _, last), processes in below.items():
        for process in processes:
            _signal(process, last)


def _below(pid: int, born: float) -> list[psutil.Process]:
    """The ward, and all that it started: found by its session, which outlives it, and by descent."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == pid and process.create_time() > born - 1:
                found[process.pid] = process
                found.update({each.pid: each for each in process.children(recursive=True)})
        except (psutil.Error, OSError):
            continue
    return list(found.values())


def _signal(process: psutil.Process, number: int) -> None:
    try:
        if process.is_running():  # compares the birth too: a process id that was given anew is spared
            process.send_signal(number)
    except psutil.Error:
        pass


if __name__ == "__main__":
    watch(int(sys.argv[1]))
