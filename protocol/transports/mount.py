"""The remote control of the process that serves an rclone mount, if it has one.

A mount caches directories for minutes and uploads in the background. Its remote control can refresh a directory, and
tells whether uploads are pending. Without one the mount is used as it is, with one warning.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from protocol.drop import Durability
from protocol.errors import ChannelError
from protocol.transports.rc import Rc, RcFailed, RcGone

CALL_S = 20.0
BARRIER_S = 120.0
"""How long a barrier waits for uploads."""

LONGEST_PAUSE_S = 0.25
"""Between two checks of the upload queue: shorter than the pause between two heartbeats, which are uploads too."""

AGAIN_S = 10.0
"""After a failure the remote control is not used for this long; the mount works without it."""

GOOD_FLAGS = (
    "--vfs-cache-mode full --vfs-write-back 1s --dir-cache-time 30s --poll-interval 10s "
    "--rc --rc-addr 127.0.0.1:5572 --rc-user me --rc-pass …"
)
"""The flags for a mount that holds a drop; docs/mounts.md explains each one."""

LIST_S = 2.0
"""How long an `rclone rcd` may take to list its mounts."""

PROC = Path("/proc")
_ADDRESS = "localhost:5572"  # rclone's own default
_VERBS = ("mount", "mount2", "cmount")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Flags:
    """The flags of an rclone mount, from its command line and environment.

    A mount that was made through `rclone rcd` has that process's remote control, and the options that it reports.
    """

    point: Path
    told: Mapping[str, str] = field(repr=False)  # may contain a password
    fs: str | None = field(default=None, repr=False)  # its file system, if it was mounted by an rcd

    @property
    def has_rc(self) -> bool:
        """Say whether the mount has a remote control."""
        return self.fs is not None or self.get("rc", "false") != "false"

    @property
    def address(self) -> str:
        """Return the address of its remote control."""
        host, _, port = self.get("rc-addr", _ADDRESS).rpartition(":")
        return f"{host or '127.0.0.1'}:{port}"

    def get(self, name: str, default: str) -> str:
        """Return a flag's value; a flag without a value is "true"."""
        return self.told.get(name, default)

    def rc(self) -> Rc | None:
        """Return a client of its remote control, or None if it has none."""
        if not self.has_rc:
            return None
        return Rc(f"http://{self.address}", self.get("rc-user", ""), self.get("rc-pass", ""))


def mount_flags(point: Path, proc: Path = PROC) -> Flags | None:
    """Return the flags of the rclone process behind a mount point; None if they cannot be read."""
    rcds = []
    for folder in proc.iterdir() if proc.is_dir() else ():
        if not folder.name.isdigit() or not (words := _words(folder / "cmdline")):
            continue
        if _serves(words, point, folder):
            return Flags(point, {**_from_environment(folder / "environ"), **_flags(words)})
        if Path(words[0]).name == "rclone" and "rcd" in words[1:]:
            rcds.append(Flags(point, {**_from_environment(folder / "environ"), **_flags(words), "rc": "true"}))
    return next((found for rcd in rcds if (found := _mounted_by(rcd)) is not None), None)


def _mounted_by(rcd: Flags) -> Flags | None:
    """Return the flags of a mount made through this `rclone rcd`, or None if it is not one of its mounts."""
    rc = rcd.rc()
    if rc is None or rcd.address.endswith(":0"):  # a port that only its owner knows
        return None
    with contextlib.closing(rc), contextlib.suppress(RcGone, RcFailed, ChannelError):
        made = rc.call("mount/listmounts", timeout_s=LIST_S).get("mountPoints") or []
        here = [it["Fs"] for it in made if os.path.normpath(str(it.get("MountPoint"))) == str(rcd.point)]
        if here:
            options = rc.call("vfs/stats", {"fs": here[0]}, timeout_s=LIST_S).get("opt") or {}
            return Flags(rcd.point, {**rcd.told, **_as_flags(options)}, fs=here[0])
    return None


def _as_flags(options: Mapping[str, Any]) -> dict[str, str]:
    """Return the options of a mounted file system as the flags that would set them; times are in ns."""
    modes = ("off", "minimal", "writes", "full")
    mode = options.get("CacheMode", "off")
    told = {"vfs-cache-mode": modes[mode] if isinstance(mode, int) else str(mode)}
    told["read-only"] = "true" if options.get("ReadOnly") else "false"
    times = {"WriteBack": "vfs-write-back", "DirCacheTime": "dir-cache-time", "PollInterval": "poll-interval"}
    for name, flag in times.items():
        if (value := options.get(name)) is not None:
            told[flag] = f"{value / 1e9}s" if isinstance(value, int) else str(value)
    return told


