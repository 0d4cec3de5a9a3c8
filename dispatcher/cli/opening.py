"""What every run command begins with: the run database, the runs that were named, a question before what is final."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from dispatcher.config import Settings
from dispatcher.drops.session import DropSession
from dispatcher.jobs.outbox import Outbox
from dispatcher.runs.record import Run
from dispatcher.runs.store import RunStore
from protocol.errors import GpudropError, UsageError

Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
OnlyRun = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, the beginning of it or of its last part, or last.")
]
RunName = Annotated[
    str, typer.Argument(metavar="RUN", help="The id of a run or tour, its beginning or that of its last part, or last.")
]
RunNames = Annotated[
    list[str], typer.Argument(metavar="RUN…", help="Ids of runs and tours, beginnings of them or of their last parts.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

log = logging.getLogger(__name__)


@contextlib.contextmanager
def opened() -> Iterator[tuple[Settings, RunStore]]:
    """Open the run database for a block."""
    settings = Settings()
    with RunStore.open(settings.database, durability=settings.durability) as store:
        yield settings, store


def sure(question: str, *, yes: bool) -> bool:
    """Ask, unless that was answered before; without a terminal to ask on it is a mistake in the command."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Give --yes where nobody can be asked")
    return typer.confirm(question, err=True)


def tell_drop(settings: Settings, store: RunStore, runs: Sequence[Run]) -> list[Run]:
    """Say to the drops what was decided here, as far as they answer; return the runs whose drop was not told.

    What is not said now is said by whoever attends to the runs.
    """
    left: list[Run] = []
    for run in runs:
        try:
            with DropSession.open_known(run.drop, settings, store) as session:
                Outbox(session, store, run).flush()
        except GpudropError as error:
            log.info("%s is told later: %s", run.drop, error)
        if store.unsaid(run.id):
            left.append(run)
    return left
