"""The commands of kinds as a user has them: a real worker is started, works, and is gone; everything by its content."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from dispatcher import Connection, Progress, SomeFailed, analyze, connect
from dispatcher.cli import app
from dispatcher.config import Settings
from dispatcher.operations.batch import OperationFailure, OperationResult, run
from dispatcher.operations.plan import Plan, kind_of, plan
from dispatcher.operations.sources import find
from dispatcher.runs.record import Group
from dispatcher.runs.store import RunStore
from protocol.errors import JobFailed, JobTimeout, MediaError, NotFoundError, UsageError
from tests.support import odd_media
from tests.support.drops import make_drop, worker

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-c", "from dispatcher.cli import main; main()"]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "data"


def gpudrop(*arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """Run a command to its end and return what it printed as JSON."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments), "--json"], capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == code, done.stderr
    return dict(json.loads(done.stdout)) if done.stdout else {"said": done.stderr}


def tone(path: Path, seconds: float = 0.5) -> Path:
    odd_media.run(["-f", "lavfi", "-i", odd_media.TONE.format(seconds=seconds), path])
    return path


def test_a_folder_is_done_and_done_once(data: Path, tmp_path: Path) -> None:
    """Each file has its result, named after it; a second time, and under another name, nothing is worked on again."""
    media = tmp_path / "media"
    media.mkdir()
    tone(media / "a.wav"), tone(media / "b.wav", 0.7)
    (media / "notes.txt").write_text("no media")
    first = gpudrop("analyze", media, "--out", tmp_path / "out")
    assert sorted(Path(file).name for made in first["made"] for file in made["files"]) == [
        "a.analysis.json",
        "b.analysis.json",
    ]
    assert [Path(each).name for each in first["left_alone"]] == ["notes.txt"]
    assert not any(made["kept"] for made in first["made"])
    assert all(made["engine"]["tier"] == "embedded" for made in first["made"])
    (media / "b.wav").rename(media / "renamed.wav")
    again = gpudrop("analyze", media, "--out", tmp_path / "out")
    assert all(made["kept"] for made in again["made"])
    assert (tmp_path / "out" / "renamed.analysis.json").read_bytes() == (
        tmp_path / "out" / "b.analysis.json"
    ).read_bytes()
    assert not [path for path in (data / "local" / "drop").iterdir() if not path.name.startswith("_")]


def test_nothing_is_started_for_what_was_done(data: Path, tmp_path: Path) -> None:
    """No worker, if no other could do better; with other options there is one again."""
    film = odd_media.film(tmp_path / "film.mp4")
    first = gpudrop("encode", film, "--preset", "ultrafast", "--out", tmp_path / "out")
    log = next(data.rglob("*worker*.log"))
    before = log.stat().st_size
    again = gpudrop("encode", film, "--preset", "ultrafast", "--out", tmp_path / "out")
    assert again["made"][0]["kept"]
    assert again["made"][0]["files"] == first["made"][0]["files"]
    assert log.stat().st_size == before
    gpudrop("encode", film, "--preset", "veryfast", "--out", tmp_path / "other")
    assert log.stat().st_size > before


def test_other_options_are_another_job(data: Path, tmp_path: Path) -> None:
    """The result that is in the way is not written over, and is told before any work; then it is, on demand."""
    sound = tone(tmp_path / "a.wav")
    gpudrop("analyze", sound)
    before = (tmp_path / "a.analysis.json").read_bytes()
    refused = gpudrop("analyze", sound, "--silence-level", "-1", code=2)
    assert "is there already" in refused["failed"][0]["error"]
    assert (tmp_path / "a.analysis.json").read_bytes() == before
    gpudrop("analyze", sound, "--silence-level", "-1", "--overwrite")
    assert (tmp_path / "a.analysis.json").read_bytes() != before


def test_one_bad_file_keeps_no_other_from_being_done(data: Path, tmp_path: Path) -> None:
    """It is told with its reason, and the exit code says that something failed."""
    sound, bad = tone(tmp_path / "a.wav"), odd_media.BAD["playlist in a wav"](tmp_path)
    told = gpudrop("analyze", bad, sound, code=1)
    assert [made["source"] for made in told["made"]] == [str(sound)]
    assert [failed["source"] for failed in told["failed"]] == [str(bad)]


def test_a_required_engine_that_is_not_here_is_an_error(data: Path, tmp_path: Path) -> None:
    """Nothing is substituted; the code tells what it was."""
    told = gpudrop("analyze", tone(tmp_path / "a.wav"), "--require-engine", "nobody", code=4)
    assert told["failed"][0]["code"] == "UNSUPPORTED"


def test_a_failure_is_told_whoever_else_is_here(data: Path, tmp_path: Path) -> None:
    """Another command's worker, which does another kind, is nobody to wait for."""
    picture = odd_media.picture(tmp_path / "a.png")
    with connect(kinds="encode"):
        told = gpudrop("analyze", picture, "--tags", "on", "--timeout", "60", code=4)
    assert told["failed"][0]["code"] == "UNSUPPORTED"


