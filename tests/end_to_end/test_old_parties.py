"""The old dispatcher and the old worker, as processes, with ours and among each other on one drop."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dispatcher.jobs import simple_form
from dispatcher.jobs.job import Job, Progress, Result, Why
from dispatcher.tour.narration.clips import NarrationVoice, speech_job
from media.audio import check_wav, read_mono
from protocol.errors import JobFailed, JobTimeout
from tests.support.drops import client, make_drop, worker

SUPPORT = Path(__file__).parent.parent / "support"
STEPS = [{"id": "step-01", "narration": "Welcome to this tour."}, {"id": "step-02", "narration": "Goodbye."}]


def wait_for(what: Callable[[], bool], seconds: float = 150) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def old_dispatcher(
    drop: Path, out: Path, steps: list[dict[str, Any]], job: str = "tour-20250115-103000", **more: Any
) -> subprocess.CompletedProcess[str]:
    """Run the old dispatcher to its end."""
    out.mkdir(parents=True)
    spec = out / "spec.json"
    spec.write_text(json.dumps({"steps": steps, **more}))
    command = [sys.executable, SUPPORT / "old_dispatcher.py", "--jobs", drop, "--spec", spec, "--out", out]
    return subprocess.run(
        [*command, "--job", job, "--poll", "0.1", "--timeout", "150"], capture_output=True, text=True, timeout=200
    )


@contextlib.contextmanager
def old_worker(drop: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the old worker for the length of a block; its output goes to `<drop>.old.log`."""
    log = drop.with_suffix(".old.log")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, SUPPORT / "old_worker.py", "--jobs", drop, *more], stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


NGINX = {"nginx": "engine x"}


def speech(*steps: dict[str, str], **more: Any) -> Job:
    """Return our job for these steps."""
    params = {"voice": "am_michael", "speed": 1.0, "language": "en-us", "steps": list(steps or STEPS)}
    return Job(kind="tts", params=params, **more)


def marker_of(drop: Path, job: str) -> dict[str, Any]:
    """Return a plain marker."""
    return dict(json.loads((drop / job / "done.marker").read_bytes()))


def test_an_old_dispatcher_gets_a_right_answer_from_our_worker(tmp_path: Path) -> None:
    """The clips it copies are whole and not silent, and the marker has the fields it reads, as it reads them."""
    drop = make_drop(tmp_path / "drop")
    with worker(drop):
        ended = old_dispatcher(drop, tmp_path / "out", STEPS, voice="af_heart")
    assert ended.returncode == 0, ended.stderr
    got = json.loads(ended.stdout)
    lengths = [check_wav(Path(got["clips"][step["id"]])) for step in STEPS]
    assert all(abs(read_mono(Path(path), 24_000)).max() > 0.05 for path in got["clips"].values())
    done = got["done"]
    assert (done["status"], done["steps_generated"]) == ("completed", 2)
    assert done["total_duration"] == pytest.approx(sum(lengths), abs=0.01)
    assert time.strptime(done["timestamp"], "%Y-%m-%dT%H:%M:%SZ")
    assert done["substituted"]["voice"] == "af_heart"  # what was not as asked is said, in a key that it ignores
    assert "job" not in done


ODD = ["1 – Einführung", "Step #2 (demo), 100%", "très.long", "con", "'quoted' & more", "日本語"]


def test_step_ids_of_existing_users_name_their_clips_as_they_are(tmp_path: Path) -> None:
    """Blanks, accents, punctuation, reserved names and numbers: each clip lies where the old dispatcher looks."""
    drop = make_drop(tmp_path / "drop")
    steps: list[dict[str, Any]] = [{"id": step, "narration": f"Number {n}."} for n, step in enumerate([*ODD, 7])]
    with worker(drop):
        ended = old_dispatcher(drop, tmp_path / "out", steps)
    assert ended.returncode == 0, ended.stderr
    clips = json.loads(ended.stdout)["clips"]
    assert sorted(clips) == sorted([*ODD, "7"])
    assert all(check_wav(Path(path)) > 0.1 for path in clips.values())
    told = [clip["step"] for clip in marker_of(drop, "tour-20250115-103000")["results"]]
    assert told == [*ODD, "7"]


