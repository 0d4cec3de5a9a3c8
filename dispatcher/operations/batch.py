"""Doing many plans: the next jobs are in the drop while one is awaited, and one that fails does not stop the others."""

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
"""How many jobs wait in the drop behind the one that is awaited, so that a worker is never idle."""

OF_ONE_FILE = (ChannelError, JobError, MediaError, NotFoundError, UsageError, VerificationError)
"""Errors of one file, after which the others are still done."""

OnProgress = Callable[[Path, Progress], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class OperationResult:
    """The verified result of one source, and the names of its files."""

    source: Path
    result: Result
    names: Mapping[str, str]
    targets: Mapping[str, Path]  # where `save` puts them, unless it gets another folder
    below: Path = Path()  # the subfolder of the source in the folder that was searched
    cached: bool = False  # whether it was made by an earlier command

    @property
    def files(self) -> Mapping[str, Path]:
        """The verified files by result path, in the folder of results."""
        return self.result.files

    @property
    def engine(self) -> EngineRecord | None:
        """The engine that did the work; None for answers of old workers."""
        return self.result.engine

    @property
    def notes(self) -> list[str]:
        """The notes of the worker that the user should see, one line each."""
        return _texts(self.result.summary.get("notes"))

    @property
    def passed_over(self) -> list[str]:
        """The better engines that were not used, and why."""
        return _texts(self.result.summary.get("passed_over"))

    def save(self, folder: str | Path | None = None, *, overwrite: bool = False) -> list[Path]:
        """Copy the files to their targets, or below `folder` in the subfolder of the source; return where they are.

        Raises UsageError for a file in the way, which is only overwritten with `overwrite`.
        """
        there = Path(folder) / self.below if folder else None
        copies = {there / self.names[path] if there else self.targets[path]: self.files[path] for path in self.names}
        if not overwrite:
            targets.check_free(target for target, file in copies.items() if not targets.are_there({target: file}))
        for target, file in copies.items():
            targets.place(file, target)
        return list(copies)


@dataclass(frozen=True, kw_only=True)
class OperationFailure:
    """A source that could not be done, and why."""

    source: Path
    error: GpudropError


@dataclass(frozen=True, kw_only=True)
class _Submitted:
    plan: Plan
    handle: Handle | OperationFailure
    cached: bool

    def keep(self) -> None:
        """Keep the lease of this process on it, so that no monitor takes over what is awaited next."""
        if isinstance(self.handle, Handle):
            self.handle.renew()


def run(
    connection: Connection,
    plans: Iterable[Plan],
    *,
    timeout_s: float | None = None,
    on_progress: OnProgress = lambda _path, _progress: None,
) -> Iterator[OperationResult | OperationFailure]:
    """Do every plan, in order. Raises an error that concerns all of them, and an interrupt.

    The jobs that were submitted stay in the drop then: the same call picks them up again.
    """
    waiting: deque[_Submitted] = deque()
    todo = iter(plans)
    while True:
        for submitted in waiting:
            submitted.keep()
        while len(waiting) <= AHEAD and (plan := next(todo, None)) is not None:
            waiting.append(_submit(connection, plan))
        if not waiting:
            break
        yield _await(connection, waiting, timeout_s, on_progress)
    if connection.backend == "local":
        connection.client.clean(older_than_s=0)  # no other process cleans a private drop


def _submit(connection: Connection, plan: Plan) -> _Submitted:
    try:
        cached = connection.client.cached(plan.job)
        use = cached is not None and not plan.job.anew and not _may_be_better(cached, plan.job, connection)
        job = replace(plan.job, anew=not use)
        return _Submitted(plan=plan, handle=connection.client.submit(job), cached=use)
    except StorageFull:
        raise
    except OF_ONE_FILE as error:
        return _Submitted(plan=plan, handle=OperationFailure(source=plan.source.path, error=error), cached=False)


def _may_be_better(cached: Result, job: Job, connection: Connection) -> bool:
    """Return whether a neural engine is available now for what an embedded one made before."""
    offered = connection.engines(job.kind)
    if job.require_engine is not None or cached.engine is None or not offered:
        return False
    return cached.engine.tier == "embedded" and offered[0].tier == "neural"


def is_cached(client: Client, plan: Plan) -> bool:
    """Return whether the result of a plan is cached, and no worker could make a better one now."""
    try:
        cached = None if plan.job.anew else client.cached(plan.job)
    except OF_ONE_FILE:
        return False  # reported when it is submitted
    if cached is None or cached.engine is None:
        return False
    is_best = cached.engine.tier == "neural" or not KINDS[plan.job.kind].neural
    return is_best or plan.job.require_engine is not None


def _await(
    connection: Connection, waiting: deque[_Submitted], timeout_s: float | None, on_progress: OnProgress
) -> OperationResult | OperationFailure:
    submitted = waiting.popleft()
    plan, handle = submitted.plan, submitted.handle
    if isinstance(handle, OperationFailure):
        return handle

    def report(progress: Progress) -> None:
        on_progress(plan.source.path, progress)
        connection.keep()
        for other in waiting:
            other.keep()

    has_deadline = connection.client.store.get(handle.run).deadline_at is not None
    try:
        if has_deadline and timeout_s is not None:
            result = wait_or_cancel(handle, timeout_s, on_progress=report)
        else:
            result = handle.wait(timeout_s, on_progress=report)
    except OF_ONE_FILE as error:
        return OperationFailure(source=plan.source.path, error=error)
    return OperationResult(
        source=plan.source.path,
        result=result,
        names=plan.names,
        targets=plan.targets,
        below=plan.source.below,
        cached=submitted.cached,
    )


def wait_or_cancel(
    handle: Handle,
    timeout_s: float,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    reason: str | None = None,
) -> Result:
    """Wait for a verified result; cancel the job, on the worker too, if it takes longer than `timeout_s`.

    Raises JobTimeout that says so. A job that ends at the last moment gives its result, or raises its own error.
    """
    try:
        return handle.wait(timeout_s, on_progress=on_progress)
    except JobTimeout as late:
        if not handle.cancel(reason or late_text(timeout_s)):
            return handle.wait(0.0)  # it ended before it could be cancelled
        text = f"{str(late).partition(chr(10))[0]}\nThe job was cancelled, also on the worker (run {handle.run})"
        raise JobTimeout(text, why=late.why, hint=late.hint, run=handle.run) from late


def late_text(timeout_s: float) -> str:
    """Return why a job was cancelled that took too long."""
    return f"it was not done within {timeout_s:.0f} s"


def _texts(value: Any) -> list[str]:
    """Return the lines of a worker's summary, which is not validated: what is not a list of text is left out."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
