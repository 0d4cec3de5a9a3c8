"""Google Drive's folders on a computer: where they are mounted or mirrored, and their names in each language.

The one table of these names. The dispatcher looks for a drop in them; the transports recognise a synced folder by them.
Only names are compared here: nothing is read from the disk except folders that a pattern has to be matched against.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

RCLONE_MOUNT = "gdrive"
"""The mount point below the home folder in rclone's examples and in ours. Its root is the user's My Drive."""

STREAMED = ("Library/CloudStorage/GoogleDrive-*", "Google Drive", "GoogleDrive")
"""Below the home folder: where Drive for Desktop, or a mount of a whole account, shows My Drive and shared drives."""

VOLUMES = ("GoogleDrive", "GoogleDrive-*")
"""The same below /Volumes, as older versions for macOS have it; `*` stands for an account."""

DRIVE_LETTERS = tuple(f"{letter}:/" for letter in "GHIJKLMNOPQRSTUVWXYZDEF")
"""The same on Windows, most likely first."""

MY_DRIVE = (
    "My Drive",
    "MyDrive",
    "Drive của tôi",
    "Drive Saya",
    "Drive'ım",
    "Drive-ul meu",
    "Il mio Drive",
    "La meva unitat",
    "Meine Ablage",
    "Meu Drive",
    "Mi unidad",
    "Mijn Drive",
    "Min disk",
    "Min enhet",
    "Mit drev",
    "Mon Drive",
    "Môj disk",
    "Mój dysk",
    "Můj disk",
    "O meu disco",
    "Oma Drive",
    "Saját meghajtó",
    "Το Drive μου",
    "Моят диск",
    "Мой диск",
    "Мій диск",
    "האחסון שלי",
    "ไดรฟ์ของฉัน",
    "マイドライブ",
    "내 드라이브",
    "我的云端硬盘",
    "我的雲端硬碟",
)
"""What Drive for Desktop calls the user's own folder. A mirrored one is in the home folder itself."""

SHARED_DRIVES = (
    "Shared drives",
    "Shared Drives",
    "Shareddrives",
    "Delade enheter",
    "Delte drev",
    "Delte disker",
    "Discos partilhados",
    "Disques partagés",
    "Drive condivisi",
    "Drive partagés",
    "Drives compartilhados",
    "Dyski udostępnione",
    "Dyski współdzielone",
    "Gedeelde drives",
    "Geteilte Ablagen",
    "Ortak Drive'lar",
    "Sdílené disky",
    "Unidades compartidas",
    "Общие диски",
    "Спільні диски",
    "共有ドライブ",
    "공유 드라이브",
    "共享云端硬盘",
    "共用雲端硬碟",
)
"""What Drive for Desktop calls the folder of the shared drives, which is beside My Drive and is always streamed."""

COLAB_MOUNT = "/content/drive"
"""Where a Colab notebook mounts Google Drive."""

COLAB_MY_DRIVE = f"{COLAB_MOUNT}/MyDrive"
COLAB_SHARED_DRIVES = f"{COLAB_MOUNT}/Shareddrives"
REMOUNT = f'drive.mount("{COLAB_MOUNT}", force_remount=True)'
"""Restores a mount that died (errno 107); without `force_remount` it would count as mounted."""


def is_my_drive(name: str) -> bool:
    """Say whether Drive for Desktop uses this name for a user's own folder; a second account adds its address."""
    name = _composed(name)
    own, bracket, _ = name.partition(" (")
    return name in MY_DRIVE or (bool(bracket) and "@" in name and own in MY_DRIVE)


def is_shared_drives(name: str) -> bool:
    """Say whether Drive for Desktop uses this name for the folder of the shared drives."""
    return _composed(name) in SHARED_DRIVES


def mount_points(home: Path) -> Iterator[Path]:
    """Yield where a whole account may be mounted, with My Drive and the shared drives in it; none need exist."""
    for pattern in STREAMED:
        yield from sorted(home.glob(pattern))
    volumes = Path("/Volumes")
    for pattern in VOLUMES:
        yield from sorted(volumes.glob(pattern))
    yield from (letter for letter in map(Path, DRIVE_LETTERS) if letter.is_absolute())  # they are names on Unix


def own_folders(home: Path) -> Iterator[Path]:
    """Yield every folder that may be a user's own Drive, most likely first; not all of them exist."""
    yield home / RCLONE_MOUNT
    for mount in mount_points(home):
        yield from (mount / name for name in MY_DRIVE)
    yield from sorted(folder for folder in home.glob("*") if is_my_drive(folder.name))


def in_colab(path: Path, home: Path) -> str | None:
    """Return the path that Colab's mount shows for a folder in the user's Drive or a shared drive, else None."""
    for root in own_folders(home):
        if (rest := _below(path, root)) is not None:
            return "/".join((COLAB_MY_DRIVE, *rest))
    for mount in mount_points(home):
        rest = _below(path, mount)
        if rest is not None and len(rest) > 1 and is_shared_drives(rest[0]):  # only inside a drive can be written
            return "/".join((COLAB_SHARED_DRIVES, *rest[1:]))
    return None


def _below(path: Path, root: Path) -> tuple[str, ...] | None:
    """Return the names from a root down to a path, or None for a path that is not below it."""
    here, there = Path(_composed(str(path))), Path(_composed(str(root)))
    return here.relative_to(there).parts if here.is_relative_to(there) else None


def _composed(name: str) -> str:
    """Return a name in the tables' normal form: macOS may write an accent as a separate character."""
    return unicodedata.normalize("NFC", name)
