"""Whole jobs whose sides meet only on a remote that rclone knows, with no mount."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from dispatcher.cli.init import init
from dispatcher.jobs.job import Job
from protocol.errors import ChannelError, ChannelLost, EnvironmentNotReady, NameMissing, StorageFull, UsageError
from protocol.messages import ClaimTerms
from protocol.transports import rclone_server
from protocol.transports.rc import RcFailed, channel_error
from protocol.transports.rclone import RcloneDrop
from tests.support.beats import beating
from tests.support.drops import client, make_drop, worker
from tests.support.rclone import needs_rclone, serve

pytestmark = [needs_rclone, pytest.mark.timeout(600)]

NARRATION = {"steps": [{"id": f"s{k}", "narration": f"This is sentence number {k}."} for k in range(12)]}


def test_a_job_over_a_served_remote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker and a client that meet only on a WebDAV server, both through rclone, finish a narration."""
    with serve("webdav", tmp_path / "served") as server:
        make_drop(tmp_path / "served" / "drop")
        (tmp_path / "rclone.conf").write_text(server.config("dav"))
        monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
        rclone_server._shared.end()  # one that another test started knows another configuration
        drop = RcloneDrop("dav:drop")
        with (
            worker(tmp_path / "w", "--drop", "rclone:dav:drop", "--beat", "2", "--poll", "0.5", env=os.environ),
            client(drop, tmp_path / "data") as here,
        ):
            here.poll_s, here.terms = 0.5, ClaimTerms(settle_s=1, lease_s=60)
            result = here.submit(Job(kind="tts", params=NARRATION)).wait(250)
        assert len(result.files) == 24
        assert drop.operations["write"] == 2  # the request and the mirror of the acceptance
        drop.close()
        rclone_server._shared.end()


def test_an_old_rclone_none_and_a_dead_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was killed is replaced unnoticed; no rclone, and one too old, are told with the hint."""
    rclone_server._shared.end()
    (tmp_path / "rclone.conf").write_text("[here]\ntype = local\n")
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    with contextlib.closing(RcloneDrop(f"here:{tmp_path}")) as drop:
        drop.put("a", b"x")
        server = drop._calls._server
        assert server is not None
        assert server.pid is not None
        os.killpg(server.pid, signal.SIGKILL)
        assert drop.get("a", limit=1) == b"x"
        assert server.starts == 2
        with pytest.raises(EnvironmentNotReady, match=r"no remote 'nobody'.*here:"):
            RcloneDrop("nobody:x")
        with pytest.raises(ChannelLost, match="gpudrop init --drop"):
            RcloneDrop(f"here:{tmp_path / 'nowhere'}").list("")
        with pytest.raises(UsageError, match="Give the remote a name"):
            RcloneDrop(":webdav,url='http://127.0.0.1:9':x")
    rclone_server._shared.end()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentNotReady, match="not installed"):
        RcloneDrop(f"here:{tmp_path}")
    rclone_server._shared.end()


def test_rclone_dies_under_two_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed again and again while a worker's beats go beside its uploads, it is replaced, and neither notices more."""
    rclone_server._shared.end()
    (tmp_path / "rclone.conf").write_text("[here]\ntype = local\n")
    monkeypatch.setenv("RCLONE_CONFIG", str(tmp_path / "rclone.conf"))
    monkeypatch.setattr("protocol.transports.rclone.BULK", 100_000)  # what is larger moves as a job of rclone's own
    (tmp_path / "drop").mkdir()
    data = os.urandom(2_000_000)
    (tmp_path / "big").write_bytes(data)
    with contextlib.closing(RcloneDrop(f"here:{tmp_path / 'drop'}")) as drop:
        server = drop._calls._server
        assert server is not None
        drop.make_folder("job")
        with beating(drop, "_workers/w") as beats:
            for number in range(4):
                killer = threading.Timer(0.01 * number, _kill, [server])
                killer.start()
                drop.copy_in(tmp_path / "big", f"job/out-{number}")
                killer.join()
        assert server.starts > 2
        assert beats.count > beats.kept
        assert [drop.get(f"job/out-{number}", limit=len(data)) == data for number in range(4)] == [True] * 4
    rclone_server._shared.end()


def _kill(server: rclone_server.RcloneServer) -> None:
    with server._lock:  # one that serves, not one that is being started
        if pid := server.pid:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


@pytest.mark.fault("403-429-5xx")
@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("googleapi: Error 403: Rate Limit Exceeded, rateLimitExceeded", ChannelError),
        ("googleapi: Error 403: The user's Drive storage quota has been exceeded., storageQuotaExceeded", StorageFull),
        ("couldn't fetch token - maybe it has expired? - refresh with rclone config reconnect", ChannelLost),
        ("dial tcp 127.0.0.1:1: connect: connection refused", ChannelLost),
        ("error in ListJSON: directory not found", NameMissing),
        ("couldn't list files: Propfind: 503 Service Unavailable", ChannelError),
        ("Forbidden: Forbidden\n\tstatus code: 403, request id: x", ChannelError),
        ("failed to find object: lstat /tmp/run-504/job/in-1-take.403.mp4: not a directory", NameMissing),
        ("something nobody knows", ChannelError),
    ],
)
def test_what_rclone_says_has_a_meaning(said: str, kind: type[ChannelError]) -> None:
    """Every known failure becomes the channel's error; an unknown one may be tried again."""
    error = channel_error("job/a", "g", RcFailed("operations/list", 500, said))
    assert type(error) is kind


def test_init_makes_a_drop_on_a_remote(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`gpudrop init --drop rclone:…` makes the folder, the card and the package there."""
    init(f"rclone::local:{tmp_path / 'a' / 'drop'}", json_=True)
    assert json.loads(capsys.readouterr().out)["drop"].startswith("rclone:")
    assert (tmp_path / "a" / "drop" / "_drop.json").is_file()
    assert list((tmp_path / "a" / "drop" / "_dist").glob("1-*/gpudrop-*.whl"))
