"""What the notebook's last cell calls: the same worker, with the consent Colab's terms ask for and an idle stop."""

from __future__ import annotations

import logging
import sys

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
) -> None:
    """Serve `drop` until the worker is idle for `idle_exit_s` or drained, then give the runtime back.

    On Colab it also ends a few minutes before its machine has been up for `session_s`, which is when Colab takes it
    away; None or 0 stands for no limit. Without `consent` nothing starts. The models of `engines` (names of
    `colab.install.ENGINES`, comma-separated) are downloaded first, so that jobs that name no engine get the best one.

    An interrupt hands the current job back and keeps the runtime, with the models in its memory, for the next call.
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
        _fetch(Models(settings.model_places()), names)
        ending = _serve(settings)
    if ending.reason is Reason.SESSION:
        log.info("If your plan lends runtimes for longer, raise SESSION_HOURS in the form")
    if ending.frees_machine:
        _resident.end()
        release_runtime()
    else:
        kept = ", ".join(sorted(_resident.loaded))
        memory = f"; what it has loaded stays in memory ({kept})" if kept else ""
        log.info("The runtime is still yours. Run this cell again to go on%s", memory)


class _LastingBench(Bench):
    """A bench whose process goes on when a worker lets go of it."""

    def close(self) -> None:
        """Leave the process as it is, with the models that it has loaded."""


class ResidentBench:
    """The one bench of a notebook. The next run gets it again, unless its process died or the places changed."""

    def __init__(self) -> None:
        self._bench: _LastingBench | None = None
        self._places: ModelPlaces | None = None

    def bench(self, kinds: tuple[str, ...], places: ModelPlaces) -> Workbench:
        """Return the bench for a run: the one that is there, or a new one."""
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
        """End the bench, and with it the memory that its models take."""
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
    """Serve until something ends it. What breaks that off (a second interrupt) may leave the bench at work: it ends."""
    worker = make_worker(settings, bench=_resident.bench)
    log.info("Serving %s. Interrupt this cell to stop; the current job is handed back then", settings.drop)
    try:
        return serve_until_signalled(worker)
    except KeyboardInterrupt:
        _resident.end()
        raise


def _fetch(models: Models, names: list[str]) -> None:
    """Have the files of these models here. A worker without them is still of use, and says what it lacks."""
    for name in names:
        if MODELS[name].notes:
            log.info("%s: %s", name, MODELS[name].notes)
        try:
            for file in MODELS[name].files:
                models.path(file.name)
        except JobFailed as problem:
            log.error("the model %s cannot be had: %s. The embedded engine does its work instead", name, problem)
