"""A tour in the run database: one group, to which every job belongs that is done for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from dispatcher.client import new_id
from dispatcher.config import Settings
from dispatcher.runs.record import Group
from dispatcher.runs.store import RunStore
from dispatcher.tour.options import Options
from protocol.transports.host import SYSTEM


@dataclass(kw_only=True)
class Remembered:
    """A tour under way: its options name the group; `report` is to be set when there is one."""

    options: Options
    report: Path | None = None


@contextmanager
def remembered(title: str, options: Options, settings: Settings) -> Iterator[Remembered]:
    """Remember a tour for the length of a block, and how it ended."""
    group = Group(id=options.group or new_id(SYSTEM), sort="tour", title=title, created_at=time.time())
    with _store(settings) as store:
        store.search.begin_group(group)
    tour = Remembered(options=replace(options, group=group.id))
    try:
        yield tour
    except BaseException as error:
        with _store(settings) as store:
            text = str(error) or type(error).__name__
            store.search.end_group(group.id, "failed", at=time.time(), error=text)
        raise
    with _store(settings) as store:
        report = str(tour.report) if tour.report else None
        store.search.end_group(group.id, "completed", at=time.time(), report=report)


def _store(settings: Settings) -> RunStore:
    return RunStore.open(settings.database, durability=settings.durability)
