"""A drop in a folder that something else carries: deadlines, what a barrier can tell, and how often to look."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from protocol.errors import ChannelError, ChannelLost, NameMissing, NameTaken, NotFoundError
from protocol.transports import bounded
from protocol.transports.bounded import BoundedFolder
from protocol.transports.ground import Ground
from protocol.transports.pace import NewsCounter, RemoteWatch
from protocol.transports.synced import COMMITTED, UNCOMMITTED, SyncedDrop
from tests.support.drops import wait_for

MIB = 1 << 20
POSIX = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")


@pytest.fixture
def drop(tmp_path: Path) -> Iterator[SyncedDrop]:
    """Open a plain folder as if something carried it elsewhere."""
    (tmp_path / "drop").mkdir()
    with contextlib.closing(SyncedDrop(tmp_path / "drop", Ground("shared"), call_s=20)) as made:
        yield made


def test_every_verb_works_through_the_helper(drop: SyncedDrop, tmp_path: Path) -> None:
    """What the helper process does and the errors it meets arrive as if the call had been made here."""
    drop.make_folder("job/out")
    drop.put("job/a", b"x" * MIB)
    assert drop.get("job/a", limit=MIB) == b"x" * MIB
    assert [(entry.name, entry.is_folder) for entry in drop.list("job")] == [("a", False), ("out", True)]
    drop.copy_out("job/a", tmp_path / "a", limit=MIB)
    drop.copy_in(tmp_path / "a", "job/b")
    with pytest.raises(NameTaken):
        drop.put("job/a", b"second")
    with pytest.raises(NotFoundError):
        drop.copy_in(tmp_path / "none", "job/c")
    with pytest.raises(ChannelError) as refused:
        drop.get("job/b", limit=MIB - 1)
    assert not refused.value.retryable
    drop.delete("job")
    with pytest.raises(NameMissing):
        drop.list("job")
    assert drop.barrier() == "unconfirmed"


@POSIX
@pytest.mark.fault("errno-107-5-hang")
def test_a_call_that_hangs_ends_at_its_deadline_and_the_next_one_works(tmp_path: Path) -> None:
    """A helper that does not answer is left behind with an error that names the folder; another one takes its place."""
    folder = BoundedFolder(tmp_path, call_s=20)
    folder.check()
    hung = folder._idle[0].pid
    os.kill(hung, signal.SIGSTOP)
    folder._call_s = 0.2
    started = time.monotonic()
    with pytest.raises(ChannelLost, match="did not answer within") as told:
        folder.list("")
    assert time.monotonic() - started < 10
    assert str(tmp_path) in str(told.value)
    assert told.value.retryable
    folder._call_s = 20
    assert folder.list("") == ()
    assert folder._idle[0].pid != hung
    wait_for(lambda: folder.list("") == () and not folder._stuck)  # the one left behind is gone, and nothing of it
    folder.close()


def test_a_folder_that_is_not_there_can_be_made(tmp_path: Path) -> None:
    """It is made under the same deadline, with those above it, and only when asked for."""
    root = tmp_path / "a" / "drop"
    with pytest.raises(ChannelLost, match="there is no folder"):
        SyncedDrop(root, Ground("shared"))
    with contextlib.closing(SyncedDrop(root, Ground("shared"), make=True)) as made:
        assert made.list("") == ()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ChannelError):
        SyncedDrop(tmp_path / "file" / "drop", Ground("shared"), make=True)


@POSIX
def test_a_helper_that_dies_is_replaced(drop: SyncedDrop) -> None:
    """Whoever ends the helper, even in the middle, costs one call; its successor goes on with the same folder."""
    drop.put("a", b"x")
    process = drop._folder._idle[0]._process
    process.kill()
    process.wait()
    with pytest.raises(ChannelLost, match="ended during list"):
        drop.list("")
    assert [entry.name for entry in drop.list("")] == ["a"]


@POSIX
@pytest.mark.parametrize("failing", ["no process can be started", "it is gone before it was told anything"])
def test_a_helper_that_cannot_be_started_is_the_channels_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """A system without room for another process costs the call, which may be tried again, and leaves none behind."""
    folder, started = BoundedFolder(tmp_path), []

    class Popen(subprocess.Popen):  # type: ignore[type-arg]
        def __init__(self, *args: Any, **how: Any) -> None:
            if failing == "no process can be started":
                raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
            super().__init__(*args, **how)
            started.append(self)
            assert self.stdin is not None
            self.stdin.flush = lambda: os.write(broken, b"x")  # type: ignore[method-assign]

    reading, broken = os.pipe()
    os.close(reading)
    with monkeypatch.context() as patch:
        patch.setattr(bounded.subprocess, "Popen", Popen)
        with pytest.raises(ChannelLost, match="no helper process") as told:
            folder.list("")
    os.close(broken)
    assert told.value.retryable
    assert [process.wait(60) for process in started] == ([] if "no process" in failing else [-signal.SIGKILL])
    assert folder.list("") == ()
    folder.close()


def test_a_failed_copy_leaves_nothing_here(drop: SyncedDrop, tmp_path: Path) -> None:
    """What could be fetched only in part is not there afterwards, as on a plain folder."""
    with pytest.raises(NameMissing):
        drop.copy_out("none", tmp_path / "out", limit=MIB)
    assert not (tmp_path / "out").exists()


def test_colabs_mount_confirms_by_its_attributes(drop: SyncedDrop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A barrier opens when every file written since the last one bears Drive's id and is not uncommitted any more."""
    signs = iter([{UNCOMMITTED}, {UNCOMMITTED, COMMITTED}, {COMMITTED}])
    asked: list[str] = []

    def attributes(path: str) -> frozenset[str]:
        asked.append(path)
        return frozenset(next(signs))

    monkeypatch.setattr(drop._folder, "attributes", attributes)
    monkeypatch.setattr("protocol.transports.synced.time.sleep", lambda seconds: None)
    drop.put("a", b"x")
    assert drop.barrier() == "confirmed"
    assert asked == ["a"] * 3
    assert drop.barrier() == "unconfirmed"  # of nothing nothing is known


