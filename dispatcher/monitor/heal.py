"""Repairing inconsistencies: only those that are certain, by the messages that the owner of a job always may write."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dispatcher.jobs.outbox import Outbox
from dispatcher.jobs.returned import write_end_again
from dispatcher.monitor.drop_watcher import DropWatcher, WatchedDrop
from dispatcher.monitor.faults import Fault, find_faults
from dispatcher.monitor.reindex import reindex
from dispatcher.runs.record import Run
from protocol import codec
from protocol.errors import ChannelError, NameTaken
from protocol.layout import JobNames
from protocol.messages import Cancel, Reject

LOOK_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Repair:
    """A fault, whether it was repaired, and what was done."""

    fault: Fault
    done: bool
    text: str


def heal(
    watcher: DropWatcher,
    *,
    wait_s: float | None = None,
    on_wait: Callable[[Sequence[Fault], float], None] | None = None,
) -> tuple[list[Repair], list[Fault]]:
    """Repair faults that are certain, and watch the others; return the repairs and the faults that are left.

    Without `wait_s` it watches until every fault is certain or has disappeared, which takes one lease at most.
    """
    healed: dict[tuple[str, str], Repair] = {}
    started = time.monotonic()
    while True:
        faults = find_faults(watcher.settings, watcher.store, now=time.time(), watcher=watcher)
        for fault in faults:
            if fault.certain and fault.healable and (fault.sort, fault.job) not in healed:
                healed[fault.sort, fault.job] = repair(watcher, fault)
        waiting = [it for it in faults if it.healable and not it.certain]
        left_s = max((it.left_s for it in waiting), default=0.0)
        if not waiting or (wait_s is not None and time.monotonic() - started >= wait_s):
            return list(healed.values()), [it for it in faults if (it.sort, it.job) not in healed]
        if on_wait:
            on_wait(waiting, left_s)
        time.sleep(LOOK_S)


def repair(watcher: DropWatcher, fault: Fault) -> Repair:
    """Repair one fault; where the drop does not answer, nothing is changed."""
    try:
        done, text = _REPAIRS[fault.sort](watcher, fault)
    except ChannelError as error:
        done, text = False, f"not now: {error}"
    return Repair(fault=fault, done=done, text=text)


def _run_of(watcher: DropWatcher, fault: Fault) -> Run:
    assert fault.run is not None  # these faults are about a run
    return watcher.store.get(fault.run)


def _place_of(watcher: DropWatcher, fault: Fault) -> WatchedDrop:
    watched = watcher.places[fault.drop]
    assert watched.drop is not None  # the fault was seen in it
    return watched


def _end_silence(watcher: DropWatcher, fault: Fault) -> tuple[bool, str]:
    """End the claim of a dead worker, or the run whose folder was deleted."""
    run, now = _run_of(watcher, fault), time.time()
    if fault.nonce is None:
        text = "its folder was deleted from the drop"
        done = watcher.store.commit(run.id, "cancelled", at=now, error_code="CANCELLED", error_text=text)
        return done, "the run is cancelled: its folder was deleted from the drop"
    watched = _place_of(watcher, fault)
    message = Reject(drop=run.drop_id, id=run.job, nonce=fault.nonce, reason=f"given up: {fault.text}"[:4000])
    name = JobNames(run.job).reject(fault.nonce)
    watcher.store.say(run.id, name, codec.encode(message, watched.identity.key))
    assert watched.session is not None  # it is open
    Outbox(watched.session, watcher.store, run).flush()
    text = f"{fault.worker} is gone: its claim was ended, another worker may take the job at once"
    watcher.store.progress(run.id, at=now, status="queued", text=text)
    is_told = not any(unsaid == name for unsaid, _ in watcher.store.unsaid(run.id))
    return is_told, text if is_told else "its claim is ended when the drop answers again"


def _take_back(watcher: DropWatcher, fault: Fault) -> tuple[bool, str]:
    """Make a job a run again, or end it where another run does the same."""
    for found in reindex(watcher, now=time.time(), jobs=[fault.job]):
        if found.outcome == "open":
            return True, f"it is run {found.run} again"
        if found.outcome == "superseded":
            return _end_job(watcher, fault), f"ended: {found.text}"
    return False, "it is no longer in the drop"


def _end_job(watcher: DropWatcher, fault: Fault) -> bool:
    watched = _place_of(watcher, fault)
    assert watched.drop is not None  # it is open
    message = Cancel(drop=fault.drop_id, id=fault.job, k=1, by="dispatcher", reason="another job does the same")
    try:
        watched.drop.put(JobNames(fault.job).cancel(1), codec.encode(message, watched.identity.key))
    except NameTaken:
        return True
    return True


def _tell(watcher: DropWatcher, fault: Fault) -> tuple[bool, str]:
    """Write to the drop how a run ended."""
    run, watched = _run_of(watcher, fault), _place_of(watcher, fault)
    assert watched.session is not None  # it is open
    is_told = write_end_again(watched.session, watcher.store, run)
    return is_told, "the drop was told" if is_told else "the drop cannot be told now"


_REPAIRS: dict[str, Callable[[DropWatcher, Fault], tuple[bool, str]]] = {
    "zombie": _end_silence,
    "stale claim": _end_silence,
    "orphan": _take_back,
    "untold": _tell,
}