@pytest.mark.parametrize(
    ("steps", "more", "words"),
    [
        ([{"id": "../../etc/x", "narration": "Hi."}], {}, "The id of step 1, '../../etc/x', cannot be used"),
        ([{"id": "a/b", "narration": "Hi."}], {}, "without control characters"),
        ([{"id": "a", "narration": "Hi."}, {"id": "a", "narration": "Hi."}], {}, "Two steps share the id"),
        ([], {}, "Steps must have at least 1 entry."),
        ([{"id": "a", "narration": 7}], {}, "The narration of step 1 must be text, not 7."),
        (STEPS, {"speed": 9}, "Speed must be at most 2, not 9."),
        (STEPS, {"language": "xx-none"}, "xx-none"),
    ],
    ids=["traversal", "slash", "twice", "no steps", "no text", "speed", "language"],
)
def test_a_bad_request_gets_words_that_the_old_dispatcher_can_show(
    tmp_path: Path, steps: list[dict[str, Any]], more: dict[str, Any], words: str
) -> None:
    """It raises ColabTTSError with what is wrong, at once, and nothing was written outside the job's folder."""
    drop = make_drop(tmp_path / "drop")
    with worker(drop):
        ended = old_dispatcher(drop, tmp_path / "out", steps, **more)
    assert ended.returncode == 1
    assert "ColabTTSError" in ended.stderr
    assert words in ended.stderr
    assert not list(tmp_path.rglob("*.wav"))


