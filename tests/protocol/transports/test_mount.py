"""How an rclone mount's remote control is found and asked, with a process table and answers made up here."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from protocol.transports import mount
from protocol.transports.mount import Flags, MountControl, mount_flags
from protocol.transports.rc import RcGone

POINT = Path("/home/ann/gdrive")
QUIET = {"diskCache": {"uploadsInProgress": 0, "uploadsQueued": 0, "erroredFiles": 0}}


def process(proc: Path, number: int, *words: str, cwd: Path | None = None, environment: str = "") -> Path:
    """Write a process of these words into a made-up /proc."""
    folder = proc / str(number)
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes("".join(f"{word}\0" for word in words).encode())
    (folder / "environ").write_text(environment)
    (folder / "cwd").symlink_to(cwd or "/")
    return proc


def test_the_flags_are_those_of_the_process_behind_the_point(tmp_path: Path) -> None:
    """Of several rclone processes the one that mounts at this very point counts, however its flags are written."""
    process(tmp_path, 1, "/sbin/init")
    process(tmp_path, 2, "rclone", "mount", "other:", "/home/ann/gdrive-old", "--rc", "--rc-addr=:1")
    process(tmp_path, 3, "rclone", "serve", "webdav", str(POINT))
    process(tmp_path, 4, "/usr/bin/rclone", "mount", "g:", str(POINT), "--rc", "--rc-addr", ":7", "--rc-user=ann")
    found = mount_flags(POINT, tmp_path)
    assert found is not None
    assert found.has_rc
    assert (found.get("rc-addr", ""), found.get("rc-user", "")) == (":7", "ann")


def test_a_relative_mount_point_and_settings_in_the_environment_are_read(tmp_path: Path) -> None:
    """rclone takes a point relative to where it was started, and every flag from its environment too."""
    secret = "RCLONE_RC=true\0RCLONE_RC_PASS=hidden\0HOME=/x\0"
    process(tmp_path, 7, "rclone", "mount", "g:", "gdrive/", cwd=POINT.parent, environment=secret)
    found = mount_flags(POINT, tmp_path)
    assert found is not None
    assert found.has_rc
    assert found.get("rc-pass", "") == "hidden"
    assert "hidden" not in repr(found)


def test_a_mount_that_nobody_here_serves_has_no_flags(tmp_path: Path) -> None:
    """A mount of another machine's or user's process, or none at all, is not guessed at."""
    assert mount_flags(POINT, process(tmp_path / "proc", 1, "/sbin/init")) is None
    assert mount_flags(POINT, tmp_path / "missing") is None
    told = process(tmp_path / "off", 1, "rclone", "mount", "g:", str(POINT), "--rc=false")
    assert (found := mount_flags(POINT, told)) is not None
    assert found.rc() is None


class Answers:
    """A remote control that says these things in this order, then the last of them for ever."""

    def __init__(self, *told: object) -> None:
        self.told = list(told)
        self.asked: list[str] = []

    def call(self, command: str, parameters: Mapping[str, Any], *, timeout_s: float) -> object:
        self.asked.append(command)
        answer = self.told.pop(0) if len(self.told) > 1 else self.told[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.asked.append("close")


def control(answers: Answers, monkeypatch: pytest.MonkeyPatch) -> MountControl:
    """Return a control that asks these answers and loses no time over it."""
    monkeypatch.setattr(mount, "LONGEST_PAUSE_S", 0.0)
    monkeypatch.setattr(Flags, "rc", lambda self: answers)
    return MountControl(POINT, flags=lambda point: Flags(point, {}))


def busy(queued: int = 0, uploading: int = 0, failed: int = 0) -> dict[str, Any]:
    """Return what vfs/stats says in the middle of things."""
    return {"diskCache": {"uploadsInProgress": uploading, "uploadsQueued": queued, "erroredFiles": failed}}


def test_a_barrier_opens_when_nothing_is_left_twice_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """One quiet look between two busy ones opens nothing: a file is between the queue and its upload then."""
    answers = Answers(busy(queued=2), QUIET, busy(uploading=1), QUIET, QUIET)
    assert control(answers, monkeypatch).uploaded() == "confirmed"
    assert answers.asked == ["vfs/stats"] * 5


def test_a_barrier_that_cannot_be_sure_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that failed to upload, uploads without end and a silent control are all unconfirmed, never an error."""
    assert control(Answers(busy(failed=1)), monkeypatch).uploaded() == "unconfirmed"
    assert control(Answers(busy(queued=1)), monkeypatch).uploaded(within_s=0.05) == "unconfirmed"
    assert control(Answers(RcGone("gone")), monkeypatch).uploaded() == "unconfirmed"


def test_a_control_that_fails_rests_is_named_once_and_is_used_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a failure it is left alone for a while; the warning has the hint and comes once for each silence."""
    answers = Answers(RcGone("no answer"), RcGone("no answer"), {}, RcGone("no answer"))
    asks = control(answers, monkeypatch)
    now = [0.0]
    monkeypatch.setattr(mount.time, "monotonic", lambda: now[0])
    with caplog.at_level(logging.WARNING):
        now[0] = 100.0
        asks.refresh("job")
        asks.refresh("job")
        assert answers.asked == ["vfs/refresh", "close"]
        now[0] += mount.AGAIN_S + 1
        asks.refresh("job")
        assert len(caplog.records) == 1
        assert "--rc" in caplog.text
        now[0] += mount.AGAIN_S + 1
        asks.refresh("job")  # it is back
        asks.refresh("job")
    assert len(caplog.records) == 2
