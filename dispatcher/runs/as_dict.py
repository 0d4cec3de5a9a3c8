"""Runs as plain data: the one place that decides which JSON commands and webhooks give of a run.

Times are Unix seconds, durations seconds; error texts are without secrets.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from dispatcher.runs.record import Artifact, AttemptRecord, Run, short
from dispatcher.runs.store import RunStore
from usertext.redaction import without_secrets


def run_reference(run: Run) -> dict[str, Any]:
    """Return what names a run and says how it stands."""
    return {"id": run.id, "kind": run.kind, "title": run.title, "status": run.status}


def run_as_dict(run: Run, tags: Sequence[str] = ()) -> dict[str, Any]:
    """Return a run as an element of a list."""
    engine = run.engine or {}
    return {
        "id": run.id,
        "short": short(run.id),
        "kind": run.kind,
        "status": run.status,
        "title": run.title,
        "created_at": run.created_at,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "wait_s": run.wait_s,
        "run_s": run.run_s,
        "progress": run.progress,
        "note": run.progress_note,
        "why": run.why if run.is_open else None,
        "worker": run.worker,
        "engine": engine.get("name"),
        "tier": engine.get("tier"),
        "device": engine.get("device"),
        "parent": run.parent_id,
        "group": run.group_id,
        "repeats": run.repeats,
        "tags": list(tags),
        "drop": run.drop,
        "job": run.job,
        "user": run.user,
        "machine": run.machine,
        "error": _error(run),
    }


def runs_as_dicts(store: RunStore, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return runs as the elements of a list, with their tags, in the same order."""
    tags = store.trace.tags([run.id for run in runs])
    return [run_as_dict(run, tags[run.id]) for run in runs]


def run_details(store: RunStore, run: Run) -> dict[str, Any]:
    """Return everything that the database holds of a run."""
    trace = store.trace
    files = trace.files(run.id)
    return {
        **run_as_dict(run, trace.tags([run.id])[run.id]),
        "digest": run.digest,
        "drop_id": run.drop_id,
        "updated_at": run.updated_at,
        "settled_at": run.settled_at,
        "deadline_at": run.deadline_at,
        "monitor": run.monitor,
        "execution_config": _json(run.execution_config),
        "outputs_told": _json(run.outputs) if run.outputs is not None else None,
        "engine_record": run.engine,
        "verified": run.verified,
        "results": run.results_dir,
        "progress_done": run.progress_done,
        "progress_total": run.progress_total,
        "attempts": [attempt_as_dict(it) for it in trace.attempts(run.id)],
        "inputs": [_file(it) for it in files if it.role == "input"],
        "outputs": [_file(it) for it in files if it.role == "output"],
        "logs": [_file(it) for it in files if it.role == "log"],
        "deliveries": [dataclasses.asdict(it) for it in trace.deliveries(run.id)],
        "continuations": [_json(dataclasses.asdict(it)) for it in trace.continuations(run.id)],
        "children": [it.id for it in store.search.children([run.id])],
        "history": [dataclasses.asdict(it) for it in trace.changes(run.id)],
    }


def run_notice(store: RunStore, run: Run) -> dict[str, Any]:
    """Return the body that a webhook is sent when a run has ended; no text in it holds a secret."""
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


def attempt_as_dict(attempt: AttemptRecord) -> dict[str, Any]:
    """Return an attempt. Its log is a path, "" where none was written, None before that is known."""
    return dataclasses.asdict(attempt)


def _error(run: Run) -> dict[str, Any] | None:
    if run.error_code is None and run.error_text is None:
        return None
    return {"code": run.error_code, "text": without_secrets(run.error_text or "")}


def _file(file: Artifact) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(file).items() if name != "role"}


def _json(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a mapping that can be written as JSON."""
    copied: dict[str, Any] = json.loads(json.dumps(value, default=str))
    return copied
