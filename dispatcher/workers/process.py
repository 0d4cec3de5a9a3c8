"""Child processes, above all the worker of this machine: watched, and stopped with everything they started."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from gpudrop_start import MODULE
from protocol.errors import EnvironmentNotReady
from protocol.transports.host import may_run

log = logging.getLogger(__name__)

MAX_RESTARTS = 3
LOCAL = "local-"
"""The name of a worker of this machine begins with this; the process id of its command follows."""

GRACE_S = 20.0  # to release the current job, which takes far less


class ChildProcess:
    """A process in its own session, so that a terminal's Ctrl-C reaches it only through `stop`.

    Its output goes to `log`. `stop`, or leaving the block, ends it and its children, whatever state they are in.
    """

    stop_signal = signal.SIGTERM

    def __init__(self, command: Sequence[str], log: Path, *, grace_s: float = GRACE_S) -> None:
        self.log = log
        self._grace_s = grace_s
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def pid(self) -> int:
        """The process id, which is also its process group."""
        return self._process.pid

    def alive(self) -> bool:
        """Say whether it is running."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to release its job and exit; kill it if it does not in time. Safe to call again."""
        if self.alive():
            self._process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self._grace_s)
        # Normally the group is gone by now; macOS answers EPERM for a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def has_gone(worker: str) -> bool:
    """Say whether a worker belongs to a command of this machine that has ended, and has therefore ended too."""
    pid = worker.removeprefix(LOCAL)
    return worker != pid and pid.isdigit() and not may_run(int(pid))


class LocalWorker(ChildProcess):
    """`python -m colab` on `drop`: the worker of this machine. It exits when this process ends.

    Its drop is private, so it neither signs nor checks signatures.
    """

    def __init__(
        self, drop: Path, log: Path, *, beat_s: float | None = None, kinds: str = "", grace_s: float = GRACE_S
    ) -> None:
        parent = os.getpid()
        command = [sys.executable, *MODULE, "colab", "--drop", str(drop), "--exit-with-parent", str(parent)]
        command += ["--name", f"{LOCAL}{parent}", "--auth", "off"]
        if beat_s is not None:
            command += ["--beat", str(beat_s)]
        if kinds:
            command += ["--kinds", kinds]
        super().__init__(command, log, grace_s=grace_s)


class ResidentWorker:
    """A local worker that is restarted when it dies, a limited number of times."""

    def __init__(self, drop: Path, log: Path, *, beat_s: float | None = None, kinds: str = "") -> None:
        self._start = functools.partial(LocalWorker, drop, log, beat_s=beat_s, kinds=kinds)
        self._log, self._restarts = log, 0
        self._worker = self._start()

    def keep(self) -> None:
        """Restart the worker if it has died. Raises EnvironmentNotReady after too many restarts."""
        if self._worker.alive():
            return
        if self._restarts == MAX_RESTARTS:
            tail = self._log.read_text(errors="replace")[-600:].strip()
            raise EnvironmentNotReady(f"the worker of this machine keeps dying; the end of {self._log}:\n{tail}")
        self._restarts += 1
        log.warning("the worker of this machine died; restarting it")
        self._worker = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.stop()
