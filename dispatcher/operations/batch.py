"""Many plans, one worker or more: the next jobs are in the drop while one is waited for; one failure stops no other."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dispatcher.connection import Connection
from dispatcher.jobs.client import Client
from dispatcher.jobs.handle import Handle
from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.operations import targets
from dispatcher.operations.plan import Plan
from protocol.errors import (
    ChannelError,
    GpudropError,
    JobError,
    JobTimeout,
    MediaError,
    NotFoundError,
    StorageFull,
    UsageError,
    VerificationError,
)
from protocol.kinds import KINDS
from protocol.messages import EngineRecord

AHEAD = 2
"""How many jobs wait in the drop behind the one that is waited for, so that a worker never stands idle."""

OF_ONE_FILE = (ChannelError, JobError, MediaError, NotFoundError, UsageError, VerificationError)
"""What goes wrong with one file, and leaves the others to be done."""

OnProgress = Callable[[Path, Progress], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was made of one source: verified files, and what they are called when they are put somewhere."""

    source: Path
    result: Result
    names: Mapping[str, str]
    targets: Mapping[str, Path]  # where they belong unless `save` is told otherwise
    below: Path = Path()  # where the source lay in the folder that was searched
    kept: bool = False  # whether it had been made before

    @property
    def files(self) -> Mapping[str, Path]:
        """Return {result path: verified file}, where results are kept."""
        return self.result.files

    @property
    def engine(self) -> EngineRecord | None:
        """Return who did the work; None for answers of old workers."""
        return self.result.engine

    @property
    def notes(self) -> list[str]:
        """Return what should not go unsaid of the result, in lines for people."""
        return _texts(self.result.summary.get("notes"))

    @property
    def passed_over(self) -> list[str]:
        """Return which better engines were not used, and why."""
        return _texts(self.result.summary.get("passed_over"))

    def save(self, folder: str | Path | None = None, *, overwrite: bool = False) -> list[Path]:
        """Put the files beside the source, or below `folder` as the source lay in its own; return where they are.

        Nothing else is written over unless you say so: UsageError names what is in the way.
        """
        there = Path(folder) / self.below if folder else None
        places = {path: there / self.names[path] if there else self.targets[path] for path in self.names}
        wanted = {target: self.files[path] for path, target in places.items()}
        if not overwrite and not targets.are_there(wanted):
            targets.check_free(target for target, file in wanted.items() if not targets.are_there({target: file}))
        for target, file in wanted.items():
            targets.place(file, target)
        return list(wanted)


@dataclass(frozen=True, kw_only=True)
class NotMade:
    """A source of which nothing could be made, and why."""

    source: Path
    error: GpudropError


@dataclass(frozen=True, kw_only=True)
class _Sent:
    plan: Plan
    handle: Handle | NotMade
    kept: bool

    def keep(self) -> None:
        """Keep this process's turn at it: no monitor need attend to what is waited for next."""
        if isinstance(self.handle, Handle):
            self.handle.renew()


def run(
    connection: Connection,
    plans: Iterable[Plan],
    *,
    out: Path | None = None,
    timeout_s: float | None = None,
    on_progress: OnProgress = lambda _path, _progress: None,
) -> Iterator[Made | NotMade]:
    """Have every plan done, in order. What keeps the whole from going on is raised; so is an interrupt.

    Jobs that were sent stay in the drop then: the same call picks them up again.
    """
    waiting: deque[_Sent] = deque()
    todo = iter(plans)
    while True:
        for sent in waiting:
            sent.keep()
        while len(waiting) <= AHEAD and (plan := next(todo, None)) is not None:
            waiting.append(_send(connection, plan))
        if not waiting:
            break
        yield _await(connection, waiting, out, timeout_s, on_progress)
    if connection.backend == "local":
        connection.client.clean(older_than_s=0)  # nobody else looks at a private drop


def _send(connection: Connection, plan: Plan) -> _Sent:
    try:
        kept = connection.client.cached(plan.job)
        use = kept is not None and not plan.job.anew and not _may_be_better(kept, plan.job, connection)
        job = replace(plan.job, anew=not use)
        return _Sent(plan=plan, handle=connection.client.submit(job), kept=use)
    except StorageFull:
        raise
    except OF_ONE_FILE as error:
        return _Sent(plan=plan, handle=NotMade(source=plan.source.path, error=error), kept=False)


def _may_be_better(kept: Result, job: Job, connection: Connection) -> bool:
    """Say whether a neural engine is at hand now for what the embedded one made before."""
    offered = connection.engines(job.kind)
    if job.require_engine is not None or kept.engine is None or not offered:
        return False
    return kept.engine.tier == "embedded" and offered[0].tier == "neural"


def is_made(client: Client, plan: Plan) -> bool:
    """Say whether a plan was done before, and no worker need be asked whether it can do it better now."""
    try:
        kept = None if plan.job.anew else client.cached(plan.job)
    except OF_ONE_FILE:
        return False  # told when it is sent
    if kept is None or kept.engine is None:
        return False
    is_best = kept.engine.tier == "neural" or not KINDS[plan.job.kind].neural
    return is_best or plan.job.require_engine is not None


def _await(
    connection: Connection, waiting: deque[_Sent], out: Path | None, timeout_s: float | None, on_progress: OnProgress
) -> Made | NotMade:
    sent = waiting.popleft()
    path = sent.plan.source.path
    if isinstance(sent.handle, NotMade):
        return sent.handle

    def told(progress: Progress) -> None:
        on_progress(path, progress)
        connection.keep()
        for other in waiting:
            other.keep()

    try:
        result = sent.handle.wait(timeout_s, on_progress=told)
    except JobTimeout as error:
        if connection.client.store.get(sent.handle.run).deadline_at is not None:
            error = _cancelled(sent.handle, error, timeout_s)
        return NotMade(source=path, error=error)
    except OF_ONE_FILE as error:
        return NotMade(source=path, error=error)
    places = sent.plan.targets(out)
    return Made(
        source=path, result=result, names=sent.plan.names, targets=places, below=sent.plan.source.below, kept=sent.kept
    )


def _cancelled(handle: Handle, error: JobTimeout, timeout_s: float | None) -> JobTimeout:
    """Cancel what was not done in its time, on the worker too, and return what to say of it."""
    handle.cancel(f"it was not done within {timeout_s:.0f} s")
    text = str(error).partition("\n")[0]
    return JobTimeout(
        f"{text}\nIt was cancelled, on the worker too (run {handle.run})",
        why=error.why,
        hint=error.hint,
        run=handle.run,
    )


def _texts(told: Any) -> list[str]:
    """Return the lines that a worker told. Nobody checks them before: what is no list says nothing."""
    return [each for each in told if isinstance(each, str)] if isinstance(told, list) else []
