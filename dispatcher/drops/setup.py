"""Finding and creating a drop on this machine, and publishing the worker's package in it. Not for jobs."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

from protocol import codec, google_drive
from protocol.drop import Drop
from protocol.errors import ChannelError, EnvironmentNotReady, NameMissing, NameTaken, UsageError
from protocol.layout import DROP_CARD, PACKAGES, JobNames, is_job_id, package_folder, parse_package
from protocol.messages import DropCard
from protocol.observation import read_drop_id
from protocol.transports import open_drop, read_address
from protocol.transports.ground import ground_of, way_out
from protocol.transports.mount import GOOD_FLAGS

NAME = "gpudrop"
NOTEBOOK = "worker.ipynb"
MAX_PACKAGE_BYTES = 64 << 20

OLD_NAME = "autonomous-recording/tts-jobs"
"""The folder that the old scripts used; it is preferred, so that their users need not move."""

SYSTEM_FILES = frozenset({"desktop.ini", "thumbs.db", "icon\r"})
"""Files that operating systems put into empty folders; hidden files are ignored too."""


def find(explicit: str | Path | None, env_path: str | Path | None, home: Path) -> str | Path | None:
    """Return the drop to use: the flag's, the environment's, an existing one, or else a new one in a Drive folder.

    A drop named by flag or environment is returned whether or not it exists: a folder as its path, another kind of
    drop by its address. None means that no Drive folder was found. If the only one is an unmounted mount point or a
    dead mount, EnvironmentNotReady says how to mount it: a later mount would hide what is written there.
    """
    if named := explicit or env_path:
        return read_address(str(named))
    drives = [drive for drive in google_drive.own_folders(home) if _is_folder(drive)]
    usual = [drive / name for name in (OLD_NAME, NAME) for drive in drives]
    if there := next((path for path in usual if path.is_dir()), None):
        return there
    mounted = [drive for drive in drives if not (drive == home / google_drive.RCLONE_MOUNT and _is_bare(drive))]
    if drives and not mounted:
        check_mounted(drives[0], home)
    return mounted[0] / NAME if mounted else None


def check_mounted(drop: str | Path, home: Path) -> None:
    """Raise EnvironmentNotReady, with the command that mounts it, for a drop in an unmounted mount point."""
    point = home / google_drive.RCLONE_MOUNT
    if isinstance(drop, Path) and drop.absolute().is_relative_to(point) and point.is_dir() and _is_bare(point):
        raise EnvironmentNotReady(
            f"nothing is mounted on {point}, which is empty. Mount your Drive there: rclone mount "
            f"{google_drive.RCLONE_MOUNT}: {point} {GOOD_FLAGS} (docs/mounts.md); or give another folder with --drop"
        )


def _is_folder(drive: Path) -> bool:
    try:
        return drive.is_dir()
    except OSError as error:  # a dead mount
        raise EnvironmentNotReady(
            f"{drive} cannot be read: {error.strerror}. The mount there has died: {way_out(drive)}"
        ) from error


def _is_bare(point: Path) -> bool:
    """Say whether a folder meant as a mount point is an empty folder on this machine's disk."""
    target = Path(os.path.realpath(point))
    return not os.path.ismount(target) and ground_of(target).kind == "disk" and not any(target.iterdir())


def seen_by_colab(drop: str | Path, home: Path) -> str | None:
    """Return the path of a drop on Colab, if it is in the user's Drive or in a shared drive; None otherwise."""
    if isinstance(drop, str):
        return None  # the folder of a remote in Drive is unknown here
    return google_drive.in_colab(drop.absolute(), home)


def init_drop(path: str | Path) -> str:
    """Make a folder or remote a drop and return its id. An existing drop keeps its id."""
    with contextlib.closing(open_drop(path, make=True)) as drop:
        made = secrets.token_hex(8)
        with contextlib.suppress(NameTaken):
            drop.put(DROP_CARD, codec.encode(DropCard(drop=made, id=made)))
        return read_drop_id(drop, str(path))


def check_apart(drop: str | Path, data_dir: Path) -> None:
    """Raise UsageError if a drop and this machine's data folder overlap: cleaning one would harm the other."""
    if isinstance(drop, str):
        return
    here, ours = drop.absolute(), data_dir.absolute()
    if here == ours or here in ours.parents or ours in here.parents:
        raise UsageError(
            f"the drop {here} and this machine's data folder {ours} overlap. "
            "Choose another folder for one of them: with the drop's option, or with GPUDROP_DATA_DIR"
        )


def adopt(path: str | Path) -> bool:
    """Turn a folder with jobs in the simple form, known by its name or its jobs, into a drop; return whether it did.

    A drop stays as it is, and so does any other folder: an empty one may be an unmounted mount point.
    """
    with contextlib.suppress(OSError, ChannelError), contextlib.closing(open_drop(path)) as drop:
        names = {entry.name for entry in drop.list("")}
        if DROP_CARD in names or not (_has_old_name(path) or any(_has_request(drop, name) for name in names)):
            return False
        init_drop(path)
        return True
    return False


def is_blank(path: str | Path) -> bool:
    """Say whether a folder can be listed and is empty, apart from files of operating systems and sync tools."""
    with contextlib.suppress(OSError, ChannelError), contextlib.closing(open_drop(path)) as drop:
        return all(entry.name.startswith(".") or entry.name.casefold() in SYSTEM_FILES for entry in drop.list(""))
    return False


def _has_old_name(path: str | Path) -> bool:
    return (path if isinstance(path, str) else path.absolute().as_posix()).endswith(f"/{OLD_NAME}")


def _has_request(drop: Drop, name: str) -> bool:
    if not is_job_id(name):
        return False
    try:
        return JobNames(name).request in {f"{name}/{entry.name}" for entry in drop.list(name)}
    except ChannelError:
        return False  # a file, or removed meanwhile


def publish_package(path: str | Path, wheel: Path, notebook: Path) -> str:
    """Publish `wheel` and `notebook` in the drop, unless its newest package has that wheel; return its folder.

    The wheel is written last: a package without a complete wheel is ignored.
    """
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with contextlib.closing(open_drop(path)) as drop:
        newest = max(_packages(drop), default=(0, ""))
        if newest[1] == digest[:16] and _is_whole(drop, newest, wheel):
            return package_folder(*newest)
        folder = package_folder(newest[0] + 1, digest)
        drop.make_folder(folder)
        drop.copy_in(notebook, f"{folder}/{NOTEBOOK}")
        drop.copy_in(wheel, f"{folder}/{wheel.name}")
    return folder


def _packages(drop: Drop) -> list[tuple[int, str]]:
    drop.make_folder(PACKAGES)
    return [found for entry in drop.list(PACKAGES) if (found := parse_package(entry.name)) is not None]


def _is_whole(drop: Drop, package: tuple[int, str], wheel: Path) -> bool:
    """Say whether the wheel in a package equals `wheel` to the byte; a truncated copy does not."""
    try:
        there = drop.get(f"{package_folder(*package)}/{wheel.name}", limit=MAX_PACKAGE_BYTES)
    except NameMissing:
        return False
    return there == wheel.read_bytes()
