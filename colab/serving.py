"""Running a worker from start to end: attaching it to its drop, and the signals that stop it."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from colab.attach import attach
from colab.bench import Bench, Workbench
from colab.config import WorkerSettings
from colab.ending import SessionEnding
from colab.models import ModelPlaces
from colab.worker import Worker
from media import ffmpeg

AGAIN_S = 1.0
"""A second interrupt at least this long after the first means "now"; a sooner one is a repetition of it."""

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))


def make_worker(
    settings: WorkerSettings, *, bench: Callable[[tuple[str, ...], ModelPlaces], Workbench] = Bench
) -> Worker:
    """Attach to the drop in the settings and make a worker for it.

    Raises EnvironmentNotReady if the ffmpeg in the settings does not work: no handler could use it.
    """
    if settings.ffmpeg is not None:
        ffmpeg.find(settings.ffmpeg, needs=frozenset(), encoders=frozenset())
    at = attach(settings.drop, settings.name, identity=settings.identity())
    try:
        return Worker(at, settings, bench=bench)
    except BaseException:
        at.drop.close()  # no worker will
        raise


def serve_until_signalled(worker: Worker) -> SessionEnding:
    """Serve, and return why it ended. SIGTERM, SIGHUP and Ctrl-C release the current job and end the worker.

    A second Ctrl-C ends it at once: KeyboardInterrupt is raised, and the job is left to its lease.
    """
    with _signals_to(_Stopper(worker)):
        return worker.serve()


class _Stopper:
    """Stops the worker on a signal."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._first: float | None = None  # when the first signal came

    def __call__(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if self._first is None:
            self._first = now
        elif number == signal.SIGINT and now - self._first >= AGAIN_S:
            raise KeyboardInterrupt
        self._worker.stop(f"stopped by {signal.Signals(number).name}")


@contextmanager
def _signals_to(stopper: _Stopper) -> Iterator[None]:
    """Handle the signals during a block; one that is ignored (nohup) stays ignored."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    ours = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in ours:
        signal.signal(number, stopper)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
