"""The statements that change a run: which columns each sets, and under which condition it does."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, bindparam, func, null, update

from dispatcher.runs.models import RunRow
from dispatcher.runs.record import AttemptRecord
from dispatcher.runs.rows import IS_OPEN

OLD_WORKER = "old worker"
"""Who answered in the simple form, where nobody tells a name."""


def changing(condition: ColumnElement[bool]) -> Update:
    """Return the statement that changes a run, if the run meets a condition."""
    return update(RunRow).where(RunRow.id == bindparam("run"), condition)


_FIRST = ("queued_at", "started_at")
"""Of these the first time counts."""


@functools.lru_cache(maxsize=64)
def setting(statement: Update, names: tuple[str, ...]) -> Update:
    """Return the statement that sets these columns, from parameters of their names."""
    new: dict[str, Any] = {name: bindparam(name) for name in names}
    new |= {name: func.coalesce(getattr(RunRow, name), bindparam(name)) for name in _FIRST if name in names}
    if "ended_at" in names:  # nobody need act for it any more
        new |= {"monitor": null(), "monitor_until": null()}
    if {"ended_at", "worker"} <= set(names):  # work that no look saw was done within the time that is known
        new["started_at"] = func.coalesce(RunRow.started_at, RunRow.queued_at, RunRow.created_at)
    return statement.values(new)


CHANGE_OPEN = changing(IS_OPEN)
"""The compare-and-set that ends a run: it changes a run that is open, and no other (R6)."""

OFFER_AGAIN = changing(and_(IS_OPEN, RunRow.job == bindparam("old"))).values(
    {name: bindparam(name) for name in ("job", "request", "updated_at", "status")}
)


def worker_of(attempts: Sequence[AttemptRecord]) -> str | None:
    """Return whose attempt decided how a run ended: the accepted one, else the last; None without any."""
    accepted = [each for each in attempts if each.status == "accepted"]
    return next((each.worker for each in (*accepted, *reversed(attempts))), None)
