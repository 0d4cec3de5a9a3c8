"""A tour in the run database: a group to which all its jobs belong, and the process that records it.

Whether that process is alive is known from a lock, which the operating system releases when the process ends.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from dispatcher.config import Settings
from dispatcher.jobs.client import new_id
from dispatcher.runs.record import Group
from dispatcher.runs.store import RunStore
from protocol.errors import JobCancelled, StepFailed
from protocol.transports.host import SYSTEM

if TYPE_CHECKING:  # lists of runs need this module, and not what a session needs
    from dispatcher.tour.session import TourSession

STARTUP_S = 60.0
"""How long a tour may take from being announced to holding its lock."""


@dataclass(kw_only=True)
class RegisteredTour:
    """A tour in progress. Set `report` as soon as there is one."""

    id: str
    report: Path | None = None
    config: dict[str, Any] = field(default_factory=dict)


@contextmanager
def registered(title: str, session: TourSession, *, video: Path | None) -> Iterator[RegisteredTour]:
    """Register a tour in the run database for the duration of a block, and store how it ended."""
    group, settings = new_group(title, session), session.settings
    place = {"film": str(video or ""), "work_dir": str(session.work_dir)}
    tour = RegisteredTour(id=group.id, config={**group.execution_config, "pid": os.getpid(), **place})
    with _lock(settings, group.id), recording_end(settings, tour):
        with _store(settings) as store:
            if not store.tours.begin(replace(group, execution_config=tour.config)):
                raise JobCancelled(f"tour {group.id} was cancelled before it began")
        yield tour


def new_group(title: str, session: TourSession) -> Group:
    """Return a tour as it is stored before anything has been done for it."""
    options, settings = session.options, session.settings
    return Group(
        id=options.group or new_id(SYSTEM),
        sort="tour",
        title=title,
        created_at=time.time(),
        user=settings.user,
        machine=settings.machine,
        execution_config={
            "command": list(options.command),
            "cwd": str(Path.cwd()),
            "spec": str(session.spec_path.absolute()),
            "backend": options.tts_backend,
            "dry_run": options.dry_run,
        },
    )


@contextmanager
def recording_end(settings: Settings, tour: RegisteredTour) -> Iterator[None]:
    """Store how the block ended as the end of a tour; if an end is stored already, that one is kept."""
    try:
        yield
    except BaseException as error:
        is_cancelled = isinstance(error, KeyboardInterrupt)
        failed = {"step": error.step, "kept": str(error.kept or "")} if isinstance(error, StepFailed) else None
        _end(
            settings,
            tour,
            "cancelled" if is_cancelled else "failed",
            "interrupted" if is_cancelled else str(error) or type(error).__name__,
            {"failed": failed} if failed else {},
        )
        raise
    _end(settings, tour, "completed", None, {})


def _end(settings: Settings, tour: RegisteredTour, status: str, error: str | None, more: dict[str, Any]) -> None:
    report = str(tour.report) if tour.report else None
    config = {**tour.config, **more} or None
    with _store(settings) as store:
        store.tours.end(tour.id, status, at=time.time(), error=error, report=report, config=config)


def folder(settings: Settings) -> Path:
    """Return the folder of the tours' logs and locks."""
    return settings.data_dir / "local" / "tours"


def log_of(settings: Settings, tour: str) -> Path:
    """Return the log file of a tour."""
    return folder(settings) / f"{tour}.log"


def _lock_of(settings: Settings, tour: str) -> Path:
    return folder(settings) / f"{tour}.lock"


@contextmanager
def _lock(settings: Settings, tour: str) -> Iterator[None]:
    path = _lock_of(settings, tour)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=10):  # another process may be testing it
        yield


def is_alive(settings: Settings, tour: Group) -> bool:
    """Say whether the process that records a tour on this machine is alive, or may still be starting."""
    path = _lock_of(settings, tour.id)
    if not path.exists():
        return time.time() - tour.created_at < STARTUP_S
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True


def forget_files(settings: Settings, tour: str) -> None:
    """Remove the log and the lock of a tour; its video, report and work folder belong to the user."""
    for path in (log_of(settings, tour), _lock_of(settings, tour)):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _store(settings: Settings) -> RunStore:
    return RunStore.open(settings.database, durability=settings.durability)
