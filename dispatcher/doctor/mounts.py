"""The rclone mounts of this machine: does each one's remote control answer, and which of its flags cause problems?

The mount that the drop is on can fail the examination. Any other mount can only be warned about: this drop works
without it.
"""

from __future__ import annotations

import contextlib
import errno
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from dispatcher.doctor.findings import Finding, State
from protocol.errors import ChannelError
from protocol.transports.ground import Ground, filesystem, ground_of, mount_points, way_out
from protocol.transports.mount import Flags, mount_flags
from protocol.transports.rc import RcFailed, RcGone

RCLONE = "fuse.rclone"
ANSWER_S = 5.0
"""How long a mount or its remote control may take to answer."""

_DIED = 3
"""The exit code of the process that asks whether a mount has died."""

FindFlags = Callable[[Path], Flags | None]

_BEFORE = "Before you put a drop on it, mount it"

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

_REFUSED = {
    401: (
        "it does not accept the login that the mount was started with",
        "a login that gpudrop can read, --rc-user … --rc-pass …; gpudrop cannot read the password of --rc-htpasswd",
    ),
    403: ("it refuses the call", "--rc-user … --rc-pass …"),
    404: ("there is nothing at its address", "its remote control at the root of its address: leave out --rc-baseurl"),
}
"""What an HTTP status of the remote control means, and how to mount instead."""


def mounted_by_rclone(ground: Ground) -> Path | None:
    """Return the rclone mount that a folder is on, according to the mount table; None if it is on none."""
    if ground.path is None:
        return ground.point if ground.kind == "rclone" else None
    kind, point = filesystem(ground.path)
    return point if kind == RCLONE else None


def examine_mount(point: Path, *, find_flags: FindFlags = mount_flags) -> Iterator[Finding]:
    """Examine the mount that the drop is on."""
    yield from _Examination(point, find_flags, ground="ground", worst="fail", advice="Mount it").findings()


def examine_other_mounts(drop: str | Path | None, *, find_flags: FindFlags = mount_flags) -> Iterator[Finding]:
    """Examine every rclone mount of this machine but the one that the drop is on; its problems are warnings."""
    own = mounted_by_rclone(ground_of(drop.absolute())) if isinstance(drop, Path) else None
    for point in mount_points(RCLONE):
        if point != own:
            yield from _Examination(point, find_flags, ground="mount", worst="warn", advice=_BEFORE).findings()


@dataclass(frozen=True, kw_only=True)
class _MountProblem:
    said: str
    flags: str  # to mount with instead
    fails: bool = False


@dataclass(frozen=True)
class _Examination:
    """One mount. `worst` is the state of a problem that makes a drop on it unusable."""

    point: Path
    find_flags: FindFlags
    _: KW_ONLY
    ground: str  # the check that its first line belongs to
    worst: State
    advice: str  # how to mount it otherwise; flags follow

    def findings(self) -> Iterator[Finding]:
        flags = self.find_flags(self.point)
        if flags is None:
            yield self._without_process()
            return
        by = ", made by rclone rcd" if flags.fs else ""
        yield Finding(check=self.ground, state="ok", said=f"an rclone mount at {self.point}{by}")
        for problem in (*_remote_control(flags), *_flags(flags)):
            yield Finding(
                check="mount",
                state=self.worst if problem.fails else "warn",
                said=f"{self.point}: {problem.said}",
                hint=f"{self.advice} with {problem.flags}",
            )

    def _without_process(self) -> Finding:
        if _has_died(self.point):
            said = f"the rclone mount at {self.point} has died"
            return Finding(check=self.ground, state=self.worst, said=said, hint=_sentence(way_out(self.point)))
        said = f"an rclone mount at {self.point}; its process cannot be seen from here"
        return Finding(check=self.ground, state="warn", said=said, hint="Run doctor as the user who mounted it")


def _has_died(point: Path) -> bool:
    """Say whether no process serves a mount any more. A child process asks, with a call that no cache answers."""
    ask = "import os, sys\ntry: os.statvfs(sys.argv[1])"
    ask += f"\nexcept OSError as error: sys.exit({_DIED} if error.errno == {errno.ENOTCONN} else 0)"
    with contextlib.suppress(subprocess.TimeoutExpired):
        command = [sys.executable, "-P", "-c", ask, str(point)]
        return subprocess.run(command, capture_output=True, timeout=ANSWER_S, check=False).returncode == _DIED
    return False


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _remote_control(flags: Flags) -> Iterator[_MountProblem]:
    """Call a method without effect, which needs only the address and the login."""
    rc = flags.rc()
    if rc is None:
        said = "it has no --rc: files of the other side are seen only when the mount's cache expires"
        yield _MountProblem(said=said, flags="--rc --rc-user … --rc-pass …")
        return
    with contextlib.closing(rc):
        try:
            rc.call("rc/noop", timeout_s=ANSWER_S)
        except RcFailed as error:
            reason, instead = _REFUSED.get(error.status, (error.text, "--rc --rc-user … --rc-pass …"))
            said = f"its remote control at {flags.address} cannot be used ({error.status}): {reason}"
            yield _MountProblem(said=said, flags=instead)
        except (RcGone, ChannelError) as error:
            said = f"its remote control at {flags.address} does not answer: {error}"
            yield _MountProblem(said=said, flags="--rc-addr 127.0.0.1:PORT, without TLS, and with a port that is free")


def _flags(flags: Flags) -> Iterator[_MountProblem]:
    """Yield the flags that cause problems."""
    if flags.get("read-only", "false") != "false":
        yield _MountProblem(said="it is read-only", flags="write access: leave out --read-only", fails=True)
    if not flags.has_rc and _seconds(flags.get("dir-cache-time", "5m")) > 60:
        yield _MountProblem(said="it caches folders for more than a minute", flags="--dir-cache-time 30s")
    if (mode := flags.get("vfs-cache-mode", "off")) in ("off", "minimal"):
        said = f"--vfs-cache-mode is {mode}: an interrupted upload is lost"
        yield _MountProblem(said=said, flags="--vfs-cache-mode full")
    if _seconds(flags.get("vfs-write-back", "5s")) > 5:
        yield _MountProblem(said="it waits more than 5 s before each upload", flags="--vfs-write-back 1s")
    if _seconds(flags.get("poll-interval", "1m")) == 0:
        said = "--poll-interval is 0: Drive is never asked for changes"
        yield _MountProblem(said=said, flags="--poll-interval 10s")


def _seconds(text: str) -> float:
    """Return the seconds of rclone's "1m30s"; a bare number is seconds."""
    parts = re.findall(r"([\d.]+)(ms|s|m|h|d)?", text)
    return sum(float(number) * _SECONDS[unit or "s"] for number, unit in parts)
