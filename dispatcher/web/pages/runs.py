"""The list of runs: filters, groups and families, a page at a time."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse

from dispatcher.runs import search, with_tours
from dispatcher.runs.record import Group, Run
from dispatcher.tour.control import mark_dead
from dispatcher.web import views
from dispatcher.web.families import clusters
from dispatcher.web.filters import SPANS, Filter, cursor
from dispatcher.web.state import AppState, CurrentState
from protocol.errors import NotFoundError

router = APIRouter()

PAGE = 50


def asked(
    kind: Annotated[list[str], Query()] = [],  # noqa: B006 - it is only read
    status: Annotated[list[str], Query()] = [],  # noqa: B006
    tag: Annotated[list[str], Query()] = [],  # noqa: B006
    time: str = "",
    since: str = "",
    until: str = "",
    q: Annotated[str, Query(max_length=200)] = "",
    group: str = "",
    parent: str = "",
) -> Filter:
    """Return the filter that an address spells; what is empty in it says nothing."""
    several = {"kind": kind, "status": status, "tag": tag}
    kept = {name: tuple(value for value in values if value) for name, values in several.items()}
    return Filter(**kept, time=time, since=since, until=until, q=q, group=group, parent=parent)


@router.get("/runs")
def runs(state: CurrentState, wanted: Annotated[Filter, Depends(asked)], after: str = "") -> HTMLResponse:
    """Show a page of runs and tours."""
    now = state.clock()
    mark_dead(state.store, state.settings)
    query = wanted.query(now)
    found = with_tours.find(state.store, query, limit=PAGE + 1, after=cursor(after))
    shown, whole = found[:PAGE], not after and len(found) <= PAGE
    total = len(found) if whole else sum(with_tours.count(state.store, query).values())
    last = search.PageCursor(created_at=shown[-1].created_at, id=shown[-1].id) if len(found) > PAGE else None
    return views.page(
        "runs.html",
        now=now,
        here="/runs",
        filter=wanted,
        spans=SPANS,
        all_tags=state.store.search.all_tags(),
        clusters=clusters(shown, _groups(state, shown)),
        tags=state.store.trace.tags([run.id for run in shown]),
        total=total,
        older=wanted.address(last) if last else "",
        first=not after,
    )


def _groups(state: AppState, shown: list[Run]) -> dict[str, Group]:
    """Return the groups that these runs are of; a group that was removed is none."""
    found = {}
    for group_id in {run.group_id for run in shown if run.group_id}:
        try:
            found[group_id] = state.store.search.group(group_id)
        except NotFoundError:
            continue
    return found
