"""What a command of a kind does: have the work done, put the results in place, follow what is made of them."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dispatcher.cli import detached
from dispatcher.cli.asked import Asked
from dispatcher.cli.display import Display
from dispatcher.cli.done import Done, Teller, reasons_of
from dispatcher.cli.looking import plans_of
from dispatcher.cli.stages import Stages, shown
from dispatcher.connection import Connection, connect
from dispatcher.jobs.client import Client, new_id
from dispatcher.jobs.job import Progress
from dispatcher.operations import targets
from dispatcher.operations.batch import OF_ONE_FILE, OperationResult, is_cached, run
from dispatcher.operations.chain import BatchOptions, ChainStep, delivered_for, group_of, steps_of, with_followups
from dispatcher.operations.plan import Plan
from dispatcher.operations.settling import settle
from dispatcher.runs.record import Continuation, Delivery, Group, Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady, NotFoundError, UsageError
from protocol.transports.host import SYSTEM


def do(asked: Asked, display: Display) -> Done:
    """Do what was asked. One file that fails keeps no other from being done; `failed` tells of it."""
    teller = Teller(display=display)
    asked.check()
    steps = steps_of(asked.then)
    plans = plans_of(asked, teller)
    if asked.dry_run:
        for each in plans:
            teller.planned(each, each.targets)
    elif plans:
        _work(asked, plans, steps, teller)
    return teller.done


def _work(asked: Asked, plans: Sequence[Plan], steps: Sequence[ChainStep], teller: Teller) -> None:
    places = {path for each in plans for path in each.targets.values()}
    for folder in sorted({path.parent for path in places}):
        targets.check_folder(folder)
    kinds = ",".join(dict.fromkeys([asked.kind.name, *(step.kind for step in steps)]))

    def idle(client: Client) -> bool:
        return asked.detach or (not steps and all(is_cached(client, each) for each in plans))

    with (
        connect(asked.backend, asked.drop, kinds=kinds, idle=idle) as connection,
        _errands(connection.client.store, asked, plans, steps, teller.done) as errands,
    ):
        if asked.detach:
            _submit(connection, errands, teller)
        else:
            _wait(connection, asked, errands, teller)
    if asked.detach and teller.done.runs:
        detached.leave_monitor(teller.display)


@contextlib.contextmanager
def _errands(
    store: RunStore, asked: Asked, plans: Sequence[Plan], steps: Sequence[ChainStep], done: Done
) -> Iterator[list[Plan]]:
    """Give the plans' jobs what is to become of their outputs, for whoever finishes them.

    Several are a batch. One that got no run of its own ends with the block: nobody else would end it.
    """
    if len(plans) == 1 and not steps:
        yield _with_wishes(asked, plans, steps, group=None)
        return
    title = " → ".join([asked.kind.name, *(step.kind for step in steps)])
    group = Group(id=new_id(SYSTEM), sort="batch", title=f"{title}, {len(plans)} file(s)", created_at=time.time())
    store.search.begin_group(group)
    status = "failed"
    try:
        yield _with_wishes(asked, plans, steps, group=group.id)
        status = "failed" if done.failed else "completed"
    finally:
        if not store.search.members(group.id):
            store.search.end_group(group.id, status, at=time.time())


def _with_wishes(asked: Asked, plans: Sequence[Plan], steps: Sequence[ChainStep], *, group: str | None) -> list[Plan]:
    wishes = BatchOptions(
        overwrite=asked.overwrite,
        tags=asked.tag,
        group=group,
        notify=asked.notify,
        deadline_s=asked.timeout,
        anew=asked.anew,
        config={"command": asked.command},
    )
    return [replace(each, job=with_followups(each, wishes, steps)) for each in plans]


def _submit(connection: Connection, plans: Sequence[Plan], teller: Teller) -> None:
    """Submit the jobs and wait for none."""
    teller.done.runs, failed = detached.submit(connection, plans)
    for path, error in failed.items():
        teller.failed(path, error)


def _wait(connection: Connection, asked: Asked, plans: Sequence[Plan], teller: Teller) -> None:
    """Have the jobs done one after the other, put each result in its place, and follow what is made of it."""
    worked: list[str] = []
    if not asked.overwrite:
        plans = list(_with_room(connection.client, plans, teller))
    with Stages(teller.display, plans, is_local=asked.is_local) as stages:
        for outcome in run(connection, plans, timeout_s=asked.timeout, on_progress=stages.progress):
            stages.end()
            if isinstance(outcome, OperationResult):
                _put(outcome, asked, teller)
                worked.append(outcome.result.run)
                settle(connection, connection.client.store.get(outcome.result.run))
            else:
                teller.failed(outcome.source, outcome.error)
    if plans and plans[0].job.purpose.steps:
        _follow(connection, worked, asked, plans[0].job.purpose.group, teller)


def _with_room(client: Client, plans: Sequence[Plan], teller: Teller) -> Iterator[Plan]:
    """Yield the plans whose results have a place; a file in the way is told before the work, not after it."""
    for each in plans:
        there = {path: place for path, place in each.targets.items() if place.exists()}
        try:
            if there and ((had := client.kept(each.job)) is None or not _are(there, had.files)):
                targets.check_free(there.values())
        except OF_ONE_FILE as error:
            teller.failed(each.source.path, error)
        else:
            yield each


def _are(there: Mapping[str, Path], files: Mapping[str, Path]) -> bool:
    return all(targets.are_there({place: files[path]}) for path, place in there.items())


def _put(made: OperationResult, asked: Asked, teller: Teller) -> None:
    """Put a result in its place; one that cannot be put there, as another file came meanwhile, fails alone."""
    try:
        paths = made.save(overwrite=asked.overwrite)
    except (UsageError, NotFoundError, EnvironmentNotReady) as error:
        teller.failed(made.source, error)
    else:
        teller.made(made, paths)


def _follow(connection: Connection, worked: Sequence[str], asked: Asked, group: str | None, teller: Teller) -> None:
    """Wait for the further steps of this command's chain, each of which begins where one before it has ended.

    Its group tells its steps from those that an earlier command had for the same run.
    """
    store, waiting = connection.client.store, deque(worked)
    while waiting:
        parent = store.get(waiting.popleft())
        for continuation in store.trace.continuations(parent.id):
            if group_of(continuation) != group:
                continue
            if continuation.error_text is not None:
                error = UsageError(f"{parent.title} ({parent.kind}): {continuation.error_text}")
                teller.done.failed[Path(f"run:{parent.id}")] = error
                teller.display.fail(str(error))
            elif continuation.child_id is not None:
                waiting.append(continuation.child_id)
                _finish(connection, store.get(continuation.child_id), continuation, asked, teller)


def _finish(connection: Connection, child: Run, continuation: Continuation, asked: Asked, teller: Teller) -> None:
    """Wait for one further step and tell what came of it."""
    store = connection.client.store
    called = _called(store, continuation, child)
    name = f"{child.kind} {called}"
    handle = connection.client.resume(child)
    with teller.display.stage(name) as stage:

        def told(progress: Progress) -> None:
            stage.job(shown(progress, is_local=asked.is_local))
            connection.keep()

        try:
            result = handle.wait(asked.timeout, on_progress=told)
        except OF_ONE_FILE as error:
            teller.done.failed[Path(f"run:{child.id}")] = error
            teller.tell_failure(Path(name), error)
        else:
            if child.group_id == group_of(continuation):  # else an earlier command had it made
                teller.passed_over(reasons_of(result))
    left = settle(connection, store.get(child.id))
    teller.done.runs.append(store.get(child.id))
    deliveries = [each for each in store.trace.deliveries(child.id) if delivered_for(continuation, each)]
    _tell_places(deliveries, called, child.kind, left, teller)


def _called(store: RunStore, continuation: Continuation, child: Run) -> str:
    """Return what this command calls the file that a further step works on."""
    named = (delivered_for(continuation, each) for each in store.trace.deliveries(child.id))
    return next((path.name for path in named if path is not None), child.title)


def _tell_places(deliveries: Sequence[Delivery], called: str, kind: str, left: str, teller: Teller) -> None:
    """Tell where the outputs of a further step are, or why one is not there; `left` is what has to be tried again."""
    for delivery in deliveries:
        if delivery.placed_at is not None:
            teller.done.placed.append(Path(delivery.target))
            teller.display.say(f"{called} → {Path(delivery.target).name} by {kind}")
        elif delivery.error_text:
            teller.done.failed[Path(delivery.target)] = UsageError(delivery.error_text)
            teller.display.fail(delivery.error_text)
        elif left:
            teller.done.failed[Path(delivery.target)] = EnvironmentNotReady(left)
            teller.display.fail(left)
