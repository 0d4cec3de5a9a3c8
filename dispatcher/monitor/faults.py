"""What does not fit: runs that are worked at here and not there, jobs that are there and not here, claims of the gone.

Nothing is changed here. A fault is `certain` once it was so for its grace on this machine's own clock, over looks that
succeeded: silence by a worker's clock, or a folder that is not to be seen once, is none (FORMAT.md R7, R12).
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
from dispatcher.monitor.places import MANY, DropWatcher, Place, lookout
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
from protocol.seen import JobReader, Observation
from protocol.states import OPEN_TO_CLAIMS, State, judge, open_attempts

Sort = Literal["zombie", "stale claim", "orphan", "untold", "unattended", "lost result", "unreachable"]
"""Running here and silent or gone there; a claim of somebody gone; there and unknown here; ended here and not told
there; followed by nobody; completed and its files are gone; a drop that does not answer."""

UNATTENDED_S = 60.0
"""So long an open run may be followed by nobody: a command that was just ended may be given again at once."""

LOOKED_AT = 200
"""So many completed runs, and unknown job folders of a drop, are looked into: a listing each is dear on a remote."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that does not fit, and its hint."""

    sort: Sort
    text: str
    hint: str
    drop: str = ""
    drop_id: str = ""
    job: str = ""
    run: str | None = None
    worker: str | None = None
    nonce: str | None = None  # of the attempt it is about
    certain: bool = True  # False: it may still pass by itself; watching on will tell
    left_s: float = 0.0  # how long watching takes until it is certain
    healable: bool = True  # whether `gpudrop runs heal` repairs it


def find_faults(settings: Settings, store: RunStore, *, now: float, kept: DropWatcher | None = None) -> list[Fault]:
    """Return what does not fit, the certain first. `now` is Unix time.

    Who looks again and again keeps a `DropWatcher`: only so the silence of a worker becomes certain.
    """
    with lookout(settings, store, kept) as looking:
        found = [fault for place in looking.look() for fault in _at_place(looking, place, now)]
    found += [*_unattended(store, now), *_lost_results(store)]
    return sorted(found, key=lambda it: (not it.certain, it.sort, it.run or it.job))


def _at_place(looking: DropWatcher, place: Place, now: float) -> list[Fault]:
    runs = looking.store.search.find(Query(statuses=sorted(OPEN), drop_id=place.drop_id), limit=MANY)
    if place.problem or place.drop is None:
        return [_unreachable(place, sum(run.drop == place.address for run in runs) if runs else 0)]
    with place.lock:
        try:
            found = [fault for run in runs if run.status != "pending" for fault in _of_run(looking, place, run)]
            found += _orphans(looking, place)
            return [*found, *_untold(looking, place, now), *_returned(looking, place)]
        except ChannelError as error:
            place.problem = str(error)
            return [_unreachable(place, len(runs))]


def _at(address: str, run: Run) -> dict[str, Any]:
    """Return which run a fault is about, and at which drop, as this machine calls it now."""
    return {"drop": address, "drop_id": run.drop_id, "job": run.job, "run": run.id}


def _unreachable(place: Place, runs: int) -> Fault:
    waits = f"; {runs} open run(s) wait for it" if runs else ""
    hint = "Mount the drive, or name the drop where it is now; nothing is lost meanwhile"
    return Fault(
        sort="unreachable", drop=place.address, text=f"{place.problem}{waits}".strip(), hint=hint, healable=False
    )


def _of_run(looking: DropWatcher, place: Place, run: Run) -> Iterator[Fault]:
    """Hold one open run against its folder."""
    offer = offer_of(run)
    reader = reader_of(looking, place, run.job)
    try:
        seen = reader.look()
    except NameMissing:
        if run.queued_at is not None:
            yield _gone(looking, place, run)
        return
    looking.since.pop(("gone", place.address, run.job), None)
    attempt = _silent(place, seen, offer)
    if attempt is None:
        looking.since.pop(("silent", place.address, run.job), None)
        return
    yield _silence(place, run, attempt, offer, seen)


def reader_of(looking: DropWatcher, place: Place, job: str) -> JobReader:
    """Return who reads a job's folder; what was read once is remembered."""
    key = (place.address, job)
    if key not in looking.readers:
        assert place.drop is not None  # it is open
        looking.readers[key] = JobReader(place.drop, place.drop_id, job, place.identity.trust)
    return looking.readers[key]


