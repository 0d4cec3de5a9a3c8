"""Forgetting runs: what of them lies on this disk, what must stay, and taking the rest away.

Only what is below the folder of results is ever removed: copies that were put at places of their user's are his.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.drops.session import DropSession
from dispatcher.jobs.outbox import Outbox
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import ChannelError, EnvironmentNotReady, GpudropError
from protocol.layout import is_job_id
from protocol.states import open_attempts

SURELY_OVER_S = 600.0
"""So long after its end a run's folder in the drop is removed even where a worker never said that it has stopped."""

FRESH_S = 24 * 3600.0
"""A folder of results that no run is known of is left alone for so long: somebody may be filling it."""

ASKED_AT_ONCE = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunUsage:
    """One run, and what it takes on this disk; `stays` says why it must not be forgotten."""

    run: Run
    folders: tuple[Path, ...]
    bytes: int
    stays: str = ""


def weigh(settings: Settings, store: RunStore, runs: Sequence[Run]) -> list[RunUsage]:
    """Return what each run takes on this disk, and why some of them must stay."""
    needed = store.retention.needed([run.id for run in runs])
    return [_load(settings, store, run, needed.get(run.id, "")) for run in runs]


def _load(settings: Settings, store: RunStore, run: Run, stays: str) -> RunUsage:
    folders = tuple(_folders(settings, run))
    for folder in folders:
        if others := store.retention.inputs_of_open(str(folder), run.id):
            stays = stays or f"its output is the input of run {others[0]}, which is open"
        placed = [Path(it.target) for it in store.trace.deliveries(run.id) if it.placed_at is not None]
        if any(place.is_relative_to(folder) for place in placed):
            stays = stays or f"one of its outputs was placed inside {folder}: move it away first"
    if not stays and run.machine not in ("", settings.machine) and not folders:
        stays = f"its files are on the machine {run.machine}: remove it there" if run.results_dir else ""
    return RunUsage(run=run, folders=folders, bytes=sum(map(size_of, folders)), stays=stays)


def _folders(settings: Settings, run: Run) -> Iterator[Path]:
    """Yield the folders of a run below the folder of results: its results, and the logs that came home."""
    for name in dict.fromkeys((run.job, run.id)):
        folder = settings.results / name
        if is_job_id(name) and folder.is_dir() and not folder.is_symlink():
            yield folder


def size_of(folder: Path) -> int:
    """Return how many bytes the files below a folder take; links count as themselves."""
    sizes = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            sizes += path.lstat().st_size if path.is_symlink() or path.is_file() else 0
    return sizes


def remove(settings: Settings, store: RunStore, loads: Iterable[RunUsage]) -> int:
    """Forget runs and free what they take here, and their folders in the drops; return how many bytes came free.

    The database forgets first: what a kill leaves on the disk is found by `unknown`.
    """
    going = [load for load in loads if not load.stays]
    _leave_drops(settings, store, [load.run for load in going])
    gone = set(store.retention.forget([load.run.id for load in going]))
    freed = 0
    for load in going:
        if load.run.id in gone:
            for folder in load.folders:
                remove_folder(folder)
            freed += load.bytes
    return freed


def remove_folder(folder: Path) -> None:
    """Remove a folder, if it is there. Raises EnvironmentNotReady where that cannot be done."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise EnvironmentNotReady(
            f"{folder} cannot be removed: {error.strerror}. Remove it by hand: nothing needs it any more"
        ) from error


def _leave_drops(settings: Settings, store: RunStore, runs: Sequence[Run]) -> None:
    """Remove the runs' folders from their drops, as far as those answer; nobody would do so later."""
    waiting = [run for run in runs if run.cleaned_at is None]
    for address in dict.fromkeys(run.drop for run in waiting):
        with contextlib.suppress(GpudropError), DropSession.open_known(address, settings, store) as session:
            for run in waiting:
                if (run.drop, run.drop_id) == (address, session.drop_id):
                    _leave_drop(store, session, run)


def _leave_drop(store: RunStore, session: DropSession, run: Run) -> None:
    try:
        Outbox(session, store, run).flush()
        seen = session.reader(run.job).look()
        ended_s = time.time() - (run.ended_at or run.updated_at)
        if seen.accepted is None and open_attempts(seen) and ended_s < SURELY_OVER_S:
            return  # it is told; removing it now would leave the worker at it
        session.remove_job(run.job)
    except ChannelError as error:
        log.info("the folder %s stays in %s: %s", run.job, run.drop, error)


def unknown(settings: Settings, store: RunStore, now: float) -> list[Path]:
    """Return the folders of results that belong to no run that is remembered, and are not fresh."""
    if not settings.results.is_dir():
        return []
    folders = [it for it in sorted(settings.results.iterdir()) if it.is_dir() and is_job_id(it.name)]
    names = [it.name for it in folders]
    pages = [names[start : start + ASKED_AT_ONCE] for start in range(0, len(names), ASKED_AT_ONCE)]
    known = frozenset().union(*(store.retention.known(page) for page in pages))
    return [it for it in folders if it.name not in known and now - it.stat().st_mtime > FRESH_S]
