"""The first page: how many runs there are of each status, what runs now, who works, how fast the drops are."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from dispatcher.runs import with_tours
from dispatcher.runs.record import OPEN
from dispatcher.runs.search import Query
from dispatcher.tour.control import mark_dead
from dispatcher.web import chart, views
from dispatcher.web.state import CurrentState

router = APIRouter()

RUNNING_SHOWN = 30
RECENT_SHOWN = 8
CHART_S = 7 * 86_400


@router.get("/")
def overview(state: CurrentState) -> HTMLResponse:
    """Show what happens now."""
    now, search = state.clock(), state.store.search
    mark_dead(state.store, state.settings)
    order = {"running": 0, "verifying": 1, "queued": 2, "pending": 3}
    delays = search.delays(since=now - CHART_S)
    names = state.drops.named({drop for _, drop, _ in delays})
    measured = [(at, names.get(drop, drop), seconds) for at, drop, seconds in delays]
    drawn = chart.latency(measured, since=now - CHART_S, now=now)
    running = sorted(search.find(with_tours.OPEN_ONES, limit=RUNNING_SHOWN), key=lambda run: order[run.status])
    return views.page(
        "overview.html",
        now=now,
        here="/",
        counts=with_tours.recent_counts(state.store, now),
        open_statuses=OPEN,
        running=running,
        tours=state.store.tours.find(with_tours.OPEN_ONES, limit=RUNNING_SHOWN),
        recent=with_tours.find(state.store, Query(), limit=RECENT_SHOWN),
        sight=state.sights.latest(),
        chart=drawn,
    )
