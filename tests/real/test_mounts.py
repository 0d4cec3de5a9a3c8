"""Drops on real rclone mounts: two of one served remote, a worker on one and the dispatcher on the other."""

from __future__ import annotations

import contextlib
import errno
import logging
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatcher.doctor import Finding, place
from dispatcher.jobs.job import Job, Why
from protocol.errors import ChannelError, ChannelLost
from protocol.messages import ClaimTerms
from protocol.transports import bounded, open_drop
from protocol.transports import mount as rclone_mount
from protocol.transports.bounded import BoundedFolder
from protocol.transports.ground import Ground, ground_of
from protocol.transports.mount import mount_flags
from protocol.transports.rc import Rc
from protocol.transports.synced import MOUNTED, SYNCED, SyncedDrop
from tests.support.beats import beating
from tests.support.drops import client, make_drop, wait_for, worker
from tests.support.rclone import (
    PASSWORD,
    USER,
    Mount,
    Server,
    free_port,
    mounted,
    needs_mounts,
    needs_rclone,
    obscured,
    serve,
    wait_for_port,
)

pytestmark = [needs_rclone, needs_mounts, pytest.mark.timeout(600)]

LONG_S = 30.0
"""So long a call may take that is to succeed: the first one starts a process."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve one remote by WebDAV for all tests of this file."""
    with serve("webdav", tmp_path_factory.mktemp("served")) as running:
        yield running


@pytest.fixture
def drop(server: Server, tmp_path: Path) -> Path:
    """Make a drop on the remote; return its folder as the server has it."""
    return make_drop(server.folder / tmp_path.name)


@contextlib.contextmanager
def mount(server: Server, tmp_path: Path, name: str, **how: object) -> Iterator[Mount]:
    """Mount the remote at a folder of this name."""
    with mounted(Mount(server.remote, tmp_path / name, tmp_path / f"cache-{name}", **how)) as made:  # type: ignore[arg-type]
        yield made


def test_a_mount_is_known_for_what_it_is(server: Server, drop: Path, tmp_path: Path) -> None:
    """Its process is found with its flags, its password is in no text, and its pace follows from its remote control."""
    with mount(server, tmp_path, "a") as first, mount(server, tmp_path, "b", rc=False) as second:
        assert ground_of(first.at / drop.name) == Ground("rclone", first.at)
        flags = mount_flags(first.at)
        assert flags is not None
        assert flags.has_rc
        assert flags.get("vfs-write-back", "") == "1s"
        assert "a-test" not in repr(flags)
        with contextlib.closing(open_drop(first.at / drop.name)) as quick:
            assert quick.capabilities == MOUNTED
        with contextlib.closing(open_drop(second.at / drop.name)) as plain:
            assert plain.capabilities == SYNCED


def test_what_one_side_wrote_is_seen_at_the_next_look(server: Server, drop: Path, tmp_path: Path) -> None:
    """After a confirmed barrier another mount lists and reads the file at once, within its cache's half minute."""
    with mount(server, tmp_path, "a") as first, mount(server, tmp_path, "b") as second:
        here, there = open_drop(first.at / drop.name), open_drop(second.at / drop.name)
        assert [entry.name for entry in there.list("")] == ["_drop.json"]  # its cache knows the folder now
        here.make_folder("job")
        here.put("job/a.json", b"x" * 1000)
        assert here.barrier() == "confirmed"
        assert (drop / "job" / "a.json").stat().st_size == 1000
        assert [entry.name for entry in there.list("")] == ["_drop.json", "job"]
        assert [(entry.name, entry.size) for entry in there.list("job")] == [("a.json", 1000)]
        assert there.get("job/a.json", limit=1000) == b"x" * 1000
        here.close()
        there.close()


def test_a_mount_may_be_named_through_a_link(server: Server, drop: Path, tmp_path: Path) -> None:
    """Its remote control is asked for the folder below it: the other side is seen at the next look all the same."""
    with mount(server, tmp_path, "a") as made:
        (tmp_path / "drop").symlink_to(made.at / drop.name)
        for name in (tmp_path / "drop", made.at / drop.name / ".." / drop.name):
            with contextlib.closing(open_drop(name)) as here:
                assert here.capabilities == MOUNTED
                before = [entry.name for entry in here.list("")]
                (drop / f"theirs-{len(before)}").write_bytes(b"x")
                assert [entry.name for entry in here.list("")] == sorted([*before, f"theirs-{len(before)}"])


