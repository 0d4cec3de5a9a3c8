"""What can be seen of the workers now: who is there, on what, at what, and when each was last heard of."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dispatcher.config import Settings
from dispatcher.formatting import rough_time
from dispatcher.jobs.snapshot import QUIET_BEATS
from dispatcher.monitor.faults import Fault, find_faults
from dispatcher.monitor.places import DropWatcher, Place, lookout
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.workers.process import has_gone
from protocol.claims import IDLE_FACTOR, LEASE_BEATS
from protocol.messages import Beat, WorkerCard
from protocol.seen import WorkerSeen

__all__ = ["Fault", "HeldSight", "WorkerSight", "find_faults", "look_at_workers"]

FORGOTTEN_S = 3600.0
"""A worker that is gone is shown for so long after its last sign, and then only where all are asked for."""

UNUSED_S = 24 * 3600.0
"""So is a drop that cannot be reached, counted from the newest run that went there."""

Alive = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, kw_only=True)
class HeldSight:
    """What a worker said it is at, when it last beat. `run` is None where the job is not one of this database."""

    job: str
    run: str | None
    done: int
    total: int
    note: str


@dataclass(frozen=True, kw_only=True)
class WorkerSight:
    """One worker of one drop, the session that it has now; or a drop that cannot be reached (`problem`, no worker).

    Seconds and times are what the channel and the worker's own clock tell: for people.
    """

    drop: str
    drop_id: str = ""
    worker: str = ""
    boot: str = ""
    alive: Alive = "unknown"
    text: str = ""  # the same in a few words
    gpu: str | None = None
    provider: str | None = None
    kinds: tuple[str, ...] = ()
    engines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # kind → engines, the usual one first
    device: str | None = None  # what its engines work on, where they are of one mind
    versions: Mapping[str, str] = field(default_factory=dict)
    beat_s: float = 0.0
    since: float | None = None  # when it announced itself
    last_sign_at: float | None = None
    last_sign_s: float | None = None
    time_left_s: float | None = None
    draining: bool = False
    held: tuple[HeldSight, ...] = ()
    problem: str = ""
    forgotten: bool = False  # long gone: shown only where all are asked for


def look_at_workers(
    settings: Settings, store: RunStore, *, now: float, kept: DropWatcher | None = None
) -> list[WorkerSight]:
    """Return every worker of every drop of this machine, those that live first; a drop out of reach is a row too.

    `now` is Unix time. Who looks again and again keeps a `DropWatcher`: with it, beats that come are seen to come.
    """
    with lookout(settings, store, kept) as looking:
        found = [sight for place in looking.look() for sight in _sights(place, looking, now)]
    order = {"yes": 0, "unknown": 1, "no": 2}
    return sorted(found, key=lambda it: (bool(it.problem), order[it.alive], it.last_sign_s or 0.0, it.worker))


def _sights(place: Place, looking: DropWatcher, now: float) -> list[WorkerSight]:
    if place.problem or place.workforce is None:
        unused = _is_unused(place, looking, now)
        return [WorkerSight(drop=place.address, drop_id=place.drop_id, problem=place.problem, forgotten=unused)]
    private = place.address == str(looking.settings.private_drop)
    with place.lock:
        seen = {name: shown for name, shown in place.workforce.seen.items() if not (private and has_gone(name))}
        jobs = {held.job for shown in seen.values() for beat in shown.beats.values() for held in beat.held}
        runs = {job: run.id for job, run in looking.store.search.of_jobs(place.drop_id, jobs).items()}
        return [_sight(place, name, shown, runs, now) for name, shown in seen.items() if shown.cards]


def _sight(place: Place, name: str, shown: WorkerSeen, runs: Mapping[str, str], now: float) -> WorkerSight:
    boot = newest_boot(shown)
    card, beat = shown.cards[boot], shown.beats.get(boot)
    since = shown.announced.get(boot)
    age = max(0.0, now - shown.told_at) if shown.told_at is not None else None
    alive = is_alive(place, card, shown, now)
    left = card.time_left_s
    return WorkerSight(
        drop=place.address,
        drop_id=place.drop_id,
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


def _is_unused(place: Place, looking: DropWatcher, now: float) -> bool:
    """Say whether no run went to a drop for long, and none there is open; one that was named is wanted all the same."""
    newest = looking.store.search.find(Query(drop_id=place.drop_id), limit=1) if place.drop_id else []
    is_open = bool(looking.store.count_open(place.drop_id)) if place.drop_id else True
    return bool(newest) and not is_open and now - newest[0].created_at > UNUSED_S


def newest_boot(shown: WorkerSeen) -> str:
    """Return the session that a worker has now, by its own clock: it beat last, or announced itself last."""

    def last(boot: str) -> tuple[float, float]:
        beat = shown.beats.get(boot)
        return (beat.at if beat else shown.announced.get(boot, 0.0)), shown.announced.get(boot, 0.0)

    return max(shown.cards, key=last)


def is_alive(place: Place, card: WorkerCard, shown: WorkerSeen, now: float) -> Alive:
    """Say whether a worker lives: a beat came while we watched, or how old its last sign is said to be."""
    assert place.workforce is not None  # its place is open
    leases = place.workforce.leases
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
        return "unknown"  # its clock, or the channel's, is another one
    return "yes" if age <= QUIET_BEATS * pace_s else "no" if age > LEASE_BEATS * pace_s else "unknown"


def _text(alive: Alive, age: float | None) -> str:
    if age is None:
        return "no sign of it has been seen"
    return f"{'last heard of' if alive != 'yes' else 'last beat'} {rough_time(age)} ago"


def _device(card: WorkerCard) -> str | None:
    devices = {record.device for records in card.engines.values() for record in records[:1]}
    return devices.pop() if len(devices) == 1 else None


def _held(beat: Beat | None, runs: Mapping[str, str]) -> tuple[HeldSight, ...]:
    held = beat.held if beat else ()
    return tuple(HeldSight(job=it.job, run=runs.get(it.job), done=it.done, total=it.total, note=it.note) for it in held)
