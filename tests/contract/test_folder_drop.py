"""What only a real folder can do: links, pipes, sockets, full and read-only disks, processes, mounts."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer

from protocol.drop import SYNC_TOOL, Capabilities
from protocol.errors import ChannelError, ChannelLost, NameTaken, StorageFull
from protocol.transports import beneath, copying, folder, ground, open_drop, watching
from protocol.transports.copying import write_all
from protocol.transports.failures import mapped_local
from protocol.transports.folder import CARRIED, LOCAL, FolderDrop
from protocol.transports.pace import RemoteWatch
from protocol.transports.synced import SYNCED
from tests.support.disks import small_disk, take_every_name

MIB = 1 << 20
POSIX = pytest.mark.skipif(os.name != "posix", reason="links, pipes and users as POSIX has them")


@pytest.fixture(params=["descriptors", "looked at"])
def drop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FolderDrop:
    if request.param == "looked at":
        monkeypatch.setattr(beneath, "has_descriptors", lambda: False)
    (tmp_path / "drop").mkdir()
    return FolderDrop(tmp_path / "drop")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "drop"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "outside" / "inner").mkdir(parents=True)
    (tmp_path / "outside" / "secret").write_bytes(b"secret")
    return tmp_path / "outside"


@pytest.mark.fault("symlink")
@POSIX
def test_no_verb_follows_a_link_to_a_file(drop: FolderDrop, root: Path, outside: Path, tmp_path: Path) -> None:
    """A link in the place of a file is not listed, read, or written through; deleting removes the link alone."""
    (root / "link").symlink_to(outside / "secret")
    (root / "dangling").symlink_to(outside / "new")
    assert drop.list("") == ()
    for act in (lambda: drop.get("link", limit=MIB), lambda: drop.copy_out("link", tmp_path / "out", limit=MIB)):
        with pytest.raises(ChannelError, match="link") as refused:
            act()
        assert not refused.value.retryable
    for name in ("link", "dangling"):
        with pytest.raises(NameTaken):
            drop.put(name, b"x")
        with pytest.raises(ChannelError, match="never followed"):
            drop.make_folder(name)
    drop.delete("link")
    assert not (root / "link").is_symlink()
    assert (outside / "secret").read_bytes() == b"secret"
    assert not (outside / "new").exists()


@pytest.mark.fault("symlink")
@POSIX
def test_no_verb_walks_through_a_link_to_a_folder(drop: FolderDrop, root: Path, outside: Path, tmp_path: Path) -> None:
    """A link in the place of a folder is refused at any depth, also by delete and make_folder."""
    (root / "job").mkdir()
    (root / "job" / "link").symlink_to(outside, target_is_directory=True)
    (tmp_path / "local").write_bytes(b"x")
    for act in (
        lambda: drop.list("job/link"),
        lambda: drop.list("job/link/inner"),
        lambda: drop.get("job/link/secret", limit=MIB),
        lambda: drop.copy_out("job/link/secret", tmp_path / "out", limit=MIB),
        lambda: drop.put("job/link/new", b"x"),
        lambda: drop.copy_in(tmp_path / "local", "job/link/new"),
        lambda: drop.make_folder("job/link/new"),
        lambda: drop.delete("job/link/secret"),
    ):
        with pytest.raises(ChannelError, match="never followed") as refused:
            act()
        assert not refused.value.retryable
    drop.delete("job")
    assert not (root / "job").exists()
    assert sorted(path.name for path in outside.iterdir()) == ["inner", "secret"]


@POSIX
def test_the_root_may_be_a_link(root: Path, tmp_path: Path, drop: FolderDrop) -> None:
    """Where the drop is is the user's choice: a link to it works."""
    (tmp_path / "here").symlink_to(root, target_is_directory=True)
    FolderDrop(tmp_path / "here").put("a", b"x")
    assert drop.get("a", limit=1) == b"x"


