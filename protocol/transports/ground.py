"""What a folder is on: a disk of this machine, a network file system, or a folder of a sync tool."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from protocol.google_drive import COLAB_MOUNT, REMOUNT, is_my_drive

NETWORKED = ("fuse", "nfs", "cifs", "smb", "9p", "virtiofs", "vboxsf", "prl_fs", "afs", "ceph", "lustre", "davfs")
"""The beginnings of the types of network file systems. Writes of the other side cause no events on them."""

BLOCK_DEVICES = ("fuseblk",)  # NTFS and exFAT disks, served through FUSE on this machine

MOUNTS = Path("/proc/self/mounts")

SYNC_MARKERS = {
    ".stfolder": "Syncthing",
    ".dropbox": "Dropbox",
    ".dropbox.cache": "Dropbox",
    ".nextcloudsync.log": "Nextcloud",
    ".owncloudsync.log": "ownCloud",
    ".tmp.drivedownload": "Google Drive",
    ".tmp.driveupload": "Google Drive",
}
"""What sync tools leave in the top folder that they share."""

FILES_ONLY = frozenset({".dropbox"})  # a folder of that name holds Dropbox's settings, in the home of its user

CLOUD_FOLDERS = {
    "CloudStorage": "a cloud drive",  # macOS, in Library
    "Google Drive": "Google Drive",
    "GoogleDrive": "Google Drive",
    "OneDrive": "OneDrive",
    "Dropbox": "Dropbox",
    "Nextcloud": "Nextcloud",
}
"""The usual names of such tools' folders: used only where there is no table of mounts."""

_ONEDRIVE_OF = "OneDrive - "  # followed by the name of a company

MAX_LINKS = 40  # as Linux counts them: a ring of links ends here, and opening it says so


@dataclass(frozen=True)
class Ground:
    """What a folder is on: a disk of this machine, an rclone mount at `point`, or anything else that is shared.

    `path` is the resolved folder, below `point` by name alone. `tool` is the sync tool that shares it; `is_disk` says
    that the files are nevertheless on a disk of this machine.
    """

    kind: Literal["disk", "rclone", "shared"]
    point: Path | None = None
    path: Path | None = field(default=None, compare=False)
    tool: str | None = None
    is_disk: bool = False


def ground_of(path: Path) -> Ground:
    """Return what an absolute `path` is on. Nothing inside a mount that may hang is ever touched to find out.

    The table of mounts decides; on a disk, the marker of a sync tool in the folder or in a parent.
    """
    ground = _walked_to(path)
    if ground.kind == "disk" and (tool := _carrier(ground.path or path)) is not None:
        return replace(ground, kind="shared", tool=tool, is_disk=True)
    return ground


def _walked_to(path: Path) -> Ground:
    done, rest, links = Path(path.anchor), list(path.parts[1:]), 0
    while True:
        asked = done.joinpath(*rest)
        ground = _by_name(asked)
        if ground.kind != "disk" and ground.point is not None:
            inside, after = _walked(asked.relative_to(ground.point).parts)
            if inside is not None:
                return replace(ground, path=ground.point.joinpath(*inside))
            done, rest = ground.point.parent, after
            continue
        if ground.kind != "disk" or not rest or links > MAX_LINKS:
            return replace(ground, path=asked)
        name = rest.pop(0)
        step = done.parent if name == ".." else done / name
        target = _target(step)
        if target is None:
            done = step
            continue
        links += 1
        if target.is_absolute():
            done = Path(target.anchor)
        rest = [*(target.parts[1:] if target.is_absolute() else target.parts), *rest]


def _walked(names: Sequence[str]) -> tuple[list[str] | None, list[str]]:
    """Walk by name alone from a mount point; return where that ends, or (None, the remaining names) if it leads out.

    Nothing in the mount is touched, so links there are not known; rclone's mounts have none.
    """
    inside: list[str] = []
    for number, name in enumerate(names):
        if name != "..":
            inside.append(name)
        elif inside:
            inside.pop()
        else:
            return None, list(names[number + 1 :])
    return inside, []


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None  # not a link, or not readable


def _by_name(path: Path) -> Ground:
    kind, point = filesystem(path)
    if not kind and (tool := _named_after(path)) is not None:
        return Ground("shared", tool=tool)
    if _is_disk(kind):
        return Ground("disk")
    return Ground("rclone" if kind == "fuse.rclone" else "shared", point)


def _named_after(path: Path) -> str | None:
    """Return the tool whose folder is part of a path, by whole names."""
    for name in path.parts:
        if name in CLOUD_FOLDERS:
            return CLOUD_FOLDERS[name]
        if is_my_drive(name):
            return "Google Drive"
        if name.startswith(_ONEDRIVE_OF):
            return "OneDrive"
    return None


def _carrier(folder: Path) -> str | None:
    """Return the sync tool with a marker in a folder on a disk, or in one of its parents."""
    for above in (folder, *folder.parents):
        if _by_name(above).kind != "disk":
            return None  # a mount that may hang: not touched
        if is_my_drive(above.name):
            return "Google Drive"
        for marker, tool in SYNC_MARKERS.items():
            if os.path.lexists(above / marker) and not (marker in FILES_ONLY and (above / marker).is_dir()):
                return tool
    return None


def _is_disk(kind: str) -> bool:
    return kind.startswith(BLOCK_DEVICES) or not kind.startswith(NETWORKED)


def way_out(path: Path) -> str:
    """Return what a person can do about a mount that hangs."""
    kind, point = filesystem(ground_of(path).path or path)
    if _is_disk(kind):
        return "restart the program that keeps it in step"
    if point == Path(COLAB_MOUNT):
        return f"interrupt this cell, run {REMOUNT} in another one, then run this one again"
    detach = "fusermount -uz" if kind.startswith("fuse") else "umount -lf"
    return f"take the mount away ({detach} '{point}') and mount it again"


def filesystem(path: Path, mounts: Path = MOUNTS) -> tuple[str, Path | None]:
    """Return the type of `path`'s file system and where it is mounted; ("", None) if that is unknown."""
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


def mount_points(kind: str, mounts: Path = MOUNTS) -> list[Path]:
    """Return where file systems of a type, such as "fuse.rclone", are mounted, sorted; empty where nobody tells."""
    if sys.platform != "linux" or not mounts.exists():
        return []
    table = [line.split(" ") for line in mounts.read_text(errors="replace").splitlines()]
    return sorted({Path(_unescaped(where)) for _, where, fs, *_ in table if fs == kind})


def _unescaped(where: str) -> str:
    r"""Undo what the kernel does to blanks, tabs, newlines and backslashes: `\040` and the like."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), where)
