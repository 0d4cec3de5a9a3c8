"""Who works for us: every worker of every drop, as it was last seen."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from dispatcher.web import views
from dispatcher.web.state import CurrentState

router = APIRouter()


@router.get("/workers")
def workers(state: CurrentState) -> HTMLResponse:
    """Show the workers."""
    return views.page("workers.html", now=state.clock(), here="/workers", sight=state.sights.latest())
