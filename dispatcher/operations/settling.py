"""Follow-ups of a run that has ended: deliveries, logs, webhooks, and the next step of a chain."""

from __future__ import annotations

import logging
from pathlib import Path

from dispatcher.connection import Connection
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Why
from dispatcher.operations import targets
from dispatcher.operations.chain import submit_next
from dispatcher.runs.as_dict import run_notice
from dispatcher.runs.record import Artifact, Delivery, Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady, GpudropError, StorageFull, UsageError
from usertext.redaction import without_secrets

NOTIFY_TRIES = 3
NOTIFY_S = 10.0

log = logging.getLogger(__name__)


WEBHOOK = "TOLD"
"""The code of the lines of a run's history about webhooks."""


def settle(connection: Connection, run: Run) -> str:
    """Do the follow-ups of a run that has ended; return what must be retried, with a hint, or "" when all are done.

    A follow-up that fails is recorded with the run and does not stop the others. One that is done is recorded too, and
    not repeated, except after a kill between the two: then the same bytes are copied again, the same run is found, and
    the webhook is called twice. Only the holder of the run's lease may call this.
    """
    client, store = connection.client, connection.client.store
    if run.settled_at is not None:
        return ""
    failed = []
    if run.status == "completed":
        failed += _deliver(store, run, at=client.host.wall())
        _continue_chains(connection, run)
    failed += _fetch_logs(client, run)
    for address, told_at in store.trace.notices(run.id):
        if told_at is None:
            _notify(store, run, address, at=client.host.wall())
            store.trace.noticed(run.id, address, at=client.host.wall())
    if failed:
        text = f"{'; '.join(failed)}. gpudrop retries while `gpudrop watch` or the dashboard runs"
        hold_up(store, run, text, at=client.host.wall())
        return text
    store.trace.settled(run.id, at=client.host.wall())
    if run.group_id:
        _end_group(store, run.group_id, at=client.host.wall())
    return ""


def _fetch_logs(client: Client, run: Run) -> list[str]:
    try:
        if client.fetch_logs(run.id):
            return []
    except OSError as error:
        return [
            f"the logs of its workers cannot be written to {client.results}: {error.strerror}. Free some space there"
        ]
    return ["the logs of its workers could not be fetched: the drop does not answer"]


def hold_up(store: RunStore, run: Run, text: str, *, at: float) -> None:
    """Add to a run's history, once, what keeps it from continuing, with a hint."""
    lines = [line for line in store.trace.changes(run.id) if line.why and line.why != WEBHOOK]
    if lines and (lines[-1].why, lines[-1].text) == (Why.HELD_UP, text):
        return
    if not store.progress(run.id, at=at, why=Why.HELD_UP, text=text):
        store.trace.note(run.id, text, at=at, why=Why.HELD_UP)


def held_up(store: RunStore, run: Run) -> str:
    """Return what keeps the follow-ups of an ended run from being done, with a hint; "" where nothing is known."""
    if run.is_open or run.settled_at is not None:
        return ""
    lines = [line.text for line in store.trace.changes(run.id) if (line.why, line.status) == (Why.HELD_UP, run.status)]
    return lines[-1] if lines else ""


def _deliver(store: RunStore, run: Run, *, at: float) -> list[str]:
    """Copy outputs to their targets; return what must be retried. What can never succeed is recorded as failed."""
    files = {file.name: file for file in store.trace.files(run.id) if file.role == "output"}
    failed = []
    for delivery in store.trace.deliveries(run.id):
        if delivery.placed_at is None and delivery.error_text is None:
            try:
                _copy(files, delivery, run)
            except (EnvironmentNotReady, StorageFull) as error:
                failed.append(str(error))
            except GpudropError as error:
                store.trace.delivered(run.id, delivery.target, at=at, error=str(error))
                store.trace.note(run.id, f"{delivery.target} was not written: {error}", at=at)
            else:
                store.trace.delivered(run.id, delivery.target, at=at)
                store.trace.note(run.id, f"{delivery.name} was copied to {delivery.target}", at=at)
    return failed


def _copy(files: dict[str, Artifact], delivery: Delivery, run: Run) -> None:
    if delivery.name not in files:
        raise UsageError(f"run {run.id} has no output {delivery.name}")
    targets.place(Path(files[delivery.name].path), Path(delivery.target), overwrite=delivery.overwrite)


def _continue_chains(connection: Connection, run: Run) -> None:
    store, at = connection.client.store, connection.client.host.wall()
    for continuation in store.trace.continuations(run.id):
        if continuation.child_id is not None or continuation.error_text is not None:
            continue
        try:
            children = submit_next(connection, run, continuation)
        except GpudropError as error:
            store.trace.continued(continuation.seq, at=at, error=str(error))
            store.trace.note(run.id, f"the next step could not be submitted: {error}", at=at)
        else:
            store.trace.continued(continuation.seq, at=at, child=children[0])
            store.trace.note(run.id, f"the next step is run {', '.join(children)}", at=at)


def _notify(store: RunStore, run: Run, address: str, *, at: float) -> None:
    """Call a webhook; a failure is only recorded."""
    import httpx  # slow to import, and rarely needed

    for tries_left in reversed(range(NOTIFY_TRIES)):
        try:
            answer = httpx.post(address, json=run_notice(store, run), timeout=NOTIFY_S)
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if not tries_left:
                store.trace.note(run.id, f"the webhook {without_secrets(address)} failed: {error}", at=at, why=WEBHOOK)
        else:
            store.trace.note(run.id, f"the webhook {without_secrets(address)} was called", at=at, why=WEBHOOK)
            return


def _end_group(store: RunStore, group_id: str, *, at: float) -> None:
    """End a batch with the last of its runs. A tour is ended by its own process."""
    group = store.search.group(group_id)
    if group.sort != "batch" or group.ended_at is not None:
        return
    runs = store.search.members(group_id)
    if all(run.settled_at is not None for run in runs):
        is_good = all(run.status == "completed" for run in runs)
        store.search.end_group(group_id, "completed" if is_good else "failed", at=at)
