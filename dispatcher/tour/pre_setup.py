"""The spec's own shell lines: shown, confirmed, and only then run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from protocol.errors import EnvironmentNotReady, UsageError
from usertext.redaction import without_secrets

TAIL_BYTES = 2000
TIMEOUT_S = 600.0


def run(
    lines: Sequence[str],
    *,
    confirm: Callable[[Sequence[str]], bool],
    allow: bool,
    cwd: Path,
    log: Path,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Run the lines one after the other in `cwd`, with their output in `log`. Nothing runs unless allowed or confirmed.

    `confirm` shows the lines and asks; `timeout_s` is for each line. What a line leaves running in the background
    stays, for that may be the application to film. Raises UsageError when refused, EnvironmentNotReady for a line
    that fails.
    """
    if not lines:
        return
    if not allow and not confirm(lines):
        raise UsageError("the spec's pre_setup was not run; allow it with --allow-setup, or take it out of the spec")
    try:
        with log.open("wb") as output:
            for line in lines:
                _run(line, cwd, output, timeout_s)
    except OSError as error:
        raise EnvironmentNotReady(f"pre_setup cannot run in {cwd} with its output in {log}: {error}") from error


def _run(line: str, cwd: Path, output: BinaryIO, timeout_s: float) -> None:
    """Run one line; raises EnvironmentNotReady with the end of its output if it fails."""
    output.write(f"$ {without_secrets(line)}\n".encode())
    output.flush()
    start = output.seek(0, os.SEEK_END)
    status = _status(line, cwd, output, timeout_s)
    if status == 0:
        return
    why = f"took longer than {timeout_s:g} s and was ended" if status is None else _ending(status)
    log = Path(output.name)
    raise EnvironmentNotReady(
        f"the pre_setup line {line!r} {why}; mend it and run again. Its output is in {log}:\n{_tail(log, start)}"
    )


def _status(line: str, cwd: Path, output: BinaryIO, timeout_s: float) -> int | None:
    """Return the exit status of one line, run by the shell in a process group of its own; None when its time was up.

    A shell is what these lines are written for: they are the user's own, on the user's own machine.
    """
    with subprocess.Popen(
        ["/bin/sh", "-c", line],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(timeout_s)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):  # it may have ended just now
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise


def _ending(status: int) -> str:
    return f"ended with status {status}" if status > 0 else f"was ended by signal {-status}"


def _tail(log: Path, start: int) -> str:
    """Return the end of what was written to `log` from `start` on."""
    with log.open("rb") as written:
        end = written.seek(0, os.SEEK_END)
        written.seek(max(start, end - TAIL_BYTES))
        return written.read().decode(errors="replace").rstrip() or "(no output)"
