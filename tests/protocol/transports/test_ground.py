"""What a folder stands on is told by names alone, so that a hung mount holds nobody up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from protocol.google_drive import MY_DRIVE
from protocol.transports import ground
from protocol.transports.ground import Ground, ground_of, way_out


@pytest.fixture
def gdrive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a folder pass for an rclone mount, and make every look into it a failure."""
    point = tmp_path / "gdrive"
    point.mkdir()
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"/dev/sda1 / ext4 rw 0 0\ngdrive: {point} fuse.rclone rw 0 0\nnas:/x {tmp_path}/nas nfs4 rw 0 0\n"
    )
    real = ground.filesystem

    def refusing(look: Callable[..., object]) -> Callable[..., object]:
        def refuse(path: object, **how: object) -> object:
            assert point not in Path(str(path)).parents, f"{path} was looked at"
            return look(path, **how)

        return refuse

    monkeypatch.setattr(ground, "filesystem", lambda path: real(path, mounts))
    for look in ("readlink", "lstat", "stat"):
        monkeypatch.setattr(os, look, refusing(getattr(os, look)))
    return point


def test_a_mount_is_known_without_being_touched(gdrive: Path) -> None:
    """A path below an rclone mount or a network disk is known by its name, whether or not anything is there."""
    assert ground_of(gdrive / "a" / "b") == Ground("rclone", gdrive)
    assert ground_of(gdrive) == Ground("rclone", gdrive)
    assert ground_of(gdrive.parent / "nas" / "x").kind == "shared"
    assert ground_of(gdrive.parent / "plain") == Ground("disk")


@pytest.mark.parametrize("target", ["gdrive/jobs", "../{name}/gdrive/jobs", "{root}/gdrive/jobs", "hop/jobs"])
def test_a_link_to_a_mount_is_followed_only_to_its_door(gdrive: Path, target: str) -> None:
    """A link, also by `..`, absolute or through another link, leads to the mount's ground without a look into it."""
    home = gdrive.parent
    (home / "hop").symlink_to("gdrive")
    (home / "drop").symlink_to(target.format(root=home, name=home.name))
    assert ground_of(home / "drop") == Ground("rclone", gdrive)
    assert ground_of(home / "drop" / "deeper").kind == "rclone"


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("gdrive/jobs", "gdrive/jobs"),
        ("drop/deeper", "gdrive/jobs/deeper"),
        ("hop/../gdrive/jobs", "gdrive/jobs"),
        ("gdrive/a/../jobs", "gdrive/jobs"),
        ("plain/../hop/a/../../gdrive/a/./..", "gdrive"),
    ],
)
def test_the_walked_path_lies_below_the_mount(gdrive: Path, asked: str, path: str) -> None:
    """Whatever links and `..` lead there, the path that was walked is one below the mount's own name."""
    home = gdrive.parent
    (home / "plain").mkdir()
    (home / "hop").symlink_to("gdrive")
    (home / "drop").symlink_to("gdrive/jobs")
    found = ground_of(home / asked)
    assert found == Ground("rclone", gdrive)
    assert found.path == home / path


def test_a_way_out_of_a_mount_again_is_followed(gdrive: Path) -> None:
    """`..` at the mount's door leads back to what the mount stands on."""
    found = ground_of(gdrive / "a" / ".." / ".." / "plain")
    assert (found.kind, found.path) == ("disk", gdrive.parent / "plain")


