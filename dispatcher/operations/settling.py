"""What follows from the end of a run: logs home, outputs at their places, the next step begun, its user told."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from dispatcher.connection import Connection
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Why
from dispatcher.operations import targets
from dispatcher.operations.chain import go_on
from dispatcher.runs.record import Artifact, Delivery, Run
from dispatcher.runs.store import RunStore
from protocol.errors import EnvironmentNotReady, GpudropError, StorageFull, UsageError
from usertext.redaction import without_secrets

NOTIFY_TRIES = 3
NOTIFY_S = 10.0

log = logging.getLogger(__name__)


TOLD = "TOLD"
"""What a line of a run's history bears that says what came of telling its web address."""


def settle(connection: Connection, run: Run) -> str:
    """Do all that follows from the end of a run; return what has to be tried again and what helps, "" when all is done.

    What cannot be done now, or ever (a place that is taken, a step that cannot go on), keeps nothing else from being
    done, and is remembered with the run. Each thing is noted when it is done and is not done again; what a kill came
    between the deed and its note, is: the same bytes at the same place, the same run, the web address told twice. Call
    it as the one that attends to the run.
    """
    client, store = connection.client, connection.client.store
    if run.settled_at is not None:
        return ""
    left = []
    if run.status == "completed":
        left += _deliver(store, run, at=client.host.wall())
        _go_on(connection, run)
    left += _bring_logs(client, run)
    for address, told_at in store.trace.notices(run.id):
        if told_at is None:
            _notify(store, run, address, at=client.host.wall())
            store.trace.noticed(run.id, address, at=client.host.wall())
    if left:
        text = f"{'; '.join(left)}. gpudrop retries while `gpudrop watch` or the dashboard runs"
        hold_up(store, run, text, at=client.host.wall())
        return text
    store.trace.settled(run.id, at=client.host.wall())
    if run.group_id:
        _end_group(store, run.group_id, at=client.host.wall())
    return ""


def _bring_logs(client: Client, run: Run) -> list[str]:
    try:
        if client.fetch_logs(run.id):
            return []
    except OSError as error:
        return [f"the logs of its workers cannot be written to {client.results}: {error.strerror}. Make room there"]
    return ["the logs of its workers are not here yet: they come when the drop answers"]


def hold_up(store: RunStore, run: Run, text: str, *, at: float) -> None:
    """Write down, once, what keeps a run from going on here, with what helps: where people look for it."""
    lines = [line for line in store.trace.changes(run.id) if line.why and line.why != TOLD]
    if lines and (lines[-1].why, lines[-1].text) == (Why.HELD_UP, text):
        return
    if not store.progress(run.id, at=at, why=Why.HELD_UP, text=text):
        store.trace.note(run.id, text, at=at, why=Why.HELD_UP)


def held_up(store: RunStore, run: Run) -> str:
    """Return what an ended run still has to be settled for, and what helps; "" where nothing is known to be wrong."""
    if run.is_open or run.settled_at is not None:
        return ""
    lines = [line.text for line in store.trace.changes(run.id) if (line.why, line.status) == (Why.HELD_UP, run.status)]
    return lines[-1] if lines else ""


def _deliver(store: RunStore, run: Run, *, at: float) -> list[str]:
    """Put outputs in their places; return what has to be tried again. What can never be placed is remembered so."""
    files = {file.name: file for file in store.trace.files(run.id) if file.role == "output"}
    left = []
    for delivery in store.trace.deliveries(run.id):
        if delivery.placed_at is None and delivery.error_text is None:
            try:
                _place(files, delivery, run)
            except (EnvironmentNotReady, StorageFull) as error:
                left.append(str(error))
            except GpudropError as error:
                store.trace.delivered(run.id, delivery.target, at=at, error=str(error))
                store.trace.note(run.id, f"{delivery.target} was not written: {error}", at=at)
            else:
                store.trace.delivered(run.id, delivery.target, at=at)
                store.trace.note(run.id, f"{delivery.name} is at {delivery.target}", at=at)
    return left


def _place(files: dict[str, Artifact], delivery: Delivery, run: Run) -> None:
    if delivery.name not in files:
        raise UsageError(f"run {run.id} has no output {delivery.name}")
    targets.place(Path(files[delivery.name].path), Path(delivery.target), overwrite=delivery.overwrite)


def _go_on(connection: Connection, run: Run) -> None:
    store, at = connection.client.store, connection.client.host.wall()
    for continuation in store.trace.continuations(run.id):
        if continuation.child_id is not None or continuation.error_text is not None:
            continue
        try:
            children = go_on(connection, run, continuation)
        except GpudropError as error:
            store.trace.continued(continuation.seq, at=at, error=str(error))
            store.trace.note(run.id, f"the next step cannot begin: {error}", at=at)
        else:
            store.trace.continued(continuation.seq, at=at, child=children[0])
            store.trace.note(run.id, f"it goes on as run {', '.join(children)}", at=at)


def _notify(store: RunStore, run: Run, address: str, *, at: float) -> None:
    """Tell a web address; one that does not listen is noted, and keeps nobody waiting."""
    import httpx  # heavy, and seldom needed

    for tries_left in reversed(range(NOTIFY_TRIES)):
        try:
            answer = httpx.post(address, json=told(store, run), timeout=NOTIFY_S)
            answer.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if not tries_left:
                store.trace.note(run.id, f"{without_secrets(address)} could not be told: {error}", at=at, why=TOLD)
        else:
            store.trace.note(run.id, f"{without_secrets(address)} was told", at=at, why=TOLD)
            return


def told(store: RunStore, run: Run) -> dict[str, Any]:
    """Return what a webhook is told of a run that has ended."""
    body = {
        "run": run.id,
        "kind": run.kind,
        "title": run.title,
        "status": run.status,
        "error": {"code": run.error_code, "text": run.error_text} if run.error_text else None,
        "engine": run.engine,
        "created_at": run.created_at,
        "ended_at": run.ended_at,
        "files": [each.target for each in store.trace.deliveries(run.id) if each.placed_at is not None],
    }
    return dict(json.loads(without_secrets(json.dumps(body))))


def _end_group(store: RunStore, group_id: str, *, at: float) -> None:
    """End a batch with the last of its runs; a tour says itself when it has ended."""
    group = store.search.group(group_id)
    if group.sort != "batch" or group.ended_at is not None:
        return
    runs = store.search.members(group_id)
    if all(run.settled_at is not None for run in runs):
        good = all(run.status == "completed" for run in runs)
        store.search.end_group(group_id, "completed" if good else "failed", at=at)
