"""The rows of a list of runs: what belongs together stands together, and the newest come first as they did."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dispatcher.runs.record import Group, Run
from dispatcher.runs.tours import TOUR

DEEPEST = 4
"""Rows are set in no further than this."""


@dataclass(frozen=True, kw_only=True)
class ListRow:
    """A run and how far it is set in; `parent_elsewhere` where its parent is not in the list."""

    run: Run
    depth: int = 0
    parent_elsewhere: bool = False


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Rows that belong together, and the group that they are of."""

    rows: Sequence[ListRow]
    group: Group | None = None


def clusters(runs: Sequence[Run], groups: Mapping[str, Group]) -> list[Cluster]:
    """Return the runs of a page, each group and each family in one piece, where its newest run stood."""
    here = {run.id: run for run in runs}
    children: dict[str, list[Run]] = defaultdict(list)
    for run in reversed(runs):  # oldest first below a parent: the order of the work
        if run.parent_id in here:
            children[run.parent_id or ""].append(run)
    placed: set[str] = set()
    made: dict[str, list[ListRow]] = {}
    for run in runs:
        if run.kind == TOUR:  # the head of its runs, also where none of them is on this page
            made.setdefault(run.id, [])
        elif run.id not in placed:
            root = _root(run, here)
            key = root.group_id if root.group_id in groups else root.id
            made.setdefault(key or root.id, []).extend(_rows(root, children, placed, here))
    return [Cluster(rows=rows, group=groups.get(key)) for key, rows in made.items()]


def _root(run: Run, here: Mapping[str, Run]) -> Run:
    seen = {run.id}
    while run.parent_id in here and run.parent_id not in seen:  # a ring is nobody's family, and no reason to hang
        run = here[run.parent_id or ""]
        seen.add(run.id)
    return run


def _rows(
    root: Run, children: Mapping[str, Sequence[Run]], placed: set[str], here: Mapping[str, Run], depth: int = 0
) -> list[ListRow]:
    if root.id in placed:
        return []
    placed.add(root.id)
    elsewhere = root.parent_id is not None and root.parent_id not in here
    rows = [ListRow(run=root, depth=min(depth, DEEPEST), parent_elsewhere=elsewhere)]
    for child in children.get(root.id, ()):
        rows += _rows(child, children, placed, here, depth + 1)
    return rows
