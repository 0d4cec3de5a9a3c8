"""Processes that this one starts, the worker of this machine first: watched, and gone without a trace afterwards."""

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
"""What a worker of this machine is called, before the process id of the command that it is for."""

GRACE_S = 20.0  # to release the current job; publishing a release takes far less


class ChildProcess:
    """A process in a session of its own, so that a terminal's Ctrl-C reaches it only through `stop`.

    Its output goes to `log`. Leaving the block, or `stop`, ends it and what it started, whatever state it is in.
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
        """Return the process id, which is also that of its group."""
        return self._process.pid

    def alive(self) -> bool:
        """Say whether it still runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to release its job and end; what does not end in time is killed. Safe to call again."""
        if self.alive():
            self._process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(self._grace_s)
        # The group is gone already when all went well; macOS answers EPERM for one that holds only the dead.
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
    """Say whether a worker is one of this machine whose command has ended, and so has it."""
    pid = worker.removeprefix(LOCAL)
    return worker != pid and pid.isdigit() and not may_run(int(pid))


class LocalWorker(ChildProcess):
    """`python -m colab` on `drop`: the resident worker of this machine. It also ends when this process is gone.

    Its drop is a private one, where nobody has to prove who they are.
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
    """A local worker that is started again when it dies, as a user would do, but not for ever."""

    def __init__(self, drop: Path, log: Path, *, beat_s: float | None = None, kinds: str = "") -> None:
        self._start = functools.partial(LocalWorker, drop, log, beat_s=beat_s, kinds=kinds)
        self._log, self._restarts = log, 0
        self._worker = self._start()

    def keep(self) -> None:
        """Start the worker again if it has died. One that dies again and again raises EnvironmentNotReady."""
        if self._worker.alive():
            return
        if self._restarts == MAX_RESTARTS:
            tail = self._log.read_text(errors="replace")[-600:].strip()
            raise EnvironmentNotReady(f"the worker of this machine keeps dying; the end of {self._log}:\n{tail}")
        self._restarts += 1
        log.warning("the worker of this machine died; it is started again")
        self._worker = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.stop()
