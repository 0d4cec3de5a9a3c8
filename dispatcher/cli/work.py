"""What a command of a kind does: submit the jobs, wait, place the results, and follow the next steps of a chain."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dispatcher.cli.display import Display, Stages, without_hint
from dispatcher.cli.outcome import Outcome, Reporter, reasons_of
from dispatcher.cli.plans import KindRequest, plans_of
from dispatcher.config import Settings
from dispatcher.connection import Connection, connect
from dispatcher.jobs.client import Client, new_id
from dispatcher.jobs.job import Progress
from dispatcher.monitor.background import leave_behind
from dispatcher.operations import targets
from dispatcher.operations.batch import OF_ONE_FILE, OperationResult, is_cached, run
from dispatcher.operations.chain import BatchOptions, ChainStep, delivered_for, group_of, steps_of, with_followups
from dispatcher.operations.plan import Plan
from dispatcher.operations.settling import settle
from dispatcher.runs.record import Continuation, Delivery, Group, Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady, NotFoundError, UsageError
from protocol.transports.host import SYSTEM


def do(request: KindRequest, display: Display) -> Outcome:
    """Do the work on every file. A file that fails does not stop the others; `failed` of the outcome names it."""
    reporter = Reporter(display=display)
    request.check()
    steps = steps_of(request.then)
    plans = plans_of(request, reporter)
    if request.dry_run:
        for each in plans:
            reporter.planned(each, each.targets)
    elif plans:
        _work(request, plans, steps, reporter)
    return reporter.outcome


def _work(request: KindRequest, plans: Sequence[Plan], steps: Sequence[ChainStep], reporter: Reporter) -> None:
    places = {path for each in plans for path in each.targets.values()}
    for folder in sorted({path.parent for path in places}):
        targets.check_folder(folder)
    kinds = ",".join(dict.fromkeys([request.kind.name, *(step.kind for step in steps)]))

    def idle(client: Client) -> bool:
        return request.detach or (not steps and all(is_cached(client, each) for each in plans))

    with (
        connect(request.backend, request.drop, kinds=kinds, idle=idle) as connection,
        _followed_up(connection.client.store, request, plans, steps, reporter.outcome) as ready,
    ):
        if request.detach:
            _submit(connection, ready, reporter)
        else:
            _wait(connection, request, ready, reporter)
    if request.detach and reporter.outcome.runs:
        pid = leave_behind(Settings())
        reporter.display.say(f"process {pid} fetches the results in the background; gpudrop status shows the progress")


@contextlib.contextmanager
def _followed_up(
    store: RunStore, request: KindRequest, plans: Sequence[Plan], steps: Sequence[ChainStep], outcome: Outcome
) -> Iterator[list[Plan]]:
    """Yield the plans with jobs that know what happens to their outputs, so that any process can finish them.

    Several plans or steps are a batch. A batch that got no run is ended with the block: nothing else would end it.
    """
    if len(plans) == 1 and not steps:
        yield _with_followups(request, plans, steps, group=None)
        return
    title = " → ".join([request.kind.name, *(step.kind for step in steps)])
    group = Group(id=new_id(SYSTEM), sort="batch", title=f"{title}, {len(plans)} file(s)", created_at=time.time())
    store.search.begin_group(group)
    status = "failed"
    try:
        yield _with_followups(request, plans, steps, group=group.id)
        status = "failed" if outcome.failed else "completed"
    finally:
        if not store.search.members(group.id):
            store.search.end_group(group.id, status, at=time.time())


def _with_followups(
    request: KindRequest, plans: Sequence[Plan], steps: Sequence[ChainStep], *, group: str | None
) -> list[Plan]:
    wishes = BatchOptions(
        overwrite=request.overwrite,
        tags=request.tag,
        group=group,
        notify=request.notify,
        deadline_s=request.timeout,
        anew=request.is_forced,
        config={"command": request.command},
    )
    return [replace(each, job=with_followups(each, wishes, steps)) for each in plans]


def _submit(connection: Connection, plans: Sequence[Plan], reporter: Reporter) -> None:
    """Submit the jobs without waiting for them."""
    for each in plans:
        try:
            handle = connection.client.submit(each.job)
        except OF_ONE_FILE as error:
            reporter.failed(each.source.path, error)
        else:
            handle.leave()
            reporter.outcome.runs.append(connection.client.store.get(handle.run))


def _wait(connection: Connection, request: KindRequest, plans: Sequence[Plan], reporter: Reporter) -> None:
    """Wait for the jobs one after the other, place each result, and follow the next steps of the chain."""
    finished: list[str] = []
    if not request.overwrite:
        plans = list(_placeable(connection.client, plans, reporter))
    with Stages(reporter.display, [each.source.path for each in plans], is_local=request.is_local) as stages:
        for outcome in run(connection, plans, timeout_s=request.timeout, on_progress=stages.progress):
            stages.end()
            if isinstance(outcome, OperationResult):
                _place(outcome, request, reporter)
                finished.append(outcome.result.run)
                settle(connection, connection.client.store.get(outcome.result.run))
            else:
                reporter.failed(outcome.source, outcome.error)
    if plans and plans[0].job.purpose.steps:
        _follow(connection, finished, request, plans[0].job.purpose.group, reporter)


def _placeable(client: Client, plans: Sequence[Plan], reporter: Reporter) -> Iterator[Plan]:
    """Yield the plans whose results can be placed; an existing file is reported before the work, not after it."""
    for each in plans:
        there = {path: place for path, place in each.targets.items() if place.exists()}
        try:
            if there and ((cached := client.cached(each.job)) is None or not _are(there, cached.files)):
                targets.check_free(there.values())
        except OF_ONE_FILE as error:
            reporter.failed(each.source.path, error)
        else:
            yield each


def _are(there: Mapping[str, Path], files: Mapping[str, Path]) -> bool:
    return all(targets.are_there({place: files[path]}) for path, place in there.items())


def _place(made: OperationResult, request: KindRequest, reporter: Reporter) -> None:
    """Place a result; if another file has appeared there meanwhile, only this one fails."""
    try:
        paths = made.save(overwrite=request.overwrite)
    except (UsageError, NotFoundError, EnvironmentNotReady) as error:
        reporter.failed(made.source, error)
    else:
        reporter.made(made, paths)


def _follow(
    connection: Connection, finished: Sequence[str], request: KindRequest, group: str | None, reporter: Reporter
) -> None:
    """Wait for the next steps of this command's chain; each starts when the one before it has ended.

    Steps that an earlier command added to the same run belong to another group and are ignored.
    """
    store, waiting = connection.client.store, deque(finished)
    while waiting:
        parent = store.get(waiting.popleft())
        for continuation in store.trace.continuations(parent.id):
            if group_of(continuation) != group:
                continue
            if continuation.error_text is not None:
                error = UsageError(f"{parent.title} ({parent.kind}): {continuation.error_text}")
                reporter.outcome.failed[Path(f"run:{parent.id}")] = error
                reporter.display.fail(str(error))
            elif continuation.child_id is not None:
                waiting.append(continuation.child_id)
                _finish(connection, store.get(continuation.child_id), continuation, request, reporter)


def _finish(
    connection: Connection, child: Run, continuation: Continuation, request: KindRequest, reporter: Reporter
) -> None:
    """Wait for one step of the chain and report its outcome."""
    store = connection.client.store
    file = _name_of_input(store, continuation, child)
    name = f"{child.kind} {file}"
    handle = connection.client.resume(child)
    with reporter.display.stage(name) as stage:

        def show(progress: Progress) -> None:
            stage.job(without_hint(progress, is_local=request.is_local))
            connection.keep()

        try:
            result = handle.wait(request.timeout, on_progress=show)
        except OF_ONE_FILE as error:
            reporter.outcome.failed[Path(f"run:{child.id}")] = error
            reporter.show_failure(Path(name), error)
        else:
            if child.group_id == group_of(continuation):  # otherwise an earlier command asked for it
                reporter.passed_over(reasons_of(result))
    left = settle(connection, store.get(child.id))
    reporter.outcome.runs.append(store.get(child.id))
    deliveries = [each for each in store.trace.deliveries(child.id) if delivered_for(continuation, each)]
    _report_places(deliveries, file, child.kind, left, reporter)


def _name_of_input(store: RunStore, continuation: Continuation, child: Run) -> str:
    """Return the file name that this command uses for the input of a step."""
    named = (delivered_for(continuation, each) for each in store.trace.deliveries(child.id))
    return next((path.name for path in named if path is not None), child.title)


def _report_places(deliveries: Sequence[Delivery], file: str, kind: str, left: str, reporter: Reporter) -> None:
    """Report where the outputs of a step were placed, or why one was not; `left` is what must be tried again."""
    for delivery in deliveries:
        if delivery.placed_at is not None:
            reporter.outcome.placed.append(Path(delivery.target))
            reporter.display.say(f"{file} → {Path(delivery.target).name} by {kind}")
        elif delivery.error_text:
            reporter.outcome.failed[Path(delivery.target)] = UsageError(delivery.error_text)
            reporter.display.fail(delivery.error_text)
        elif left:
            reporter.outcome.failed[Path(delivery.target)] = EnvironmentNotReady(left)
            reporter.display.fail(left)