@pytest.mark.parametrize("when", ["before the barrier", "while it waits"])
def test_a_beat_that_was_deleted_opens_no_barrier(drop: SyncedDrop, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    """What this side has deleted since is not asked for: the barrier waits for the result all the same (R4)."""
    real, looks = drop._folder.attributes, []

    def attributes(path: str) -> frozenset[str]:
        real(path)  # raises what the folder says of a file that is not there
        looks.append(path)
        if when == "while it waits" and looks == ["w/beat-1"]:
            drop.delete("w/beat-2")
        return frozenset({UNCOMMITTED} if looks.count("job/out") < 3 and path == "job/out" else {COMMITTED})

    monkeypatch.setattr(drop._folder, "attributes", attributes)
    monkeypatch.setattr("protocol.transports.synced.time.sleep", lambda seconds: None)
    for folder in ("w", "job"):
        drop.make_folder(folder)
    for path in ("w/beat-0", "w/beat-1", "w/beat-2", "job/out"):
        drop.put(path, b"x")
    drop.delete("w/beat-0")
    assert drop.barrier() == "confirmed"
    assert looks.count("job/out") == 3


def test_a_result_that_somebody_took_away_is_not_confirmed(
    drop: SyncedDrop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing and was not deleted by this side is nowhere that anybody could see it."""
    real = drop._folder.attributes
    monkeypatch.setattr(drop._folder, "attributes", lambda path: real(path) | {COMMITTED})
    drop.put("beat", b"x")
    drop.put("out", b"x")
    (tmp_path / "drop" / "out").unlink()
    assert drop.barrier() == "unconfirmed"


class Turned:
    """A clock that the test turns."""

    now = 0.0


def waits(watch: RemoteWatch, clock: Turned) -> float:
    """Turn the clock until the watch wants a look; return after how many seconds that was."""
    started = clock.now
    while not watch.wait(0):
        clock.now += 0.05
    return clock.now - started


def test_looks_come_soon_after_news_and_rarely_in_silence() -> None:
    """From a quarter of the poll each look without news comes later, up to the poll; news starts it afresh."""
    clock, pace = Turned(), NewsCounter()
    watch = RemoteWatch(pace, 8.0, lambda: clock.now)
    silent = [waits(watch, clock) for _ in range(6)]
    assert silent[0] == pytest.approx(2, abs=0.1)
    assert silent == sorted(silent)
    assert silent[-2:] == pytest.approx([8, 8], abs=0.1)
    pace.tell()
    assert waits(watch, clock) == pytest.approx(2, abs=0.1)


def test_what_this_side_writes_and_what_it_finds_is_news(drop: SyncedDrop, tmp_path: Path) -> None:
    """A write, or a listing that is not what it was, is followed by a quick look; the same listing is not."""
    drop.list("")
    before = drop._pace.news
    drop.list("")
    assert drop._pace.news == before
    (tmp_path / "drop" / "theirs").write_bytes(b"x")
    drop.list("")
    assert drop._pace.news == before + 1
    drop.put("mine", b"x")
    assert drop._pace.news == before + 2
