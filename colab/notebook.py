"""What the notebook's last cell calls: the same worker, with the consent Colab's terms ask for and an idle stop."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path

from colab.cell import check_folder, shown_plainly
from colab.config import Settings
from colab.ending import Ending
from colab.install import chosen
from colab.models import Models
from colab.models.known import MODELS
from colab.resident import Resident
from colab.secrets import colab_secrets, on_colab
from colab.serving import make_worker, serve_until_signalled
from protocol.errors import JobFailed, UsageError
from usertext.redaction import guard_logs

SESSION_S = 12 * 3600.0
"""A free Colab session lasts at most so long, as Colab's own pages say; it may well end earlier."""

log = logging.getLogger(__name__)


def run(drop: str, *, kinds: str = "", idle_exit_s: float = 1800, consent: bool = False, engines: str = "") -> None:
    """Serve `drop` until this is idle for `idle_exit_s` or drained, then give the runtime back.

    Without `consent` nothing starts. The models of `engines` (names of `colab.install.ENGINES`, comma-separated) are
    fetched first, so that whoever asks for none in particular gets the best, and not the embedded one.

    An interrupt hands the current job back and leaves the runtime, and the models in its memory, for the next call.
    """
    with shown_plainly():
        if not consent:
            raise UsageError("read the policy at the top of the notebook, tick the consent in the form, run both again")
        _log_to_cell()
        names = [name for choice in chosen(engines) for name in choice.models]
        check_folder(drop)
        settings = _settings(drop, kinds, idle_exit_s)
        _fetch(Models(settings.model_places()), names)
        ending = _serve(settings)
    if ending.frees_machine:
        _resident.end()
        _release_runtime()
    else:
        kept = ", ".join(sorted(_resident.loaded))
        memory = f"; what it has loaded stays in memory ({kept})" if kept else ""
        log.info("The runtime is still yours. Run this cell again to go on%s", memory)


_resident = Resident()


def _log_to_cell() -> None:
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stdout, force=True
    )
    guard_logs()


def _settings(drop: str, kinds: str, idle_exit_s: float) -> Settings:
    wanted = tuple(kind.strip() for kind in kinds.split(",") if kind.strip())
    left_s = _session_left_s() if on_colab() else None
    return Settings(drop=drop, kinds=wanted, idle_exit_s=idle_exit_s, session_s=left_s, **colab_secrets())


def _serve(settings: Settings) -> Ending:
    """Serve until something ends it. What breaks that off (a second interrupt) may leave the bench at work: it ends."""
    worker = make_worker(settings, bench=_resident.bench)
    log.info("Serving %s. Interrupt this cell to stop; the current job is handed back then", settings.drop)
    try:
        return serve_until_signalled(worker)
    except KeyboardInterrupt:
        _resident.end()
        raise


def _session_left_s() -> float | None:
    """Return how long Colab may still lend this machine, by how long it has been up; None past that, or unknown."""
    try:
        up_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError):
        return None
    return SESSION_S - up_s if up_s < SESSION_S else None


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


def _release_runtime() -> None:
    """Give Colab's runtime back, so that an idle GPU costs nobody anything. Elsewhere there is nothing to give back."""
    if not on_colab():
        return
    runtime = importlib.import_module("google.colab.runtime")
    runtime.unassign()
