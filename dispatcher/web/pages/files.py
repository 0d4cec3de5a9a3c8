"""The files of runs, by the run's id and the file's name."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse

from dispatcher.web import served
from dispatcher.web.state import CurrentState

router = APIRouter()


@router.api_route("/runs/{run_id}/files/{role}/{name:path}", methods=["GET", "HEAD"])
def file(
    run_id: str, role: Literal["input", "output", "log"], name: str, state: CurrentState, save: bool = False
) -> FileResponse:
    """Return a file, or the part of it that a player asks for."""
    state.store.get(run_id)
    files = state.store.trace.files(run_id)
    found = served.pick(files, role, name)
    return served.response(found, served.title_of(found, files), save=save)
