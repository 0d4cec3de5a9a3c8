"""What a folder stands on: a disk of this machine, or something that a network or a sync tool is behind."""

from __future__ import annotations

import re
import sys
from pathlib import Path

NETWORKED = ("fuse", "nfs", "cifs", "smb", "9p", "virtiofs", "vboxsf", "prl_fs", "afs", "ceph", "lustre", "davfs")
"""How the types of such file systems begin. The other side's writes make no event on them."""

BLOCK_DEVICES = ("fuseblk",)  # NTFS and exFAT disks, served through FUSE on this machine

MOUNTS = Path("/proc/self/mounts")
CLOUD_FOLDERS = ("Library/CloudStorage", "Google Drive", "GoogleDrive")
"""Where Drive for Desktop shows itself as a plain folder."""


def is_local_disk(path: Path) -> bool:
    """Say whether processes that share `path` are sure to be on this machine and to see each other at once."""
    real = path.resolve()
    if any(part in real.as_posix() for part in CLOUD_FOLDERS):
        return False
    kind = filesystem(real) if sys.platform == "linux" else ""
    return kind.startswith(BLOCK_DEVICES) or not kind.startswith(NETWORKED)


def filesystem(path: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that holds `path`, "" where the system does not tell."""
    if not mounts.exists():
        return ""
    best, kind = -1, ""
    for line in mounts.read_text(errors="replace").splitlines():
        _, where, fs, *_ = line.split(" ")
        point = Path(_unescaped(where))
        # Of two mounts on one point the later one is on top.
        if (path == point or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fs
    return kind


def _unescaped(where: str) -> str:
    r"""Undo what the kernel does to blanks, tabs, newlines and backslashes: `\040` and the like."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), where)