def test_beats_beside_work(server: Server, drop: Path, tmp_path: Path) -> None:
    """While beats are written and deleted beside it, a result is confirmed only when it is on the remote."""
    with mount(server, tmp_path, "a") as made, contextlib.closing(open_drop(made.at / drop.name)) as here:
        with beating(here, "_workers/w", every_s=3) as beats:
            for number in range(3):
                here.make_folder(f"job-{number}")
                here.put(f"job-{number}/out", b"x" * 100_000)
                here.list("")
                assert here.barrier() == "confirmed"
                assert (drop / f"job-{number}" / "out").stat().st_size == 100_000
                here.list(f"job-{number}")
        assert here.barrier() == "confirmed"
        assert beats.count > beats.kept
        assert sorted(path.name for path in (drop / "_workers" / "w").iterdir()) == sorted(beats.names)


def test_a_mount_without_remote_control_works_and_says_so(
    server: Server, drop: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once, with the flags to add, and nothing is confirmed."""
    with (
        caplog.at_level(logging.WARNING),
        mount(server, tmp_path, "a", rc=False) as made,
        contextlib.closing(open_drop(made.at / drop.name)) as here,
    ):
        here.list("")
        here.list("")
        assert here.barrier() == "unconfirmed"
    assert len([record for record in caplog.records if "--rc-user" in record.getMessage()]) == 1


@pytest.mark.fault("errno-107-5-hang")
def test_a_hung_mount_hangs_nobody_and_a_dead_one_comes_back(server: Server, drop: Path, tmp_path: Path) -> None:
    """A stopped mount fails each call at its deadline; killed, at once; mounted again, it is simply used again."""
    with mount(server, tmp_path, "a", rc=False, flags=("--attr-timeout=1ms",)) as made:
        here = SyncedDrop(made.at / drop.name, Ground("shared"), call_s=LONG_S)
        assert here.list("")
        made.pause()
        here._folder._call_s = 1.0
        started = time.monotonic()
        with pytest.raises(ChannelLost, match="did not answer within"):
            here.list("")
        assert time.monotonic() - started < LONG_S
        made.resume()
        here._folder._call_s = LONG_S
        wait_for(lambda: _answers(here))
        made.kill()
        with pytest.raises(ChannelError, match="Is the mount up") as lost:
            here.list("")
        assert isinstance(lost.value.__cause__, OSError)
        assert lost.value.__cause__.errno == errno.ENOTCONN, "what the system said comes through the helper"
        made.detach()
        made.start()
        assert here.list("")
        here.close()


def test_too_many_hung_calls_start_no_more_processes(
    server: Server, drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While four calls hang, in processes that not even SIGKILL ends, the next fails at once."""
    with mount(server, tmp_path, "a", rc=False, flags=("--attr-timeout=1ms",)) as made:
        folder = BoundedFolder(made.at / drop.name, call_s=LONG_S)
        folder.check()
        made.pause()
        folder._call_s = 0.5
        with monkeypatch.context() as patch:
            patch.setattr(bounded._Helper, "alive", lambda self: True)
            patch.setattr(bounded._Helper, "has_answered", lambda self: False)
            for _ in range(4):
                with pytest.raises(ChannelLost):
                    folder.list("")
            with pytest.raises(ChannelLost, match="4 calls hang"):
                folder.list("")
        made.resume()
        folder._call_s = LONG_S
        wait_for(lambda: _answers(folder))
        folder.close()


def _answers(there: BoundedFolder | SyncedDrop) -> bool:
    try:
        return bool(there.list(""))
    except ChannelLost:
        return False


@pytest.mark.fault("mount-vanishes")
def test_a_job_over_two_mounts_survives_the_death_of_one(server: Server, drop: Path, tmp_path: Path) -> None:
    """The dispatcher's mount is killed while its job is under way: the wait says so, and the job ends well."""
    with mount(server, tmp_path, "a") as mine, mount(server, tmp_path, "b") as theirs:
        name = drop.name
        with (
            worker(tmp_path / "w", "--drop", str(theirs.at / name), "--beat", "2", "--poll", "0.3"),
            client(mine.at / name, tmp_path / "data") as here,
        ):
            here.poll_s, here.terms = 0.3, ClaimTerms(settle_s=1, lease_s=60)
            handle = here.submit(Job(kind="echo", params={"text": "one", "units": 3, "unit_s": 3.0}))
            seen: list[str] = []

            def strike(progress: object) -> None:
                why = str(progress.why)  # type: ignore[attr-defined]
                seen.append(why)
                if len(seen) == 3:
                    mine.kill()
                if why == Why.DROP_UNREACHABLE and mine.process is not None and mine.process.poll() is not None:
                    mine.detach()
                    mine.start()

            result = handle.wait(250, on_progress=strike)
        assert Why.DROP_UNREACHABLE in seen
        assert result.files


@pytest.mark.fault("errno-107-5-hang")
def test_a_job_goes_on_when_its_mount_answers_again(
    server: Server, drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the dispatcher's mount hangs the wait goes on and says that the drop is out of reach; then the job ends."""
    monkeypatch.setattr(rclone_mount, "CALL_S", 1.0)
    with mount(server, tmp_path, "a") as mine, mount(server, tmp_path, "b") as theirs:
        here = SyncedDrop(mine.at / drop.name, Ground("rclone", mine.at), call_s=LONG_S)
        with (
            worker(tmp_path / "w", "--drop", str(theirs.at / drop.name), "--beat", "2", "--poll", "0.3"),
            client(here, tmp_path / "data") as sender,
        ):
            sender.poll_s, sender.terms = 0.3, ClaimTerms(settle_s=1, lease_s=60)
            handle = sender.submit(Job(kind="echo", params={"text": "one", "units": 2, "unit_s": 2.0}))
            seen: list[str] = []

            def strike(progress: object) -> None:
                seen.append(str(progress.why))  # type: ignore[attr-defined]
                if len(seen) == 3:
                    mine.pause()
                    here._folder._call_s = 1.0
                if seen[-1] == Why.DROP_UNREACHABLE:
                    here._folder._call_s = LONG_S
                    mine.resume()

            result = handle.wait(250, on_progress=strike)
        assert Why.DROP_UNREACHABLE in seen
        assert result.files


def _doctor(at: Path) -> list[Finding]:
    return [found for found in place._ground(ground_of(at)) if found.check == "mount"]


def test_doctor_asks_the_remote_control(server: Server, drop: Path, tmp_path: Path) -> None:
    """A login that cannot be read and a base URL are warnings that name their flags; a good mount gives none."""
    passwords = tmp_path / "htpasswd"
    passwords.write_text("ann:$apr1$ZjTqBB3f$IF9gdYAGlMrs2fuINjHsz.\n")  # "myPassword"
    flags = ("--vfs-write-back=1s", "--dir-cache-time=30s", "--poll-interval=10s", "--rc")
    hidden = (f"--rc-addr=127.0.0.1:{free_port()}", f"--rc-htpasswd={passwords}")
    with mount(server, tmp_path, "hidden", rc=False, flags=(*flags, *hidden)) as made:
        [found] = _doctor(made.at / drop.name)
        assert "(401)" in found.said
        assert "--rc-htpasswd" in found.hint
    moved = (f"--rc-addr=127.0.0.1:{free_port()}", f"--rc-user={USER}", f"--rc-pass={PASSWORD}", "--rc-baseurl=/gpu")
    with mount(server, tmp_path, "moved", rc=False, flags=(*flags, *moved)) as made:
        [found] = _doctor(made.at / drop.name)
        assert "(404)" in found.said
        assert "--rc-baseurl" in found.hint
    with mount(server, tmp_path, "GoogleDrive") as good:  # its name says nothing of its flags
        assert _doctor(good.at / drop.name) == []


def test_a_mount_made_by_rcd_is_known_for_what_it_is(server: Server, drop: Path, tmp_path: Path) -> None:
    """Its flags are asked of the daemon, and so are fresh listings and uploads; one with bad flags is told."""
    port, points = free_port(), {"good": {"CacheMode": 3, "WriteBack": 10**9}, "bad": {"ReadOnly": True}}
    login = (f"--rc-user={USER}", f"--rc-pass={PASSWORD}", "--config=/dev/null", f"--cache-dir={tmp_path / 'cache'}")
    daemon = subprocess.Popen(
        ["rclone", "rcd", f"--rc-addr=127.0.0.1:{port}", *login], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for_port(port, daemon)
        with contextlib.closing(Rc(f"http://127.0.0.1:{port}", USER, PASSWORD)) as rc:
            for name, options in points.items():
                (tmp_path / name).mkdir()
                made = {"fs": server.remote, "mountPoint": str(tmp_path / name), "vfsOpt": options}
                rc.call("mount/mount", made)
        flags = mount_flags(tmp_path / "good")
        assert flags is not None
        assert (flags.has_rc, flags.get("vfs-cache-mode", ""), flags.get("vfs-write-back", "")) == (
            True,
            "full",
            "1.0s",
        )
        assert PASSWORD not in repr(flags)
        assert obscured() not in repr(flags)
        with contextlib.closing(open_drop(tmp_path / "good" / drop.name)) as opened:
            assert opened.capabilities == MOUNTED
            opened.put("a.json", b"x" * 1000)
            assert opened.barrier() == "confirmed"
            assert (drop / "a.json").stat().st_size == 1000
            (drop / "later.json").write_bytes(b"y")
            assert "later.json" in {entry.name for entry in opened.list("")}
    finally:
        for name in points:
            subprocess.run(["fusermount3", "-uz", str(tmp_path / name)], capture_output=True, check=False)
        daemon.terminate()
        daemon.wait(20)
