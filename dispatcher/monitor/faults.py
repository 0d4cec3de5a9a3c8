"""Inconsistencies between the run database and the drops: runs without jobs, jobs without runs, dead claims.

Nothing is changed here. A fault is `certain` once it has lasted for its grace period on this machine's clock, over
looks that succeeded: silence by the worker's clock, or a folder missing once, is not enough (FORMAT.md R7, R12).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from dispatcher.config import Settings
from dispatcher.formatting import rough_time
from dispatcher.jobs.returned import returned
from dispatcher.jobs.snapshot import QUIET_BEATS
from dispatcher.monitor.drop_watcher import MANY, DropWatcher, WatchedDrop, watching
from dispatcher.runs.record import OPEN, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.absence import GONE_LOOKS
from protocol.claims import IDLE_FACTOR
from protocol.drop import TimeLimits
from protocol.errors import ChannelError, NameMissing
from protocol.layout import Attempt, is_job_id
from protocol.messages import Offer
from protocol.observation import JobReader, Observation
from protocol.states import OPEN_TO_CLAIMS, State, judge, open_attempts

FaultSort = Literal["zombie", "stale claim", "orphan", "untold", "unattended", "lost result", "unreachable"]
"""Running here, but silent or gone in the drop; a claim of a dead worker; a job without a run; an ended run whose drop
was not told; a run that no process follows; a completed run whose files are gone; a drop that does not answer."""

UNATTENDED_S = 60.0
"""How long an open run may be without a process that follows it: a command that has ended may be repeated at once."""

LOOKED_AT = 200
"""How many completed runs, and unknown job folders of a drop, are examined: each listing is slow on a remote."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One inconsistency, and how to repair it."""

    sort: FaultSort
    text: str
    hint: str
    drop: str = ""
    drop_id: str = ""
    job: str = ""
    run: str | None = None
    worker: str | None = None
    nonce: str | None = None  # of the attempt
    certain: bool = True  # False: it may still disappear by itself
    left_s: float = 0.0  # how long it must be watched until it is certain
    healable: bool = True  # whether `gpudrop runs heal` repairs it


def find_faults(settings: Settings, store: RunStore, *, now: float, watcher: DropWatcher | None = None) -> list[Fault]:
    """Return all inconsistencies, certain ones first. `now` is Unix time.

    The silence of a worker becomes certain only over repeated looks with the same `watcher`.
    """
    with watching(settings, store, watcher) as watcher:
        found = [fault for watched in watcher.look() for fault in _at_place(watcher, watched, now)]
    found += [*_unattended(store, now), *_lost_results(store)]
    return sorted(found, key=lambda it: (not it.certain, it.sort, it.run or it.job))


def _at_place(watcher: DropWatcher, watched: WatchedDrop, now: float) -> list[Fault]:
    runs = watcher.store.search.find(Query(statuses=sorted(OPEN), drop_id=watched.drop_id), limit=MANY)
    if watched.problem or watched.drop is None:
        return [_unreachable(watched, sum(run.drop == watched.address for run in runs) if runs else 0)]
    with watched.lock:
        try:
            found = [fault for run in runs if run.status != "pending" for fault in _of_run(watcher, watched, run)]
            found += _orphans(watcher, watched)
            return [*found, *_untold(watcher, watched, now), *_returned(watcher, watched)]
        except ChannelError as error:
            watched.problem = str(error)
            return [_unreachable(watched, len(runs))]


def _at(address: str, run: Run) -> dict[str, Any]:
    """Return the fields of a fault that name its run and its drop, by the drop's address here."""
    return {"drop": address, "drop_id": run.drop_id, "job": run.job, "run": run.id}


def _unreachable(watched: WatchedDrop, runs: int) -> Fault:
    waits = f"; {runs} open run(s) are waiting for it" if runs else ""
    hint = "Mount the drive, or name the drop by its new address; nothing is lost meanwhile"
    return Fault(
        sort="unreachable", drop=watched.address, text=f"{watched.problem}{waits}".strip(), hint=hint, healable=False
    )


def _of_run(watcher: DropWatcher, watched: WatchedDrop, run: Run) -> Iterator[Fault]:
    """Compare one open run with its folder."""
    offer = offer_of(run)
    reader = reader_of(watcher, watched, run.job)
    try:
        seen = reader.look()
    except NameMissing:
        if run.queued_at is not None:
            yield _gone(watcher, watched, run)
        return
    watcher.since.pop(("gone", watched.address, run.job), None)
    attempt = _silent(watched, seen, offer)
    if attempt is None:
        watcher.since.pop(("silent", watched.address, run.job), None)
        return
    yield _silence(watched, run, attempt, offer, seen)


