"""`gpudrop doctor` on real rclone mounts: the drop's own may fail it, every other one of the machine is a warning."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from dispatcher.cli import doctor as command
from dispatcher.doctor import Finding
from dispatcher.doctor.mounts import examine_mount, examine_other_mounts
from tests.support.drops import make_drop, wait_for
from tests.support.rclone import Mount, Server, mounted, needs_mounts, needs_rclone, serve

pytestmark = [needs_rclone, needs_mounts, pytest.mark.timeout(300)]

BAD = ("--vfs-write-back=1m", "--read-only")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Serve a remote with a drop on it."""
    with serve("webdav", tmp_path / "served") as running:
        make_drop(running.folder / "drop")
        yield running


@contextlib.contextmanager
def mount(server: Server, tmp_path: Path, name: str, **how: Any) -> Iterator[Path]:
    """Mount the remote and return the mount point."""
    with mounted(Mount(server.remote, tmp_path / name, tmp_path / f"cache-{name}", **how)) as made:
        yield made.at


def about(findings: list[Finding], point: Path) -> list[tuple[str, str, str]]:
    """Return (check, state, what is said after the mount point) of the findings about a mount; others may be here."""
    return [
        (it.check, it.state, it.said.replace(str(point), "POINT"))
        for it in findings
        if str(point) in it.said.split() or it.said.startswith(f"{point}:")
    ]


def test_every_mount_but_the_drops_own_is_examined(server: Server, tmp_path: Path) -> None:
    """A good one is named, a bad one is warned about by name, and the drop's own is left to the drop's examination."""
    with (
        mount(server, tmp_path, "own") as own,
        mount(server, tmp_path, "good") as good,
        mount(server, tmp_path, "bad one", mode="off", rc=False, flags=BAD) as bad,
    ):
        found = list(examine_other_mounts(own / "drop"))
        without_drop = list(examine_other_mounts(None))
        remote = list(examine_other_mounts("rclone:remote:path"))
    assert not any(str(own) in it.said for it in found)
    assert about(found, good) == [("mount", "ok", "an rclone mount at POINT")]
    said = [it for it in found if str(bad) in it.said]
    assert [(it.check, it.state) for it in said] == [("mount", "ok"), *[("mount", "warn")] * 5]
    words = "\n".join(it.said for it in said)
    for problem in ("no --rc", "is read-only", "for more than a minute", "--vfs-cache-mode is off", "more than 5 s"):
        assert problem in words
    assert all(
        it.hint.startswith("Before you put a drop on it, mount it with --") or "leave out" in it.hint for it in said[1:]
    )
    for point in (own, good):
        assert about(without_drop, point) == about(remote, point) == [("mount", "ok", "an rclone mount at POINT")]


def test_a_problem_fails_on_the_drops_own_mount_only(server: Server, tmp_path: Path) -> None:
    """A drop on a read-only mount cannot work; somebody else's read-only mount may be meant so."""
    with mount(server, tmp_path, "m", flags=("--vfs-write-back=1s", "--read-only")) as point:
        own = list(examine_mount(point))
        other = [it for it in examine_other_mounts(None) if str(point) in it.said]
    assert [(it.check, it.state) for it in own] == [("ground", "ok"), ("mount", "fail")]
    assert [(it.check, it.state) for it in other] == [("mount", "ok"), ("mount", "warn")]
    assert own[1].said == other[1].said == f"{point}: it is read-only"
    assert own[1].hint == "Mount it with write access: leave out --read-only"
    assert other[1].hint == "Before you put a drop on it, mount it with write access: leave out --read-only"


def test_a_dead_mount_is_told_from_one_that_cannot_be_seen(server: Server, tmp_path: Path) -> None:
    """A mount whose rclone was killed is a warning with the command that removes it, and does not hang the doctor."""
    dead = Mount(server.remote, tmp_path / "dead", tmp_path / "cache")
    with mounted(dead):
        dead.kill()
        (found,) = [it for it in examine_other_mounts(None) if str(dead.at) in it.said]
        (own,) = examine_mount(dead.at)
    assert (found.check, found.state) == ("mount", "warn")
    assert found.said == own.said == f"the rclone mount at {dead.at} has died"
    assert f"fusermount -uz '{dead.at}'" in found.hint
    assert (own.check, own.state) == ("ground", "fail")


def test_a_mount_whose_process_is_hidden_is_a_warning(server: Server, tmp_path: Path) -> None:
    """Where the system does not show the process, nothing is known of its flags; the mount itself answers."""
    with mount(server, tmp_path, "m") as point:
        (found,) = examine_mount(point, find_flags=lambda _: None)
    assert (found.check, found.state) == ("ground", "warn")
    assert found.said == f"an rclone mount at {point}; its process cannot be seen from here"


def test_the_command_reports_other_mounts_and_stays_ready(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A drop on a plain folder, beside a mount with every problem: warnings that name it, and exit code 0."""
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(command, "examine_machine", lambda settings: [])
    with mount(server, tmp_path, "foreign", mode="off", rc=False, flags=BAD) as point:
        wait_for((point / "drop").is_dir)
        command.doctor(drop=str(make_drop(tmp_path / "plain")), soak_=0, json_=True)
    told = json.loads(capsys.readouterr().out)
    assert told["ready"]
    named = [it for it in told["findings"] if str(point) in it["said"]]
    assert [it["state"] for it in named] == ["ok", *["warn"] * 5]
    with mount(server, tmp_path, "own", mode="off", rc=False, flags=BAD) as point, contextlib.suppress(typer.Exit):
        command.doctor(drop=str(point / "drop"), soak_=0, json_=True)
    told = json.loads(capsys.readouterr().out)
    assert not told["ready"]
    assert [it["state"] for it in told["findings"] if str(point) in it["said"]].count("fail") >= 1
