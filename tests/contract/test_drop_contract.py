"""What every transport promises, said once; each transport is a parameter."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from protocol.drop import Drop, Entry
from protocol.errors import ChannelError, EnvironmentNotReady, NameMissing, NameTaken, NotFoundError, StorageFull
from protocol.transports import OPENERS, beneath
from protocol.transports.bounded import BoundedFolder
from protocol.transports.folder import FolderDrop
from protocol.transports.ground import Ground
from protocol.transports.memory import MemoryDrop, MemoryStore
from protocol.transports.rclone import RcloneDrop
from protocol.transports.synced import COMMITTED, SyncedDrop
from tests.support.beats import beating
from tests.support.disks import small_disk, take_every_name

MIB = 1 << 20
EVERY_BYTE = bytes(range(256)) * 300 + b"\r\n\x1a\x00"

OpenAgain = Callable[[], Drop]


LOCAL = ["folder", "folder without descriptors", "memory"]


@pytest.fixture(params=[*LOCAL, "synced", "rclone"])
def open_again(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAgain]:
    """Return a way to open one drop as often as a test likes, as two processes would."""
    if request.param in LOCAL:
        yield opener(request.param, tmp_path, monkeypatch)
        return
    (tmp_path / "drop").mkdir()
    if request.param == "rclone":
        request.getfixturevalue("rclone")
    else:
        monkeypatch.setattr(BoundedFolder, "attributes", _as_in_colab(BoundedFolder.attributes))
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(contextlib.closing(_open_remote(request.param, tmp_path / "drop")))


def _as_in_colab(real: Callable[..., frozenset[str]]) -> Callable[..., frozenset[str]]:
    """Let every file that is there bear the sign by which Colab's Drive mount confirms it."""
    return lambda folder, path: real(folder, path) | {COMMITTED}


def _open_remote(kind: str, root: Path) -> Drop:
    return RcloneDrop(f"here:{root}") if kind == "rclone" else SyncedDrop(root, Ground("shared"))


