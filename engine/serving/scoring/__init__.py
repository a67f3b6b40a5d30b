"""The scoring service: a process of its own that answers with the models' scores and logs each of them.

    serve        one event loop: HTTP in, checks, answer out; it never opens a model file
      watch      a thread that follows the wish in the database
      scorers    a thread and a sandbox child per deployment
      log        a thread that writes inferences in groups

Decision record 0003 tells why, with what was measured.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import uvicorn

from engine.errors import GatewrightError
from engine.inferences.log import Figures, InferenceLog
from engine.serving.scoring.connection import Connection
from engine.serving.scoring.service import Bounds, Service
from engine.serving.scoring.watch import Watch
from engine.store import Store

#: Time that requests under way have to be answered after SIGTERM; then time for the log.
FINISH_SECONDS = 20
DRAIN_SECONDS = 20.0
KEEP_ALIVE_SECONDS = 30
CONNECTIONS = 1_000
LOOK_SECONDS = 0.2
#: new containers until Python looks for cycles among them; rows wait in the log's queue by the thousand, and with the
#: usual 700 a twelfth of a request was spent on looking at them again and again
NEW_BEFORE_LOOKING = 50_000

logger = logging.getLogger(__name__)


class AddressTaken(GatewrightError):
    """The scoring service cannot listen at {host}, port {port}: {cause}."""

    code = "address-taken"
    hint = "Stop whatever listens there, or set GATEWRIGHT_SCORING_PORT."
    status = 500


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which raise the signal again after the shutdown, before our drain."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(
    store: Store,
    host: str,
    port: int,
    stop: threading.Event,
    *,
    bounds: Bounds | None = None,
    log: InferenceLog | None = None,
    announce: Callable[[str], None] | None = None,
) -> Figures:
    """Answer scoring requests until `stop` is set or SIGTERM or SIGINT comes; returns what the inference log did.

    Then: no new connection, requests under way are answered, the log is drained, the children are closed. Every row
    that was answered is in the table, or in a file that the next start reads. port: 0 takes a free one. log: not
    yet started; one of the usual sizes where none is given.
    announce: called with the address once the service listens. Raises AddressTaken.
    """
    listening = _listen(host, port)
    log, watch = log or InferenceLog(store), Watch(store)
    try:
        log.start()
        watch.start()
    except BaseException:
        listening.close()
        log.drain(0.0)
        raise
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(NEW_BEFORE_LOOKING, *usual[1:])
    try:
        with ThreadPoolExecutor(4, thread_name_prefix="scoring") as threads:
            service = Service(store, watch, log, threads, bounds or Bounds())
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                runner.run(_serve(service, listening, stop, announce))
    finally:
        figures = log.drain(DRAIN_SECONDS)
        watch.stop()
        gc.set_threshold(*usual)
        gc.unfreeze()
    logger.info("The scoring service ended; inferences written: %d, kept in files: %d.", figures.written, figures.kept)
    return figures


async def _serve(
    service: Service, listening: socket.socket, stop: threading.Event, announce: Callable[[str], None] | None
) -> None:
    config = uvicorn.Config(
        service,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
        limit_concurrency=CONNECTIONS,
    )
    server = _Server(config)
    loop = asyncio.get_running_loop()
    asked_to_end = asyncio.Event()
    with _signals(loop, stop, asked_to_end):
        answering = asyncio.create_task(server.serve(sockets=[listening]))
        if announce:
            while not server.started and not answering.done():
                await asyncio.sleep(0.01)
            announce(_address(listening))
        while not stop.is_set() and not answering.done():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked_to_end.wait(), LOOK_SECONDS)
        service.ending = server.should_exit = True
        await answering


@contextlib.contextmanager
def _signals(loop: asyncio.AbstractEventLoop, stop: threading.Event, asked_to_end: asyncio.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set both events, where this is the main thread, which alone may handle signals."""

    def end() -> None:
        stop.set()
        asked_to_end.set()

    ours = (signal.SIGTERM, signal.SIGINT) if threading.current_thread() is threading.main_thread() else ()
    for each in ours:
        loop.add_signal_handler(each, end)
    try:
        yield
    finally:
        for each in ours:
            loop.remove_signal_handler(each)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(2_048)
        listening.setblocking(False)
    except OSError as cause:
        raise AddressTaken(host=host, port=port, cause=cause.strerror or cause) from cause
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it exists: not on Windows."""
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop
