"""What people do to a run: cancel it, try it again, do it anew. Each is decided in the run database; no drop is opened.

Who follows the runs of this machine (`Monitor`) then tells the drop, sends the new run and takes its result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from dispatcher.config import Settings
from dispatcher.drops.session import is_private_run, signing_key
from dispatcher.jobs.cached import is_whole
from dispatcher.jobs.client import new_id
from dispatcher.jobs.offers import encode_request
from dispatcher.jobs.outbox import cancellation
from dispatcher.runs.record import AGAIN, Artifact, Delivery, Run, RunExtras
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.errors import NotFoundError, UsageError
from protocol.integrity import sha256_of
from protocol.messages import Request
from protocol.transports.host import SYSTEM

Act = Literal["retry", "rerun"]

LOOKED_AT = 200
"""So many of a drop's newest runs are looked through for what this machine calls it."""


def cancel(
    store: RunStore, run_id: str, *, reason: str = "cancelled by the user", now: float, settings: Settings | None = None
) -> bool:
    """End an open run without a result; return whether this call did it. Its chain does not go on.

    The message that tells the drop is fixed in the same transaction; a run that has ended stays as it is.
    """
    run = store.get(run_id)
    mirror = cancellation(run, reason, signing_key(run, settings or Settings()))
    return run.is_open and store.commit(
        run.id, "cancelled", error_code="CANCELLED", error_text=reason, at=now, mirror=mirror
    )


def retry(store: RunStore, run_id: str, *, now: float, settings: Settings | None = None) -> Run:
    """Try again what a run failed at, crashed at, was cancelled at or expired at: return the run that does it.

    That is a new one of the same request, to whose outputs all happens that was to happen to the first one's. What
    verified is kept: runs before it in a chain are not repeated, and where the same job was done since, it is that run.
    Raises UsageError for a run that is open or completed, NotFoundError where an input is not here any more.
    """
    run = store.get(run_id)
    if run.is_open:
        raise UsageError(
            f"run {run.id} is {run.status}: there is nothing to try again yet. End it: gpudrop runs cancel {run.id}"
        )
    if run.status == "completed":
        raise UsageError(f"run {run.id} is completed. Make a new one of the same inputs: gpudrop runs rerun {run.id}")
    newest = store.latest(run.key)
    wanted = _extras(store, run, _deliveries(store, run))
    if newest is not None and newest.id != run.id and (newest.is_open or is_whole(newest)):
        store.attach(newest.id, replace(wanted, inputs=()))
        store.trace.note(run.id, f"the same job is run {newest.id}", at=now)
        again = newest
    else:
        again = _again(store, run, "retry", wanted, newest, now, settings)
    for steps in _chain(store, run):
        store.attach(again.id, RunExtras(steps=steps))
    return store.get(again.id)


def rerun(store: RunStore, run_id: str, *, now: float, settings: Settings | None = None) -> Run:
    """Do again what a run did, with the same inputs and parameters, whatever became of it; return the new run.

    Its outputs go where the first one's were to go, except to places that are taken: they stay with the run then. The
    chain of the first run is not repeated. Raises UsageError while the same job is open, NotFoundError where an input
    is not here any more.
    """
    run = store.get(run_id)
    newest = store.latest(run.key)
    if newest is not None and newest.is_open:
        raise UsageError(
            f"the same job is {newest.status} as run {newest.id}: wait for it, or end it first: "
            f"gpudrop runs cancel {newest.id}"
        )
    free = [it for it in _deliveries(store, run) if it.overwrite or not Path(it.target).exists()]
    wanted = _extras(store, run, free)
    return _again(store, run, "rerun", wanted, newest, now, settings)


def _again(
    store: RunStore,
    run: Run,
    act: Act,
    wanted: RunExtras,
    newest: Run | None,
    now: float,
    settings: Settings | None,
) -> Run:
    new, at_run = _copy(store, run, act, now, settings), run.id
    added, created = store.add_or_find(new, newest.id if newest else None, wanted)
    if created:
        store.trace.note(added.id, f"{act} of run {at_run}", at=now)
        store.trace.note(at_run, f"done again by run {added.id} ({act})", at=now)
    return added


