"""From the worker's settings to the handler and back: places go in, lines of the log and progress come out."""

from __future__ import annotations

import json
import logging
import multiprocessing

import pytest

from colab import bench as benching
from colab.bench import Bench
from colab.config import WorkerSettings
from colab.models import ModelPlaces, telling
from colab.work import StopWork


@pytest.fixture
def pipe():
    """Both ends of a bench's pipe: the worker's, the bench's."""
    ours, theirs = multiprocessing.Pipe()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.fixture
def work(pipe, make_models, tmp_path):
    """A handler's work at the bench's end of the pipe."""
    task = {"engine": None, "folder": str(tmp_path), "inputs": {}, "kept": {}}
    return benching._BenchWork(pipe[1], make_models(), task, None)


def test_settings_say_where_models_are(monkeypatch, tmp_path):
    """The cache folder, the offline flag and the token come from the environment, the drop from the command line."""
    monkeypatch.setenv("GPUDROP_WORKER_MODELS_DIR", str(tmp_path))
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    settings = WorkerSettings(drop="somewhere")
    assert settings.model_places() == ModelPlaces(folder=tmp_path, drop="somewhere", offline=True, token="hf_secret")
    assert "hf_secret" not in repr(settings)


def test_our_own_setting_wins_over_hugging_faces(monkeypatch):
    """GPUDROP_WORKER_OFFLINE=0 lets a worker download where HF_HUB_OFFLINE is set for others; empty means not set."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("GPUDROP_WORKER_OFFLINE", "0")
    assert WorkerSettings(drop="d").offline is False
    monkeypatch.setenv("GPUDROP_WORKER_OFFLINE", "")
    assert WorkerSettings(drop="d").offline is True
    monkeypatch.setenv("HF_HUB_OFFLINE", "")
    assert WorkerSettings(drop="d").offline is False


def test_a_download_is_progress_of_the_job(work, pipe, monkeypatch):
    """Whoever watches the job sees what it waits for; the handler's own counts stay."""
    monkeypatch.setattr(telling, "TELL_S", 0.0)
    work.progress(2, 5, "step two")
    work.models.path("voice.onnx")
    events = []
    while pipe[0].poll(0):
        events.append(json.loads(pipe[0].recv_bytes()))
    assert {(event["event"], event["done"], event["total"]) for event in events} == {("progress", 2, 5)}
    assert events[-1]["note"] == "downloading voice.onnx: 100 % of 3.0 MB"


def test_a_download_ends_when_the_job_does(work, pipe, cached):
    """A job that is asked to stop while its model is on the way stops there."""
    pipe[0].send_bytes(b'{"stop": true}')
    with pytest.raises(StopWork):
        work.models.path("voice.onnx")
    assert not cached.exists()


def test_what_the_bench_logs_is_logged_by_the_worker(pipe, caplog):
    """Lines of the bench's log are shown by the worker at their level, and are no events."""
    caplog.set_level(logging.INFO, logger="colab")
    handler = benching._LogToWorker(pipe[1])
    handler.handle(logging.LogRecord("colab.models", logging.CRITICAL, "", 1, "%d %%\n", (7,), None))
    handler.handle(logging.LogRecord("colab.models", logging.WARNING, "", 1, "careful", None, None))
    benching._emit(pipe[1], {"event": "progress", "done": 1, "total": 2, "note": ""})
    bench = object.__new__(Bench)
    bench._pipe = pipe[0]
    assert bench.event(1.0)["event"] == "progress"
    assert bench.event(0.0) is None
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "7 %\n"),
        ("WARNING", "careful"),
    ]


def test_asking_for_engines_downloads_nothing(tmp_path):
    """A worker without a network starts: its bench tells its engines and makes no cache."""
    bench = Bench(("tts",), ModelPlaces(folder=tmp_path / "models"))
    try:
        assert bench.abilities().engines["tts"][0].name == "espeak"
    finally:
        bench.kill()
    assert not (tmp_path / "models").exists()
