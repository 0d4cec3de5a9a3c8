"""Runs and tours in one list: what every command that lists them shows."""

from __future__ import annotations

from collections.abc import Sequence

from dispatcher.config import Settings
from dispatcher.runs import with_tours
from dispatcher.runs.record import Group, Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from dispatcher.runs.tours import TOUR
from dispatcher.tour.control import mark_dead


def listed(store: RunStore, settings: Settings, query: Query, *, limit: int) -> list[Run]:
    """Return the newest runs and tours first. Tours whose process is gone are found to have crashed before."""
    mark_dead(store, settings)
    return with_tours.find(store, query, limit=limit)


def named(store: RunStore, settings: Settings, names: Sequence[str]) -> list[Run | Group]:
    """Return the runs and tours that were named, each once. All must be there: nothing is done to some of them only."""
    mark_dead(store, settings)
    found = [store.tours.named(name) for name in names]
    return list({each.id: each for each in found}.values())


def one_named(store: RunStore, settings: Settings, name: str) -> Run | Group:
    """Return the run or tour that was named."""
    [found] = named(store, settings, [name])
    return found


def members(store: RunStore, group: Group) -> list[Run]:
    """Return the runs of a tour or batch, the oldest first."""
    return store.search.members(group.id)[::-1]


def only_runs(found: Sequence[Run | Group]) -> list[Run]:
    """Return the runs among what was named."""
    return [each for each in found if isinstance(each, Run)]


def only_groups(found: Sequence[Run | Group]) -> list[Group]:
    """Return the tours and batches among what was named."""
    return [each for each in found if isinstance(each, Group)]


KIND_NAMES = (TOUR,)
"""What `--kind` takes besides the kinds of work."""
