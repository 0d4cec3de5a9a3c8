"""The first page: how many runs there are of each status, what runs now, who works, how fast the drops are."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from dispatcher.runs.record import OPEN
from dispatcher.runs.search import Query
from dispatcher.tour.acts import mark_dead
from dispatcher.web import chart, views
from dispatcher.web.desk import AtDesk

router = APIRouter()

RUNNING_SHOWN = 30
RECENT_SHOWN = 8
CHART_S = 7 * 86_400

_OPEN = Query(statuses=tuple(sorted(OPEN)))


@router.get("/")
def overview(desk: AtDesk) -> HTMLResponse:
    """Show what happens now."""
    now, search = desk.clock(), desk.store.search
    mark_dead(desk.store, desk.settings)
    order = {"running": 0, "verifying": 1, "queued": 2, "pending": 3}
    drawn = chart.latency(search.delays(since=now - CHART_S), since=now - CHART_S, now=now)
    running = sorted(search.find(_OPEN, limit=RUNNING_SHOWN), key=lambda run: order[run.status])
    return views.page(
        "overview.html",
        now=now,
        here="/",
        counts=search.count(Query()),
        running=running,
        tours=desk.store.tours.find(_OPEN, limit=RUNNING_SHOWN),
        recent=search.find(Query(), limit=RECENT_SHOWN),
        sight=desk.sights.latest(),
        chart=drawn,
        drops=desk.drops.named([line.drop_id for line in drawn.lines] if drawn else []),
    )