def _copy(store: RunStore, run: Run, act: Act, now: float, settings: Settings | None) -> Run:
    """Return a pending run of the same request under a new id; its offer is spelt, and signed, anew.

    It is a run of this machine, whose monitors send it and bring it home.
    """
    here = settings or Settings()
    made, drop = new_id(replace(SYSTEM, wall=lambda: now)), _address(store, run, here)
    old = codec.decode_request(run.request, drop=run.drop_id, job=run.job)
    limits = old.job.limits.model_copy(update={"not_after": None})  # it was of the first offer
    offer = old.job.model_copy(update={"id": made, "dispatcher": store.dispatcher_id, "limits": limits})
    return Run(
        id=made,
        key=run.key,
        kind=run.kind,
        status="pending",
        drop=drop,
        drop_id=run.drop_id,
        job=made,
        digest=run.digest,
        request=encode_request(Request(params=old.params, job=offer), signing_key(run, here, drop), now),
        created_at=now,
        updated_at=now,
        title=run.title,
        user=here.user,
        machine=here.machine,
        parent_id=run.parent_id,
        group_id=run.group_id,
        execution_config={**run.execution_config, AGAIN: {"of": run.id, "by": act}},
        deadline_at=now + (run.deadline_at - run.created_at) if run.deadline_at is not None else None,
    )


def _address(store: RunStore, run: Run, here: Settings) -> str:
    """Return what this machine calls a run's drop, as its newest run there tells; else it is called as the run has it.

    Raises UsageError where only the machine that the run was asked for on can see its drop.
    """
    if run.machine in ("", here.machine):
        return run.drop
    if is_private_run(run):
        raise UsageError(
            f"run {run.id} was worked at on the machine {run.machine} itself, through a folder that only it sees: "
            "repeat it there, or give the same command here"
        )
    runs = store.search.find(Query(drop_id=run.drop_id), limit=LOOKED_AT)
    return next((it.drop for it in runs if it.machine == here.machine), run.drop)


def inputs_of(store: RunStore, run: Run) -> tuple[Artifact, ...]:
    """Return the inputs of a run, each found to be the file that it was."""
    files = tuple(file for file in store.trace.files(run.id) if file.role == "input")
    offer = codec.decode_request(run.request, drop=run.drop_id, job=run.job).job
    known = {file.name for file in files}
    if unknown := sorted(set(offer.inputs if offer else ()) - known):
        raise NotFoundError(
            f"run {run.id} had the input {unknown[0]}, and where that lies is not known here: "
            "give the command with the file again"
        )
    for file in files:
        _check(run, file)
    return files


def _check(run: Run, file: Artifact) -> None:
    try:
        found = sha256_of(Path(file.path))
    except OSError as error:
        raise NotFoundError(
            f"the input {file.path} of run {run.id} cannot be read ({error.strerror}): put it back, "
            "or give the command with the file where it is now"
        ) from error
    if found != (file.size, file.sha256):
        raise NotFoundError(
            f"the input {file.path} of run {run.id} is another file now (its sha256 was {file.sha256[:12]}…): "
            "put the old one back, or give the command again for the new one"
        )


def _extras(store: RunStore, run: Run, deliveries: Sequence[Delivery]) -> RunExtras:
    """Return what a repetition of a run has of it, its inputs checked to be what they were."""
    return RunExtras(
        inputs=inputs_of(store, run),
        tags=store.trace.tags([run.id])[run.id],
        deliveries=deliveries,
        notices=[address for address, _ in store.trace.notices(run.id)],
    )


def _deliveries(store: RunStore, run: Run) -> tuple[Delivery, ...]:
    return tuple(replace(it, placed_at=None, error_text=None) for it in store.trace.deliveries(run.id))


def _chain(store: RunStore, run: Run) -> Iterator[dict[str, object]]:
    """Yield what was to be made of the outputs and never begun."""
    for each in store.trace.continuations(run.id):
        if each.child_id is None:
            yield dict(each.steps)
