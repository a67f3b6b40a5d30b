"""A process that ends with the one that started it, however that one ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

#: names, in a child's environment, the process with which it ends
PARENT = "GATEWRIGHT_PARENT_PID"
_PR_SET_PDEATHSIG = 1


def tie() -> None:
    """Have this process told to end (SIGTERM) when its parent has ended; nothing where it was started alone."""
    named = os.environ.pop(PARENT, "")
    if not named.isdecimal():
        return
    parent = int(named)
    if sys.platform == "linux":
        # The kernel watches the thread that started us, so a parent starts its children from its main thread.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent,), name="bond", daemon=True).start()
    if os.getppid() != parent:  # it ended before we asked
        os.kill(os.getpid(), signal.SIGTERM)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)
