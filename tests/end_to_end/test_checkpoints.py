"""Work that goes on: what a killed worker left in the drop is not done again by the next one."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path

from dispatcher import Job
from protocol.kinds.kind import CHECKPOINTS
from tests.support.drops import client, make_drop, start_worker, worker

UNITS = 20


def long_job(attempts: int = 1) -> Job:
    params = {"text": "whole", "units": UNITS, "unit_s": 0.25, "leaves": True}
    return Job(kind="echo", params=params, lease_s=2, attempts=attempts)


def wait_for(what: Callable[[], bool], seconds: float = 150) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.05)


def left(job: Path) -> set[str]:
    """Return the checkpoints that the parts of a job name; one that is being written names none yet."""
    paths = set()
    for part in job.glob("*.part-*.json"):
        with contextlib.suppress(json.JSONDecodeError):
            paths |= {file["path"] for file in json.loads(part.read_bytes())["files"]}
    return paths


def test_a_killed_worker_loses_one_unit_and_is_not_counted(tmp_path: Path) -> None:
    """The next worker goes on after the last checkpoint; an attempt that left some does not count, even as the only
    one that is allowed; and the result holds no checkpoint."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as c:
        handle = c.submit(long_job())
        job = drop / c.store.get(handle.run).job
        first = start_worker(drop)
        wait_for(lambda: len(left(job)) >= 4)
        first.kill()
        first.wait()
        before = len(left(job))
        with worker(drop):
            result = handle.wait(60)
    assert set(result.files) == {"echo.txt"}
    assert before <= result.summary["units_kept"] < UNITS
    assert all(path.startswith(CHECKPOINTS) for path in left(job))


def test_a_broken_checkpoint_costs_its_unit_only(tmp_path: Path) -> None:
    """What lies in the drop under a checkpoint's name and is not what its part says is done again."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as c:
        handle = c.submit(long_job(attempts=2))
        job = drop / c.store.get(handle.run).job
        first = start_worker(drop)
        wait_for(lambda: len(left(job)) >= 4)
        first.kill()
        first.wait()
        broken = min(job.glob("*.out-*"), key=lambda path: int(path.name.rpartition("-")[2]))
        broken.write_bytes(b"DONE\n")
        before = len(left(job))
        with worker(drop):
            result = handle.wait(60)
    assert result.files["echo.txt"].read_text() == "whole"
    assert result.summary["units_kept"] == before - 1