def offer_of(run: Run) -> Offer:
    """Return what a run offered."""
    job = codec.decode_request(run.request, drop=run.drop_id, job=run.job).job
    assert job is not None  # ours has an envelope
    return job


def _gone(looking: DropWatcher, place: Place, run: Run) -> Fault:
    left_s = _left_s(looking, ("gone", place.address, run.job), _waits(place).gone_s, GONE_LOOKS)
    return Fault(
        sort="zombie",
        text=f"{run.status} here, and its folder {run.job} is not in the drop",
        hint="It was deleted there: heal ends the run; `runs retry` sends it again",
        **_at(place.address, run),
        worker=run.worker,
        certain=left_s <= 0,
        left_s=left_s,
    )


def _waits(place: Place) -> TimeLimits:
    """Return how long what is missing in a drop may still come."""
    assert place.workforce is not None  # its place is open
    return place.workforce.waits()


def _silent(place: Place, seen: Observation, offer: Offer) -> Attempt | None:
    """Return the newest open attempt whose worker seems gone, where no other one lives; None where all is well."""
    assert place.workforce is not None  # its place is open
    leases, now = place.workforce.leases, time.monotonic()
    for claim in seen.claims.values():
        leases.saw_claim(claim, now)
    place.workforce.look(now, {attempt.worker for attempt in seen.claims})
    lapsed = leases.lapsed(seen, offer.claim, offer.limits, now)
    if judge(seen, lapsed=lapsed, beating=leases.beating()).state not in {
        *OPEN_TO_CLAIMS,
        State.CLAIMED,
        State.RUNNING,
    }:
        return None
    silent = [it for it in open_attempts(seen) if it.nonce in lapsed or not _beats(place, seen, it)]
    return max(silent) if silent and len(silent) == len(open_attempts(seen)) else None


def _beats(place: Place, seen: Observation, attempt: Attempt) -> bool:
    """Say whether the worker of an attempt is heard of, or was so lately by its own account that it may well be."""
    assert place.workforce is not None  # its place is open
    boot = seen.claims[attempt].boot
    shown = place.workforce.seen.get(attempt.worker)
    if place.workforce.leases.has_beaten(boot):
        return True
    beat = shown.beats.get(boot) if shown else None
    if shown is None or beat is None or boot not in shown.cards:
        return False
    pace = 1 if any(held.nonce == attempt.nonce for held in beat.held) else IDLE_FACTOR
    quiet_s = abs(time.time() - (shown.told_at or 0.0))
    return quiet_s <= QUIET_BEATS * pace * place.workforce.leases.beat_s(boot, shown.cards[boot].beat_s)


def _silence(place: Place, run: Run, attempt: Attempt, offer: Offer, seen: Observation) -> Fault:
    assert place.workforce is not None  # its place is open
    leases = place.workforce.leases
    why = leases.lapse(seen.claims[attempt], offer.claim, offer.limits, time.monotonic())
    watched_s = leases.held_s(attempt.nonce, time.monotonic())
    lease_s = leases.lease_s(seen.claims[attempt].boot, offer.claim)
    left_s = 0.0 if why else max(0.1, lease_s - watched_s)
    zombie = run.status in ("running", "verifying")
    shown = place.workforce.seen.get(attempt.worker)
    told = f", last heard of {rough_time(max(0.0, time.time() - shown.told_at))} ago" if shown and shown.told_at else ""
    text = why or f"{attempt.worker} claimed it{told}, and no beat of it has come since this look began"
    return Fault(
        sort="zombie" if zombie else "stale claim",
        text=f"{run.status} here: {text}",
        hint="Heal ends that claim, so that another worker can take the job at once; what it left is kept",
        **_at(place.address, run),
        worker=attempt.worker,
        nonce=attempt.nonce,
        certain=why is not None,
        left_s=left_s,
    )


def _left_s(looking: DropWatcher, what: tuple[str, str, str], grace_s: float, looks: int = 2) -> float:
    """Count a look at a fault, and return how long it must stay so until it is certain."""
    first, count = looking.since.get(what, (time.monotonic(), 0))
    looking.since[what] = first, count + 1
    left_s = grace_s - (time.monotonic() - first)
    return max(left_s, 0.1) if count + 1 < looks else max(left_s, 0.0)


