"""What users do with tours in the run database: cancel one, record one again in the background, forget some."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.jobs.client import new_id
from dispatcher.monitor import acts
from dispatcher.monitor.acts import Act
from dispatcher.monitor.background import start_apart
from dispatcher.runs.record import AGAIN, Group, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.tour.registry import forget_files, is_alive, log_of
from protocol.errors import NotFoundError, UsageError
from protocol.transports.host import SYSTEM
from usertext.redaction import REMOVED

SHUTDOWN_S = 30.0
"""How long a cancelled tour may take to close its browser and its worker."""

_POLL_S = 0.1
_NOT_REPEATED = frozenset({"--detach", "--json"})
"""Options that the command in the background does not get."""


def repeatable(arguments: Sequence[str]) -> tuple[str, ...]:
    """Return the arguments of a tour without those that only concern how it is started."""
    repeated: list[str] = []
    skip = False
    for argument in arguments:
        if not skip and argument not in _NOT_REPEATED and not argument.startswith("--group"):
            repeated.append(argument)
        skip = argument == "--group"
    return tuple(repeated)


def start(settings: Settings, tour: Group) -> None:
    """Record an announced tour in a separate process, which writes its progress to the tour's log."""
    config = tour.execution_config
    start_apart(["tour", "--group", tour.id, *config["command"]], log_of(settings, tour.id), cwd=Path(config["cwd"]))


def mark_dead(store: RunStore, settings: Settings) -> None:
    """Mark every running tour of this machine whose process is gone as crashed."""
    for tour in store.tours.find(Query(statuses=("running",)), limit=1000):
        if tour.machine in ("", settings.machine) and not is_alive(settings, tour):
            text = "its process ended without reporting an end: it was killed, or this machine was switched off"
            store.tours.end(tour.id, "crashed", at=time.time(), error=text)


def cancel(store: RunStore, settings: Settings, tour: Group, *, reason: str, now: float) -> list[Run] | None:
    """Cancel a running tour, its process and its open runs; return those runs, or None if it had already ended.

    Raises UsageError for a tour of another machine, whose process cannot be reached from here.
    """
    _check_here(settings, tour)
    if not store.tours.end(tour.id, "cancelled", at=now, error=reason):
        return None
    ended = [
        run
        for run in store.search.members(tour.id)
        if acts.cancel(store, run.id, reason=reason, now=now, settings=settings)
    ]
    _stop(settings, tour)
    return ended


def _stop(settings: Settings, tour: Group) -> None:
    """Interrupt the process of a tour, and wait until it has shut down."""
    pid = tour.execution_config.get("pid")
    if not isinstance(pid, int) or not is_alive(settings, tour):
        return
    with contextlib.suppress(ProcessLookupError):  # it has just ended by itself
        os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + SHUTDOWN_S
    while time.monotonic() < until and is_alive(settings, tour):
        time.sleep(_POLL_S)


def repeat(store: RunStore, settings: Settings, tour: Group, act: Act) -> Group:
    """Record a tour again with its original command; return the new tour, which has been started.

    Cached clips are not spoken again. Raises UsageError if the tour has not ended, if a retry has nothing to repair, or
    if its command is unknown; NotFoundError if its folder is gone.
    """
    _check_here(settings, tour)
    if tour.is_open:
        raise UsageError(f"tour {tour.id} is {tour.status}; end it first: gpudrop runs cancel {tour.id}")
    if act == "retry" and tour.status == "completed":
        raise UsageError(f"tour {tour.id} is completed. Record it again: gpudrop runs rerun {tour.id}")
    config = tour.execution_config
    command = config.get("command")
    if not command:
        raise UsageError(f"tour {tour.id} was not recorded by a command, so it cannot be repeated")
    if any(REMOVED in argument for argument in command):
        raise UsageError(
            f"the command of tour {tour.id} contained a password, which is not stored: enter the command again"
        )
    if not Path(config["cwd"]).is_dir():
        raise NotFoundError(f"the folder {config['cwd']}, in which tour {tour.id} was started, is gone")
    repeated = {name: config[name] for name in ("command", "cwd", "spec", "backend", "dry_run") if name in config}
    new = replace(
        tour,
        id=new_id(SYSTEM),
        created_at=time.time(),
        ended_at=None,
        status="running",
        error_text=None,
        report=None,
        user=settings.user,
        machine=settings.machine,
        execution_config={**repeated, AGAIN: {"of": tour.id, "by": act}},
    )
    store.tours.begin(new)
    start(settings, new)
    return new


def forget(store: RunStore, settings: Settings, tours: Sequence[Group]) -> None:
    """Forget tours that have ended, with their logs; videos, reports and work folders belong to the user."""
    store.tours.forget([tour.id for tour in tours])
    for tour in tours:
        forget_files(settings, tour.id)


def _check_here(settings: Settings, tour: Group) -> None:
    if tour.machine not in ("", settings.machine):
        raise UsageError(f"tour {tour.id} belongs to the machine {tour.machine}: run this command there")
