"""A proxy before the database that cuts a connection at a chosen moment: before a message, or before its answer."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from pathlib import Path


class Proxy:
    """Listens on a free port of this machine; hands everything on to the server's socket until it is told to cut."""

    def __init__(self, server: Path) -> None:
        self._server = str(server)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._after = 0  #: messages until the cut; 0 where none is wanted
        self._answers = False
        self._refusing = False
        #: whether the wanted cut was made
        self.cut = False
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut_at(self, message: int, *, answer: bool) -> None:
        """Cut at the message of this number from now on, from 1: before it is handed on, or before it is answered."""
        with self._lock:
            self._after, self._answers, self.cut = message, answer, False

    def calm(self) -> bool:
        """Cut no more; whether a cut was made."""
        with self._lock:
            self._after = 0
            return self.cut

    def cut_all(self) -> None:
        """Cut every connection there is."""
        with self._lock:
            for each in list(self._open):
                _shut(each)

    def refuse(self, refuse: bool) -> None:
        """Cut every connection and let no other through, or let them through again."""
        self._refusing = refuse
        if refuse:
            self.cut_all()

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            if self._refusing:
                _shut(client)
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            with self._lock:
                self._open |= {client, server}
            threading.Thread(target=self._pump, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._pump, args=(server, client, False), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if self._cuts(asks):
                    break
                target.sendall(data)
        _shut(source)
        _shut(target)
        with self._lock:
            self._open -= {source, target}

    def _cuts(self, asks: bool) -> bool:
        with self._lock:
            if asks and self._after > 0:
                self._after -= 1
                if self._after == 0 and self._answers:
                    self._after = -1  # the next answer is the one to this message
                    return False
                self.cut = self.cut or self._after == 0
                return self._after == 0
            if not asks and self._after == -1:
                self._after, self.cut = 0, True
                return True
            return False


def _shut(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        each.close()
