"""Addresses: what opens what."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from protocol.errors import ChannelLost, UsageError
from protocol.transports import ground, open_drop
from protocol.transports.folder import FolderDrop
from protocol.transports.memory import MemoryDrop
from protocol.transports.mount import MountControl


def test_a_path_and_a_folder_address_open_one_drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Path, a string, a relative path and folder:///path are the same folder, colons and blanks included."""
    root = tmp_path / "a b:c%20"
    root.mkdir()
    monkeypatch.chdir(tmp_path)
    open_drop(root).put("a", b"x")
    for address in (str(root), f"folder://{root}", f"folder:{root}", "./a b:c%20", Path("a b:c%20")):
        drop = open_drop(address)
        assert isinstance(drop, FolderDrop)
        assert drop.get("a", limit=1) == b"x"


def test_a_relative_drop_survives_a_change_of_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drop stays where it was opened."""
    (tmp_path / "drop").mkdir()
    monkeypatch.chdir(tmp_path)
    drop = open_drop("drop")
    monkeypatch.chdir("/")
    drop.put("a", b"x")
    assert (tmp_path / "drop" / "a").read_bytes() == b"x"


def test_one_memory_name_is_one_store() -> None:
    """Two openers of memory:NAME see each other; another name is another store."""
    one, two, other = open_drop("memory:one"), open_drop("memory:one"), open_drop("memory:other")
    assert isinstance(one, MemoryDrop)
    one.put("a", b"x")
    assert two.get("a", limit=1) == b"x"
    assert other.list("") == ()


def test_an_unknown_scheme_lists_what_exists() -> None:
    """The error names every scheme, and how to mean a folder of that name."""
    with pytest.raises(UsageError, match=r"'gdrive'.*folder:, memory:.*\./gdrive:jobs"):
        open_drop("gdrive:jobs")


@pytest.mark.parametrize("address", ["memory:", "folder:", "folder://"])
def test_a_scheme_alone_names_no_drop(address: str) -> None:
    """A scheme without a name is a mistake, not the current folder."""
    with pytest.raises(UsageError, match="does not name a drop"):
        open_drop(address)


def test_a_missing_folder_is_lost_at_once(tmp_path: Path) -> None:
    """Opening what is not there fails with the hint, before any work begins."""
    with pytest.raises(ChannelLost, match="gpudrop init"):
        open_drop(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["drop", "mount/a/../jobs", "hop/../mount/jobs"])
def test_a_mount_may_be_named_through_links_and_dots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The folder that its remote control is asked to look at again is the one below the mount's own name."""
    point = tmp_path / "mount"
    (point / "jobs" / "one").mkdir(parents=True)
    (point / "a").mkdir()
    (tmp_path / "drop").symlink_to("mount/jobs")
    (tmp_path / "hop").symlink_to("mount")
    real, asked = ground.filesystem, []

    def filesystem(path: Path) -> tuple[str, Path | None]:
        return ("fuse.rclone", point) if path == point or point in path.parents else real(path)

    monkeypatch.setattr(ground, "filesystem", filesystem)
    monkeypatch.setattr(MountControl, "refresh", lambda control, folder: asked.append(folder))
    with contextlib.closing(open_drop(tmp_path / name)) as made:
        assert [entry.name for entry in made.list("")] == ["one"]
        made.list("one")
    assert asked == ["jobs", "jobs/one"]