def reader_of(watcher: DropWatcher, watched: WatchedDrop, job: str) -> JobReader:
    """Return the reader of a job's folder, which caches what it has read."""
    key = (watched.address, job)
    if key not in watcher.readers:
        assert watched.session is not None  # it is open
        watcher.readers[key] = watched.session.reader(job)
    return watcher.readers[key]


def offer_of(run: Run) -> Offer:
    """Return the offer in a run's request."""
    return codec.decode_request(run.request, drop=run.drop_id, job=run.job).job


def _gone(watcher: DropWatcher, watched: WatchedDrop, run: Run) -> Fault:
    left_s = _left_s(watcher, ("gone", watched.address, run.job), _waits(watched).gone_s, GONE_LOOKS)
    return Fault(
        sort="zombie",
        text=f"{run.status} here, but its folder {run.job} is not in the drop",
        hint="It was deleted there: heal ends the run; `gpudrop runs retry` sends it again",
        **_at(watched.address, run),
        worker=run.worker,
        certain=left_s <= 0,
        left_s=left_s,
    )


def _waits(watched: WatchedDrop) -> TimeLimits:
    """Return how long to wait for files that are missing in a drop."""
    assert watched.workforce is not None  # it is open
    return watched.workforce.waits()


def _silent(watched: WatchedDrop, seen: Observation, offer: Offer) -> Attempt | None:
    """Return the newest open attempt if the workers of all open attempts seem to be gone; else None."""
    assert watched.workforce is not None  # it is open
    leases, now = watched.workforce.leases, time.monotonic()
    for claim in seen.claims.values():
        leases.saw_claim(claim, now)
    watched.workforce.look(now, {attempt.worker for attempt in seen.claims})
    lapsed = leases.lapsed(seen, offer.claim, offer.limits, now)
    if judge(seen, lapsed=lapsed, beating=leases.beating()).state not in {
        *OPEN_TO_CLAIMS,
        State.CLAIMED,
        State.RUNNING,
    }:
        return None
    silent = [it for it in open_attempts(seen) if it.nonce in lapsed or not _beats(watched, seen, it)]
    return max(silent) if silent and len(silent) == len(open_attempts(seen)) else None


def _beats(watched: WatchedDrop, seen: Observation, attempt: Attempt) -> bool:
    """Return whether the worker of an attempt beats, or did so recently by its own clock."""
    assert watched.workforce is not None  # it is open
    boot = seen.claims[attempt].boot
    shown = watched.workforce.seen.get(attempt.worker)
    if watched.workforce.leases.has_beaten(boot):
        return True
    beat = shown.beats.get(boot) if shown else None
    if shown is None or beat is None or boot not in shown.cards:
        return False
    pace = 1 if any(held.nonce == attempt.nonce for held in beat.held) else IDLE_FACTOR
    quiet_s = abs(time.time() - (shown.told_at or 0.0))
    return quiet_s <= QUIET_BEATS * pace * watched.workforce.leases.beat_s(boot, shown.cards[boot].beat_s)


def _silence(watched: WatchedDrop, run: Run, attempt: Attempt, offer: Offer, seen: Observation) -> Fault:
    assert watched.workforce is not None  # it is open
    leases = watched.workforce.leases
    why = leases.lapse(seen.claims[attempt], offer.claim, offer.limits, time.monotonic())
    watched_s = leases.held_s(attempt.nonce, time.monotonic())
    lease_s = leases.lease_s(seen.claims[attempt].boot, offer.claim)
    left_s = 0.0 if why else max(0.1, lease_s - watched_s)
    zombie = run.status in ("running", "verifying")
    shown = watched.workforce.seen.get(attempt.worker)
    last = f", last beat {rough_time(max(0.0, time.time() - shown.told_at))} ago" if shown and shown.told_at else ""
    text = why or f"{attempt.worker} claimed it{last}, and no beat of it was seen since this check began"
    return Fault(
        sort="zombie" if zombie else "stale claim",
        text=f"{run.status} here: {text}",
        hint="Heal ends that claim, so that another worker can take the job at once; its checkpoints are kept",
        **_at(watched.address, run),
        worker=attempt.worker,
        nonce=attempt.nonce,
        certain=why is not None,
        left_s=left_s,
    )


def _left_s(watcher: DropWatcher, what: tuple[str, str, str], grace_s: float, looks: int = 2) -> float:
    """Count a look at a fault, and return how long it must last until it is certain."""
    first, count = watcher.since.get(what, (time.monotonic(), 0))
    watcher.since[what] = first, count + 1
    left_s = grace_s - (time.monotonic() - first)
    return max(left_s, 0.1) if count + 1 < looks else max(left_s, 0.0)


