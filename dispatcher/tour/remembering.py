"""A tour in the run database: one group, to which every job belongs that is done for it, and the process that makes it.

Whether that process lives is told by a lock that the system lets go when it ends, however it ends.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from dispatcher.config import Settings
from dispatcher.jobs.client import new_id
from dispatcher.runs.record import Group
from dispatcher.runs.store import RunStore
from dispatcher.tour.options import Options
from protocol.errors import JobCancelled, StepFailed
from protocol.transports.host import SYSTEM

STARTS_S = 60.0
"""So long a tour may take from being announced to holding its lock."""


@dataclass(kw_only=True)
class Remembered:
    """A tour under way: its options name the group; `report` is to be set when there is one."""

    id: str
    options: Options
    report: Path | None = None
    config: dict[str, Any] = field(default_factory=dict)


@contextmanager
def remembered(
    title: str, spec: Path, options: Options, settings: Settings, *, film: Path | None, work_dir: Path
) -> Iterator[Remembered]:
    """Remember a tour for the length of a block, and how it ended."""
    group = announced(title, spec, options, settings)
    config = {**group.execution_config, "pid": os.getpid(), "film": str(film or ""), "work_dir": str(work_dir)}
    tour = Remembered(id=group.id, options=replace(options, group=group.id), config=config)
    with _lock(settings, group.id), ending(settings, tour):
        with _store(settings) as store:
            if not store.tours.begin(replace(group, execution_config=config)):
                raise JobCancelled(f"tour {group.id} was cancelled before it began")
        yield tour


def announced(title: str, spec: Path, options: Options, settings: Settings) -> Group:
    """Return a tour as it is remembered before anything of it was done."""
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
            "spec": str(spec.absolute()),
            "backend": options.tts_backend,
            "dry_run": options.dry_run,
        },
    )


@contextmanager
def ending(settings: Settings, tour: Remembered) -> Iterator[None]:
    """Remember how a tour ended with the block; the first word on that counts."""
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


def _end(settings: Settings, tour: Remembered, status: str, error: str | None, more: dict[str, Any]) -> None:
    report = str(tour.report) if tour.report else None
    config = {**tour.config, **more} or None
    with _store(settings) as store:
        store.tours.end(tour.id, status, at=time.time(), error=error, report=report, config=config)


def folder(settings: Settings) -> Path:
    """Return where logs and locks of tours are."""
    return settings.data_dir / "local" / "tours"


def log_of(settings: Settings, tour: str) -> Path:
    """Return where a tour tells how it goes."""
    return folder(settings) / f"{tour}.log"


def _lock_of(settings: Settings, tour: str) -> Path:
    return folder(settings) / f"{tour}.lock"


@contextmanager
def _lock(settings: Settings, tour: str) -> Iterator[None]:
    path = _lock_of(settings, tour)
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=10):  # somebody may be looking whether it is held
        yield


def is_alive(settings: Settings, tour: Group) -> bool:
    """Say whether the process that makes a tour of this machine is there, or may still be starting."""
    path = _lock_of(settings, tour.id)
    if not path.exists():
        return time.time() - tour.created_at < STARTS_S
    try:
        with FileLock(path, blocking=False):
            return False
    except Timeout:
        return True


def forget_files(settings: Settings, tour: str) -> None:
    """Remove the log and the lock of a tour; its film, report and work folder are its user's."""
    for path in (log_of(settings, tour), _lock_of(settings, tour)):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def _store(settings: Settings) -> RunStore:
    return RunStore.open(settings.database, durability=settings.durability)
