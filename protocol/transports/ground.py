"""What a folder stands on: a disk of this machine, or something that a network is behind."""

from __future__ import annotations

import sys
from pathlib import Path

NETWORKED = ("fuse", "nfs", "cifs", "smb", "9p", "afs", "ceph", "davfs", "sshfs", "osxfuse", "macfuse", "webdav")
MOUNTS = Path("/proc/self/mounts")
CLOUD_FOLDERS = ("Library/CloudStorage", "Google Drive", "GoogleDrive")


def is_local_disk(path: Path) -> bool:
    """Say whether processes that share `path` are sure to be on this machine and to see each other at once."""
    real = path.resolve()
    if any(part in str(real).replace("\\", "/") for part in CLOUD_FOLDERS):
        return False
    return not filesystem(real).startswith(NETWORKED) if sys.platform == "linux" else True


def filesystem(path: Path, mounts: Path = MOUNTS) -> str:
    """Return the type of the file system that holds `path`, "" where the system does not tell."""
    if not mounts.exists():
        return ""
    best, kind = -1, ""
    for line in mounts.read_text(errors="replace").splitlines():
        _, where, fs, *_ = line.split(" ")
        point = Path(where.replace("\\040", " "))
        if (path == point or point in path.parents) and len(point.parts) >= best:
            best, kind = len(point.parts), fs
    return kind
