"""What a folder stands on: a disk of this machine, or something that a network or a sync tool is behind."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

NETWORKED = ("fuse", "nfs", "cifs", "smb", "9p", "virtiofs", "vboxsf", "prl_fs", "afs", "ceph", "lustre", "davfs")
"""How the types of such file systems begin. The other side's writes make no event on them."""

BLOCK_DEVICES = ("fuseblk",)  # NTFS and exFAT disks, served through FUSE on this machine

MOUNTS = Path("/proc/self/mounts")
CLOUD_FOLDERS = ("Library/CloudStorage", "Google Drive", "GoogleDrive")
"""Where Drive for Desktop shows itself as a plain folder."""


@dataclass(frozen=True)
class Ground:
    """What a folder stands on: a disk of this machine, an rclone mount at `point`, or anything else that is shared."""

    kind: Literal["disk", "rclone", "shared"]
    point: Path | None = None


def ground_of(path: Path) -> Ground:
    """Return what `path` stands on, without touching it where its name tells: a hung mount would hold us up."""
    if any(part in path.as_posix() for part in CLOUD_FOLDERS):
        return Ground("shared")
    for place in (path, path.resolve()) if _is_disk(filesystem(path)[0]) else (path,):
        kind, point = filesystem(place)
        if not _is_disk(kind):
            return Ground("rclone" if kind == "fuse.rclone" else "shared", point)
        if any(part in place.as_posix() for part in CLOUD_FOLDERS):
            return Ground("shared")
    return Ground("disk")


def _is_disk(kind: str) -> bool:
    return kind.startswith(BLOCK_DEVICES) or not kind.startswith(NETWORKED)


def filesystem(path: Path, mounts: Path = MOUNTS) -> tuple[str, Path | None]:
    """Return the type of the file system that holds `path` and where it is mounted; ("", None) where nobody tells."""
    if sys.platform != "linux" or not mounts.exists():
        return "", None
    best, kind, at = -1, "", None
    for line in mounts.read_text(errors="replace").splitlines():
        _, where, fs, *_ = line.split(" ")
        point = Path(_unescaped(where))
        # Of two mounts on one point the later one is on top.
        if (path == point or point in path.parents) and len(point.parts) >= best:
            best, kind, at = len(point.parts), fs, point
    return kind, at


def _unescaped(where: str) -> str:
    r"""Undo what the kernel does to blanks, tabs, newlines and backslashes: `\040` and the like."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), where)
