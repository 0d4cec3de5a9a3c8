"""The memory drop under bad weather: each fault strikes as scripted, and clears up."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.errors import ChannelError, NameMissing, NameTaken, StorageFull
from protocol.transports.memory import MemoryDrop, MemoryStore
from protocol.transports.weather import Weather, times


def names(drop: MemoryDrop, folder: str = "") -> list[str]:
    return [entry.name for entry in drop.list(folder)]


@pytest.mark.fault("marker-before-data")
def test_the_marker_is_seen_before_the_data() -> None:
    """Data can be hidden from one side, listing and reading alike, while the other side sees it; then it comes."""
    store, weather = MemoryStore(), Weather(hides=lambda path: path.endswith(".wav"))
    near, far = MemoryDrop(store), MemoryDrop(store, weather)
    near.put("a.wav", b"data")
    near.put("done.marker", b"{}")
    assert names(far) == ["done.marker"]
    with pytest.raises(NameMissing):
        far.get("a.wav", limit=9)
    assert names(near) == ["a.wav", "done.marker"]
    weather.hides = lambda path: False
    assert far.get("a.wav", limit=9) == b"data"


def test_a_hidden_folder_cannot_be_listed() -> None:
    """A folder that is not visible yet is missing, not empty; after as many looks as scripted it is there."""
    drop = MemoryDrop(MemoryStore(), Weather(hides=times(2, lambda path: path == "job")))
    drop.make_folder("job")
    assert names(drop) == []
    with pytest.raises(NameMissing):
        drop.list("job")
    assert names(drop) == ["job"]


def test_a_read_fails_once_and_then_works() -> None:
    """An input/output error strikes as often as scripted, and only the operation it was scripted for."""
    fails = times(1, lambda operation, path: ChannelError(f"{path}: EIO") if operation == "get" else None)
    drop = MemoryDrop(MemoryStore(), Weather(fails=fails))
    drop.put("a", b"x")
    with pytest.raises(ChannelError, match="EIO"):
        drop.get("a", limit=1)
    assert drop.get("a", limit=1) == b"x"


def test_a_full_disk_writes_nothing() -> None:
    """Any channel error can be scripted; before the operation nothing has happened."""
    drop = MemoryDrop(MemoryStore(), Weather(fails=lambda operation, path: StorageFull(path)))
    with pytest.raises(StorageFull):
        drop.put("a", b"x")
    assert names(MemoryDrop(drop.store)) == []


def test_a_write_fails_although_it_was_done() -> None:
    """The answer is lost and the file is there, as after Drive's 403."""
    drop = MemoryDrop(MemoryStore(), Weather(loses=times(1, lambda operation, path: ChannelError("403"))))
    with pytest.raises(ChannelError, match="403"):
        drop.put("a", b"x")
    with pytest.raises(NameTaken):
        drop.put("a", b"x")


def test_a_file_is_torn_for_a_reader_and_heals(tmp_path: Path) -> None:
    """A reader may see the first bytes only, in the listing too; the store has them all."""
    drop = MemoryDrop(MemoryStore(), Weather(shows=lambda path, data: data[:3]))
    drop.put("a", b"0123456789")
    assert drop.get("a", limit=3) == b"012"
    assert drop.list("")[0].size == 3
    drop.copy_out("a", tmp_path / "a", limit=10)
    assert (tmp_path / "a").read_bytes() == b"012"
    drop.weather.shows = Weather().shows
    assert drop.get("a", limit=10) == b"0123456789"


def test_a_file_is_kept_torn() -> None:
    """A truncated upload stays truncated for every side."""
    store = MemoryStore()
    MemoryDrop(store, Weather(keeps=lambda path, data: data[:1])).put("a", b"xyz")
    assert MemoryDrop(store).get("a", limit=9) == b"x"


@pytest.mark.fault("one-name-twice")
def test_two_files_carry_one_name() -> None:
    """A channel without exclusive creation keeps both files, each to be read by its copy; delete takes them all."""
    store = MemoryStore()
    near, far = MemoryDrop(store), MemoryDrop(store, Weather(doubles=lambda path: True))
    near.put("claim", b"first")
    far.put("claim", b"2nd")
    assert [(entry.name, entry.copy, entry.size) for entry in near.list("")] == [("claim", 0, 5), ("claim", 1, 3)]
    assert [near.get("claim", limit=9, copy=copy) for copy in (0, 1)] == [b"first", b"2nd"]
    with pytest.raises(NameMissing):
        near.get("claim", limit=9, copy=2)
    with pytest.raises(NameTaken):
        near.put("claim", b"3rd")
    near.delete("claim")
    assert names(near) == []


def test_a_file_has_the_name_of_a_sync_tool_until_it_is_whole() -> None:
    """One side sees a part of it under another name, and cannot read it by its own; then it is there."""
    store, weather = (
        MemoryStore(),
        Weather(called=lambda path: f".syncthing.{path}.tmp", shows=lambda path, data: b"da"),
    )
    near, far = MemoryDrop(store), MemoryDrop(store, weather)
    near.put("a.wav", b"data")
    assert [(entry.name, entry.size) for entry in far.list("")] == [(".syncthing.a.wav.tmp", 2)]
    with pytest.raises(NameMissing):
        far.get("a.wav", limit=9)
    assert names(near) == ["a.wav"]
    weather.called, weather.shows = lambda path: path, lambda path, data: data
    assert far.get("a.wav", limit=9) == b"data"
