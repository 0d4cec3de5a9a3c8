"""Real worker processes on real folders: good jobs, bad jobs, plain jobs, and what a kill leaves behind."""

from __future__ import annotations

import json
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from dispatcher.jobs.job import Job
from protocol.errors import JobFailed
from protocol.observation import JobReader, read_drop_id
from protocol.transports import open_drop
from tests.support.drops import client, make_drop, start_worker, worker

SPEECH = {
    "voice": "default",
    "steps": [{"id": "one", "narration": "Hello there."}, {"id": "two", "narration": "Goodbye."}],
}
LONG = Job(kind="echo", params={"text": "survivor", "units": 20, "unit_s": 0.1}, lease_s=2)


def wait_for(what: Callable[[], bool], seconds: float = 150) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def put_request(drop: Path, job: str, data: bytes | str) -> None:
    """Put a request into a drop by hand."""
    (drop / job).mkdir()
    (drop / job / "request.json").write_bytes(data.encode() if isinstance(data, str) else data)


def test_speech_through_the_folder(tmp_path: Path) -> None:
    """A speech job comes back as verified clips with their word times, said by whom."""
    drop = make_drop(tmp_path / "drop")
    with worker(drop), client(drop, tmp_path / "data") as c:
        result = c.submit(Job(kind="tts", params=SPEECH)).wait(200)
    assert result.engine is not None
    assert (result.engine.name, result.engine.tier) == ("espeak", "embedded")
    for step in ("one", "two"):
        with soundfile.SoundFile(result.files[f"audio/step-{step}.wav"]) as clip:
            assert (clip.samplerate, clip.channels, clip.subtype) == (24000, 1, "PCM_16")
        words = json.loads(result.files[f"audio/step-{step}.json"].read_bytes())["words"]
        assert " ".join(word for word, _, _ in words) in ("Hello there.", "Goodbye.")


def test_a_plain_request_dropped_by_hand_is_answered_plainly(tmp_path: Path) -> None:
    """Who knows only the simple form gets clips and then a plain marker, and nothing that it must understand."""
    drop = make_drop(tmp_path / "drop")
    request = {
        "voice": "am_michael",
        "speed": 1.0,
        "language": "en-us",
        "steps": [{"id": "step-01", "narration": "Hi."}],
    }
    put_request(drop, "my-job", json.dumps(request))
    with worker(drop, "--once") as process:
        process.wait(200)
    done = json.loads((drop / "my-job" / "done.marker").read_bytes())
    clip = drop / "my-job" / "audio" / "step-step-01.wav"
    assert (done["status"], done["steps_generated"]) == ("completed", 1)
    assert "job" not in done
    assert done["total_duration"] == pytest.approx(soundfile.info(clip).duration, abs=0.01)


def test_a_plain_request_that_cannot_be_helped_gets_a_plain_error(tmp_path: Path) -> None:
    """A wrong request is answered with an error marker, once."""
    drop = make_drop(tmp_path / "drop")
    put_request(
        drop, "bad", json.dumps({"voice": "x", "language": "xx-none", "steps": [{"id": "a", "narration": "Hi."}]})
    )
    with worker(drop, "--once") as process:
        process.wait(200)
    error = json.loads((drop / "bad" / "error.marker").read_bytes())
    assert error["status"] == "error"
    assert "xx-none" in error["error"]
    assert not (drop / "bad" / "done.marker").exists()


@pytest.mark.fault("bad-json")
def test_bad_folders_never_stop_the_worker(tmp_path: Path) -> None:
    """Torn, hostile and foreign folders are passed over; the good job behind them is done."""
    drop = make_drop(tmp_path / "drop")
    put_request(drop, "a-torn", '{"voice": "x", "steps": [{"id"')
    put_request(drop, "b-nan", '{"steps": NaN}')
    put_request(drop, "c-twice", '{"steps": [], "steps": []}')
    put_request(drop, "d-deep", "[" * 100_000)
    put_request(drop, "e-big", b'"' + b"x" * (2 << 20) + b'"')
    put_request(drop, "f-future", '{"job": {"v": 99, "min_reader": 99, "seal": "?"}}')
    put_request(drop, "g-seal", '{"text": "x", "job": {"v": 2, "min_reader": 2, "type": "request", "seal": "0"}}')
    (drop / "nul").mkdir()
    (drop / "..hidden").mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    put_request(outside, "x", "{}")
    (drop / "h-link").symlink_to(outside / "x", target_is_directory=True)
    (drop / "i-file-link").mkdir()
    (drop / "i-file-link" / "request.json").symlink_to(outside / "x" / "request.json")
    with worker(drop), client(drop, tmp_path / "data") as c:
        handle = c.submit(Job(kind="echo", params={"text": "fine"}))
        (drop / c.store.get(handle.run).job).rename(drop / "z")  # a renamed job is no job
        assert handle.cancel()
        result = c.submit(Job(kind="echo", params={"text": "good"})).wait(200)
        wait_for(lambda: "format 99" in (tmp_path / "drop.log").read_text())
    assert result.files["echo.txt"].read_text() == "good"
    assert [path.name for path in (drop / "z").iterdir()] == ["request.json"]
    assert sorted(path.name for path in (outside / "x").iterdir()) == ["request.json"]