def _orphans(looking: DropWatcher, place: Place) -> Iterator[Fault]:
    """Yield the open jobs of this dispatcher that are no run's."""
    assert place.drop is not None  # it is open
    jobs = [it.name for it in place.drop.list("") if it.is_folder and is_job_id(it.name)]
    asked = [job for job in jobs if (place.address, job) not in looking.foreign]
    known = looking.store.known_jobs(place.drop_id, asked)
    for job in sorted(set(asked) - known)[-LOOKED_AT:]:
        try:
            seen = reader_of(looking, place, job).look()
        except NameMissing:
            continue
        if seen.request is None:
            continue
        offer = seen.request.job
        over = seen.accepted or seen.cancelled
        if offer is None or offer.dispatcher != looking.store.dispatcher_id or over:
            looking.foreign.add((place.address, job))
        elif not looking.store.known_jobs(place.drop_id, [job]):  # it may have come while this looked
            yield _orphan(looking, place, job, offer)


def _orphan(looking: DropWatcher, place: Place, job: str, offer: Offer) -> Fault:
    left_s = _left_s(looking, ("orphan", place.address, job), _waits(place).orphan_s, 1)
    return Fault(
        sort="orphan",
        text=f"a {offer.kind} job of this machine that the run database does not know",
        hint="Heal takes it back as a run, or ends it where its job is another run now",
        drop=place.address,
        drop_id=place.drop_id,
        job=job,
        certain=left_s <= 0,
        left_s=left_s,
    )


def _untold(looking: DropWatcher, place: Place, now: float) -> Iterator[Fault]:
    """Yield the runs that have ended and whose folder was not told so: a worker may still be at them."""
    for run in looking.store.retention.untold(place.drop_id):
        left_s = _waits(place).untold_s - (now - (run.ended_at or now))
        yield Fault(
            sort="untold",
            text=f"{run.status} here, and the drop was not told: a worker may still be working on it",
            hint="Heal tells it; so does `gpudrop watch`",
            **_at(place.address, run),
            certain=left_s <= 0,
            left_s=max(0.0, left_s),
        )


def _returned(looking: DropWatcher, place: Place) -> Iterator[Fault]:
    """Yield the runs that are over and whose folder was brought back without saying so."""
    assert place.drop is not None  # it is open
    jobs = [it.name for it in place.drop.list("") if it.is_folder and is_job_id(it.name)]
    seen_cheaply = place.drop.capabilities.events
    for run in returned(
        looking.store, place.drop_id, jobs, lambda job: reader_of(looking, place, job), cleaned=not seen_cheaply
    ):
        left_s = _left_s(looking, ("returned", place.address, run.job), _waits(place).untold_s, 1)
        yield Fault(
            sort="untold",
            text=f"{run.status} here, and its folder is back in the drop without saying so: a worker may do it again",
            hint="Heal says again that it is over",
            **_at(place.address, run),
            certain=left_s <= 0,
            left_s=left_s,
        )


def _unattended(store: RunStore, now: float) -> Iterator[Fault]:
    """Yield the open runs that nobody follows: nobody sends them, or takes their result."""
    for run in store.search.find(Query(statuses=sorted(OPEN)), limit=MANY):
        last = max(run.updated_at, run.monitor_until or 0.0)
        if now - last > UNATTENDED_S:
            yield Fault(
                sort="unattended",
                text=f"{run.status}, and nobody has followed it for {rough_time(now - last)}",
                hint="`gpudrop watch` follows all runs, or give the same command again",
                **_at(run.drop, run),
                worker=run.worker,
                healable=False,
            )


def _lost_results(store: RunStore) -> Iterator[Fault]:
    """Yield the newest completed runs whose results are not on the disk any more."""
    for run in store.search.find(Query(statuses=["completed"]), limit=LOOKED_AT):
        if run.results_dir is not None and not Path(run.results_dir).is_dir():
            yield Fault(
                sort="lost result",
                text=f"completed, and its results are gone from {run.results_dir}",
                hint=f"`gpudrop runs rerun {run.id}` makes them again; `gpudrop runs rm {run.id}` forgets it",
                **_at(run.drop, run),
                healable=False,
            )
