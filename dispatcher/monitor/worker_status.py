"""The status of all workers: which are alive, on which hardware, at which job, and when each beat last."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dispatcher.config import Settings
from dispatcher.formatting import rough_time
from dispatcher.jobs.snapshot import QUIET_BEATS
from dispatcher.monitor.drop_watcher import DropWatcher, WatchedDrop, watching
from dispatcher.monitor.faults import Fault, find_faults
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.workers.process import has_gone
from protocol.claims import IDLE_FACTOR, LEASE_BEATS
from protocol.messages import Beat, WorkerCard
from protocol.observation import WorkerObservation

__all__ = ["Fault", "HeldJob", "WorkerStatus", "find_faults", "worker_statuses"]

FORGOTTEN_S = 3600.0
"""How long a dead worker is shown after its last beat; later it is shown only where all are asked for."""

UNUSED_S = 24 * 3600.0
"""How long a drop that cannot be reached is shown after its newest run."""

Alive = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, kw_only=True)
class HeldJob:
    """The job that a worker held at its last beat. `run` is None where the job is not of this database."""

    job: str
    run: str | None
    done: int
    total: int
    note: str


@dataclass(frozen=True, kw_only=True)
class WorkerStatus:
    """One worker of one drop, in its current session; or a drop that cannot be reached (`problem`, no worker).

    Times are by the clocks of the channel and the worker: for display only.
    """

    drop: str
    drop_id: str = ""
    worker: str = ""
    boot: str = ""
    alive: Alive = "unknown"
    text: str = ""  # the same as text
    gpu: str | None = None
    provider: str | None = None
    kinds: tuple[str, ...] = ()
    engines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind → engines, the default one first
    device: str | None = None  # the device of its engines, where all have the same
    versions: Mapping[str, str] = field(default_factory=dict)
    beat_s: float = 0.0
    since: float | None = None  # when the session began
    last_sign_at: float | None = None
    last_sign_s: float | None = None
    time_left_s: float | None = None
    draining: bool = False
    held: tuple[HeldJob, ...] = ()
    problem: str = ""
    forgotten: bool = False  # dead for long: shown only where all are asked for


def worker_statuses(
    settings: Settings, store: RunStore, *, now: float, watcher: DropWatcher | None = None
) -> list[WorkerStatus]:
    """Return every worker of every drop of this machine, live ones first; a drop that cannot be reached is a row too.

    `now` is Unix time. With the same `watcher` over repeated calls, beats are seen as they arrive.
    """
    with watching(settings, store, watcher) as watcher:
        found = [status for watched in watcher.look() for status in _statuses(watched, watcher, now)]
    order = {"yes": 0, "unknown": 1, "no": 2}
    return sorted(found, key=lambda it: (bool(it.problem), order[it.alive], it.last_sign_s or 0.0, it.worker))


def _statuses(watched: WatchedDrop, watcher: DropWatcher, now: float) -> list[WorkerStatus]:
    if watched.problem or watched.workforce is None:
        unused = _is_unused(watched, watcher, now)
        return [WorkerStatus(drop=watched.address, drop_id=watched.drop_id, problem=watched.problem, forgotten=unused)]
    private = watched.session is not None and watched.session.is_private
    with watched.lock:
        seen = {name: shown for name, shown in watched.workforce.seen.items() if not (private and has_gone(name))}
        jobs = {held.job for shown in seen.values() for beat in shown.beats.values() for held in beat.held}
        runs = {job: run.id for job, run in watcher.store.search.of_jobs(watched.drop_id, jobs).items()}
        return [_status(watched, name, shown, runs, now) for name, shown in seen.items() if shown.cards]


def _status(
    watched: WatchedDrop, name: str, shown: WorkerObservation, runs: Mapping[str, str], now: float
) -> WorkerStatus:
    boot = newest_boot(shown)
    card, beat = shown.cards[boot], shown.beats.get(boot)
    since = shown.announced.get(boot)
    age = max(0.0, now - shown.told_at) if shown.told_at is not None else None
    alive = is_alive(watched, card, shown, now)
    left = card.time_left_s
    return WorkerStatus(
        drop=watched.address,
        drop_id=watched.drop_id,
        worker=name,
        boot=boot,
        alive=alive,
        text=_text(alive, age),
        gpu=card.gpu,
        provider=card.provider,
        kinds=card.kinds,
        engines={kind: tuple(it.name for it in records) for kind, records in card.engines.items()},
        device=_device(card),
        versions=dict(card.versions),
        beat_s=card.beat_s,
        since=since,
        last_sign_at=shown.told_at,
        last_sign_s=age,
        time_left_s=max(0.0, left - (now - since)) if left is not None and since is not None else left,
        draining=alive != "no" and since is not None and (shown.asked_at or 0.0) >= since,
        held=_held(beat, runs),
        forgotten=alive != "yes" and (age is None or age > FORGOTTEN_S),
    )


def _is_unused(watched: WatchedDrop, watcher: DropWatcher, now: float) -> bool:
    """Return whether a drop has had no run for long, and has no open one; never so for a drop without any run."""
    newest = watcher.store.search.find(Query(drop_id=watched.drop_id), limit=1) if watched.drop_id else []
    is_open = bool(watcher.store.count_open(watched.drop_id)) if watched.drop_id else True
    return bool(newest) and not is_open and now - newest[0].created_at > UNUSED_S


def newest_boot(shown: WorkerObservation) -> str:
    """Return the current session of a worker: the one that beat last by the worker's clock, or began last."""

    def last(boot: str) -> tuple[float, float]:
        beat = shown.beats.get(boot)
        return (beat.at if beat else shown.announced.get(boot, 0.0)), shown.announced.get(boot, 0.0)

    return max(shown.cards, key=last)


def is_alive(watched: WatchedDrop, card: WorkerCard, shown: WorkerObservation, now: float) -> Alive:
    """Return whether a worker is alive: by a beat that was seen to arrive, or else by the age of its last beat."""
    assert watched.workforce is not None  # it is open
    leases = watched.workforce.leases
    if leases.has_ended(card.boot):
        return "no"
    if leases.has_beaten(card.boot):
        return "yes" if leases.boot_alive(card.boot, time.monotonic(), card.beat_s) else "no"
    if shown.told_at is None:
        return "unknown"
    beat = shown.beats.get(card.boot)
    pace_s = leases.beat_s(card.boot, card.beat_s) * (1 if beat and beat.held else IDLE_FACTOR)
    age = now - shown.told_at
    if age < -pace_s:
        return "unknown"  # its clock, or the channel's, differs from ours
    return "yes" if age <= QUIET_BEATS * pace_s else "no" if age > LEASE_BEATS * pace_s else "unknown"


def _text(alive: Alive, age: float | None) -> str:
    if age is None:
        return "no beat was seen"
    return f"last beat {rough_time(age)} ago"


def _device(card: WorkerCard) -> str | None:
    devices = {record.device for records in card.engines.values() for record in records[:1]}
    return devices.pop() if len(devices) == 1 else None


def _held(beat: Beat | None, runs: Mapping[str, str]) -> tuple[HeldJob, ...]:
    held = beat.held if beat else ()
    return tuple(HeldJob(job=it.job, run=runs.get(it.job), done=it.done, total=it.total, note=it.note) for it in held)