def test_keys_of_other_versions_do_not_harm(tmp_path: Path) -> None:
    """A request with keys of its own, also in its steps, is answered."""
    drop = make_drop(tmp_path / "drop")
    (drop / "mine").mkdir()
    request = {"voice": "default", "pitch": 3, "steps": [{"id": "a", "narration": "Hi.", "url": "https://example.org"}]}
    (drop / "mine" / "request.json").write_text(json.dumps(request))
    with worker(drop):
        wait_for((drop / "mine" / "done.marker").exists)
    assert check_wav(drop / "mine" / "audio" / "step-a.wav") > 0.1


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the two looks at a plain answer be two seconds apart."""
    monkeypatch.setattr(simple_form, "LOOKS_APART_S", 2.0)


def waited(handle: Any, seconds: float) -> tuple[Result, list[Progress]]:
    """Wait for a result; return it with all that was said meanwhile."""
    said: list[Progress] = []
    return handle.wait(seconds, on_progress=said.append), said


@pytest.mark.usefixtures("soon")
def test_an_old_worker_serves_our_dispatcher(tmp_path: Path) -> None:
    """Its answer is taken after two equal looks, is tagged, and is used again by the next process."""
    drop = make_drop(tmp_path / "drop")
    with old_worker(drop), client(drop, tmp_path / "data") as c:
        handle = c.submit(speech())
        result, said = waited(handle, 150)
        assert (result.verified, result.engine, sorted(result.files)) == (
            "legacy",
            None,
            ["audio/step-step-01.wav", "audio/step-step-02.wav"],
        )
        assert Why.PLAIN_ANSWER in {progress.why for progress in said}
        assert said[-1].waited_s >= 2
        assert list((drop / c.store.get(handle.run).job).glob("accepted-1.json"))
        assert c.submit(speech()).wait(5).folder == result.folder


@pytest.mark.usefixtures("soon")
def test_an_old_worker_speaks_a_narration_with_marks(tmp_path: Path) -> None:
    """It does not know pauses, emphasis and lexicon, speaks the same words without them, and its answer is taken."""
    drop = make_drop(tmp_path / "drop")
    job = speech_job(
        [("a", "Now [pause 1s] *really* nginx.")], NarrationVoice(name="v", speed=1, language="en-us", lexicon=NGINX)
    )
    assert {"pauses", "emphasis"} < set(job.params["steps"][0])
    with old_worker(drop), client(drop, tmp_path / "data") as c:
        result, _ = waited(c.submit(job), 150)
    assert (result.verified, sorted(result.files)) == ("legacy", ["audio/step-a.wav"])


@pytest.mark.usefixtures("soon")
def test_clips_after_their_marker_are_waited_for(tmp_path: Path) -> None:
    """The old fault: the marker first, the clips seconds later. Nothing is taken before all of them are whole."""
    drop, scratch = make_drop(tmp_path / "drop"), tmp_path / "scratch"
    with old_worker(drop, "--late", "7", "--scratch", str(scratch)), client(drop, tmp_path / "data") as c:
        result, said = waited(c.submit(speech()), 150)
    assert all(check_wav(path) for path in result.files.values())
    assert len(result.files) == 2
    assert said[-1].waited_s >= 5
    assert any("is here but incomplete" in progress.text for progress in said)


@pytest.mark.usefixtures("soon")
def test_a_torn_clip_of_an_old_worker_is_never_accepted(tmp_path: Path) -> None:
    """A clip that stays cut is waited for until the timeout, which says which file it is."""
    drop = make_drop(tmp_path / "drop")
    with old_worker(drop, "--torn", "100"), client(drop, tmp_path / "data") as c:
        handle = c.submit(speech())
        wait_for(lambda: bool(list(drop.glob("*/done.marker"))))
        with pytest.raises(JobTimeout, match=r"step-step-02\.wav is truncated") as timeout:
            handle.wait(6)
        assert timeout.value.why == Why.PLAIN_ANSWER


def test_an_old_workers_error_is_a_clear_error(tmp_path: Path) -> None:
    """One bad step fails the job there; the error has its words and the step."""
    drop = make_drop(tmp_path / "drop")
    steps = [{"id": "good", "narration": "Fine."}, {"id": "bad", "narration": "BAD"}]
    with old_worker(drop), client(drop, tmp_path / "data") as c:
        with pytest.raises(JobFailed, match=r"at step bad: cannot phonemize") as failed:
            c.submit(speech(*steps)).wait(150)
        assert failed.value.step == "bad"


def test_what_an_old_worker_cannot_do_ours_does(tmp_path: Path) -> None:
    """A plain error is not the end while a worker of ours lives that can do the job."""
    drop = make_drop(tmp_path / "drop")
    steps = [{"id": "good", "narration": "Fine."}, {"id": "bad", "narration": "BAD, it said."}]
    with old_worker(drop), client(drop, tmp_path / "data") as c:
        handle = c.submit(speech(*steps))
        wait_for(lambda: bool(list(drop.glob("*/error.marker"))))
        with worker(drop):
            wait_for(lambda: bool(list(drop.glob("_workers/*/hello-*"))))
            assert handle.wait(150).verified == "full"


@pytest.mark.usefixtures("soon")
def test_two_answers_to_one_request_are_one_result(tmp_path: Path) -> None:
    """An old worker speaks our full request, too; with both answers there, the verified one is accepted, once."""
    drop = make_drop(tmp_path / "drop")
    with client(drop, tmp_path / "data") as c:
        handle = c.submit(speech())
        job = drop / c.store.get(handle.run).job
        with old_worker(drop):
            wait_for((job / "done.marker").exists)
        with worker(drop):
            wait_for(lambda: bool(list(job.glob("try-*.done.marker"))))
        assert handle.wait(150).verified == "full"
        assert len(list(job.glob("accepted-*.json"))) == 1


def test_a_torn_request_ends_the_old_worker_and_not_ours(tmp_path: Path) -> None:
    """The half-written request that kills an old worker is passed over by ours, which does the job behind it."""
    drop = make_drop(tmp_path / "drop")
    (drop / "a-torn").mkdir()
    (drop / "a-torn" / "request.json").write_text('{"voice": "x", "steps": [{"id"')
    with old_worker(drop) as dying, worker(drop):
        assert dying.wait(20) != 0
        assert old_dispatcher(drop, tmp_path / "out", STEPS).returncode == 0


def is_whole(request: Path) -> bool:
    """Say whether a request is there and was written to its end."""
    try:
        json.loads(request.read_bytes())
    except (FileNotFoundError, json.JSONDecodeError):
        return False
    return True


def test_a_plain_job_that_an_old_worker_is_at_is_left_to_it(tmp_path: Path) -> None:
    """Our worker does not touch the clips that another is writing; the answer is the old one's alone."""
    drop = make_drop(tmp_path / "drop")
    request = drop / "tour-20250115-103000" / "request.json"
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(old_dispatcher, drop, tmp_path / "out", STEPS)
        wait_for(lambda: is_whole(request))  # one that is half written would end the old worker
        with old_worker(drop, "--slow", "1.5"):
            wait_for(lambda: bool(list(drop.glob("tour-*/audio"))))
            with worker(drop, "--beat", "1", "--poll", "0.1"):
                ended = asking.result(200)
    assert ended.returncode == 0, ended.stderr
    assert "engine" not in marker_of(drop, "tour-20250115-103000")
    assert not list(drop.glob("tour-*/*.claim.json"))


