"""The rclone mount that a drop lies on: does its remote control answer us, and which of its flags hurt?"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from dispatcher.doctor.findings import Finding
from protocol.errors import ChannelError
from protocol.transports.ground import Ground, filesystem
from protocol.transports.mount import Flags, mount_flags
from protocol.transports.rc import RcFailed, RcGone

ANSWER_S = 5.0
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}

_REFUSED = {
    401: (
        "it does not accept the login that the mount was started with",
        "a login that gpudrop can read, --rc-user … --rc-pass …; with --rc-htpasswd it knows no password",
    ),
    403: ("it refuses the call", "--rc-user … --rc-pass …"),
    404: ("nothing is at its address", "its remote control at the root of its address: leave out --rc-baseurl"),
}
"""What an HTTP status of the remote control means, and how to mount instead."""


def mounted_by_rclone(ground: Ground) -> Path | None:
    """Return the rclone mount that a folder lies on, by the table of mounts alone; None for any other ground."""
    if ground.path is None:
        return ground.point if ground.kind == "rclone" else None
    kind, point = filesystem(ground.path)
    return point if kind == "fuse.rclone" else None


def examine_mount(point: Path) -> Iterator[Finding]:
    """Look at a mount's remote control and at its flags."""
    flags = mount_flags(point)
    if flags is None:
        said = f"an rclone mount at {point}; its process cannot be seen from here"
        yield Finding(check="ground", state="warn", said=said, hint="Run doctor as the user who mounted it")
        return
    by = ", made by rclone rcd" if flags.fs else ""
    yield Finding(check="ground", state="ok", said=f"an rclone mount at {point}{by}")
    yield from _remote_control(flags)
    yield from _hurting(flags)


def _remote_control(flags: Flags) -> Iterator[Finding]:
    """Ask it for nothing, which needs its address and login only."""
    rc = flags.rc()
    if rc is None:
        said = "the mount has no --rc: what the other side writes is seen only when the mount's cache expires"
        yield _warn(said, "--rc --rc-user … --rc-pass …")
        return
    with contextlib.closing(rc):
        try:
            rc.call("rc/noop", timeout_s=ANSWER_S)
        except RcFailed as error:
            why, hint = _REFUSED.get(error.status, (error.text, "--rc --rc-user … --rc-pass …"))
            yield _warn(f"its remote control at {flags.address} cannot be used ({error.status}): {why}", hint)
        except (RcGone, ChannelError) as error:
            said = f"its remote control at {flags.address} does not answer: {error}"
            yield _warn(said, "--rc-addr 127.0.0.1:PORT, without TLS, and with a port that is free")


def _hurting(flags: Flags) -> Iterator[Finding]:
    """Name the flags that hurt."""
    if flags.get("read-only", "false") != "false":
        yield _warn("the mount is read-only", "write access: leave out --read-only", fails=True)
    if not flags.has_rc and _seconds(flags.get("dir-cache-time", "5m")) > 60:
        yield _warn("its folders are cached for more than a minute", "--dir-cache-time 30s")
    if (mode := flags.get("vfs-cache-mode", "off")) in ("off", "minimal"):
        yield _warn(f"--vfs-cache-mode is {mode}: an upload that is cut off is lost", "--vfs-cache-mode full")
    if _seconds(flags.get("vfs-write-back", "5s")) > 5:
        yield _warn("it waits more than 5 s before it uploads what was written", "--vfs-write-back 1s")
    if _seconds(flags.get("poll-interval", "1m")) == 0:
        yield _warn("--poll-interval is 0: Drive is never asked what changed", "--poll-interval 10s")


def _warn(said: str, flags: str, *, fails: bool = False) -> Finding:
    return Finding(check="mount", state="fail" if fails else "warn", said=said, hint=f"Mount it with {flags}")


def _seconds(text: str) -> float:
    """Return the seconds of rclone's "1m30s"; a bare number is seconds."""
    parts = re.findall(r"([\d.]+)(ms|s|m|h|d)?", text)
    return sum(float(number) * _SECONDS[unit or "s"] for number, unit in parts)
