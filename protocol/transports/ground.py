"""What a folder stands on: a disk of this machine, or something that a network or a sync tool is behind."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from protocol.google_drive import COLAB_MOUNT, REMOUNT

NETWORKED = ("fuse", "nfs", "cifs", "smb", "9p", "virtiofs", "vboxsf", "prl_fs", "afs", "ceph", "lustre", "davfs")
"""How the types of such file systems begin. The other side's writes make no event on them."""

BLOCK_DEVICES = ("fuseblk",)  # NTFS and exFAT disks, served through FUSE on this machine

MOUNTS = Path("/proc/self/mounts")
CLOUD_FOLDERS = ("Library/CloudStorage", "Google Drive", "GoogleDrive")
"""Where Drive for Desktop shows itself as a plain folder."""

MAX_LINKS = 40  # as Linux counts them: a ring of links ends here, and opening it says so


@dataclass(frozen=True)
class Ground:
    """What a folder stands on: a disk of this machine, an rclone mount at `point`, or anything else that is shared.

    `path` is the folder as it was walked to: below `point` by name, whatever links and `..` lead there.
    """

    kind: Literal["disk", "rclone", "shared"]
    point: Path | None = None
    path: Path | None = field(default=None, compare=False)


def ground_of(path: Path) -> Ground:
    """Return what an absolute `path` stands on. Nothing beyond a mount that may hang is ever touched to find out."""
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
    """Walk by name alone from a mount's door; return where that ends, or (None, the way on) where it leads out again.

    What lies beyond the door is not looked at, so no link in there is known of; rclone's mounts have none.
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
        return None  # no link, or not for us to look at


def _by_name(path: Path) -> Ground:
    if any(part in path.as_posix() for part in CLOUD_FOLDERS):
        return Ground("shared")
    kind, point = filesystem(path)
    if _is_disk(kind):
        return Ground("disk")
    return Ground("rclone" if kind == "fuse.rclone" else "shared", point)


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
