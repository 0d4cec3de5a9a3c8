"""Commands that return at once, chains and references: whoever is killed when, the results are at their places."""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dispatcher.config import Settings
from dispatcher.runs.record import Run
from dispatcher.runs.search import Query
from dispatcher.runs.store import RunStore
from tests.support import odd_media
from tests.support.drops import make_drop

ROOT = Path(__file__).parent.parent.parent
COMMAND = [sys.executable, "-m", "dispatcher.cli"]
PATIENCE_S = 120.0


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Keep a user's data to the test; a monitor that a command leaves behind ends with it."""
    monkeypatch.setenv("GPUDROP_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield tmp_path / "data"
    wait_for(lambda: not monitors(tmp_path / "data"))


def monitors(data: Path) -> list[int]:
    """Return the processes that attend to this data folder's runs in the background."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (
                b"watch\0--until-done" in (process / "cmdline").read_bytes()
                and str(data).encode() in (process / "environ").read_bytes()
            ):
                found.append(int(process.name))
        except OSError:  # it has just ended
            continue
    return found


def wait_for(condition: Callable[[], Any]) -> Any:
    """Return what a condition gives once it gives something."""
    until = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < until, "it did not come to that in time"
        time.sleep(0.1)
    return found


def gpudrop(*arguments: str | Path, code: int = 0) -> str:
    done = subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


def runs(status: str | None = None) -> list[Run]:
    with RunStore.open(Settings().database) as store:
        return store.search.find(Query(statuses=[status] if status else []))


def settled() -> list[Run]:
    return [run for run in runs() if run.settled_at is not None]


def tone(path: Path, seconds: float = 0.5) -> Path:
    odd_media.run(["-f", "lavfi", "-i", odd_media.TONE.format(seconds=seconds), path])
    return path


def film(path: Path) -> Path:
    odd_media.run(["-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=0.6", "-pix_fmt", "yuv420p", path])
    return path


def test_a_detached_command_returns_and_its_result_comes(data: Path, tmp_path: Path) -> None:
    """Its output is the run's id; the result is put where it belongs by the monitor, which then ends."""
    told = json.loads(gpudrop("analyze", tone(tmp_path / "a.wav"), "--detach", "--json", "--tag", "night"))
    assert [(run["kind"], run["title"]) for run in told["runs"]] == [("analyze", "a.wav")]
    wait_for(settled)
    [run] = runs("completed")
    assert (run.id, run.is_open, run.monitor) == (told["runs"][0]["id"], False, None)
    assert (tmp_path / "a.analysis.json").exists()
    assert run.queued_at <= run.started_at <= run.ended_at <= run.settled_at  # type: ignore[operator]
    with RunStore.open(Settings().database) as store:
        assert store.trace.tags([run.id]) == {run.id: ["night"]}
        [attempt] = store.trace.attempts(run.id)
        assert attempt.status == "accepted"
        assert "analyze" in Path(attempt.log or "").read_text()
        assert {(file.role, file.name) for file in store.trace.files(run.id)} >= {
            ("input", "source"),
            ("output", "source.analysis.json"),
            ("log", "dispatcher.log.txt"),
        }
    assert run.execution_config["command"].startswith("gpudrop analyze")


def test_a_killed_monitor_loses_nothing(data: Path, tmp_path: Path) -> None:
    """Killed together with its worker while three kinds wait, it is replaced by `watch`, which finishes each once."""
    gpudrop("analyze", tone(tmp_path / "a.wav"), "--detach", "--quiet")
    gpudrop("upscale", film(tmp_path / "b.mp4"), "--detach", "--quiet")
    gpudrop("transcribe", tone(tmp_path / "c.wav", 1.0), "--detach", "--quiet")
    for pid in wait_for(lambda: monitors(data)):
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.killpg(pid, signal.SIGKILL)
    assert len(runs()) == 3
    gpudrop("watch", "--until-done")
    assert {(run.kind, run.status) for run in runs()} == {
        ("analyze", "completed"),
        ("upscale", "completed"),
        ("transcribe", "completed"),
    }
    assert {"a.analysis.json", "b.upscaled.mp4", "c.srt"} <= {path.name for path in tmp_path.iterdir()}


def test_a_chain_makes_linked_runs(data: Path, tmp_path: Path) -> None:
    """Each step works on what the one before it made, is named after it, and knows its parent and its group."""
    gpudrop("stabilize", film(tmp_path / "clip.mp4"), "--then", "upscale scale=2", "--then", "analyze")
    analyze, upscale, stabilize = runs()
    assert [run.kind for run in (stabilize, upscale, analyze)] == ["stabilize", "upscale", "analyze"]
    assert (stabilize.parent_id, upscale.parent_id, analyze.parent_id) == (None, stabilize.id, upscale.id)
    assert len({run.group_id for run in runs()}) == 1
    assert (tmp_path / "clip.stabilized.upscaled.analysis.json").exists()
    with RunStore.open(Settings().database) as store:
        [made] = [file for file in store.trace.files(stabilize.id) if file.role == "output"]
        [taken] = [file for file in store.trace.files(upscale.id) if file.role == "input"]
        assert made.sha256 == taken.sha256
        assert (taken.media or {})["width"] == (made.media or {})["width"]
        assert store.search.group(str(stabilize.group_id)).status == "completed"
        assert upscale.execution_config["params"]["scale"] == 2


def test_a_detached_chain_goes_on_after_a_kill(data: Path, tmp_path: Path) -> None:
    """The steps to come are kept with the run: another monitor begins them."""
    gpudrop("stabilize", film(tmp_path / "clip.mp4"), "--then", "upscale", "--detach")
    for pid in wait_for(lambda: monitors(data)):
        with contextlib.suppress(ProcessLookupError):  # it has just ended
            os.killpg(pid, signal.SIGKILL)
    gpudrop("watch", "--until-done")
    assert [run.kind for run in runs("completed")] == ["upscale", "stabilize"]
    assert (tmp_path / "clip.stabilized.upscaled.mp4").exists()


def test_a_step_that_does_not_fit_is_told(data: Path, tmp_path: Path) -> None:
    """A step that cannot use what there is fails the command, and nothing else; a wrong one is told before any work."""
    sound = tone(tmp_path / "a.wav")
    assert gpudrop("analyze", sound, "--then", "dream", code=2) == ""
    assert gpudrop("analyze", sound, "--then", "upscale scale=none", code=2) == ""
    assert runs() == []
    gpudrop("analyze", sound, "--then", "upscale", code=2)
    gpudrop("transcribe", sound, "--then", "stabilize", code=2)
    transcribe, analyze = runs("completed")
    with RunStore.open(Settings().database) as store:
        assert "upscale takes" in str(store.trace.continuations(analyze.id)[0].error_text)
        assert "stabilize takes" in str(store.trace.continuations(transcribe.id)[0].error_text)


def test_after_a_look_the_film_itself_is_worked_on(data: Path, tmp_path: Path) -> None:
    """Analyze leaves its source as it is: the next step takes that, not the contact sheet, however long the chain."""
    steps = ("analyze", "analyze size=64", "upscale preset=ultrafast")
    then = [word for step in steps for word in ("--then", step)]
    gpudrop("encode", film(tmp_path / "clip.mp4"), "--preset", "ultrafast", "--overwrite", *then)
    upscale, look, _, encode = runs("completed")
    assert (upscale.kind, upscale.parent_id, upscale.title) == ("upscale", look.id, "clip.encoded.mp4")
    assert (tmp_path / "clip.encoded.upscaled.mp4").exists()
    with RunStore.open(Settings().database) as store:
        [made] = [file for file in store.trace.files(encode.id) if file.role == "output"]
        [taken] = [file for file in store.trace.files(upscale.id) if file.role == "input"]
    assert taken.sha256 == made.sha256
    gpudrop("upscale", f"run:{look.id}", code=2)
    assert len(runs()) == 4


def test_a_run_stands_for_what_it_made(data: Path, tmp_path: Path) -> None:
    """`run:ID` and `run:ID/name` are files; a run without results, an unknown one and a changed file are errors."""
    gpudrop("upscale", film(tmp_path / "a.mp4"))
    [first] = runs()
    short = first.id.rpartition("-")[2]
    gpudrop("analyze", f"run:{short}")
    gpudrop("analyze", f"run:{first.id}/a.upscaled.mp4", "--no-scores", code=2)  # no such option: nothing is run
    child = runs()[0]
    assert (child.kind, child.parent_id) == ("analyze", first.id)
    assert (tmp_path / "a.upscaled.analysis.json").exists()
    gpudrop("analyze", "run:ffff", code=3)
    gpudrop("analyze", f"run:{short}/nothing", code=3)
    gpudrop("upscale", f"run:{child.id}/source.analysis.json", code=1)
    with RunStore.open(Settings().database) as store:
        [made] = [file for file in store.trace.files(first.id) if file.role == "output"]
    Path(made.path).write_bytes(b"another")
    gpudrop("analyze", f"run:{short}", code=3)


def test_a_web_address_is_told_of_the_end(data: Path, tmp_path: Path) -> None:
    """The body says which run, how it ended and where the files are."""
    heard: list[dict[str, Any]] = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/done"
        gpudrop("analyze", tone(tmp_path / "a.wav"), "--detach", "--notify", address)
        wait_for(lambda: heard)
        server.shutdown()
    [told] = heard
    assert (told["kind"], told["status"], told["error"]) == ("analyze", "completed", None)
    assert str(tmp_path / "a.analysis.json") in told["files"]


def test_what_is_not_done_in_time_is_cancelled_there_too(data: Path, tmp_path: Path) -> None:
    """A detached run that nobody takes ends at its deadline, and the drop is told."""
    drop = make_drop(tmp_path / "drop")
    gpudrop("analyze", tone(tmp_path / "a.wav"), "--backend", "colab", "--drop", drop, "--detach", "--timeout", "2")
    wait_for(settled)
    [run] = runs()
    assert run.status == "cancelled"
    assert "within 2 s" in str(run.error_text)
    assert [path.name for path in (drop / run.job).glob("*cancel*")]


def test_the_unit_is_what_systemd_takes(data: Path) -> None:
    """It names this command and this data folder."""
    unit = gpudrop("watch", "--print-unit")
    assert "[Service]" in unit
    assert "watch\n" in unit
    assert f"GPUDROP_DATA_DIR={data}" in unit


def test_a_detached_tour_is_a_group(data: Path, tmp_path: Path) -> None:
    """It returns with the tour's id; the narration's job belongs to it, and how it ended is remembered."""
    spec = tmp_path / "tour.json"
    spec.write_text(
        json.dumps(
            {"meta": {"title": "Hello"}, "steps": [{"id": "one", "url": "about:blank", "narration": "Hello there."}]}
        )
    )
    told = json.loads(gpudrop("tour", spec, "--dry-run", "--detach", "--json"))

    def ended() -> bool:
        with RunStore.open(Settings().database) as store:
            return any(group.ended_at for group in store.search.groups(sort="tour"))

    wait_for(ended)
    with RunStore.open(Settings().database) as store:
        group = store.search.group(told["tour"])
        assert (group.title, group.status) == ("Hello", "completed"), Path(told["log"]).read_text()
        assert [run.kind for run in store.search.members(group.id)] == ["tts"]
