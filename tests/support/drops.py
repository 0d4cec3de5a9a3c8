"""Drops, workers and clients for tests: real ones, on free temporary folders."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from dispatcher.jobs.client import Client
from dispatcher.runs.store import RunStore
from protocol import codec
from protocol.drop import Drop
from protocol.layout import DROP_CARD
from protocol.messages import DropCard
from protocol.signing import ANONYMOUS, Identity

ROOT = Path(__file__).parent.parent.parent
OFFLINE = {**os.environ, "GPUDROP_WORKER_OFFLINE": "1"}  # a test's worker downloads no model
NO_MORE: Mapping[str, str] = {}


def make_drop(path: Path) -> Path:
    """Make an empty drop at `path`."""
    path.mkdir(parents=True, exist_ok=True)
    drop_id = secrets.token_hex(8)
    (path / DROP_CARD).write_bytes(codec.encode(DropCard(drop=drop_id, id=drop_id)))
    return path


def start_worker(drop: Path, *more: str, env: Mapping[str, str] = NO_MORE) -> subprocess.Popen[bytes]:
    """Start a real worker process on a drop; its log is `<drop>.log`."""
    with drop.with_suffix(".log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "colab", "--drop", str(drop), *more],
            stdout=log,
            stderr=log,
            cwd=ROOT,
            env={**OFFLINE, **env},
        )


@contextlib.contextmanager
def worker(drop: Path, *more: str, env: Mapping[str, str] = NO_MORE) -> Iterator[subprocess.Popen[bytes]]:
    """Run a worker for the length of a block; it must end cleanly on SIGTERM unless it was ended before."""
    process = start_worker(drop, *more, env=env)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(150)


@contextlib.contextmanager
def client(drop: Path | Drop, data: Path, identity: Identity = ANONYMOUS) -> Iterator[Client]:
    """Open a client with a run database of its own in `data`."""
    data.mkdir(parents=True, exist_ok=True)
    store = RunStore.open(f"sqlite:///{data / 'runs.sqlite3'}")
    made = Client(drop, store=store, results=data / "results", identity=identity)
    try:
        yield made
    finally:
        made.close()
        made.store.close()


def wait_for(what: Callable[[], bool], seconds: float = 150) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
