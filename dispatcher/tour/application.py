"""The application that a tour shows: its set-up by shell lines of the spec, and whether its servers are running."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from dispatcher.tour.session import TourSession
from dispatcher.tour.spec.model import Spec
from protocol.errors import EnvironmentNotReady, UsageError
from usertext.redaction import without_secrets

TAIL_BYTES = 2000
TIMEOUT_S = 600.0
PORTS: Mapping[str, int] = {"http": 80, "https": 443}
CONNECT_S = 10.0


def prepare_application(spec: Spec, session: TourSession) -> None:
    """Run the spec's pre_setup, and check that its servers are running. Raises UsageError or EnvironmentNotReady."""
    screen, allow = session.screen, session.options.allow_setup
    if spec.pre_setup and allow:
        screen.say("pre_setup, allowed by --allow-setup:\n  " + "\n  ".join(spec.pre_setup))
    run_setup(
        spec.pre_setup,
        confirm=screen.confirm,
        allow=allow,
        cwd=spec.source.parent,
        log=session.work_dir / "pre_setup.log",
    )
    for warning in check_servers(spec):
        screen.warn(warning)


def run_setup(
    lines: Sequence[str],
    *,
    confirm: Callable[[Sequence[str]], bool],
    allow: bool,
    cwd: Path,
    log: Path,
    timeout_s: float = TIMEOUT_S,
) -> None:
    """Run the lines one after the other in `cwd`, with their output in `log`. Nothing runs unless allowed or confirmed.

    `confirm` shows the lines and asks; `timeout_s` is for each line. Processes that a line leaves in the background
    keep running: one of them may be the application. Raises UsageError if it is declined, EnvironmentNotReady for a
    line that fails.
    """
    if not lines:
        return
    if not allow and not confirm(lines):
        raise UsageError("the spec's pre_setup was not run; allow it with --allow-setup, or remove it from the spec")
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
    reason = f"timed out after {timeout_s:g} s" if status is None else _describe_status(status)
    log = Path(output.name)
    raise EnvironmentNotReady(
        f"the pre_setup line {line!r} {reason}; correct it and run again. Its output is in {log}:\n{_tail(log, start)}"
    )


def _status(line: str, cwd: Path, output: BinaryIO, timeout_s: float) -> int | None:
    """Return the exit status of one line, run by the shell in its own process group; None if it timed out.

    The lines are written for a shell; they are the user's own, on the user's own machine.
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
            with contextlib.suppress(ProcessLookupError):  # it may have just ended
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return None
            raise


def _describe_status(status: int) -> str:
    return f"failed with exit status {status}" if status > 0 else f"was killed by signal {-status}"


def _tail(log: Path, start: int) -> str:
    """Return the last part of what has been written to `log` since `start`."""
    with log.open("rb") as written:
        end = written.seek(0, os.SEEK_END)
        written.seek(max(start, end - TAIL_BYTES))
        return written.read().decode(errors="replace").rstrip() or "(no output)"


def check_servers(spec: Spec, *, timeout_s: float = CONNECT_S) -> list[str]:
    """Connect to every server whose pages the tour opens. Raises EnvironmentNotReady if the first one is not running.

    A later one may be started by the tour itself: if it is not running, that is returned as a warning.
    """
    warnings: list[str] = []
    known: set[tuple[str, int]] = set()
    for step in spec.steps:
        url = spec.resolve_url(step)
        place = _place(url) if url is not None else None
        if url is None or place is None or place in known:
            continue
        is_first = not known
        known.add(place)
        if (problem := _problem(place, timeout_s)) is None:
            continue
        text = f"step {step.id!r} opens {_without_secrets(url)}, but {place[0]}:{place[1]} {problem}"
        if is_first:
            raise EnvironmentNotReady(f"{text}; start the application, or correct settings.base_url or --base-url")
        warnings.append(f"{text}; unless an earlier step starts it, that step will fail")
    return warnings


def _place(url: str) -> tuple[str, int] | None:
    """Return host and port to connect to; None for a file, and for a server behind a proxy."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        return None
    if parts.scheme in getproxies() and not proxy_bypass(parts.hostname):
        return None
    return parts.hostname, parts.port or PORTS[parts.scheme]


def _problem(place: tuple[str, int], timeout_s: float) -> str | None:
    """Say why a server cannot be connected to, or None if it can."""
    try:
        socket.create_connection(place, timeout=timeout_s).close()
    except ConnectionRefusedError:
        return "refuses the connection: nothing is running there"
    except socket.gaierror:
        return "is unknown: the name cannot be resolved"
    except TimeoutError:
        return f"does not answer within {timeout_s:g} s"
    except OSError as error:
        return f"cannot be reached ({error.strerror or error})"
    return None


def _without_secrets(url: str) -> str:
    """Return an address without user name, password and query, which may contain a token."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
