"""Doing a run over here: the same request and inputs, on a drop of its own, compared with what was."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dispatcher.config import Settings
from dispatcher.jobs.client import Client
from dispatcher.jobs.job import Job
from dispatcher.monitor.replay import ReplayResult, replay
from dispatcher.runs.record import ResultRecord, Run
from dispatcher.runs.store import RunStore
from protocol.errors import JobFailed, NotFoundError
from tests.support import odd_media
from tests.support.drops import worker

Send = Callable[..., Run]


def again(settings: Settings, store: RunStore, run: Run, **how: bool) -> ReplayResult:
    """Do a run over."""
    return replay(settings, store, store.get(run.id), now=time.time(), timeout_s=100, **how)


def test_a_run_that_completed_gives_the_very_same_files(
    store: RunStore, gpu: Client, drop: Path, settings: Settings
) -> None:
    """The same engine gives the same bytes; nothing is remembered as another run, and the drop sees none of it."""
    with worker(drop):
        run = store.get(gpu.submit(Job(kind="echo", params={"text": "same"})).wait(60).run)
    before = sorted(path.name for path in drop.iterdir())
    done = again(settings, store, run)
    assert done.result is not None
    assert (done.outputs, done.differences, done.error) == ({"echo.txt": True}, (), None)
    assert [it.id for it in store.recent()] == [run.id]
    assert sorted(path.name for path in drop.iterdir()) == before
    assert done.log.is_file()
    assert done.folder.is_relative_to(settings.data_dir / "replays")


def test_a_failure_is_the_same_here(
    store: RunStore, gpu: Client, drop: Path, tmp_path: Path, settings: Settings
) -> None:
    """What failed there by its input's fault fails here with the same code; another code is another failure."""
    handle = gpu.submit(_broken(tmp_path))
    with worker(drop), pytest.raises(JobFailed) as there:
        handle.wait(60)
    run = store.get(handle.run)
    done = again(settings, store, run)
    assert (done.result, done.same_error) == (None, True)
    assert str(done.error).partition("/in/")[2] == str(there.value).partition("/in/")[2]
    other = replay(settings, store, replace(run, error_code="TIMEOUT"), now=time.time() + 60, timeout_s=100)
    assert other.same_error is False


def _broken(tmp_path: Path) -> Job:
    source = tmp_path / "broken.mp4"
    source.write_bytes(b"this is no film at all" * 100)
    return Job(kind="upscale", params={"scale": 2.0, "format": "mp4"}, inputs={"source": source})


def test_other_versions_are_told(store: RunStore, gpu: Client, settings: Settings) -> None:
    """Whose engine, version or device was another one there is said by name."""
    run = store.get(gpu.submit(Job(kind="echo", params={"text": "x"})).run)
    engine = {"name": "echo", "version": "0.0.1", "provider": "cuda", "device": "Tesla T4", "tier": "neural"}
    store.commit(run.id, "completed", at=1.0, result=ResultRecord(engine=engine))
    told = again(settings, store, run).differences
    assert any(line.startswith("engine version: 0.0.1 there") for line in told)
    assert any("device: Tesla T4 there" in line for line in told)


@pytest.mark.parametrize(("fate", "says"), [("moved", "cannot be read"), ("changed", "another file now")])
def test_inputs_must_be_the_recorded_ones(
    store: RunStore, gpu: Client, tmp_path: Path, settings: Settings, fate: str, says: str
) -> None:
    """Nothing is replayed with another input than it had: where one is not here, that is the error."""
    clip = odd_media.film(tmp_path / "clip.mp4", sound=False)
    run = store.get(gpu.submit(Job(kind="upscale", params={"scale": 2.0}, inputs={"source": clip})).run)
    clip.rename(tmp_path / "away.mp4") if fate == "moved" else clip.write_bytes(b"other")
    with pytest.raises(NotFoundError, match=says):
        again(settings, store, run)
    assert not (settings.data_dir / "replays").exists()


def test_the_recorded_seed_and_parameters_are_used(
    store: RunStore, gpu: Client, drop: Path, settings: Settings
) -> None:
    """The request that is offered here holds the parameters of the recorded one, to the letter."""
    params = {"text": "exactly", "units": 3, "unit_s": 0.0}
    run = store.get(gpu.submit(Job(kind="echo", params=params)).run)
    done = again(settings, store, run)
    (request,) = (done.folder / "drop").glob("*/request.json")
    offered = json.loads(request.read_bytes())
    assert {name: offered[name] for name in params} == params
    assert offered["job"]["digest"] == run.digest
    assert offered["job"]["limits"]["attempts"] == 1
