"""A monitor that a command leaves behind when it returns at once: one a machine, gone when nothing is left to do."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import filelock

from dispatcher.config import Settings
from dispatcher.runs.store import RunStore
from gpudrop_start import MODULE

LOOK_S = 0.5


def leave_behind(settings: Settings) -> int:
    """Start a monitor that outlives this process and ends with the last run; return its process id.

    It writes to `<data>/local/watch.log`. Where one is at work already, the new one leaves the runs to it.
    """
    return start_apart(["watch", "--until-done"], settings.data_dir / "local" / "watch.log")


def start_apart(arguments: Sequence[str], log: Path, *, cwd: Path | None = None) -> int:
    """Start a `gpudrop` command that outlives this process and writes to `log`; return its process id."""
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, *MODULE, "dispatcher.cli", *arguments]
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, cwd=cwd
        )
    return process.pid


@contextmanager
def alone(settings: Settings, store: RunStore) -> Iterator[bool]:
    """Hold the place of this machine's one background monitor for a block; False when another one does all there is."""
    folder = settings.data_dir / "local"
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / "watch.lock")
    while True:
        try:
            lock.acquire(timeout=LOOK_S)
        except filelock.Timeout:
            if _all_attended(settings, store):
                yield False
                return
            time.sleep(LOOK_S)
        else:
            break
    try:
        yield True
    finally:
        lock.release()


def _all_attended(settings: Settings, store: RunStore) -> bool:
    return all(run.monitor is not None for run in store.search.unsettled(settings.machine))
