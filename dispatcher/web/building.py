"""Putting a dashboard together: the run database, the workers' sights, the monitor, and a port."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from starlette.types import ASGIApp

from dispatcher.config import Settings
from dispatcher.monitor import acts
from dispatcher.monitor.drop_watcher import DropWatcher
from dispatcher.monitor.monitor import Monitor
from dispatcher.monitor.worker_status import find_faults, worker_statuses
from dispatcher.runs.store import RunStore
from dispatcher.web import app, server
from dispatcher.web.access import Access
from dispatcher.web.live import Live
from dispatcher.web.server import PORT, Background
from dispatcher.web.sights import StatusPoller
from dispatcher.web.state import Acts, AppState, DropNames
from protocol.errors import GpudropError

__all__ = ["PORT", "Dashboard", "build", "following"]


log = logging.getLogger(__name__)

MOST_WAIT_S = 0.5
AGAIN_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A dashboard that is ready to be served."""

    app: ASGIApp
    access: Access
    state: AppState
    socket: socket.socket
    background: Background | None = None

    @property
    def port(self) -> int:
        """Return the port it is on."""
        return self.access.port

    def serve(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        server.serve(self.app, self.socket, on_end=self.state.live.close, background=self.background)

    @contextlib.contextmanager
    def serving(self) -> Iterator[Dashboard]:
        """Serve in a thread for the length of a block."""
        with server.serving(self.app, self.socket, on_end=self.state.live.close):
            yield self


@contextlib.contextmanager
def build(
    settings: Settings,
    store: RunStore,
    port: int | None = None,
    *,
    doing: Acts = acts,
    sights: StatusPoller | None = None,
    background: Background | None = None,
    clock: Callable[[], float] = time.time,
) -> Iterator[Dashboard]:
    """Build a dashboard for the length of a block. A port that is asked for and taken raises EnvironmentNotReady."""
    with contextlib.ExitStack() as stack:
        at = stack.enter_context(server.listen(port))
        access = Access(at.getsockname()[1])
        live = Live(store, clock)
        stack.callback(live.join)
        stack.callback(live.close)
        seen = sights or _sights(settings, store, clock, stack)
        names = DropNames(store, settings.machine)
        state = AppState(store=store, settings=settings, acts=doing, live=live, sights=seen, drops=names, clock=clock)
        yield Dashboard(app=app.make(state, access), access=access, state=state, socket=at, background=background)


def following(settings: Settings, store: RunStore) -> Background:
    """Return what finishes the waiting of this machine's runs while the pages are served."""

    def follow(ends: threading.Event) -> None:
        with Monitor(settings, store) as monitor:
            while not ends.is_set():
                try:
                    monitor.step()
                    monitor.wait(min(monitor.pace_s, MOST_WAIT_S))
                except GpudropError as error:  # the database is locked or away; the pages say so too
                    log.warning("the runs are not followed just now: %s", error)
                    ends.wait(AGAIN_S)
                except Exception:  # nobody has foreseen it, and nobody would follow the runs if this ended
                    log.exception("the runs are not followed just now")
                    ends.wait(AGAIN_S)

    return follow


def _sights(
    settings: Settings, store: RunStore, clock: Callable[[], float], stack: contextlib.ExitStack
) -> StatusPoller:
    """Return the looks at this machine's drops, which stay open for them: so beats are seen to come."""
    kept = stack.enter_context(DropWatcher(settings, store))
    made = StatusPoller(
        lambda now: worker_statuses(settings, store, now=now, watcher=kept),
        lambda now: find_faults(settings, store, now=now, watcher=kept),
        clock,
    )
    stack.callback(made.close)
    return made
