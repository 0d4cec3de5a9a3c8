"""The one table of Google Drive's folders: recognised by name in any language, found, and translated for Colab."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from protocol import google_drive
from protocol.google_drive import MY_DRIVE, SHARED_DRIVES, in_colab, is_my_drive, is_shared_drives, own_folders


@pytest.mark.parametrize("name", [*MY_DRIVE, "My Drive (me@example.com)", "Meine Ablage (me@example.com)"])
def test_my_drive_is_recognised_in_any_language(name: str) -> None:
    """Also under a second account's name, and as macOS may spell an accent."""
    assert is_my_drive(name)
    assert is_my_drive(unicodedata.normalize("NFD", name))


@pytest.mark.parametrize("name", ["My Drive old", "Backup (me@example.com)", "My Drive (1)", "mydrives", "gdrive", ""])
def test_other_names_are_not_my_drive(name: str) -> None:
    """A folder that only resembles one is an ordinary folder."""
    assert not is_my_drive(name)


def test_no_name_means_both() -> None:
    """A user's own folder and the folder of the shared drives are told apart, and no name is listed twice."""
    assert not set(MY_DRIVE) & set(SHARED_DRIVES)
    assert all(map(is_shared_drives, SHARED_DRIVES))
    assert len(set(MY_DRIVE)) == len(MY_DRIVE)
    assert len(set(SHARED_DRIVES)) == len(SHARED_DRIVES)


@pytest.mark.parametrize(
    "folder",
    [
        "gdrive",
        "My Drive",
        "Mi unidad",
        "Mon Drive (me@example.com)",
        "GoogleDrive/My Drive",
        "Google Drive/マイドライブ",
        "Library/CloudStorage/GoogleDrive-me@example.com/Meine Ablage",
    ],
)
def test_every_own_folder_is_found_and_is_mydrive_on_colab(tmp_path: Path, folder: str) -> None:
    """Mounted, streamed or mirrored into the home folder: it is found, and Colab calls it MyDrive."""
    drive = tmp_path / folder
    (drive / "video").mkdir(parents=True)
    assert drive in list(own_folders(tmp_path))
    assert in_colab(drive / "video" / "drop", tmp_path) == f"{google_drive.COLAB_MY_DRIVE}/video/drop"


@pytest.mark.parametrize(
    "name", ["Shared drives", "Geteilte Ablagen", "共有ドライブ", unicodedata.normalize("NFD", "Sdílené disky")]
)
def test_a_shared_drive_has_its_own_place_on_colab(tmp_path: Path, name: str) -> None:
    """A drop in a shared drive is below Shareddrives there; beside the drives there is no drop."""
    drives = tmp_path / "Library/CloudStorage/GoogleDrive-me@example.com" / name
    (drives / "Team").mkdir(parents=True)
    assert in_colab(drives / "Team" / "gpudrop", tmp_path) == "/content/drive/Shareddrives/Team/gpudrop"
    assert in_colab(drives, tmp_path) is None
    assert in_colab(tmp_path / name / "Team", tmp_path) is None


def test_what_is_elsewhere_is_not_in_drive(tmp_path: Path) -> None:
    """A folder beside a Drive folder, or one that only begins like it, is not translated."""
    (tmp_path / "My Drive").mkdir()
    assert in_colab(tmp_path / "My Drive backup" / "drop", tmp_path) is None
    assert in_colab(tmp_path / "gdrive2", tmp_path) is None
