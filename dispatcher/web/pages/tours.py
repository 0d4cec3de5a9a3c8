"""Tours: each with its film, its steps, and how they went."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse

from dispatcher.runs.search import Query
from dispatcher.tour.control import mark_dead
from dispatcher.web import served, tour_report, views
from dispatcher.web.state import CurrentState
from protocol.errors import NotFoundError

router = APIRouter()

MOST = 100


@router.get("/tours")
def tours(state: CurrentState) -> HTMLResponse:
    """Show the tours, the newest first."""
    mark_dead(state.store, state.settings)
    groups = state.store.search.groups(sort="tour", limit=MOST)
    told = [(group, tour_report.of(group), tour_report.failure(group) is not None) for group in groups]
    return views.page("tours.html", now=state.clock(), here="/tours", tours=told)


@router.get("/tours/{group_id}")
def tour(group_id: str, state: CurrentState) -> HTMLResponse:
    """Show a tour."""
    mark_dead(state.store, state.settings)
    group = state.store.search.group(group_id)
    query = Query(group=group.id)
    return views.page(
        "tour.html",
        now=state.clock(),
        here="/tours",
        group=group,
        told=tour_report.of(group),
        is_dry=tour_report.is_dry(group),
        has_picture=tour_report.failure(group) is not None,
        counts=state.store.search.count(query),
        runs=state.store.search.find(query, limit=50),
    )


@router.api_route("/tours/{group_id}/film", methods=["GET", "HEAD"])
def film(group_id: str, state: CurrentState, save: bool = False) -> FileResponse:
    """Return the film of a tour."""
    told = tour_report.of(state.store.search.group(group_id))
    return served.plain(told.film, save=save)


@router.api_route("/tours/{group_id}/captions.vtt", methods=["GET", "HEAD"])
def captions(group_id: str, state: CurrentState) -> FileResponse:
    """Return the captions of a tour's film."""
    told = tour_report.of(state.store.search.group(group_id))
    if told.captions is None:
        raise NotFoundError("this tour has no captions here")
    return FileResponse(told.captions, media_type="text/vtt; charset=utf-8", headers=served.HEADERS)


@router.api_route("/tours/{group_id}/failure.png", methods=["GET", "HEAD"])
def failure(group_id: str, state: CurrentState) -> FileResponse:
    """Return what the page looked like when a step of a tour failed."""
    picture = tour_report.failure(state.store.search.group(group_id))
    if picture is None:
        raise NotFoundError("nothing shows where this tour failed")
    return served.plain(picture)


@router.api_route("/tours/{group_id}/steps/{number}.jpg", methods=["GET", "HEAD"])
def step(group_id: str, number: int, state: CurrentState) -> FileResponse:
    """Return what the film shows where a step begins."""
    told = tour_report.of(state.store.search.group(group_id))
    if not 0 <= number < len(told.steps):
        raise NotFoundError(f"this tour has no step {number}")
    cache = Path(state.settings.data_dir) / "dashboard" / "thumbnails"
    return served.plain(tour_report.thumbnail(told, number, cache, state.settings.ffmpeg))