def _orphans(watcher: DropWatcher, watched: WatchedDrop) -> Iterator[Fault]:
    """Yield the open jobs of this dispatcher that belong to no run."""
    assert watched.drop is not None  # it is open
    jobs = [it.name for it in watched.drop.list("") if it.is_folder and is_job_id(it.name)]
    asked = [job for job in jobs if (watched.address, job) not in watcher.foreign]
    known = watcher.store.known_jobs(watched.drop_id, asked)
    for job in sorted(set(asked) - known)[-LOOKED_AT:]:
        try:
            seen = reader_of(watcher, watched, job).look()
        except NameMissing:
            continue
        if not seen.is_requested:
            continue
        offer = seen.request.job if seen.request is not None else None
        over = seen.accepted or seen.cancelled
        if offer is None or offer.dispatcher != watcher.store.dispatcher_id or over:
            watcher.foreign.add((watched.address, job))
        elif not watcher.store.known_jobs(watched.drop_id, [job]):  # it may have been added meanwhile
            yield _orphan(watcher, watched, job, offer)


def _orphan(watcher: DropWatcher, watched: WatchedDrop, job: str, offer: Offer) -> Fault:
    left_s = _left_s(watcher, ("orphan", watched.address, job), _waits(watched).orphan_s, 1)
    return Fault(
        sort="orphan",
        text=f"a {offer.kind} job of this machine that the run database does not know",
        hint="Heal makes it a run again, or ends it where another run does the same",
        drop=watched.address,
        drop_id=watched.drop_id,
        job=job,
        certain=left_s <= 0,
        left_s=left_s,
    )


def _untold(watcher: DropWatcher, watched: WatchedDrop, now: float) -> Iterator[Fault]:
    """Yield the ended runs whose end was not written to the drop: a worker may still be working on them."""
    for run in watcher.store.retention.untold(watched.drop_id):
        left_s = _waits(watched).untold_s - (now - (run.ended_at or now))
        yield Fault(
            sort="untold",
            text=f"{run.status} here, but the drop was not told: a worker may still be working on it",
            hint="Heal tells the drop; so does `gpudrop watch`",
            **_at(watched.address, run),
            certain=left_s <= 0,
            left_s=max(0.0, left_s),
        )


def _returned(watcher: DropWatcher, watched: WatchedDrop) -> Iterator[Fault]:
    """Yield the ended runs whose folder was restored in the drop without the message that ended them."""
    assert watched.drop is not None  # it is open
    jobs = [it.name for it in watched.drop.list("") if it.is_folder and is_job_id(it.name)]
    seen_cheaply = watched.drop.capabilities.events
    for run in returned(
        watcher.store, watched.drop_id, jobs, lambda job: reader_of(watcher, watched, job), cleaned=not seen_cheaply
    ):
        left_s = _left_s(watcher, ("returned", watched.address, run.job), _waits(watched).untold_s, 1)
        yield Fault(
            sort="untold",
            text=f"{run.status} here, but its folder is back in the drop as an open job: a worker may do it again",
            hint="Heal writes its end to the drop again",
            **_at(watched.address, run),
            certain=left_s <= 0,
            left_s=left_s,
        )


def _unattended(store: RunStore, now: float) -> Iterator[Fault]:
    """Yield the open runs that no process follows: they are neither sent nor collected."""
    for run in store.search.find(Query(statuses=sorted(OPEN)), limit=MANY):
        last = max(run.updated_at, run.monitor_until or 0.0)
        if now - last > UNATTENDED_S:
            yield Fault(
                sort="unattended",
                text=f"{run.status}, but no process has followed it for {rough_time(now - last)}",
                hint="Start `gpudrop watch`, which follows all runs, or run the same command again",
                **_at(run.drop, run),
                worker=run.worker,
                healable=False,
            )


def _lost_results(store: RunStore) -> Iterator[Fault]:
    """Yield the newest completed runs whose results are no longer on the disk."""
    for run in store.search.find(Query(statuses=["completed"]), limit=LOOKED_AT):
        if run.results_dir is not None and not Path(run.results_dir).is_dir():
            yield Fault(
                sort="lost result",
                text=f"completed, but its results are gone from {run.results_dir}",
                hint=f"`gpudrop runs rerun {run.id}` makes them again; `gpudrop runs rm {run.id}` removes it",
                **_at(run.drop, run),
                healable=False,
            )