def test_a_bad_request_is_answered_and_the_next_job_done(tmp_path: Path) -> None:
    """The worker's reason reaches the user, with its code; the worker goes on."""
    drop = make_drop(tmp_path / "drop")
    with worker(drop), client(drop, tmp_path / "data") as c:
        with pytest.raises(JobFailed, match="xx") as failed:
            c.submit(Job(kind="tts", params={**SPEECH, "language": "xx"})).wait(200)
        assert failed.value.code == "BAD_REQUEST"
        assert c.submit(Job(kind="echo", params={"text": "next"})).wait(200).files


def test_a_required_engine_that_nobody_has_is_an_error(tmp_path: Path) -> None:
    """--require-engine does not fall back: the error says what there is."""
    drop = make_drop(tmp_path / "drop")
    with worker(drop), client(drop, tmp_path / "data") as c, pytest.raises(JobFailed, match="espeak"):
        c.submit(Job(kind="tts", params=SPEECH, require_engine="kokoro")).wait(200)


def test_a_voice_of_another_engine_is_said(tmp_path: Path) -> None:
    """A fallback is never silent: the result tells which voice spoke instead."""
    drop = make_drop(tmp_path / "drop")
    with worker(drop), client(drop, tmp_path / "data") as c:
        result = c.submit(Job(kind="tts", params={**SPEECH, "voice": "am_michael"})).wait(200)
    assert result.summary["substituted"]["voice"] == "am_michael"
    assert result.summary["substituted"]["engine"] == "espeak"


@pytest.mark.fault("session-cap")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_worker_releases_its_job(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end the attempt with RELEASED, at once, and another worker does the job."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as c:
        handle = c.submit(replace(LONG, params={**LONG.params, "units": 60}))
        first = start_worker(drop)
        job = c.store.get(handle.run).job
        reader = JobReader(open_drop(drop), read_drop_id(open_drop(drop), ""), job)
        wait_for(lambda: bool(reader.look().claims))
        first.send_signal(number)
        assert first.wait(200) == 0
        assert [error.job.code for error in reader.look().errors.values()] == ["RELEASED"]
        with worker(drop):
            assert handle.wait(200).files["echo.txt"].read_text() == "survivor"


def test_two_workers_share_a_drop(tmp_path: Path) -> None:
    """On one machine every job is executed once, whoever takes it, and all are done."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as c:
        handles = [c.submit(Job(kind="echo", params={"text": str(n)})) for n in range(20)]
        with worker(drop, "--name", "one"), worker(drop, "--name", "two"):
            results = [handle.wait(200) for handle in handles]
        names = [path.name for job in drop.iterdir() if job.is_dir() for path in job.glob("*.done.marker")]
    assert [result.files["echo.txt"].read_text() for result in results] == [str(n) for n in range(20)]
    assert len(names) == 20


def killed_at(seconds: float, folder: Path) -> tuple[str, int]:
    """Kill a worker at a moment of its job; return the result another worker brings, and the accepted markers."""
    drop = make_drop(folder / "drop")
    with client(drop, folder / "data") as c:
        handle = c.submit(LONG)
        first = start_worker(drop, "--beat", "0.2", "--poll", "0.1")
        wait_for(lambda: any(drop.glob("_workers/*/hello-*")))
        time.sleep(seconds)
        first.kill()
        first.wait(60)
        with worker(drop, "--beat", "0.2", "--poll", "0.1"):
            result = handle.wait(250)
        job = c.store.get(handle.run).job
    return result.files["echo.txt"].read_text(), len(list((drop / job).glob("accepted-*.json")))


@pytest.mark.fault("worker-killed")
@pytest.mark.timeout(900)
def test_a_worker_killed_at_any_moment_loses_nothing(tmp_path: Path) -> None:
    """kill -9 at ten seeded moments: another worker takes over, and one result is accepted."""
    moments = [random.Random(seed).uniform(0, 2.4) for seed in range(10)]
    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda n: killed_at(moments[n], tmp_path / str(n)), range(10)))
    assert ended == [("survivor", 1)] * 10


def test_inputs_travel_and_are_checked(tmp_path: Path) -> None:
    """An input is uploaded before its request and verified by the worker; a changed one is refused, not used."""
    drop, film = make_drop(tmp_path / "drop"), tmp_path / "film.bin"
    film.write_bytes(b"frames" * 1000)
    with client(drop, tmp_path / "data") as c:
        good = c.submit(Job(kind="echo", params={"text": "good"}, inputs={"film.bin": film}))
        bad = c.submit(Job(kind="echo", params={"text": "bad"}, inputs={"film.bin": film}))
        (drop / c.store.get(bad.run).job / "in-1-film.bin").write_bytes(b"framez" * 1000)
        with worker(drop):
            assert good.wait(200).files["echo.txt"].read_text() == "good"
            with pytest.raises(JobFailed, match=r"film\.bin") as failed:
                bad.wait(200)
    assert failed.value.code == "INPUT_CORRUPT"