def test_links_in_a_ring_end(tmp_path: Path) -> None:
    """A ring of links is no ground to wait on: the answer comes, and opening the folder says what is wrong."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert ground_of(tmp_path / "a").kind == "disk"


def test_a_link_into_a_carried_folder_counts_as_one(tmp_path: Path) -> None:
    """What a sync tool keeps is carried elsewhere, by whatever name the user comes to it."""
    (tmp_path / "sync" / "jobs").mkdir(parents=True)
    (tmp_path / "sync" / ".stfolder").mkdir()
    (tmp_path / "drop").symlink_to(tmp_path / "sync" / "jobs")
    assert ground_of(tmp_path / "drop") == Ground("shared", tool="Syncthing", is_disk=True)


@pytest.mark.parametrize(
    ("marker", "tool"),
    [
        (".stfolder/", "Syncthing"),
        (".dropbox", "Dropbox"),
        (".dropbox.cache/", "Dropbox"),
        (".nextcloudsync.log", "Nextcloud"),
        (".owncloudsync.log", "ownCloud"),
        (".tmp.drivedownload/", "Google Drive"),
        (".tmp.driveupload/", "Google Drive"),
    ],
)
@pytest.mark.parametrize("folder", ["", "a/drop"])
def test_the_marker_of_a_sync_tool_means_shared(tmp_path: Path, marker: str, tool: str, folder: str) -> None:
    """In the folder itself or in any above it; the files lie on this disk all the same."""
    (tmp_path / "top" / folder).mkdir(parents=True)
    place = tmp_path / "top" / marker
    place.mkdir() if marker.endswith("/") else place.write_bytes(b"")
    assert ground_of(tmp_path / "top" / folder) == Ground("shared", tool=tool, is_disk=True)
    assert ground_of(tmp_path) == Ground("disk")


@pytest.mark.parametrize("name", MY_DRIVE)
def test_a_mirrored_drive_is_shared_whatever_its_language(tmp_path: Path, name: str) -> None:
    """Drive for Desktop gives the folder that it mirrors the name of the account's language."""
    (tmp_path / name / "drop").mkdir(parents=True)
    assert ground_of(tmp_path / name / "drop") == Ground("shared", tool="Google Drive", is_disk=True)
    assert ground_of(tmp_path / f"{name} 2" / "drop") == Ground("disk")


def test_the_settings_of_dropbox_are_no_marker(tmp_path: Path) -> None:
    """In the home of whoever uses Dropbox there is a folder of the marker's name, and the home is carried nowhere."""
    (tmp_path / ".dropbox").mkdir()
    assert ground_of(tmp_path / "drop") == Ground("disk")


@pytest.mark.parametrize("name", ["GoogleDrive", "Google Drive", "OneDrive", "Dropbox", "Library/CloudStorage"])
def test_the_table_of_mounts_beats_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What the system says a path stands on holds, whatever the path is called."""
    mounts, there = tmp_path / "mounts", tmp_path / name
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\ngdrive: {tmp_path}/GoogleDrive/m fuse.rclone rw 0 0\n")
    real = ground.filesystem
    monkeypatch.setattr(ground, "filesystem", lambda path: real(path, mounts))
    assert ground_of(there / "drop") == Ground("disk")
    assert ground_of(tmp_path / "GoogleDrive" / "m" / "drop") == Ground("rclone", tmp_path / "GoogleDrive" / "m")


@pytest.mark.parametrize(
    ("path", "tool"),
    [
        ("Library/CloudStorage/GoogleDrive-ann/jobs", "a cloud drive"),
        ("Google Drive/jobs", "Google Drive"),
        ("OneDrive - Initech/jobs", "OneDrive"),
        ("Meine Ablage", "Google Drive"),
        ("MyGoogleDriveNotes/jobs", None),
        ("Google Drive backup/jobs", None),
        ("OneDriver/jobs", None),
    ],
)
def test_without_a_table_whole_names_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, tool: str | None
) -> None:
    """Windows and macOS do not tell what a path stands on: there the name of a component does, and no part of one."""
    monkeypatch.setattr(ground, "filesystem", lambda path: ("", None))
    expected = Ground("shared", tool=tool) if tool else Ground("disk")
    assert ground_of(tmp_path / path) == expected


def test_no_marker_is_looked_for_in_a_mount(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk may be mounted below a mount that hangs: the folders above it are not looked into."""
    mounts, point = tmp_path / "mounts", tmp_path / "gdrive"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\ngdrive: {point} fuse.rclone rw 0 0\nx {point}/disk ext4 rw 0 0\n")
    real = ground.filesystem
    monkeypatch.setattr(ground, "filesystem", lambda path: real(path, mounts))
    (point / "disk" / "drop").mkdir(parents=True)
    (point / ".stfolder").mkdir()
    assert ground_of(point / "disk" / "drop") == Ground("disk")
    (point / "disk" / ".stfolder").mkdir()
    assert ground_of(point / "disk" / "drop").tool == "Syncthing"


def test_the_way_out_of_a_hang_names_the_mount_itself(gdrive: Path) -> None:
    """What is to be taken away is the mount point above the drop, by the command that its kind wants."""
    assert f"fusermount -uz '{gdrive}'" in way_out(gdrive / "jobs")
    assert f"umount -lf '{gdrive.parent / 'nas'}'" in way_out(gdrive.parent / "nas" / "jobs")
    assert "restart the program" in way_out(gdrive.parent / "plain")
    (gdrive.parent / "drop").symlink_to("gdrive/jobs")
    assert f"fusermount -uz '{gdrive}'" in way_out(gdrive.parent / "drop")
