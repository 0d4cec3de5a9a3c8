"""The real notebook in a real kernel: interrupted and started again, killed, drained, on Colab and elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from colab.ending import LAST_JOB_S
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from protocol import codec
from protocol.layout import WorkerNames
from protocol.messages import Drain
from protocol.observation import JobReader, read_drop_id
from protocol.transports import open_drop
from tests.support.drops import client, make_drop, wait_for
from tests.support.kernels import CHILDREN, cell, kernel, on_colab

LONG = Job(kind="echo", params={"text": "long", "units": 600, "unit_s": 0.1}, lease_s=4)
SHORT = Job(kind="echo", params={"text": "short"})


def _begun(c: Client, run: str) -> JobReader:
    """Wait until a worker has a job; return a reader of it."""
    drop = open_drop(c.address)
    reader = JobReader(drop, read_drop_id(drop, ""), c.store.get(run).job)
    wait_for(lambda: bool(reader.look().claims))
    return reader


def test_an_interrupt_leaves_the_runtime_and_the_models(tmp_path: Path) -> None:
    """The job is handed back, Colab keeps the runtime, and the cell serves again at once by the same process."""
    drop, asked = make_drop(tmp_path / "drop"), tmp_path / "asked"
    with client(drop, tmp_path / "data") as c, kernel(tmp_path, env=on_colab(asked)) as k:
        k.form(DROP=str(drop))
        ran = k.serve()
        handle = c.submit(LONG)
        reader = _begun(c, handle.run)
        k.interrupt()
        k.end(60)
        assert [error.job.code for error in reader.look().errors.values()] == ["RELEASED"]
        assert ran.error is None
        assert "Run this cell again to continue. The loaded models stay in memory (echo)" in ran.text
        assert asked.read_text() == ""
        process = k.run(CHILDREN).text
        assert len(process.split()) == 2, "one bench, and it lives"
        handle.cancel()
        again = k.serve()
        assert c.submit(SHORT).wait(60).files["echo.txt"].read_text() == "short"
        k.interrupt()
        k.end(60)
        assert again.error is None
        assert k.run(CHILDREN).text == process
        assert asked.read_text() == ""


@pytest.mark.parametrize("how", ["idle", "drain", "session"])
def test_the_runtime_goes_back_when_nobody_needs_it(tmp_path: Path, how: str) -> None:
    """When idle, drained or near its time limit: Colab gets the runtime, and no workbench is left with its memory."""
    drop, asked = make_drop(tmp_path / "drop"), tmp_path / "asked"
    with kernel(tmp_path, env=on_colab(asked)) as k:
        k.form(
            DROP=str(drop),
            IDLE_MINUTES=0.02 if how == "idle" else 30,
            SESSION_HOURS=_hours() if how == "session" else 0,
        )
        ran = k.serve()
        if how == "drain":
            _drain(drop)
        assert k.end(90).error is None
        assert asked.read_text() == "unassign\n"
        assert {"idle": "no job for", "drain": "asked to drain", "session": "raise SESSION_HOURS"}[how] in ran.text
        assert k.run(CHILDREN).text == "bench\n"


def _hours() -> float:
    """Return a time limit that is near for this machine: seconds before no job is started any more."""
    up_s = float(Path("/proc/uptime").read_text().split()[0])
    return (up_s + 300 + LAST_JOB_S + 5) / 3600


def _drain(drop: Path) -> None:
    opened = open_drop(drop)
    [name] = [path.name for path in (drop / "_workers").iterdir()]
    asked = Drain(drop=read_drop_id(opened, ""), id=name, k=1)
    opened.put(WorkerNames(name).drain(1), codec.encode(asked))


def test_a_killed_kernel_loses_nothing_and_leaves_nothing(tmp_path: Path) -> None:
    """kill -9 in the middle of a job: its workbench ends with it, and the next session does the job."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as c:
        handle = c.submit(replace(LONG, params={**LONG.params, "units": 30}))
        with kernel(tmp_path) as k:
            k.form(DROP=str(drop))
            k.serve()
            _begun(c, handle.run)
            children = _children(k.pid)
            assert children
            os.kill(k.pid, signal.SIGKILL)
            wait_for(lambda: not any(map(_runs, children)), 15)
        with kernel(tmp_path) as k:
            k.form(DROP=str(drop))
            k.serve()
            assert handle.wait(120).files["echo.txt"].read_text() == "long"


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_second_interrupt_ends_the_cell_at_once(tmp_path: Path) -> None:
    """Whoever interrupts again does not wait; one line is shown, and the workbench that was at work is ended."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as c, kernel(tmp_path) as k:
        k.form(DROP=str(drop))
        k.serve()
        _begun(c, c.submit(LONG).run)
        for child in _children(k.pid):
            os.kill(child, signal.SIGSTOP)  # it will not hear that it is asked to stop
        k.interrupt()
        time.sleep(1.5)
        k.interrupt()
        assert k.end(8).error == "gpudrop: interrupted"
        assert k.run(CHILDREN).text == "bench\n"


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"I_AGREE_TO_THE_TERMS": False}, "read the policy at the top"),
        ({"ENGINES": "voixes"}, "unknown engine voixes in ENGINES; choose from: voices, whisper"),
        ({"KINDS": "tts, film"}, "there is no kind of work called film; there are: analyze"),
        ({"DROP": "nowhere/gpudrop"}, "does not exist. {here} has these folders: drop, empty"),
        ({"DROP": "empty"}, "is not a drop yet. Run: gpudrop init"),
    ],
)
def test_a_wrong_form_is_told_in_a_line(tmp_path: Path, form: dict[str, object], words: str) -> None:
    """What is wrong and what to do, without a traceback through our code."""
    drop = make_drop(tmp_path / "drop")
    (tmp_path / "empty").mkdir()
    with kernel(tmp_path) as k:
        k.form(**{"DROP": str(drop), **form})
        ran = k.run(cell("run"))
    assert ran.error is not None
    assert words.replace("{here}", str(tmp_path)) in ran.error
    assert ran.error.startswith("gpudrop: ")
    assert len(ran.error.splitlines()) == 1


def test_without_colab_the_mount_cell_says_what_to_set(tmp_path: Path) -> None:
    """On another machine there is no Drive to mount: the form's field and DROP are named."""
    with kernel(tmp_path) as k:
        k.form(MOUNT_DRIVE=True)
        ran = k.run(cell("mount"))
        assert "set MOUNT_DRIVE = False and DROP to the path" in str(ran.error)
        assert "Traceback" not in str(ran.error)
    asked = tmp_path / "asked"
    with kernel(tmp_path, env=on_colab(asked)) as k:
        k.form(MOUNT_DRIVE=True)
        assert k.run(cell("mount")).error is None
    assert asked.read_text() == "mount /content/drive False\n"
