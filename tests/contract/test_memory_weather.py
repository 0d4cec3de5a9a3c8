"""The memory drop under bad weather: each fault strikes as scripted, and clears up."""

from __future__ import annotations

from pathlib import Path

import pytest

from protocol.errors import ChannelError, NameMissing, NameTaken, StorageFull
from protocol.transports.memory import MemoryDrop, MemoryStore
from protocol.transports.weather import Duplicate, Fail, Hide, Truncate, Weather


def names(drop: MemoryDrop, folder: str = "") -> list[str]:
    return [entry.name for entry in drop.list(folder)]


def test_the_marker_is_seen_before_the_data() -> None:
    """Data can be hidden from one side, listing and reading alike, while the other side sees it; then it comes."""
    store, weather = MemoryStore(), Weather([Hide(when=lambda operation, path: path.endswith(".wav"))])
    near, far = MemoryDrop(store), MemoryDrop(store, weather)
    near.put("a.wav", b"data")
    near.put("done.marker", b"{}")
    assert names(far) == ["done.marker"]
    with pytest.raises(NameMissing):
        far.get("a.wav", limit=9)
    assert names(near) == ["a.wav", "done.marker"]
    weather.clear()
    assert far.get("a.wav", limit=9) == b"data"


def test_a_hidden_folder_cannot_be_listed() -> None:
    """A folder that is not visible yet is missing, not empty."""
    drop = MemoryDrop(MemoryStore(), Weather([Hide(when=lambda operation, path: path == "job", times=2)]))
    drop.make_folder("job")
    assert names(drop) == []
    with pytest.raises(NameMissing):
        drop.list("job")
    assert names(drop) == ["job"]


def test_a_read_fails_once_and_then_works() -> None:
    """An input/output error strikes as often as scripted and is worth another try."""
    drop = MemoryDrop(MemoryStore(), Weather([Fail(when=lambda operation, path: operation == "get", times=1)]))
    drop.put("a", b"x")
    with pytest.raises(ChannelError) as failed:
        drop.get("a", limit=1)
    assert failed.value.retryable
    assert drop.get("a", limit=1) == b"x"


def test_a_full_disk_writes_nothing() -> None:
    """Any channel error can be scripted; before the operation nothing has happened."""
    weather = Weather([Fail(when=lambda operation, path: operation == "put", error=StorageFull)])
    drop = MemoryDrop(MemoryStore(), weather)
    with pytest.raises(StorageFull):
        drop.put("a", b"x")
    assert names(drop) == []


def test_a_write_fails_although_it_was_done() -> None:
    """The answer is lost and the file is there, as after Drive's 403."""
    drop = MemoryDrop(MemoryStore(), Weather([Fail(when=lambda operation, path: True, times=1, after=True)]))
    with pytest.raises(ChannelError):
        drop.put("a", b"x")
    with pytest.raises(NameTaken):
        drop.put("a", b"x")


def test_a_file_is_torn_for_a_reader_and_heals(tmp_path: Path) -> None:
    """A reader may see the first bytes only, in the listing too; the store has them all."""
    torn = [Truncate(when=lambda operation, path: operation in ("get", "copy_out", "list"), at=3, times=3)]
    drop = MemoryDrop(MemoryStore(), Weather(list(torn)))
    drop.put("a", b"0123456789")
    assert drop.get("a", limit=10) == b"012"
    assert drop.list("")[0].size == 3
    drop.copy_out("a", tmp_path / "a", limit=10)
    assert (tmp_path / "a").read_bytes() == b"012"
    assert drop.get("a", limit=10) == b"0123456789"


def test_a_file_is_kept_torn() -> None:
    """A truncated upload stays truncated for every side."""
    store = MemoryStore()
    weather = Weather([Truncate(when=lambda operation, path: operation == "put", at=1)])
    MemoryDrop(store, weather).put("a", b"xyz")
    assert MemoryDrop(store).get("a", limit=9) == b"x"


def test_two_files_carry_one_name() -> None:
    """A channel without exclusive creation keeps both files, each to be read by its copy; delete takes them all."""
    store = MemoryStore()
    MemoryDrop(store).put("claim", b"first")
    drop = MemoryDrop(store, Weather([Duplicate(when=lambda operation, path: True, times=2)]))
    drop.put("claim", b"2nd")
    assert [(entry.name, entry.copy, entry.size) for entry in drop.list("")] == [("claim", 0, 5), ("claim", 1, 3)]
    assert [drop.get("claim", limit=9, copy=copy) for copy in (0, 1)] == [b"first", b"2nd"]
    drop.put("twice", b"x")
    assert names(drop) == ["claim", "claim", "twice", "twice"]
    with pytest.raises(NameTaken):
        drop.put("claim", b"3rd")
    drop.delete("claim")
    assert names(drop) == ["twice", "twice"]