@POSIX
@pytest.mark.timeout(20)
def test_pipes_and_sockets_hang_nobody(drop: FolderDrop, root: Path, tmp_path: Path) -> None:
    """A FIFO without a writer and a socket are not listed, refused when read, and can be deleted."""
    os.mkfifo(root / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(root)  # a socket's address is short
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        assert drop.list("") == ()
        for name in ("fifo", "socket"):
            with pytest.raises(ChannelError) as refused:
                drop.get(name, limit=MIB)
            assert not isinstance(refused.value, ChannelLost)
            assert not refused.value.retryable
            with pytest.raises(ChannelError):
                drop.copy_out(name, tmp_path / "out", limit=MIB)
            drop.delete(name)
        assert list(root.iterdir()) == []


@pytest.mark.fault("symlink")
def test_a_swapped_folder_cannot_lead_outside(tmp_path: Path, outside: Path) -> None:
    """While a stranger swaps a folder for a link over and over, a read never returns what lies outside."""
    root = tmp_path / "drop"
    (root / "real").mkdir(parents=True)
    (root / "real" / "secret").write_bytes(b"mine")
    (root / "link").symlink_to(outside, target_is_directory=True)
    drop, over = FolderDrop(root), threading.Event()

    def swap() -> None:
        while not over.is_set():
            (root / "real").rename(root / "job")
            (root / "job").rename(root / "real")
            (root / "link").rename(root / "job")
            (root / "job").rename(root / "link")

    stranger = threading.Thread(target=swap)
    stranger.start()
    got: set[bytes] = set()
    began = time.monotonic()
    try:
        while time.monotonic() < began + 0.5 or (not got and time.monotonic() < began + 60):
            with contextlib.suppress(ChannelError):
                got.add(drop.get("job/secret", limit=MIB))
    finally:
        over.set()
        stranger.join()
    assert got == {b"mine"}


def test_a_drop_that_is_not_there_says_so_with_the_hint(drop: FolderDrop, root: Path, tmp_path: Path) -> None:
    """A missing root, or a file in its place, is ChannelLost and nothing makes it; when it is back all goes on."""
    with pytest.raises(ChannelLost, match="gpudrop init"):
        FolderDrop(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ChannelLost, match="no folder"):
        FolderDrop(tmp_path / "file")
    root.rmdir()
    for act in (
        lambda: drop.list(""),
        lambda: drop.put("a", b"x"),
        lambda: drop.get("a", limit=1),
        lambda: drop.make_folder("a/b"),
        lambda: drop.delete("a"),
        drop.watch,
    ):
        with pytest.raises(ChannelLost, match="Mount the drive"):
            act()
    assert not root.exists()
    root.mkdir()
    drop.put("a", b"x")
    assert drop.get("a", limit=1) == b"x"


@pytest.mark.parametrize(
    ("number", "kind", "retryable"),
    [
        (errno.ENOSPC, StorageFull, True),
        (errno.EDQUOT, StorageFull, True),
        (errno.EIO, ChannelError, True),
        (errno.ENOTCONN, ChannelLost, True),
        (errno.ETIMEDOUT, ChannelLost, True),
        (errno.ESTALE, ChannelLost, True),
        (errno.EROFS, ChannelError, False),
        (errno.EACCES, ChannelError, False),
        (errno.EMFILE, ChannelError, True),
        (9999, ChannelError, True),
    ],
)
def test_an_error_half_way_is_mapped_and_leaves_nothing(
    drop: FolderDrop,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type,
    retryable: bool,
) -> None:
    """A write that fails after some bytes raises the channel's error from the system's, and frees the name."""
    write = os.write
    calls = []

    def some_then_fail(fd: int, data: bytes) -> int:
        calls.append(fd)
        if len(calls) % 2:
            return write(fd, bytes(data[:3]))
        raise OSError(number, os.strerror(number))

    (tmp_path / "local").write_bytes(b"x" * 100)
    monkeypatch.setattr(copying, "_in_kernel", lambda source, target, count: 0)
    for act in (lambda: drop.put("a", b"x" * 100), lambda: drop.copy_in(tmp_path / "local", "a")):
        with monkeypatch.context() as patched:
            patched.setattr(os, "write", some_then_fail)
            with pytest.raises(ChannelError) as failed:
                act()
        assert type(failed.value) is kind
        assert failed.value.retryable is retryable
        assert isinstance(failed.value.__cause__, OSError)
        assert list(root.iterdir()) == []
    drop.put("a", b"now")
    assert drop.get("a", limit=3) == b"now"


def test_an_interrupt_half_way_leaves_nothing(drop: FolderDrop, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C during a write frees the name as an error does."""

    def interrupted(fd: int, data: bytes) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", interrupted)
        with pytest.raises(KeyboardInterrupt):
            drop.put("a", b"x")
    assert list(root.iterdir()) == []


def test_a_file_is_copied_alike_with_and_without_the_kernels_help(
    drop: FolderDrop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the kernel cannot copy by itself, the buffer does, and the limit holds either way."""
    data = os.urandom(3 * MIB + 17)
    (tmp_path / "in").write_bytes(data)
    for name, help_ in (("with", copying._in_kernel), ("without", lambda source, target, count: 0)):
        monkeypatch.setattr(copying, "_in_kernel", help_)
        drop.copy_in(tmp_path / "in", name)
        drop.copy_out(name, tmp_path / "out", limit=len(data))
        assert (tmp_path / "out").read_bytes() == data


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 64 KiB."""
    with small_disk(tmp_path / "tiny", 64) as point:
        yield point


def test_a_full_disk_is_told_and_leaves_no_part(tiny_disk: Path, tmp_path: Path) -> None:
    """On a really full disk put and copy_in raise StorageFull, remove what they began, and small files still fit."""
    drop = FolderDrop(tiny_disk)
    (tmp_path / "local").write_bytes(b"x" * 100_000)
    for act in (lambda: drop.put("big", b"x" * 100_000), lambda: drop.copy_in(tmp_path / "local", "big")):
        with pytest.raises(StorageFull, match="Free some space"):
            act()
        assert drop.list("") == ()
    drop.put("big", b"small")
    assert drop.get("big", limit=5) == b"small"


def test_a_full_local_disk_is_told_with_both_names(tiny_disk: Path, tmp_path: Path) -> None:
    """Copying out to a full disk raises StorageFull that names the local file, and leaves no part of it."""
    (tmp_path / "drop").mkdir()
    drop = FolderDrop(tmp_path / "drop")
    drop.put("big", b"x" * 100_000)
    with pytest.raises(StorageFull, match="tiny/out"):
        drop.copy_out("big", tiny_disk / "out", limit=MIB)
    assert list(tiny_disk.iterdir()) == []


def test_a_local_disk_that_takes_no_further_name_is_full(tiny_disk: Path, tmp_path: Path) -> None:
    """Not even an empty file has room: that is StorageFull too, and no want of permissions."""
    (tmp_path / "drop").mkdir()
    drop = FolderDrop(tmp_path / "drop")
    drop.put("small", b"x")
    take_every_name(tiny_disk)
    with pytest.raises(StorageFull, match="tiny/out"):
        drop.copy_out("small", tiny_disk / "out", limit=MIB)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_of_this_machine_is_one_error_on_every_transport(number: int) -> None:
    """Whoever copies out knows by it that the file in the drop is not to blame."""
    with pytest.raises(StorageFull, match="no room on this machine for out"), mapped_local("out"):
        raise OSError(number, "full")


@pytest.fixture
def read_only() -> Iterator[Path]:
    """Make a folder with a file that this process, for the length of the test, may read and not write."""
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        (root / "job").mkdir()
        (root / "job" / "a").write_bytes(b"x")
        for path, mode in ((root / "job" / "a", 0o444), (root / "job", 0o555), (root, 0o555)):
            path.chmod(mode)
        was_root = os.geteuid() == 0
        if was_root:
            os.seteuid(65534)  # root may write anywhere
        try:
            yield root
        finally:
            if was_root:
                os.seteuid(0)
            for path in (root, root / "job"):
                path.chmod(0o755)


@POSIX
def test_a_read_only_drop_can_be_read_and_says_so_when_written(read_only: Path) -> None:
    """Every writing verb raises a ChannelError that is not worth repeating and names the hint."""
    drop = FolderDrop(read_only)
    assert drop.get("job/a", limit=1) == b"x"
    for act in (
        lambda: drop.put("b", b"x"),
        lambda: drop.put("job/b", b"x"),
        lambda: drop.make_folder("c"),
        lambda: drop.delete("job/a"),
        lambda: drop.delete("job"),
    ):
        with pytest.raises(ChannelError, match="Give this user permission") as refused:
            act()
        assert not refused.value.retryable
        assert not isinstance(refused.value, ChannelLost)
    assert drop.get("job/a", limit=1) == b"x"


RACE = """
import sys
from pathlib import Path
from protocol.errors import NameTaken
from protocol.transports.folder import FolderDrop
drop = FolderDrop(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for k in range(300):
    try:
        drop.put(f"claim-{k}", sys.argv[2].encode())
        print(k)
    except NameTaken:
        pass
"""


def test_of_several_processes_one_wins_each_name(tmp_path: Path) -> None:
    """Three processes race for 300 names: every name is won once, by the process whose bytes it holds."""
    (tmp_path / "drop").mkdir()
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACE, str(tmp_path / "drop"), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    won: dict[int, str] = {}
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    for number, racer in enumerate(racers):
        for line in racer.communicate()[0].splitlines():
            assert int(line) not in won
            won[int(line)] = str(number)
    drop = FolderDrop(tmp_path / "drop")
    assert {k: drop.get(f"claim-{k}", limit=9).decode() for k in range(300)} == won


def test_delete_refuses_what_is_nested_without_end(drop: FolderDrop, root: Path) -> None:
    """A tree deeper than any of ours is refused with a message, not with a crash."""
    deep = root / "job"
    for _ in range(40):
        deep = deep / "d"
    deep.mkdir(parents=True)
    with pytest.raises(ChannelError, match="job") as refused:
        drop.delete("job")
    assert not refused.value.retryable


def test_a_watch_wakes_within_milliseconds(tmp_path: Path) -> None:
    """From a put to the woken waiter it is a matter of milliseconds, the quickest of ten."""
    root = tmp_path / "drop"
    root.mkdir()
    drop = FolderDrop(root)
    watch = drop.watch()
    took = []
    try:
        for k in range(10):
            while watch.wait(0.05):
                pass
            started = time.monotonic()
            drop.put(f"a{k}", b"x")
            assert watch.wait(5)
            took.append(time.monotonic() - started)
    finally:
        watch.close()
    assert min(took) < 0.2  # not the half second of a poll


def _has_nameless_files(path: Path) -> bool:
    with contextlib.suppress(OSError, AttributeError):
        os.close(os.open(path, os.O_TMPFILE | os.O_WRONLY))
        return True
    return False


def test_a_document_is_whole_from_the_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks while it is written does not see it; a name that is taken meanwhile stays what it is."""
    if not _has_nameless_files(tmp_path):
        pytest.skip("this disk knows no files without a name")
    (tmp_path / "drop").mkdir()
    drop, before = FolderDrop(tmp_path / "drop"), list[list[str]]()

    def slowly(fd: int, data: bytes) -> None:
        write_all(fd, data[:3])
        before.append([entry.name for entry in drop.list("")])
        if data == b"second":
            (drop._root / "b").write_bytes(b"theirs")
        write_all(fd, data[3:])

    monkeypatch.setattr(folder, "write_all", slowly)
    drop.put("a", b"first one")
    assert drop.get("a", limit=9) == b"first one"
    with pytest.raises(NameTaken):
        drop.put("b", b"second")
    assert (before, drop.get("b", limit=9)) == ([[], ["a"]], b"theirs")


def test_a_disk_that_cannot_is_written_all_the_same(drop: FolderDrop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without files that have no name, or without a way to name them, a document is written in its place."""
    with monkeypatch.context() as patch:
        patch.setattr(beneath, "_NAMELESS", 0)
        drop.put("a", b"one")
    with monkeypatch.context() as patch:
        patch.setattr(beneath.OpenFolder, "name", lambda *_: False)
        drop.put("b", b"two")
    assert (drop.get("a", limit=3), drop.get("b", limit=3)) == (b"one", b"two")
    assert [entry.name for entry in drop.list("")] == ["a", "b"]


def test_what_came_while_a_watch_was_set_up_is_looked_for(tmp_path: Path) -> None:
    """The first wait ends at once, for the caller's last look may be older than the watch; the second one waits."""
    (tmp_path / "drop").mkdir()
    watch = FolderDrop(tmp_path / "drop").watch()
    try:
        started = time.monotonic()
        assert watch.wait(60)
        assert time.monotonic() - started < 30
        assert not watch.wait(0.05)
    finally:
        watch.close()


def test_without_events_a_watch_polls_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the system has no watches left, the log says so and the watch looks every poll."""

    def none_left(self: object) -> None:
        raise OSError(errno.ENOSPC, "inotify watch limit reached")

    (tmp_path / "drop").mkdir()
    monkeypatch.setattr(Observer, "start", none_left)
    quick = Capabilities(local=True, settle_s=0, poll_s=0.05, beat_s=2, events=True)
    with caplog.at_level(logging.WARNING):
        watch = FolderDrop(tmp_path / "drop", capabilities=quick).watch()
    assert isinstance(watch, watching.PollWatch)
    assert "inotify watch limit reached" in caplog.text
    started = time.monotonic()
    assert watch.wait(10)
    assert time.monotonic() - started < 5
    watch.close()


MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
gdrive: /home/ann/gdrive fuse.rclone rw 0 0
/dev/sdb1 /media/usb\\040disk fuseblk rw 0 0
tmpfs /home/ann/gdrive/cache tmpfs rw 0 0
nas:/x /nas nfs4 rw 0 0
/dev/sdc1 /nas ext4 rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/ann", "ext4"),
        ("/home/ann/gdrive", "fuse.rclone"),
        ("/home/ann/gdrive/jobs", "fuse.rclone"),
        ("/home/ann/gdrive-old", "ext4"),
        ("/home/ann/gdrive/cache/x", "tmpfs"),
        ("/media/usb disk/x", "fuseblk"),
        ("/nas/x", "ext4"),
    ],
)
def test_the_innermost_and_latest_mount_counts(tmp_path: Path, path: str, kind: str) -> None:
    """The file system of a path is that of the longest mount point above it, the last of several on one point."""
    (tmp_path / "mounts").write_text(MOUNTS)
    assert ground.filesystem(Path(path), tmp_path / "mounts")[0] == kind


@pytest.mark.parametrize(
    ("kind", "local"),
    [("ext4", True), ("fuseblk", True), ("", True), ("fuse.rclone", False), ("nfs4", False), ("9p", False)],
)
def test_a_mount_is_paced_like_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, local: bool) -> None:
    """A folder on a network or FUSE mount settles, polls and cannot confirm; a disk of this machine does none of it."""
    monkeypatch.setattr(ground, "filesystem", lambda path: (kind, tmp_path))
    with contextlib.closing(open_drop(tmp_path)) as drop:
        assert drop.capabilities == (LOCAL if local else SYNCED)
        assert drop.barrier() == ("local" if local else "unconfirmed")
        watch = drop.watch()
        assert isinstance(watch, watching.EventWatch if local else RemoteWatch)
        watch.close()


def test_a_folder_of_drive_for_desktop_is_paced_like_drive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Drive for Desktop shows a plain folder, the far side is not on this machine all the same."""
    monkeypatch.setattr(ground, "filesystem", lambda path: ("", None))  # as on macOS, which has no table of mounts
    folder = tmp_path / "Library" / "CloudStorage" / "GoogleDrive-ann" / "jobs"
    folder.mkdir(parents=True)
    with contextlib.closing(open_drop(folder)) as drop:
        assert drop.capabilities == SYNCED


def test_a_folder_of_a_sync_tool_is_shared_and_wakes_by_events(tmp_path: Path) -> None:
    """Nobody can confirm what a tool carries, but what it brings is written on this disk, which tells of it."""
    (tmp_path / ".stfolder").mkdir()
    (tmp_path / "drop").mkdir()
    with contextlib.closing(open_drop(tmp_path / "drop")) as drop:
        assert drop.capabilities == CARRIED
        assert not drop.capabilities.local
        assert drop.capabilities.limits is SYNC_TOOL
        assert drop.barrier() == "unconfirmed"
        watch = drop.watch()
        assert isinstance(watch, watching.EventWatch)
        watch.close()


def test_a_folder_tells_which_one_it_is(tmp_path: Path) -> None:
    """By any path to it, and another than one that was put in its place: what processes prove themselves by."""
    (tmp_path / "drop").mkdir()
    (tmp_path / "link").symlink_to("drop")
    drop = FolderDrop(tmp_path / "drop")
    assert drop.capabilities.folder
    assert FolderDrop(tmp_path / "link").capabilities.folder == drop.capabilities.folder
    (tmp_path / "other").mkdir()
    assert FolderDrop(tmp_path / "other").capabilities.folder != drop.capabilities.folder
    assert FolderDrop(tmp_path / "drop", capabilities=CARRIED).capabilities.folder == ""


@POSIX
def test_a_file_that_is_all_holes_has_its_full_size_and_little_stored(drop: FolderDrop, root: Path) -> None:
    """Syncthing gives a file its size first and its content later; a whole file has nothing to tell."""
    with (root / "big").open("wb") as file:
        file.truncate(10 << 20)
        file.write(b"x" * 8192)
    (root / "whole").write_bytes(b"x" * 8192)
    big, whole = drop.list("")
    assert (big.size, whole.size, whole.stored) == (10 << 20, 8192, None)
    assert big.stored is not None
    assert big.stored < 1 << 20