@pytest.fixture(params=LOCAL)
def open_local(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenAgain:
    """The same for drops whose sides are on one machine, which promise more."""
    return opener(request.param, tmp_path, monkeypatch)


def opener(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenAgain:
    """Return what opens a new drop of this kind."""
    if kind == "memory":
        store = MemoryStore()
        return lambda: MemoryDrop(store)
    if kind == "folder without descriptors":
        monkeypatch.setattr(beneath, "has_descriptors", lambda: False)
    root = tmp_path / "drop"
    root.mkdir()
    return lambda: FolderDrop(root)


@pytest.fixture
def drop(open_again: OpenAgain) -> Drop:
    return open_again()


def test_every_scheme_is_under_this_contract() -> None:
    """A new transport joins the table and these tests together."""
    assert set(OPENERS) == {"folder", "memory", "rclone"}


def test_what_is_put_is_got(drop: Drop) -> None:
    """Bytes come back as they went in, whichever they are, and an empty file is a file."""
    drop.put("a.json", EVERY_BYTE)
    drop.put("empty", b"")
    assert drop.get("a.json", limit=MIB) == EVERY_BYTE
    assert drop.get("empty", limit=0) == b""


def test_a_name_is_written_once(drop: Drop, tmp_path: Path) -> None:
    """A second put or copy_in of a name raises NameTaken and leaves the first bytes."""
    drop.put("a", b"first")
    (tmp_path / "local").write_bytes(b"third")
    with pytest.raises(NameTaken):
        drop.put("a", b"second, and longer")
    with pytest.raises(NameTaken):
        drop.copy_in(tmp_path / "local", "a")
    assert drop.get("a", limit=MIB) == b"first"


def test_of_many_writers_of_one_name_one_wins(open_local: OpenAgain) -> None:
    """Sixteen writers at once: one put succeeds, the others see NameTaken, the winner's bytes stay."""
    start, won, lost = threading.Barrier(16), [], []

    def write(number: int) -> None:
        mine = open_local()
        start.wait()
        try:
            mine.put("claim", b"%d" % number)
            won.append(number)
        except NameTaken:
            lost.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert len(lost) == 15
    assert open_local().get("claim", limit=10) == b"%d" % won[0]


def test_what_is_missing_says_so(drop: Drop, tmp_path: Path) -> None:
    """Reading, listing or writing below what is not there raises NameMissing; so does a second copy of one file."""
    drop.put("file", b"x")
    for act in (
        lambda: drop.get("no", limit=1),
        lambda: drop.get("no/such", limit=1),
        lambda: drop.get("file/below", limit=1),
        lambda: drop.get("file", limit=1, copy=1),
        lambda: drop.copy_out("no", tmp_path / "out", limit=1),
        lambda: drop.list("no"),
        lambda: drop.list("file"),
        lambda: drop.put("no/folder", b"x"),
    ):
        with pytest.raises(NameMissing):
            act()
    assert not (tmp_path / "out").exists()


def test_a_listing_names_files_and_folders(drop: Drop) -> None:
    """A listing is sorted, has sizes, marks folders, and does not descend."""
    drop.make_folder("job")
    drop.put("job/b", b"22")
    drop.put("job/a", b"1")
    drop.make_folder("job/audio")
    drop.put("job/audio/deep", b"x")
    assert drop.list("") == (Entry(name="job", is_folder=True),)
    assert drop.list("job") == (
        Entry(name="a", is_folder=False, size=1),
        Entry(name="audio", is_folder=True),
        Entry(name="b", is_folder=False, size=2),
    )
    assert drop.list("job/audio") == (Entry(name="deep", is_folder=False, size=1),)


@pytest.mark.timeout(900)
def test_a_thousand_files_are_listed(drop: Drop) -> None:
    """A folder of a thousand files is listed whole."""
    drop.make_folder("many")
    for number in range(1000):
        drop.put(f"many/{number:04}", b"x" * (number % 7))
    found = drop.list("many")
    assert [entry.name for entry in found] == [f"{number:04}" for number in range(1000)]
    assert [entry.size for entry in found[:8]] == [0, 1, 2, 3, 4, 5, 6, 0]


def test_a_read_is_bounded(drop: Drop, tmp_path: Path) -> None:
    """One byte over the limit is refused for good, and nothing is left at the target; the limit itself is fine."""
    drop.put("ten", b"0123456789")
    assert drop.get("ten", limit=10) == b"0123456789"
    drop.copy_out("ten", tmp_path / "whole", limit=10)
    assert (tmp_path / "whole").read_bytes() == b"0123456789"
    with pytest.raises(ChannelError, match="longer than the 9 bytes") as get:
        drop.get("ten", limit=9)
    with pytest.raises(ChannelError, match="longer than the 9 bytes") as copy_out:
        drop.copy_out("ten", tmp_path / "part", limit=9)
    assert not get.value.retryable
    assert not copy_out.value.retryable
    assert not (tmp_path / "part").exists()


def test_files_travel_in_and_out(drop: Drop, tmp_path: Path) -> None:
    """A file of several buffers comes out as it went in, also over an older local file."""
    data = EVERY_BYTE * 60
    (tmp_path / "in").write_bytes(data)
    (tmp_path / "out").write_bytes(b"z" * (len(data) + 5))
    drop.copy_in(tmp_path / "in", "big")
    drop.copy_out("big", tmp_path / "out", limit=len(data))
    assert (tmp_path / "out").read_bytes() == data


def test_a_local_fault_is_not_the_channels(drop: Drop, tmp_path: Path) -> None:
    """A missing local source or target folder is told as such, never as a name that is missing in the drop."""
    drop.put("a", b"x")
    with pytest.raises(NotFoundError, match="nowhere"):
        drop.copy_in(tmp_path / "nowhere", "b")
    with pytest.raises(NotFoundError, match="nowhere"):
        drop.copy_out("a", tmp_path / "nowhere" / "out", limit=10)
    with pytest.raises(EnvironmentNotReady):
        drop.copy_in(tmp_path, "c")
    assert [entry.name for entry in drop.list("")] == ["a"]


def test_folders_are_made_once_and_with_parents(drop: Drop) -> None:
    """make_folder makes what is missing, is content with what is there, and refuses the place of a file."""
    drop.make_folder("_workers/w1")
    drop.make_folder("_workers/w1")
    drop.put("_workers/w1/hello", b"x")
    assert [entry.name for entry in drop.list("_workers")] == ["w1"]
    with pytest.raises(NameTaken):
        drop.make_folder("_workers/w1/hello")
    with pytest.raises(NameTaken):
        drop.put("_workers/w1", b"x")


def test_a_folder_is_not_read_as_a_file(drop: Drop) -> None:
    """Reading a folder is refused for good."""
    drop.make_folder("job")
    with pytest.raises(ChannelError, match="not a regular file") as refused:
        drop.get("job", limit=MIB)
    assert not refused.value.retryable


def test_delete_takes_files_and_whole_folders(drop: Drop) -> None:
    """Delete removes a file or a folder with everything in it, and is content when there is nothing."""
    drop.make_folder("job/audio")
    drop.put("job/audio/a", b"x")
    drop.put("job/b", b"x")
    drop.put("keep", b"x")
    drop.delete("job")
    drop.delete("job")
    drop.delete("no/such")
    assert [entry.name for entry in drop.list("")] == ["keep"]
    drop.delete("keep")
    assert drop.list("") == ()


@pytest.mark.fault("naughty-names")
@pytest.mark.parametrize("path", ["", "..", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", "./a", "a\\b", "a\0b"])
def test_a_path_that_leads_elsewhere_is_refused(drop: Drop, path: str, tmp_path: Path) -> None:
    """No verb builds anything from a path that is not names between single slashes."""
    (tmp_path / "x").write_bytes(b"outside")
    for act in (
        lambda: drop.get(path, limit=MIB),
        lambda: drop.put(path, b"x"),
        lambda: drop.copy_in(tmp_path / "x", path),
        lambda: drop.copy_out(path, tmp_path / "out", limit=MIB),
        lambda: drop.make_folder(path),
        lambda: drop.delete(path),
        lambda: drop.list(path or ".."),
    ):
        with pytest.raises(ChannelError, match="not a path in a drop") as refused:
            act()
        assert not refused.value.retryable
    assert (tmp_path / "x").read_bytes() == b"outside"


def test_a_watch_wakes_for_what_another_side_does(open_local: OpenAgain) -> None:
    """A new file, one in a folder that is itself new, and a deletion each wake a waiting watcher at once."""
    mine, theirs = open_local(), open_local()
    watch = mine.watch()
    try:
        for act in (
            lambda: theirs.put("request.json", b"{}"),
            lambda: theirs.make_folder("job"),
            lambda: theirs.put("job/claim", b"x"),
            lambda: theirs.delete("job/claim"),
        ):
            _drain(watch)
            timer = threading.Timer(0.02, act)
            started = time.monotonic()
            timer.start()
            assert watch.wait(10)
            assert time.monotonic() - started < 5  # not the ten seconds of a missed event
            timer.join()
    finally:
        watch.close()


def test_a_watch_sees_what_happened_between_two_waits(drop: Drop) -> None:
    """A change while nobody waited is not lost."""
    watch = drop.watch()
    try:
        drop.put("a", b"x")
        time.sleep(0.1)
        assert watch.wait(5)
    finally:
        watch.close()


def test_looking_wakes_nobody(open_local: OpenAgain, tmp_path: Path) -> None:
    """Listing, reading and copying out are no news: a watcher that looks does not wake itself."""
    drop = open_local()
    drop.make_folder("job")
    drop.put("job/a", b"x")
    watch = drop.watch()
    try:
        _drain(watch)
        drop.list("")
        drop.list("job")
        drop.get("job/a", limit=1)
        drop.copy_out("job/a", tmp_path / "out", limit=1)
        assert not watch.wait(0.2)
    finally:
        watch.close()


def test_closing_a_watch_ends_a_wait(drop: Drop) -> None:
    """A thread that waits does not hold the program up."""
    watch = drop.watch()
    timer = threading.Timer(0.05, watch.close)
    timer.start()
    started = time.monotonic()
    watch.wait(20)
    assert time.monotonic() - started < 10
    timer.join()


def test_a_local_drop_says_what_it_is(open_local: OpenAgain) -> None:
    """On one machine nothing settles, the barrier is open, and close may be said twice."""
    drop = open_local()
    assert drop.capabilities.local
    assert drop.capabilities.settle_s == 0
    assert drop.capabilities.poll_s <= 0.5
    assert drop.barrier() == "local"
    drop.close()
    drop.close()


def test_beats_beside_work(drop: Drop, tmp_path: Path) -> None:
    """One drop serves a worker's beats, written and deleted by their own thread, and its work, and mixes nothing up."""
    (tmp_path / "big").write_bytes(b"x" * MIB)
    alone = _work(drop, "alone", tmp_path / "big")
    with beating(drop, "_workers/w") as beats:
        beside = [_work(drop, f"job-{number}", tmp_path / "big") for number in range(5)]
    assert beside == [alone] * 5
    assert beats.count > beats.kept
    assert sorted(entry.name for entry in drop.list("_workers/w")) == sorted(beats.names)


def _work(drop: Drop, job: str, local: Path) -> tuple[object, ...]:
    """Do what an attempt at a job does to a drop; return what the job's folder and the barrier say."""
    drop.make_folder(job)
    drop.put(f"{job}/claim", b"x")
    drop.copy_in(local, f"{job}/out-1")
    drop.list("")
    durable = drop.barrier()
    drop.put(f"{job}/done", drop.get(f"{job}/claim", limit=1))
    return durable, drop.list(job)


def _drain(watch: object) -> None:
    while watch.wait(0.1):  # type: ignore[attr-defined]
        pass


@pytest.mark.usefixtures("rclone")
def test_no_room_here_for_what_is_sent_is_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """rclone sends files only: where what is put has no room for one, that is said as every drop says it."""
    (tmp_path / "drop").mkdir()
    with (
        contextlib.closing(RcloneDrop(f"here:{tmp_path / 'drop'}")) as drop,
        small_disk(tmp_path / "small", 64) as small,
    ):
        take_every_name(small)
        monkeypatch.setattr(tempfile, "tempdir", str(small))
        with pytest.raises(StorageFull, match="request, before it is sent"):
            drop.put("request", b"x")
