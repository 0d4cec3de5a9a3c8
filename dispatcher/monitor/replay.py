"""Doing a run over on this machine, apart from everything: the recorded request and inputs, on a drop of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dispatcher.config import Settings
from dispatcher.connection import Connection, connect, worker_log
from dispatcher.jobs.job import Job, Progress, Result
from dispatcher.jobs.offers import job_of
from dispatcher.monitor.acts import inputs_of
from dispatcher.runs.record import Artifact, Run
from dispatcher.runs.store import RunStore
from protocol.errors import GpudropError, JobError, JobFailed
from protocol.integrity import sha256_of
from protocol.messages import WorkerCard


@dataclass(frozen=True, kw_only=True)
class ReplayResult:
    """How it went here, beside how it went there."""

    folder: Path  # its drop, results and log
    log: Path
    seconds: float
    result: Result | None = None
    error: GpudropError | None = None
    differences: tuple[str, ...] = ()  # of versions, engines and devices
    outputs: Mapping[str, bool] = field(default_factory=dict)  # path → whether it is the very file it was

    @property
    def same_error(self) -> bool | None:
        """Say whether it failed in the same way; None where either of them did not fail."""
        return None if self.error is None else self._same

    _same: bool | None = None


def replay(
    settings: Settings,
    store: RunStore,
    run: Run,
    *,
    now: float,
    any_engine: bool = False,
    timeout_s: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> ReplayResult:
    """Do a run over here, once, and compare. The run itself stays as it is; nothing of this is remembered as a run.

    Parameters and seed are those of the request, inputs those files, checked by their sha256: NotFoundError where one
    has moved, or is another one now.
    """
    files = inputs_of(store, run)
    job = replace(job_of(run, files), attempts=1, anew=True)
    job = replace(job, require_engine=None) if any_engine else job
    stamp = time.strftime("%y%m%d-%H%M%S", time.localtime(now))
    folder = settings.data_dir / "replays" / f"{run.id}-{stamp}"
    folder.mkdir(parents=True)
    apart = settings.model_copy(update={"data_dir": folder, "database_url": None})
    private = folder / "drop"
    started = time.monotonic()
    with connect("local", settings=apart, private=private, kinds=run.kind) as here:
        result, error = _do(here, job, timeout_s, on_progress)
        cards = here.cards
    return ReplayResult(
        folder=folder,
        log=worker_log(private),
        seconds=time.monotonic() - started,
        result=result,
        error=error,
        differences=tuple(_differences(run, result, cards)),
        outputs=_compared(store.trace.files(run.id), result),
        _same=_is_same(run, error),
    )


def _do(
    here: Connection, job: Job, timeout_s: float | None, on_progress: Callable[[Progress], None] | None
) -> tuple[Result | None, GpudropError | None]:
    def told(progress: Progress) -> None:
        here.keep()
        if on_progress:
            on_progress(progress)

    try:
        return here.client.submit(job).wait(timeout_s, on_progress=told), None
    except JobError as error:
        return None, error


def _is_same(run: Run, error: GpudropError | None) -> bool | None:
    if error is None or run.status == "completed":
        return None
    return isinstance(error, JobFailed) and error.code == run.error_code


def _differences(run: Run, result: Result | None, cards: tuple[WorkerCard, ...]) -> list[str]:
    """Return in which versions this machine differs from what did the run, as far as that was told."""
    found: list[str] = []
    then: Mapping[str, Any] = run.engine or {}
    now = result.engine.model_dump(mode="json") if result and result.engine else {}
    for name in ("name", "version", "model_sha256", "voice", "rate", "provider", "device", "tier"):
        if then and now and then.get(name) != now.get(name):
            found.append(f"engine {name}: {then.get(name) or 'none'} there, {now.get(name) or 'none'} here")
    if not then and now:
        found.append(f"engine here: {now['name']} {now['version']} ({now['tier']}, {now['device']}); there unknown")
    asked_by = str(run.execution_config.get("version") or "")
    if asked_by and asked_by != version("gpudrop"):
        found.append(f"gpudrop: {asked_by} there, {version('gpudrop')} here")
    for card in cards[:1]:
        offered = [record.name for record in card.engines.get(run.kind, ())]
        if then and then.get("name") not in offered:
            found.append(f"the engine {then.get('name')} is not on this machine, which has: {', '.join(offered)}")
    return found


def _compared(files: list[Artifact], result: Result | None) -> dict[str, bool]:
    before = {it.name: (it.size, it.sha256) for it in files if it.role == "output"}
    made = result.files if result else {}
    return {name: sha256_of(path) == before[name] for name, path in sorted(made.items()) if name in before}