def test_a_plain_job_that_its_old_worker_gave_up_is_taken_over(tmp_path: Path) -> None:
    """When nothing has changed in `audio/` for a lease, ours takes the job and replaces the torn clip there."""
    drop = make_drop(tmp_path / "drop")
    audio = drop / "tour-20250115-103000" / "audio"
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(old_dispatcher, drop, tmp_path / "out", STEPS)
        wait_for((audio.parent / "request.json").exists)
        audio.mkdir()
        (audio / "step-step-01.wav").write_bytes(b"RIFF torn")
        with worker(drop, "--beat", "0.2", "--poll", "0.1"):
            ended = asking.result(200)
    assert ended.returncode == 0, ended.stderr
    assert all(check_wav(Path(path)) > 0.1 for path in json.loads(ended.stdout)["clips"].values())


@pytest.mark.fault("old-and-new")
@pytest.mark.usefixtures("soon")
def test_all_four_on_one_drop(tmp_path: Path) -> None:
    """Old and new dispatchers with several jobs each, an old and a new worker: one result a job, nobody disturbed."""
    drop = make_drop(tmp_path / "drop")
    ours = [speech({"id": "a", "narration": f"Our number {n}."}) for n in range(3)]
    with (
        old_worker(drop, "--slow", "0.3") as old,
        worker(drop, "--poll", "0.1") as new,
        client(drop, tmp_path / "data") as c,
        ThreadPoolExecutor(3) as pool,
    ):
        asked = [pool.submit(old_dispatcher, drop, tmp_path / f"out{n}", STEPS, f"tour-{n}") for n in range(3)]
        handles = [c.submit(job) for job in ours]
        results = [handle.wait(150) for handle in handles]
        answers = [asking.result(250) for asking in asked]
        assert (old.poll(), new.poll()) == (None, None)
        jobs = [c.store.get(handle.run).job for handle in handles]
    assert [answer.returncode for answer in answers] == [0, 0, 0], [answer.stderr for answer in answers]
    for answer in answers:
        told = json.loads(answer.stdout)
        seconds = [check_wav(Path(clip)) for clip in told["clips"].values()]
        assert sum(seconds) == pytest.approx(told["done"]["total_duration"], abs=0.1)
    assert [len(list((drop / job).glob("accepted-*.json"))) for job in jobs] == [1, 1, 1]
    assert len({result.folder for result in results}) == 3
    assert "Traceback" not in (tmp_path / "drop.old.log").read_text()
    assert "Traceback" not in (tmp_path / "drop.log").read_text()
