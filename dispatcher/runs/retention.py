"""How long runs are remembered: which of them may be forgotten, and what must be said first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, delete, exists, or_, select, update

from dispatcher.runs.database import Database
from dispatcher.runs.models import ArtifactRow, ContinuationRow, DeliveryRow, GroupRow, OutboxRow, RunRow
from dispatcher.runs.record import OPEN, TERMINAL, Run
from dispatcher.runs.rows import select_runs
from protocol.layout import parse_job_name

_ENDED = RunRow.status.in_(sorted(TERMINAL))

LOOKED_INTO = 200
"""So many runs that have ended are looked at again in a drop: each takes a listing there."""


class Retention:
    """Forgets runs; never one that is open, nor one whose outputs something still waits for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def untold(self, drop_id: str) -> list[Run]:
        """Return the runs of a drop that have ended and whose last word is not in the drop yet."""
        waits = exists().where(OutboxRow.run_id == RunRow.id, OutboxRow.said_at.is_(None))
        with self._database.reading() as connection:
            return select_runs(connection, RunRow.drop_id == drop_id, _ENDED, RunRow.cleaned_at.is_(None), waits)

    def ended(self, drop_id: str, jobs: Iterable[str], *, cleaned: bool) -> list[Run]:
        """Return the newest runs that have ended and whose job is one of these, with `cleaned` only removed ones."""
        mine = (RunRow.drop_id == drop_id, RunRow.job.in_(sorted(jobs)), _ENDED)
        removed = (RunRow.cleaned_at.is_not(None),) if cleaned else ()
        with self._database.reading() as connection:
            return select_runs(connection, *mine, *removed, limit=LOOKED_INTO)

    def unsay(self, run_id: str) -> None:
        """Take note that the drop does not know how a run ended: its last word is to be said again."""
        with self._database.writing() as connection:
            said = connection.execute(select(OutboxRow.name).where(OutboxRow.run_id == run_id)).scalars()
            last = [name for name in said if _is_last_word(name)]
            mine = OutboxRow.run_id == run_id, OutboxRow.name.in_(last)
            connection.execute(update(OutboxRow).where(*mine).values(said_at=None))
            connection.execute(update(RunRow).where(RunRow.id == run_id).values(cleaned_at=None))

    def needed(self, run_ids: Sequence[str]) -> dict[str, str]:
        """Return {run: why} for those of these runs that must not be forgotten yet."""
        reasons: tuple[tuple[ColumnElement[bool], str], ...] = (
            (_of_open_child(), "its output is the input of a run that is open"),
            (_has_continuation(), "a run is still to be made of its output"),
            (_has_delivery(), "its output is still to be put in its place"),
            (RunRow.status.in_(sorted(OPEN)), "it is open"),
        )
        found: dict[str, str] = {}
        with self._database.reading() as connection:
            for condition, why in reasons:
                wanted = select(RunRow.id).where(RunRow.id.in_(run_ids), condition)
                found |= dict.fromkeys(connection.execute(wanted).scalars(), why)
        return found

    def forget(self, run_ids: Sequence[str]) -> list[str]:
        """Forget these runs with all that is remembered of them; return those that were there and had ended.

        A batch goes with the last of its runs; a tour, whose runs may all be reused ones, goes by itself.
        """
        with self._database.writing() as connection:
            gone = connection.execute(delete(RunRow).where(RunRow.id.in_(run_ids), _ENDED).returning(RunRow.id))
            forgotten = list(gone.scalars())
            empty = ~exists().where(RunRow.group_id == GroupRow.id)
            connection.execute(delete(GroupRow).where(empty, GroupRow.sort == "batch", GroupRow.ended_at.is_not(None)))
        return forgotten

    def inputs_of_open(self, folder: str, but: str) -> list[str]:
        """Return the open runs besides this one that have an input below a folder."""
        inside = or_(ArtifactRow.path == folder, ArtifactRow.path.startswith(f"{folder}/", autoescape=True))
        wanted = select(RunRow.id).distinct().join(ArtifactRow, ArtifactRow.run_id == RunRow.id)
        mine = (inside, ArtifactRow.role == "input", RunRow.status.in_(sorted(OPEN)), RunRow.id != but)
        with self._database.reading() as connection:
            return list(connection.execute(wanted.where(*mine)).scalars())

    def known(self, names: Sequence[str]) -> frozenset[str]:
        """Return those of these names that are the id or the job of a run."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(RunRow.id, RunRow.job).where(or_(RunRow.id.in_(names), RunRow.job.in_(names)))
            ).all()
        return frozenset(name for row in rows for name in row) & frozenset(names)


def _is_last_word(name: str) -> bool:
    found = parse_job_name(name.rpartition("/")[2])
    return found is not None and found.role in ("accepted", "cancel")


def _of_open_child() -> ColumnElement[bool]:
    child = RunRow.__table__.alias("child")
    return exists().where(child.c.parent_id == RunRow.id, child.c.status.in_(sorted(OPEN)))


def _has_continuation() -> ColumnElement[bool]:
    undone = (ContinuationRow.begun_at.is_(None), ContinuationRow.error_text.is_(None))
    return (RunRow.status == "completed") & exists().where(ContinuationRow.run_id == RunRow.id, *undone)


def _has_delivery() -> ColumnElement[bool]:
    undone = (DeliveryRow.placed_at.is_(None), DeliveryRow.error_text.is_(None))
    return (RunRow.status == "completed") & exists().where(DeliveryRow.run_id == RunRow.id, *undone)
