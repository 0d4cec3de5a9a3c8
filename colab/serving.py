"""Running a worker from its start to its end: attaching it to its drop, and the signals that end it."""

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
"""A second interrupt this long after the first is a person who does not want to wait; a sooner one is its echo."""

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name))


def make_worker(
    settings: WorkerSettings, *, bench: Callable[[tuple[str, ...], ModelPlaces], Workbench] = Bench
) -> Worker:
    """Attach to the drop that the settings name and make a worker for it.

    Raises EnvironmentNotReady where the ffmpeg that they name is none: no handler of the bench could use it.
    """
    if settings.ffmpeg is not None:
        ffmpeg.find(settings.ffmpeg, needs=frozenset(), encoders=frozenset())
    at = attach(settings.drop, settings.name, identity=settings.identity())
    try:
        return Worker(at, settings, bench=bench)
    except BaseException:
        at.drop.close()  # nobody will serve it
        raise


def serve_until_signalled(worker: Worker) -> SessionEnding:
    """Serve, and return why it ended. SIGTERM, SIGHUP and Ctrl-C release the current job and end the worker.

    A second Ctrl-C ends it at once: KeyboardInterrupt is raised, and the job is left to its lease.
    """
    with _signals_to(_Stopper(worker)):
        return worker.serve()


class _Stopper:
    """Answers signals."""

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
    """Have the signals answered for the length of a block; one that is ignored (nohup) stays ignored."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    ours = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in ours:
        signal.signal(number, stopper)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])
