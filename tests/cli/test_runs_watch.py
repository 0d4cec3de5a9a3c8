"""`gpudrop runs watch` in a process of its own: it brings runs home, and its end leaves them as they are."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dispatcher.jobs.job import Job
from dispatcher.runs.record import Delivery, RunExtras
from dispatcher.runs.store import RunStore
from tests.support.drops import ROOT, client, make_drop, wait_for, worker


@pytest.fixture
def run(tmp_path: Path) -> str:
    """Return a run that was asked for by a process which is gone."""
    make_drop(tmp_path / "drop")
    with client(tmp_path / "drop", tmp_path / "data") as gpu:
        return gpu.submit(Job(kind="echo", params={"text": "home", "units": 5, "unit_s": 0.1})).run


def watching(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command on the test's own data."""
    told = {"GPUDROP_DATA_DIR": str(tmp_path / "data"), "GPUDROP_CONFIG_DIR": str(tmp_path / "config")}
    return subprocess.Popen(
        [sys.executable, "-m", "dispatcher.cli", "runs", "watch", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **told, "GPUDROP_MACHINE": ""},
    )


def stored(tmp_path: Path) -> RunStore:
    """Open the test's run database."""
    return RunStore.open(f"sqlite:///{tmp_path / 'data' / 'runs.sqlite3'}")


def test_a_run_that_nobody_waited_for_is_brought_home(tmp_path: Path, run: str) -> None:
    """The table ends with the run; a line for each change stands on stderr where there is no terminal."""
    with worker(tmp_path / "drop"), watching(tmp_path, run[-8:], "--json") as process:
        out, err = process.communicate(timeout=100)
    assert process.returncode == 0, err
    assert f'"id": "{run}"' in out
    assert err.splitlines()[-1].endswith("completed")
    with stored(tmp_path) as store:
        assert Path(str(store.get(run).results_dir), "echo.txt").read_text() == "home"


def test_a_place_that_cannot_be_written_is_said_until_it_can(tmp_path: Path, run: str) -> None:
    """The result is here and its place is not: the line says what is wrong, and the end comes when it is placed."""
    target = tmp_path / "stick" / "echo.txt"
    (tmp_path / "stick").write_text("not mounted")
    with stored(tmp_path) as store, worker(tmp_path / "drop"):
        store.attach(run, RunExtras(deliveries=[Delivery(name="echo.txt", target=str(target))]))
        with watching(tmp_path, run) as process:
            assert process.stderr is not None
            assert any(f"{target} cannot be written" in line for line in process.stderr)
            (tmp_path / "stick").unlink()
            _, err = process.communicate(timeout=100)
    assert (process.returncode, target.read_text()) == (0, "home"), err


def test_an_interrupt_leaves_the_run_as_it_is(tmp_path: Path, run: str) -> None:
    """Ctrl-C ends the watching, with its own exit code, and not what is watched; the next one goes on."""
    with stored(tmp_path) as store, watching(tmp_path) as process:
        wait_for(lambda: store.get(run).monitor is not None, 60)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130
        assert store.get(run).is_open
        assert not list((tmp_path / "drop" / run).glob("cancel-*"))
    with worker(tmp_path / "drop"), watching(tmp_path) as process:
        process.communicate(timeout=100)
    assert process.returncode == 0


def test_a_run_that_does_not_complete_is_exit_code_4(tmp_path: Path, run: str) -> None:
    """Scripts learn from the exit code that something went wrong, and which run from stderr."""
    with stored(tmp_path) as store, watching(tmp_path, run) as process:
        wait_for(lambda: store.get(run).monitor is not None, 60)
        store.commit(run, "failed", at=1.0, error_code="ENGINE", error_text="it broke")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "it broke" in err
