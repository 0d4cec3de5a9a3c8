"""Jobs over plain folders that real sync tools carry on a slow line, to a worker that sees another folder."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from dispatcher.jobs.client import Client
from protocol.drop import SYNC_TOOL
from protocol.transports.ground import ground_of
from tests.support.carried import Journey, encode_job, narration_job, travel
from tests.support.drops import client, make_drop, wait_for, worker
from tests.support.sync_tools import RsyncLoop, Tool, needs_rsync, needs_syncthing, syncthing

KB_PER_S = 300
"""So slow that 8 MB take longer than anything may on one machine."""

ENCODE_S = 13
JOB_S = 400

Carrying = Callable[[Path, Path, Path], AbstractContextManager[Tool]]


def by_syncthing(home: Path, near: Path, far: Path) -> AbstractContextManager[Tool]:
    return syncthing(home, near, far, KB_PER_S)


def by_rsync(home: Path, near: Path, far: Path) -> AbstractContextManager[Tool]:
    return RsyncLoop(near, far, KB_PER_S)


@contextlib.contextmanager
def carried(tmp_path: Path, carrying: Carrying) -> Iterator[Client]:
    """Carry a drop to a worker, and yield the client at the other end, once it has heard of the worker."""
    near, far = tmp_path / "near", tmp_path / "far"
    far.mkdir()
    make_drop(near / "jobs")
    with carrying(tmp_path / "tool", near, far):
        wait_for((far / "jobs" / "_drop.json").exists)
        with worker(far / "jobs", "--kinds", "encode,tts", "--name", "wr"), client(near / "jobs", tmp_path) as here:
            wait_for(lambda: bool(here.cards()))
            yield here


@pytest.mark.fault("slow-sync-tool")
@pytest.mark.parametrize(
    "carrying",
    [pytest.param(by_syncthing, marks=needs_syncthing), pytest.param(by_rsync, marks=needs_rsync)],
)
def test_large_results_come_over_a_slow_sync_tool(tmp_path: Path, carrying: Carrying) -> None:
    """A result that takes far longer than its marker is made once, sent once and accepted; so is a narration."""
    with carried(tmp_path, carrying) as here:
        started = time.monotonic()
        film = travel(here, tmp_path / "near" / "jobs", encode_job(tmp_path, ENCODE_S), JOB_S)
        took_s = time.monotonic() - started
        (output,) = film.result.files.values()
        size = output.stat().st_size
        assert size > 6_000_000
        assert took_s > size / (KB_PER_S * 1024)  # the line was as slow as it was meant to be
        check_smooth(film)
        assert len(film.outputs) == 1
        check_smooth(travel(here, tmp_path / "near" / "jobs", narration_job(), JOB_S))
    uploading = [text for text in film.texts if "uploading: " in text]
    assert any(not text.startswith("uploading: 0.0 of") for text in uploading)  # it was seen to grow
    assert not any("No other worker" in text or "No worker" in text for text in film.texts)


@needs_syncthing
def test_the_marker_of_syncthing_is_known(tmp_path: Path) -> None:
    """What a real Syncthing leaves in its folder is what gpudrop looks for."""
    with syncthing(tmp_path / "tool", tmp_path / "near", tmp_path / "far", KB_PER_S):
        wait_for((tmp_path / "near" / ".stfolder").exists)
        assert ground_of(tmp_path / "near" / "jobs").tool == "Syncthing"


def check_smooth(journey: Journey) -> None:
    """Check that a job was done once, and that nobody asked for anything twice."""
    assert journey.is_smooth, (journey.attempts, journey.roles, journey.texts[-5:])
    assert SYNC_TOOL.need_s[0] > JOB_S  # or the test would prove less
