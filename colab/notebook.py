"""What the notebook's last cell runs: the same worker, with the consent that Colab's terms require."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from colab.bench import Bench, Workbench
from colab.cell import check_folder, shown_plainly
from colab.config import WorkerSettings, checked_settings
from colab.ending import Reason, SessionEnding
from colab.install import chosen
from colab.models import ModelPlaces, Models
from colab.models.known import MODELS
from colab.runtime import colab_secrets, release_runtime, session_left_s
from colab.serving import make_worker, serve_until_signalled
from protocol.errors import JobFailed, UsageError
from usertext.redaction import guard_logs

log = logging.getLogger(__name__)


def run(
    drop: str,
    *,
    kinds: str = "",
    idle_exit_s: float = 1800,
    session_s: float | None = None,
    consent: bool = False,
    engines: str = "",
    serve: Callable[[WorkerSettings], SessionEnding] | None = None,
    models: Callable[[ModelPlaces], Models] = Models,
) -> None:
    """Serve `drop` until the worker is idle for `idle_exit_s` or drained, then give the runtime back.

    On Colab it also ends a few minutes before its machine has been up for `session_s`, which is when Colab takes it
    away; None or 0 stands for no limit. Without `consent` nothing starts. The models of `engines` (names of
    `colab.install.ENGINES`, comma-separated) are downloaded first, so that jobs that name no engine get the best one.

    An interrupt hands the current job back and keeps the runtime, with the models in its memory, for the next call.
    `serve` and `models` are for tests.
    """
    with shown_plainly():
        if not consent:
            raise UsageError(
                "consent is missing: read the policy at the top, tick I_AGREE_TO_THE_TERMS in the form, then run the "
                "form's cell and this one again"
            )
        _log_to_cell()
        names = [name for choice in chosen(engines) for name in choice.models]
        check_folder(drop)
        settings = _settings(drop, kinds, idle_exit_s, session_s)
        _fetch(models(settings.model_places()), names)
        ending = (serve or _serve)(settings)
    if ending.reason is Reason.SESSION:
        log.info("If your plan lends runtimes for longer, raise SESSION_HOURS in the form")
    if ending.frees_machine:
        _resident.end()
        release_runtime()
    else:
        kept = ", ".join(sorted(_resident.loaded))
        memory = f" The loaded models stay in memory ({kept})." if kept else ""
        log.info("You still have the runtime. Run this cell again to continue.%s", memory)


class _LastingBench(Bench):
    """A bench whose process keeps running when a worker closes it."""

    def close(self) -> None:
        """Keep the process, with the models that it has loaded."""


class ResidentBench:
    """The one bench of a notebook, shared by all runs of the last cell, so that an interrupt keeps loaded models.

    A new one is made if its process died or the model places changed.
    """

    def __init__(self) -> None:
        self._bench: _LastingBench | None = None
        self._places: ModelPlaces | None = None

    def bench(self, kinds: tuple[str, ...], places: ModelPlaces) -> Workbench:
        """Return the bench for a run: the current one, or a new one."""
        if self._bench is None or self._places != places or not self._bench.is_alive():
            self.end()
            self._bench, self._places = _LastingBench(kinds, places), places
        self._bench.kinds = kinds
        return self._bench

    @property
    def loaded(self) -> frozenset[str]:
        """The kinds of work whose models the bench may hold."""
        return frozenset(self._bench.loaded) if self._bench is not None and self._bench.is_alive() else frozenset()

    def end(self) -> None:
        """End the bench, and free the memory that its models take."""
        if self._bench is not None:
            self._bench.kill()
            self._bench = None


_resident = ResidentBench()


def _log_to_cell() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout, force=True
    )
    guard_logs()


def _settings(drop: str, kinds: str, idle_exit_s: float, session_s: float | None) -> WorkerSettings:
    names = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    left_s = session_left_s(session_s) if session_s else None
    return checked_settings(drop=drop, kinds=names, idle_exit_s=idle_exit_s, session_s=left_s, **colab_secrets())


def _serve(settings: WorkerSettings) -> SessionEnding:
    """Serve until something ends it. A second interrupt ends the workbench, which may still be at work."""
    worker = make_worker(settings, bench=_resident.bench)
    log.info("Serving %s. To stop, interrupt this cell: the current job is handed back", settings.drop)
    try:
        return serve_until_signalled(worker)
    except KeyboardInterrupt:
        _resident.end()
        raise


def _fetch(models: Models, names: list[str]) -> None:
    """Download the files of these models. A worker without them is still useful, and says what is missing."""
    for name in names:
        if MODELS[name].notes:
            log.info("%s: %s", name, MODELS[name].notes)
        try:
            for file in MODELS[name].files:
                models.path(file.name)
        except JobFailed as problem:
            log.error("the model %s is not available: %s. The embedded engine is used instead", name, problem)
