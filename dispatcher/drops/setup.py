"""Finding a drop on this machine, making one, and putting the worker's package into it. Jobs are not its business."""

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
"""Where the jobs of this format have always been; a drop of that name goes first, so that nobody has to move."""

LEFT_BY_SYSTEMS = frozenset({"desktop.ini", "thumbs.db", "icon\r"})
"""Files that may lie in a folder nobody has put anything into; hidden ones may, too."""


def find(explicit: str | Path | None, env_path: str | Path | None, home: Path) -> str | Path | None:
    """Return the drop to use: the flag's, else the environment's, else a usual one, else where Drive has room for one.

    What was named, by flag or environment, is returned whether or not it exists: a folder as its path, another kind of
    drop by its address. None means that no Drive folder was found. Where the only one is a mount point with nothing
    mounted on it, or a mount that died, EnvironmentNotReady says how to mount it: what is written there would be
    hidden by the mount later.
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
    """Raise EnvironmentNotReady, with the command that mounts it, for a drop in a mount point that is not mounted."""
    point = home / google_drive.RCLONE_MOUNT
    if isinstance(drop, Path) and drop.absolute().is_relative_to(point) and point.is_dir() and _is_bare(point):
        raise EnvironmentNotReady(
            f"nothing is mounted on {point}, which is empty. Mount your Drive there: rclone mount "
            f"{google_drive.RCLONE_MOUNT}: {point} {GOOD_FLAGS} (docs/mounts.md); or name another folder with --drop"
        )


def _is_folder(drive: Path) -> bool:
    try:
        return drive.is_dir()
    except OSError as error:  # a mount that died answers neither yes nor no
        raise EnvironmentNotReady(
            f"{drive} cannot be read: {error.strerror}. The mount there has died: {way_out(drive)}"
        ) from error


def _is_bare(point: Path) -> bool:
    """Say whether a folder that is meant for a mount is an empty folder of this machine's disk."""
    target = Path(os.path.realpath(point))
    return not os.path.ismount(target) and ground_of(target).kind == "disk" and not any(target.iterdir())


def seen_by_colab(drop: str | Path, home: Path) -> str | None:
    """Return the path under which Colab sees a drop in the user's Drive or in a shared drive, None for any other."""
    if isinstance(drop, str):
        return None  # where a remote's folder lies in Drive, only its owner knows
    return google_drive.in_colab(drop.absolute(), home)


def init_drop(path: str | Path) -> str:
    """Make a place a drop and return its id. One that is a drop already stays the one it is."""
    with contextlib.closing(open_drop(path, make=True)) as drop:
        made = secrets.token_hex(8)
        with contextlib.suppress(NameTaken):
            drop.put(DROP_CARD, codec.encode(DropCard(drop=made, id=made)))
        return read_drop_id(drop, str(path))


def check_apart(drop: str | Path, data_dir: Path) -> None:
    """Raise UsageError when a drop and this machine's own data lie one in the other: tidying one would harm both."""
    if isinstance(drop, str):
        return
    here, ours = drop.absolute(), data_dir.absolute()
    if here == ours or here in ours.parents or ours in here.parents:
        raise UsageError(
            f"the drop {here} and this machine's own data {ours} lie one in the other. "
            "Name another folder for one of them: the drop's option, or GPUDROP_DATA_DIR"
        )


def adopt(path: str | Path) -> bool:
    """Make a folder that has served the simple form a drop; return whether it was one, by its name or by its jobs.

    A drop stays as it is, and any other folder too: an empty one may be a mount that is not there.
    """
    with contextlib.suppress(OSError, ChannelError), contextlib.closing(open_drop(path)) as drop:
        names = {entry.name for entry in drop.list("")}
        if DROP_CARD in names or not (_has_old_name(path) or any(_has_request(drop, name) for name in names)):
            return False
        init_drop(path)
        return True
    return False


def is_blank(path: str | Path) -> bool:
    """Say whether a folder can be listed and is empty, apart from what systems and sync tools put into any folder."""
    with contextlib.suppress(OSError, ChannelError), contextlib.closing(open_drop(path)) as drop:
        return all(entry.name.startswith(".") or entry.name.casefold() in LEFT_BY_SYSTEMS for entry in drop.list(""))
    return False


def _has_old_name(path: str | Path) -> bool:
    return (path if isinstance(path, str) else path.absolute().as_posix()).endswith(f"/{OLD_NAME}")


def _has_request(drop: Drop, name: str) -> bool:
    if not is_job_id(name):
        return False
    try:
        return JobNames(name).request in {f"{name}/{entry.name}" for entry in drop.list(name)}
    except ChannelError:
        return False  # a file, or gone meanwhile


def publish_package(path: str | Path, wheel: Path, notebook: Path) -> str:
    """Put `wheel` and `notebook` into the drop, unless the current package is that very wheel; return its folder there.

    The wheel is written last: a package without a whole one is none.
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
    """Say whether the wheel in a package is `wheel`, to the byte: a copy that was cut short is not."""
    try:
        there = drop.get(f"{package_folder(*package)}/{wheel.name}", limit=MAX_PACKAGE_BYTES)
    except NameMissing:
        return False
    return there == wheel.read_bytes()
