"""Curing what does not fit: only what is certain, by the same means that the owner of a job always has."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dispatcher.jobs.outbox import Outbox
from dispatcher.jobs.returned import write_end_again
from dispatcher.monitor.faults import Fault, find_faults
from dispatcher.monitor.places import DropWatcher, Place
from dispatcher.monitor.reindex import reindex
from dispatcher.runs.record import Run
from protocol import codec
from protocol.errors import ChannelError, NameTaken
from protocol.layout import JobNames
from protocol.messages import Cancel, Reject

LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Healed:
    """A fault, and what was done about it."""

    fault: Fault
    done: bool
    text: str


def heal(
    looking: DropWatcher,
    *,
    wait_s: float | None = None,
    on_wait: Callable[[Sequence[Fault], float], None] | None = None,
) -> tuple[list[Healed], list[Fault]]:
    """Repair what is certain, watching on for what may be; return what was repaired and what is left as it is.

    Without `wait_s` it watches as long as it takes until every suspicion is certain or has passed: a lease.
    """
    healed: dict[tuple[str, str], Healed] = {}
    started = time.monotonic()
    while True:
        faults = find_faults(looking.settings, looking.store, now=time.time(), kept=looking)
        for fault in faults:
            if fault.certain and fault.healable and (fault.sort, fault.job) not in healed:
                healed[fault.sort, fault.job] = hint(looking, fault)
        waiting = [it for it in faults if it.healable and not it.certain]
        left_s = max((it.left_s for it in waiting), default=0.0)
        if not waiting or (wait_s is not None and time.monotonic() - started >= wait_s):
            return list(healed.values()), [it for it in faults if (it.sort, it.job) not in healed]
        if on_wait:
            on_wait(waiting, left_s)
        time.sleep(LOOK_S)


def hint(looking: DropWatcher, fault: Fault) -> Healed:
    """Hint one fault; a drop that does not answer is told of, and nothing is lost."""
    try:
        done, text = _CURES[fault.sort](looking, fault)
    except ChannelError as error:
        done, text = False, f"not now: {error}"
    return Healed(fault=fault, done=done, text=text)


def _run_of(looking: DropWatcher, fault: Fault) -> Run:
    assert fault.run is not None  # these sorts are about a run
    return looking.store.get(fault.run)


def _place_of(looking: DropWatcher, fault: Fault) -> Place:
    place = looking.places[fault.drop]
    assert place.drop is not None  # the fault was seen in it
    return place


def _end_silence(looking: DropWatcher, fault: Fault) -> tuple[bool, str]:
    """End the claim of a worker that is gone, or the run whose folder was deleted."""
    run, now = _run_of(looking, fault), time.time()
    if fault.nonce is None:
        text = "its folder was deleted from the drop"
        done = looking.store.commit(run.id, "cancelled", at=now, error_code="CANCELLED", error_text=text)
        return done, "the run is cancelled: its folder was deleted from the drop"
    place = _place_of(looking, fault)
    message = Reject(drop=run.drop_id, id=run.job, nonce=fault.nonce, reason=f"given up: {fault.text}"[:4000])
    name = JobNames(run.job).reject(fault.nonce)
    looking.store.say(run.id, name, codec.encode(message, place.identity.key))
    assert place.session is not None  # it is open
    Outbox(place.session, looking.store, run).flush()
    text = f"{fault.worker} is gone: its claim was ended, another worker may take the job at once"
    looking.store.progress(run.id, at=now, status="queued", text=text)
    told = not any(unsaid == name for unsaid, _ in looking.store.unsaid(run.id))
    return told, text if told else "its claim is ended when the drop answers again"


def _take_back(looking: DropWatcher, fault: Fault) -> tuple[bool, str]:
    """Take a job back as a run, or end it where it is another run's now."""
    for found in reindex(looking, now=time.time(), jobs=[fault.job]):
        if found.outcome == "open":
            return True, f"taken back as run {found.run}"
        if found.outcome == "superseded":
            return _end_job(looking, fault), f"ended: {found.text}"
    return False, "it is not to be seen any more"


def _end_job(looking: DropWatcher, fault: Fault) -> bool:
    place = _place_of(looking, fault)
    assert place.drop is not None  # it is open
    message = Cancel(drop=fault.drop_id, id=fault.job, k=1, by="dispatcher", reason="another job does the same")
    try:
        place.drop.put(JobNames(fault.job).cancel(1), codec.encode(message, place.identity.key))
    except NameTaken:
        return True
    return True


def _tell(looking: DropWatcher, fault: Fault) -> tuple[bool, str]:
    """Say to the drop what was decided here."""
    run, place = _run_of(looking, fault), _place_of(looking, fault)
    assert place.session is not None  # it is open
    told = write_end_again(place.session, looking.store, run)
    return told, "the drop was told" if told else "the drop cannot be told now"


_CURES: dict[str, Callable[[DropWatcher, Fault], tuple[bool, str]]] = {
    "zombie": _end_silence,
    "stale claim": _end_silence,
    "orphan": _take_back,
    "untold": _tell,
}