def test_through_a_shared_folder(data: Path, tmp_path: Path) -> None:
    """The same command with another backend: whoever serves the drop does it."""
    drop = make_drop(tmp_path / "drop")
    with worker(drop, "--kinds", "analyze"):
        told = gpudrop("analyze", tone(tmp_path / "a.wav"), "--backend", "colab", "--drop", drop)
    assert told["made"][0]["engine"]["name"] == "classic"
    assert (tmp_path / "a.analysis.json").is_file()


def wait_for(what: Callable[[], bool], seconds: float = 150) -> None:
    ends = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.05)


def test_an_interrupted_command_goes_on(data: Path, tmp_path: Path) -> None:
    """Ctrl-C ends it with 130 and leaves no process behind; the same command finishes the job that was begun."""
    film = odd_media.film(tmp_path / "film.mp4", size="640x360", rate="30", seconds=20, sound=False)
    command = [*COMMAND, "upscale", str(film), "--scale", "2"]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    wait_for(lambda: any((data / "local").glob("drop/*/*.claim.json")))
    time.sleep(1)
    started.send_signal(signal.SIGINT)
    _, said = started.communicate(timeout=60)
    assert started.returncode == 130, said
    assert "run the same command again to resume" in said
    assert not (tmp_path / "film.upscaled.mp4").exists()
    jobs = {path.name for path in (data / "local" / "drop").iterdir() if not path.name.startswith("_")}
    assert len(jobs) == 1
    told = gpudrop("upscale", film, "--scale", "2")
    assert told["made"][0]["run"] in jobs
    assert (tmp_path / "film.upscaled.mp4").is_file()


def test_a_killed_worker_is_started_again(data: Path, tmp_path: Path) -> None:
    """The command goes on with the next one, by itself."""
    film = odd_media.film(tmp_path / "film.mp4", size="640x360", rate="30", seconds=10, sound=False)
    killed: list[int] = []

    def kill_once(_path: Path, progress: object) -> None:
        log = (data / "local" / "worker.log").read_text()
        if not killed and "serves" in log:
            pid = next(each for each in _processes() if _is_worker(each, data))
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    settings = Settings(beat_s=0.25)
    with connect(settings=settings, kinds="analyze") as gpu:
        [made] = analyze.each(gpu, [film], kill_once)
    assert killed
    assert made.result.files["source.analysis.json"].is_file()


def _processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]


