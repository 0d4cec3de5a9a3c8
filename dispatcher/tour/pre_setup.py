"""The spec's own shell lines: shown, confirmed, and only then run."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from protocol.errors import EnvironmentNotReady, UsageError

TAIL = 400


def run(
    lines: Sequence[str],
    *,
    confirm: Callable[[Sequence[str]], bool],
    allow: bool,
    cwd: Path,
    log: Path,
    timeout_s: float = 600,
) -> None:
    """Run the lines one after the other in `cwd`, with their output in `log`. Nothing runs unless allowed or confirmed.

    A shell is what these lines are written for: they are the user's own, on the user's own machine.
    """
    if not allow and not confirm(lines):
        raise UsageError("the spec's pre_setup was not run; allow it with --allow-setup, or take it out of the spec")
    with log.open("wb") as output:
        for line in lines:
            output.write(f"$ {line}\n".encode())
            output.flush()
            status = _run(line, cwd, output.fileno(), timeout_s)
            if status != 0:
                tail = log.read_text(errors="replace")[-TAIL:]
                why = f"took longer than {timeout_s:.0f} s" if status is None else f"ended with status {status}"
                raise EnvironmentNotReady(f"pre_setup line {line!r} {why}; see {log}:\n{tail}")


def _run(line: str, cwd: Path, output: int, timeout_s: float) -> int | None:
    """Run one line in a process group of its own; None when its time was up."""
    command = ["/bin/sh", "-c", line]
    with subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
    ) as process:
        try:
            return process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
