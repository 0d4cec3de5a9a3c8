"""Serving the dashboard on a loopback port until it is told to end, with whatever else this process does meanwhile."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from dispatcher.web.access import HOST
from protocol.errors import EnvironmentNotReady

log = logging.getLogger(__name__)

PORT = 7787
"""Where it is unless something else is said, so that a bookmark stays good."""

GRACE_S = 3
"""So long a request that is being answered may take after Ctrl-C."""

BESIDE_S = 30
"""So long what goes on beside the pages may take to end: it closes drops, and ends workers of this machine."""

Background = Callable[[threading.Event], None]
"""What goes on in a thread beside the pages until the event is set: the monitor that finishes detached runs."""


def listen(port: int | None) -> socket.socket:
    """Return a socket on a loopback port: that one, or PORT or any free one where it is None; 0 means any free one.

    A port that was asked for and is taken raises EnvironmentNotReady with the hint.
    """
    try:
        return _bound(PORT if port is None else port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise EnvironmentNotReady(
                f"port {port} of this machine cannot be used ({error.strerror}): choose one from 1024 on by --port"
            ) from error
        if port is not None:
            raise EnvironmentNotReady(
                f"port {port} of this machine is taken, perhaps by another dashboard: choose another by --port, "
                "or leave that out for any free one"
            ) from error
        return _bound(0)


def _bound(port: int) -> socket.socket:
    # Named as TCP, or asyncio leaves Nagle's wait of 40 ms before the second packet of each answer.
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it lets two servers have one port
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((HOST, port))
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made


class Server(uvicorn.Server):
    """Ends open streams before it waits for connections to close."""

    def __init__(self, app: ASGIApp, on_end: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._on_end = on_end

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self._on_end()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Let Ctrl-C and SIGTERM end the server and be nobody's error, so unlike uvicorn raise neither again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(app: ASGIApp, at: socket.socket, *, on_end: Callable[[], None], background: Background | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM; `on_end` ends the streams, and what goes on in the background ends too."""
    server, ends = Server(app, on_end), threading.Event()
    beside = threading.Thread(target=_beside, args=(background, ends), name="dashboard-background", daemon=True)
    if background is not None:
        beside.start()
    try:
        server.run(sockets=[at])
    finally:
        ends.set()
        on_end()
        if background is not None:
            beside.join(BESIDE_S)


def _beside(background: Background, ends: threading.Event) -> None:
    try:
        background(ends)
    except Exception:
        log.exception("what goes on beside the dashboard has ended; the pages stay")


@contextlib.contextmanager
def serving(app: ASGIApp, at: socket.socket, *, on_end: Callable[[], None]) -> Iterator[Server]:
    """Serve in a thread for the length of a block: for tests, benchmarks and pictures."""
    server = Server(app, on_end)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [at]}, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server has ended before it began"
            time.sleep(0.01)
        yield server
    finally:
        server.should_exit = True
        thread.join(10)
