"""Runs and tours listed and counted together, for the CLI and the dashboard alike."""

from __future__ import annotations

from dispatcher.runs.record import OPEN, Run
from dispatcher.runs.search import PageCursor, Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import as_run

RECENT_S = 24 * 3600.0
"""An overview counts the runs that ended if they were made so recently, and open ones of any age."""

OPEN_ONES = Query(statuses=tuple(sorted(OPEN)))


def find(store: RunStore, query: Query, *, limit: int, after: PageCursor | None = None) -> list[Run]:
    """Return the newest runs and tours first, each tour as a run of the kind `tour`; a page goes on `after` another."""
    tours = [as_run(tour) for tour in store.tours.find(query, limit=limit, after=after)]
    runs = store.search.find(query, limit=limit, after=after)
    return sorted([*runs, *tours], key=lambda it: (it.created_at, it.id), reverse=True)[:limit]


def count(store: RunStore, query: Query) -> dict[str, int]:
    """Return how many runs and tours there are by status; a status without any is left out."""
    counts = dict(store.search.count(query))
    for status, number in store.tours.count(query).items():
        counts[status] = counts.get(status, 0) + number
    return counts


def recent_counts(store: RunStore, now: float) -> dict[str, int]:
    """Return how many runs and tours of each status are open, or ended and were made in the last 24 hours."""
    return count(store, Query(since=now - RECENT_S)) | count(store, OPEN_ONES)
