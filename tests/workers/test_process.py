from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.drops.setup import init_drop
from dispatcher.workers.notebook import NotebookWorker
from dispatcher.workers.process import ChildProcess, LocalWorker, ResidentWorker
from protocol.errors import EnvironmentNotReady

STUBBORN = (
    "import os, signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    "print(child.pid, flush=True); time.sleep(60)"
)


def _eventually(true: Callable[[], object], within_s: float = 60) -> None:
    end = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout
        return bool(state.strip()) and not state.startswith("Z")
    return False


def _greeted(drop: Path) -> bool:
    return bool(list(drop.glob("_workers/*/hello-*.json")))


def test_a_local_worker_serves_until_it_is_stopped(tmp_path: Path) -> None:
    """It announces itself, ends on SIGTERM by itself, and a second stop is harmless."""
    drop = tmp_path / "drop"
    init_drop(drop)
    with LocalWorker(drop, tmp_path / "logs" / "worker.log", beat_s=0.5) as worker:
        _eventually(lambda: _greeted(drop))
        assert worker.alive()
    assert not worker.alive()
    assert "stopped by SIGTERM" in worker.log.read_text()
    worker.stop()


def test_a_local_worker_ends_with_its_parent(tmp_path: Path) -> None:
    """A dispatcher that was killed leaves no worker behind."""
    drop = tmp_path / "drop"
    init_drop(drop)
    code = (
        "import sys, time; from pathlib import Path; from dispatcher.workers.process import LocalWorker;"
        f"print(LocalWorker(Path({str(drop)!r}), Path({str(tmp_path / 'log')!r})).pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout as said:
        worker = int(said.readline())
    _eventually(lambda: _greeted(drop))
    parent.kill()
    parent.wait()
    _eventually(lambda: not _runs(worker))


def test_what_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    """A worker deaf to SIGTERM is killed after the grace, and so is whatever it started."""
    log = tmp_path / "log"
    with ChildProcess([sys.executable, "-c", STUBBORN], log, grace_s=0.2):
        _eventually(lambda: log.read_text().endswith("\n"))
        child = int(log.read_text())
        assert _runs(child)
    _eventually(lambda: not _runs(child))


@pytest.mark.slow
@pytest.mark.parametrize("grace_s", [100.0, 0.0])
def test_the_notebook_worker_leaves_no_kernel(tmp_path: Path, grace_s: float) -> None:
    """The real notebook serves the drop; stopped cleanly or killed, its kernel is gone as well."""
    drop = tmp_path / "drop"
    init_drop(drop)
    with NotebookWorker(drop, tmp_path / "notebook.log", grace_s=grace_s) as worker:
        _eventually(lambda: _greeted(drop))
        kernels = _children(worker.pid)
        assert len(kernels) == 1
    _eventually(lambda: not any(map(_runs, kernels)))
    assert grace_s == 0 or "stopped by SIGINT" in worker.log.read_text()


def _children(pid: int) -> list[int]:
    told = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    return [int(child) for child, parent in (line.split() for line in told.splitlines()) if int(parent) == pid]


def test_a_resident_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    """A dead worker is replaced, and one that keeps dying ends in an error that shows its log."""

    def keep_for_minutes(worker: ResidentWorker) -> None:
        for _ in range(2500):
            worker.keep()
            time.sleep(0.1)

    with (
        ResidentWorker(tmp_path / "no-drop", tmp_path / "worker.log") as worker,
        pytest.raises(EnvironmentNotReady, match=r"keeps dying(.|\n)*no-drop"),
    ):
        keep_for_minutes(worker)