def _is_worker(pid: int, data: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"colab" in command and str(data / "local" / "drop").encode() in command


@pytest.fixture
def gpu(data: Path) -> Any:
    with connect(kinds="analyze") as connection:
        yield connection


def test_calls_raise_what_went_wrong(gpu: Connection, tmp_path: Path) -> None:
    """A bad file, a wrong option, an engine that is not here, and a batch in which some failed."""
    sound, bad = tone(tmp_path / "a.wav"), odd_media.BAD["not media"](tmp_path)
    with pytest.raises(MediaError, match=r"letter\.mp4"):
        analyze(gpu, bad)
    with pytest.raises(UsageError, match="min_shot: "):
        analyze(gpu, sound, min_shot=-1)
    with pytest.raises(UsageError, match="labels: takes several values"):
        analyze(gpu, sound, labels="dog")  # type: ignore[arg-type]
    with pytest.raises(JobFailed):
        analyze.by("nobody")(gpu, sound)
    done = []
    with pytest.raises(SomeFailed, match=r"letter\.mp4") as failed:
        done.extend(analyze.each(gpu, [bad, sound]))
    assert list(failed.value.failed) == [bad]
    assert [made.source for made in done] == [sound]


def test_a_call_is_limited_and_done_again(gpu: Connection, tmp_path: Path) -> None:
    """What takes too long is cancelled and raises; what was kept is made anew where that is wanted, and only there."""
    sound = tone(tmp_path / "a.wav", 2.0)
    with pytest.raises(JobTimeout, match="The job was cancelled") as late:
        analyze.within(0.001)(gpu, sound)
    assert gpu.client.store.get(str(late.value.run)).status == "cancelled"
    first = analyze.within(200)(gpu, sound)
    assert analyze(gpu, sound).result.run == first.result.run
    again = analyze.anew().within(200)(gpu, sound)
    assert (again.cached, again.result.run == first.result.run) == (False, False)


def test_saving_writes_over_nothing(gpu: Connection, tmp_path: Path) -> None:
    """What is in the way stays until it is allowed to go; saving twice is no harm."""
    made = analyze(gpu, tone(tmp_path / "a.wav"))
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a.analysis.json").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        made.save(tmp_path / "there")
    assert (tmp_path / "there" / "a.analysis.json").read_text() == "mine"
    assert made.save(tmp_path / "there", overwrite=True) == made.save(tmp_path / "there")


def test_a_folder_is_saved_as_it_was_and_its_progress_ends_whole(gpu: Connection, tmp_path: Path) -> None:
    """Files of one name in two folders do not meet; the last that is told of each is all of it, made now or before."""
    for place in ("one", "two"):
        (tmp_path / "in" / place).mkdir(parents=True)
        tone(tmp_path / "in" / place / "a.wav")
    for _ in range(2):
        told: dict[Path, Progress] = {}
        saved = [made.save(tmp_path / "out") for made in analyze.each(gpu, [tmp_path / "in"], told.__setitem__)]
        assert [each for [each] in saved] == [tmp_path / "out" / it / "a.analysis.json" for it in ("one", "two")]
        assert len(told) == 2
        assert all(it.done == it.total > 0 for it in told.values())


def test_a_file_that_something_writes_to_is_refused(gpu: Connection, tmp_path: Path) -> None:
    """Half a recording is not sent."""
    sound = tone(tmp_path / "a.wav", 2)
    copies = [sound]
    for number in range(3):
        copies.append(Path(shutil.copy(sound, tmp_path / f"copy-{number}.wav")))
    known = gpu.client._digests
    check = known.check_unchanged

    def growing(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"\0" * 100)
        check(path)

    known.check_unchanged = growing  # type: ignore[method-assign]
    with pytest.raises(UsageError, match="changed while it was read"):
        analyze(gpu, sound)
    known.check_unchanged = check  # type: ignore[method-assign]
    assert analyze(gpu, copies[1]).files


def left_in(data: Path) -> list[str]:
    """Return the jobs whose folders are still in the private drop."""
    return [path.name for path in (data / "local" / "drop").iterdir() if not path.name.startswith("_")]


def test_single_calls_leave_nothing_in_the_private_drop(gpu: Connection, data: Path, tmp_path: Path) -> None:
    """A script of many single calls does not keep a second copy of each input and output, whatever became of it."""
    assert analyze(gpu, tone(tmp_path / "a.wav")).files
    assert left_in(data) == []
    with pytest.raises(JobFailed):
        analyze(gpu, odd_media.picture(tmp_path / "b.png"), tags="on")
    assert left_in(data) == []


def test_a_batch_that_is_broken_off_leaves_nothing_that_was_done(data: Path, tmp_path: Path) -> None:
    """The end of the connection removes what the batch did not come to."""
    with connect(kinds="analyze") as gpu:
        for made in analyze.each(gpu, [tone(tmp_path / "a.wav"), tone(tmp_path / "b.wav", 0.7)]):
            first = made.result.run
            break
    assert first not in left_in(data)


def test_a_file_that_goes_away_keeps_no_other_from_being_done(gpu: Connection, tmp_path: Path) -> None:
    """It was there when it was looked at: it alone fails, with its name and what to do."""
    sounds = [tone(tmp_path / f"{n}.wav", 0.3 + n / 10) for n in range(3)]
    plans = [each for each in plan(kind_of("analyze"), find(sounds), {}) if isinstance(each, Plan)]
    sounds[1].unlink()
    first, gone, last = run(gpu, plans)
    assert isinstance(first, OperationResult)
    assert isinstance(last, OperationResult)
    assert isinstance(gone, OperationFailure)
    assert isinstance(gone.error, NotFoundError)
    assert str(sounds[1]) in str(gone.error)
    assert "Put it back" in str(gone.error)


def test_a_place_that_is_taken_meanwhile_fails_alone(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's file comes while the work is done: it stays, is told, and the other results come."""
    sounds, save = [tone(tmp_path / "a.wav"), tone(tmp_path / "b.wav", 0.7)], OperationResult.save

    def saving(made: OperationResult, *args: Any, **options: Any) -> list[Path]:
        if made.source == sounds[0]:
            (tmp_path / "a.analysis.json").write_text("mine")
        return save(made, *args, **options)

    monkeypatch.setattr(OperationResult, "save", saving)
    done = CliRunner().invoke(app, ["analyze", *map(str, sounds), "--json"], catch_exceptions=False)
    told = json.loads(done.stdout)
    assert done.exit_code == 2
    assert [each["source"] for each in told["failed"]] == [str(sounds[0])]
    assert [each["source"] for each in told["made"]] == [str(sounds[1])]
    assert (tmp_path / "a.analysis.json").read_text() == "mine"


def groups() -> list[Group]:
    """Return what is remembered of commands on several files, the newest first."""
    with RunStore.open(Settings().database) as store:
        return store.search.groups()


def test_a_command_that_never_began_leaves_no_open_batch(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is begun once the way to workers is open; one that gets no run of its own ends with the command."""
    monkeypatch.delenv("COLAB_TTS_DRIVE_PATH", raising=False)
    monkeypatch.setenv("GPUDROP_HOME", str(tmp_path / "home"))
    sounds = [tone(tmp_path / "a.wav"), tone(tmp_path / "b.wav", 0.7)]
    gpudrop("analyze", *sounds, "--backend", "colab", code=6)
    gpudrop("analyze", *sounds, "--backend", "colab", "--detach", code=6)
    assert groups() == []
    gpudrop("analyze", *sounds)
    gpudrop("analyze", *sounds)  # all of it is kept: no run is added
    assert [each.status for each in groups()] == ["completed", "completed"]
