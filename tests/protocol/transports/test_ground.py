"""What a folder stands on is told by names alone, so that a hung mount holds nobody up."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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


def test_a_link_into_a_cloud_folder_counts_as_one(tmp_path: Path) -> None:
    """What Drive for Desktop keeps is carried elsewhere, by whatever name the user comes to it."""
    (tmp_path / "Google Drive" / "jobs").mkdir(parents=True)
    (tmp_path / "drop").symlink_to(tmp_path / "Google Drive" / "jobs")
    assert ground_of(tmp_path / "drop") == Ground("shared")


def test_the_way_out_of_a_hang_names_the_mount_itself(gdrive: Path) -> None:
    """What is to be taken away is the mount point above the drop, by the command that its kind wants."""
    assert f"fusermount -uz '{gdrive}'" in way_out(gdrive / "jobs")
    assert f"umount -lf '{gdrive.parent / 'nas'}'" in way_out(gdrive.parent / "nas" / "jobs")
    assert "restart the program" in way_out(gdrive.parent / "plain")
    (gdrive.parent / "drop").symlink_to("gdrive/jobs")
    assert f"fusermount -uz '{gdrive}'" in way_out(gdrive.parent / "drop")
