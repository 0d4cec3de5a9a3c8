"""Who speaks a tour and writes its narration anew: workers of the shared drop, or one of this machine."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from dispatcher.config import Settings
from dispatcher.connection import Connection, connect, require_drop
from dispatcher.tour.options import CLONING_BACKEND, Options
from protocol.errors import UsageError
from usertext.problems import not_one_of

BACKENDS = ("local", "colab", CLONING_BACKEND)


def check_backend(options: Options, settings: Settings) -> None:
    """Check that there is a way to the tour's workers, without asking any of them.

    Raises UsageError for an unknown backend and EnvironmentNotReady without a drop.
    """
    if options.tts_backend not in BACKENDS:
        raise UsageError(f"--tts-backend: {not_one_of(options.tts_backend, BACKENDS)}")
    if options.tts_backend != "local":
        require_drop(options.drop, settings)


def connected(options: Options, settings: Settings, work_dir: Path, kinds: str) -> AbstractContextManager[Connection]:
    """Return the way to the tour's workers. A worker of this machine is served from the tour's own work folder.

    Raises UsageError for an unknown backend and EnvironmentNotReady without a drop.
    """
    check_backend(options, settings)
    if options.tts_backend == "local":
        return connect("local", settings=settings, kinds=kinds, private=work_dir / "drop", group=options.group)
    return connect("colab", options.drop, settings=settings, group=options.group)
