"""A worker that wrote far too much keeps nobody from the result, and the end of what it wrote can be read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dispatcher.cli.runs_logs import log_of, tail
from dispatcher.runs import logs
from dispatcher.runs.record import AttemptRecord, Run
from dispatcher.runs.store import RunStore
from protocol.layout import Attempt, JobNames
from protocol.transports import open_drop


def test_a_log_of_a_gigabyte_stays_in_the_drop(
    store: RunStore, drop: Path, sent: Callable[..., Run], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not copied, all logs count as home, so outputs are delivered; its end is read where it lies."""
    run = sent()
    attempt = AttemptRecord(nonce="a" * 16, n=1, worker="w", status="accepted", seen_at=1.0)
    store.progress(run.id, at=time.time(), attempts=[attempt])
    path = drop / JobNames(run.job).log(Attempt(1, "a" * 16, "w"))
    with path.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe end\n")
    assert logs.bring_home(open_drop(drop), store, run, tmp_path / "results")
    (known,) = store.trace.attempts(run.id)
    assert log_of(known) == (path, "")
    assert tail(path, 1) == (["the end"], True)
    assert "stays in the drop" in caplog.text
    assert not list((tmp_path / "results").rglob("try-*"))
    path.unlink()
    assert log_of(known)[0] is None
