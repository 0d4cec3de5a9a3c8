"""The page of one run, and what can be done to it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from dispatcher.runs.record import Artifact, AttemptRecord, Run
from dispatcher.runs.tags import check_tags
from dispatcher.web import logs, served, texts, transcript, views
from dispatcher.web.served import Shown
from dispatcher.web.state import AppState, CurrentState
from protocol.errors import NotFoundError, UsageError
from protocol.kinds import KINDS

router = APIRouter()

MOST_FORM_BYTES = 10_000


@router.get("/runs/{run_id}")
def run(run_id: str, state: CurrentState) -> HTMLResponse:
    """Show a run; a short id will do."""
    found = state.store.search.resolve(run_id)
    now, trace = state.clock(), state.store.trace
    files = trace.files(found.id)
    shown = [served.look(found.id, file, files) for file in files if file.role != "log"]
    inputs, outputs = ([it for it in shown if it.file.role == role] for role in ("input", "output"))
    pair = _pair(found, inputs, outputs)
    return views.page(
        "run.html",
        now=now,
        here="/runs",
        run=found,
        inputs=inputs,
        outputs=outputs,
        pair=pair,
        source=_playable(inputs),
        texts=texts.of(found.kind, inputs, outputs) if found.kind != "transcribe" else [],
        transcript=transcript.of([it.file for it in outputs]) if found.kind == "transcribe" else None,
        logs=_logs(files, trace.attempts(found.id)),
        attempts=trace.attempts(found.id),
        changes=trace.changes(found.id),
        deliveries=trace.deliveries(found.id),
        tags=trace.tags([found.id])[found.id],
        config=_spelt(found.execution_config),
        results=_spelt(found.outputs or {}),
        **_relatives(state, found),
    )


@router.get("/runs/{run_id}/log")
def log(run_id: str, state: CurrentState, name: str, offset: int) -> dict[str, Any]:
    """Return what a log has more than `offset` bytes."""
    found = next((it for it in state.store.trace.files(run_id) if (it.role, it.name) == ("log", name)), None)
    if found is None:
        raise NotFoundError(f"run {run_id} has no log {name!r}")
    piece = logs.tail(Path(found.path), max(0, offset))
    return {"text": piece.text, "next": piece.next}


@router.post("/runs/{run_id}/cancel")
def cancel(run_id: str, state: CurrentState) -> RedirectResponse:
    """End a run."""
    settings, now = state.settings, state.clock()
    if not state.acts.cancel(state.store, run_id, reason="cancelled on the dashboard", now=now, settings=settings):
        raise UsageError(f"run {run_id} has ended meanwhile: there is nothing to cancel")
    return _to(run_id)


@router.post("/runs/{run_id}/retry")
def retry(run_id: str, state: CurrentState) -> RedirectResponse:
    """Try again what failed."""
    return _to(state.acts.retry(state.store, run_id, now=state.clock(), settings=state.settings).id)


@router.post("/runs/{run_id}/rerun")
def rerun(run_id: str, state: CurrentState) -> RedirectResponse:
    """Do a run again from its inputs."""
    return _to(state.acts.rerun(state.store, run_id, now=state.clock(), settings=state.settings).id)


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form; the last of a name counts."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_FORM_BYTES:
            raise UsageError("that is too much for a form")
    return {name: values[-1] for name, values in parse_qs(data.decode("utf-8", "replace")).items()}


@router.post("/runs/{run_id}/tags")
def tags(run_id: str, state: CurrentState, form: Annotated[dict[str, str], Depends(_form)]) -> RedirectResponse:
    """Give a run tags, or take one from it."""
    state.store.get(run_id)
    add = form.get("add", "").replace(",", " ").split()
    check_tags(add)
    remove = [form["remove"]] if "remove" in form else []
    state.store.trace.tag(run_id, add=add, remove=remove)
    return _to(run_id)


def _to(run_id: str) -> RedirectResponse:
    return RedirectResponse(f"/runs/{run_id}", status_code=303)


def _pair(run: Run, inputs: Sequence[Shown], outputs: Sequence[Shown]) -> tuple[Shown, Shown] | None:
    """Return what is shown before and after, where both are there and of one sort."""
    if run.kind not in KINDS or not KINDS[run.kind].compared:
        return None
    for after in outputs:
        for before in inputs:
            same = before.sort == after.sort and after.sort in ("film", "picture")
            if same and before.state == after.state == "here":
                return before, after
    return None


def _playable(files: Sequence[Shown]) -> Shown | None:
    return next((it for it in files if it.sort in ("film", "sound") and it.state == "here"), None)


def _logs(files: Sequence[Artifact], attempts: Sequence[AttemptRecord]) -> list[dict[str, Any]]:
    """Return each log with its end, or with why it cannot be shown."""
    of_attempt = {attempt.log: attempt for attempt in attempts if attempt.log}
    made = []
    for file in files:
        if file.role == "log":
            told: dict[str, Any] = {"file": file, "attempt": of_attempt.get(file.path), "tail": None, "error": ""}
            try:
                told["tail"] = logs.tail(Path(file.path))
            except NotFoundError as error:
                told["error"] = str(error)
            made.append(told)
    return made


def _spelt(told: Any) -> str:
    return json.dumps(told, indent=2, ensure_ascii=False, sort_keys=True, default=str) if told else ""


def _relatives(state: AppState, run: Run) -> dict[str, Any]:
    """Return the parent, the children and the group of a run; those that were removed are None."""
    found: dict[str, Any] = {"parent": None, "group": None, "children": state.store.search.children([run.id])}
    with contextlib.suppress(NotFoundError):
        found["parent"] = state.store.get(run.parent_id) if run.parent_id else None
    with contextlib.suppress(NotFoundError):
        found["group"] = state.store.search.group(run.group_id) if run.group_id else None
    return found