def _words(path: Path) -> Sequence[str]:
    try:
        return path.read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return ()  # another user's process, or gone


def _serves(words: Sequence[str], point: Path, process: Path) -> bool:
    if Path(words[0]).name != "rclone" or not set(_VERBS).intersection(words[1:]):
        return False
    try:
        home = (process / "cwd").readlink()
    except OSError:
        home = Path("/")
    return any(os.path.normpath(home / word) == str(point) for word in words[2:])


def _flags(words: Sequence[str]) -> dict[str, str]:
    """Return `--name=value`, `--name value` and bare `--name` alike."""
    told: dict[str, str] = {}
    for word, after in zip(words, [*words[1:], "--"], strict=True):
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            told[name] = value if equals else ("true" if after.startswith("--") else after)
    if "rc" in told:
        told["rc"] = "false" if told["rc"] == "false" else "true"
    return told


def _from_environment(path: Path) -> dict[str, str]:
    settings = (word.partition("=") for word in _words(path) if word.startswith("RCLONE_"))
    return {name.removeprefix("RCLONE_").lower().replace("_", "-"): value for name, _, value in settings}


class MountControl:
    """Refreshes the mount at `point`, and waits for its uploads. It never fails: without it changes arrive later."""

    def __init__(self, point: Path, *, flags: Callable[[Path], Flags | None] = mount_flags) -> None:
        self._point, self._find = point, flags
        self._lock = threading.Lock()  # for the client; never held during a call
        self._rc: Rc | None = None
        self._fs: str | None = None
        self._rests_until = 0.0
        self._told = False

    def refresh(self, folder: str) -> None:
        """Refresh a folder (relative to the mount's root), so that the next listing is up to date."""
        self._ask("vfs/refresh", {"dir": folder} if folder else {})

    def uploaded(self, within_s: float = BARRIER_S) -> Durability:
        """Wait until the upload queue is empty twice in a row; "unconfirmed" if that is unknown."""
        ends, quiet, pause_s = time.monotonic() + within_s, 0, 0.05
        while time.monotonic() < ends:
            stats = self._ask("vfs/stats", {})
            if stats is None:
                return "unconfirmed"
            cache = stats.get("diskCache") or {}  # without a cache a file is uploaded when it is closed
            if cache.get("erroredFiles"):
                return "unconfirmed"
            quiet = quiet + 1 if not (cache.get("uploadsInProgress") or cache.get("uploadsQueued")) else 0
            if quiet == 2:
                return "confirmed"
            time.sleep(pause_s)
            pause_s = min(LONGEST_PAUSE_S, pause_s * 1.5)
        return "unconfirmed"

    @property
    def is_there(self) -> bool:
        """Say whether the mount has a remote control that answers."""
        return self._ask("rc/noop", {}) is not None

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            rc, self._rc = self._rc, None
        if rc is not None:
            rc.close()

    def _ask(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        if time.monotonic() < self._rests_until:
            return None
        if (rc := self._client()) is None:
            self._rest("it was mounted without --rc")
            return None
        try:
            which = {"fs": self._fs} if self._fs and method.startswith("vfs/") else {}
            answer: dict[str, Any] = rc.call(method, {**parameters, **which}, timeout_s=CALL_S)
        except (RcGone, RcFailed, ChannelError) as error:
            self.close()  # it may come back at another port
            self._rest(str(error))
            return None
        self._told = False
        return answer

    def _client(self) -> Rc | None:
        with self._lock:
            if self._rc is None and (found := self._find(self._point)) is not None:
                self._rc, self._fs = found.rc(), found.fs
            return self._rc

    def _rest(self, why: str) -> None:
        self._rests_until = time.monotonic() + AGAIN_S
        if not self._told:
            log.warning(
                "%s has no usable remote control (%s), so changes arrive later and uploads cannot be confirmed. "
                "Mount it with --rc --rc-user … --rc-pass …; `gpudrop doctor` and docs/mounts.md say more",
                self._point,
                why,
            )
            self._told = True
