"""Runs and what belongs to them as plain data: the one shape of all JSON that the run commands print."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from dispatcher.runs.record import Artifact, AttemptRecord, Run, short
from dispatcher.runs.store import RunStore
from usertext.redaction import without_secrets


def print_json(told: Any) -> None:
    """Write plain data to stdout."""
    sys.stdout.write(json.dumps(told, ensure_ascii=False, indent=1) + "\n")


def run_told(run: Run, tags: Sequence[str] = ()) -> dict[str, Any]:
    """Return what one line of a list tells of a run, and a little more. Times are Unix seconds, lengths seconds."""
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
        "repeats": _repeated(run),
        "tags": list(tags),
        "drop": run.drop,
        "job": run.job,
        "user": run.user,
        "machine": run.machine,
        "error": _error(run),
    }


def _repeated(run: Run) -> str | None:
    again = run.execution_config.get("again")
    return str(again["of"]) if isinstance(again, dict) and "of" in again else None


def _error(run: Run) -> dict[str, Any] | None:
    if run.error_code is None and run.error_text is None:
        return None
    return {"code": run.error_code, "text": without_secrets(run.error_text or "")}


def runs_told(store: RunStore, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return what a list tells of runs, in its order."""
    tags = store.trace.tags([run.id for run in runs])
    return [run_told(run, tags[run.id]) for run in runs]


def whole_run(store: RunStore, run: Run) -> dict[str, Any]:
    """Return everything that is remembered of a run."""
    trace = store.trace
    files = trace.files(run.id)
    return {
        **run_told(run, trace.tags([run.id])[run.id]),
        "digest": run.digest,
        "drop_id": run.drop_id,
        "updated_at": run.updated_at,
        "settled_at": run.settled_at,
        "deadline_at": run.deadline_at,
        "monitor": run.monitor,
        "execution_config": _plain(run.execution_config),
        "outputs_told": _plain(run.outputs) if run.outputs is not None else None,
        "engine_record": run.engine,
        "verified": run.verified,
        "results": run.results_dir,
        "progress_done": run.progress_done,
        "progress_total": run.progress_total,
        "attempts": [attempt_told(it) for it in trace.attempts(run.id)],
        "inputs": [_file(it) for it in files if it.role == "input"],
        "outputs": [_file(it) for it in files if it.role == "output"],
        "logs": [_file(it) for it in files if it.role == "log"],
        "deliveries": [dataclasses.asdict(it) for it in trace.deliveries(run.id)],
        "continuations": [_plain(dataclasses.asdict(it)) for it in trace.continuations(run.id)],
        "children": [it.id for it in store.search.children([run.id])],
        "history": [dataclasses.asdict(it) for it in trace.changes(run.id)],
    }


def attempt_told(attempt: AttemptRecord) -> dict[str, Any]:
    """Return an attempt; its log is a path, "" where none was written, null before that is known."""
    return dataclasses.asdict(attempt)


def _file(file: Artifact) -> dict[str, Any]:
    return {name: value for name, value in dataclasses.asdict(file).items() if name != "role"}


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a JSON value as its own copy."""
    copied: dict[str, Any] = json.loads(json.dumps(value, default=str))
    return copied
