"""What one tour is made with: its spec's file, the options, this machine's settings, and where progress is shown."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from dispatcher.config import Settings
from dispatcher.connection import Connection, connect, require_drop
from dispatcher.tour.options import CLONING_BACKEND, TourOptions
from dispatcher.tour.screen import Screen
from protocol.errors import EnvironmentNotReady, UsageError
from usertext.problems import not_one_of

BACKENDS = ("local", "colab", CLONING_BACKEND)
LOCK = "in-use.lock"


@dataclass(frozen=True, kw_only=True)
class TourSession:
    """One request to record, rehearse or preview a tour. Whatever is done for it gets this one object."""

    spec_path: Path
    options: TourOptions
    settings: Settings
    screen: Screen

    @property
    def work_dir(self) -> Path:
        """Return the absolute folder for takes, clips, logs and failures: --work-dir, else one next to the spec."""
        return Path(self.options.work_dir or self.spec_path.parent / f".{self.spec_path.stem}-work").absolute()

    def in_group(self, group: str) -> Self:
        """Return the session whose jobs belong to a group of the run database."""
        return replace(self, options=replace(self.options, group=group))

    def check_backend(self) -> None:
        """Check that workers can be reached, without asking any of them.

        Raises UsageError for an unknown backend and EnvironmentNotReady without a drop.
        """
        if self.options.tts_backend not in BACKENDS:
            raise UsageError(f"--tts-backend: {not_one_of(self.options.tts_backend, BACKENDS)}")
        if self.options.tts_backend != "local":
            require_drop(self.options.drop, self.settings)

    def connect(self, kinds: str) -> AbstractContextManager[Connection]:
        """Return a connection to the workers that speak. A worker on this machine uses a drop in the work folder.

        Raises as `check_backend` does.
        """
        self.check_backend()
        group = self.options.group
        if self.options.tts_backend == "local":
            private = self.work_dir / "drop"
            return connect("local", settings=self.settings, kinds=kinds, private=private, group=group)
        return connect("colab", self.options.drop, settings=self.settings, group=group)

    def connect_encoder(self) -> AbstractContextManager[Connection]:
        """Return a connection to the drop whose workers encode the video. Raises EnvironmentNotReady without one."""
        drop = self.options.encode_drop or self.options.drop
        return connect("colab", drop, settings=self.settings, group=self.options.group)

    @contextlib.contextmanager
    def locked_work_dir(self) -> Iterator[Path]:
        """Make the work folder and lock it for this process; the lock ends with the process, however that ends.

        Raises EnvironmentNotReady if another recording has locked it, or if it cannot be made.
        """
        with locked(self.work_dir):
            yield self.work_dir


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder and lock it for this process. Raises EnvironmentNotReady."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK, blocking=False)
        lock.acquire()
    except Timeout as taken:
        raise EnvironmentNotReady(
            f"another recording is using {folder}. Wait until it has finished, or use another folder: --work-dir DIR"
        ) from taken
    except OSError as error:
        raise EnvironmentNotReady(
            f"the work folder {folder} cannot be used: {error.strerror}. Use another one: --work-dir DIR"
        ) from error
    try:
        yield
    finally:
        lock.release()
