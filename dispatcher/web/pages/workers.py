"""Who works for us: every worker of every drop, as it was last seen."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from dispatcher.web import views
from dispatcher.web.desk import AtDesk

router = APIRouter()


@router.get("/workers")
def workers(desk: AtDesk) -> HTMLResponse:
    """Show the workers."""
    return views.page("workers.html", now=desk.clock(), here="/workers", sight=desk.sights.latest())
