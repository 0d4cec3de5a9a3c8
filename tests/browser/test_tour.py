"""`record_tour.py` as a user runs it: from a spec to a video, and through kills of either side."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import pytest

from media import audio
from media.ffmpeg import find
from tests.support.drops import ROOT, make_drop, start_worker, worker
from tests.support.pages import html, serve

pytestmark = [pytest.mark.browser, pytest.mark.films]

FAST = ("--beat", "0.2", "--poll", "0.1")


@pytest.fixture
def address() -> Iterator[str]:
    """Serve the two pages of the tour; return their base url."""
    with serve() as site:
        site.pages["/index.html"] = html("<h1>Home</h1><button id=b>press</button>", color="#c81e1e")
        site.pages["/second.html"] = html("<h1>Second</h1>", color="#1eb41e")
        yield site.url


def write_spec(folder: Path, address: str, **change: Any) -> Path:
    """Write a spec of two short steps."""
    spec = {
        "meta": {"title": "Two pages"},
        "settings": {"viewport": "640x360", "base_url": address},
        "steps": [
            {
                "id": "home",
                "url": "index.html",
                "narration": "This is home.",
                "actions": [{"type": "dismiss_popups"}, {"type": "click_selector", "selector": "#b"}],
            },
            {"id": "second", "url": "second.html", "narration": "And this is the second page."},
        ],
        "output": {"path": "film.mp4", "video_preset": "ultrafast"},
        **change,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tour.json").write_text(json.dumps(spec))
    return folder / "tour.json"


def command(spec: Path, *more: str) -> tuple[list[str], dict[str, str]]:
    """Return the command line and environment of a recording that keeps its runs beside the spec."""
    environment = {
        **os.environ,
        "GPUDROP_DATA_DIR": str(spec.parent / "data"),
        "GPUDROP_POLL_S": "0.1",
        "GPUDROP_BEAT_S": "0.4",
    }
    return [sys.executable, str(ROOT / "record_tour.py"), str(spec), *more], environment


def record(spec: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Record a tour to its end."""
    line, environment = command(spec, *more)
    return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=280)


def check_film(folder: Path) -> None:
    """Check that the video is whole, spoken, captioned and reported."""
    report = json.loads((folder / "film.report.json").read_text())
    with av.open(str(folder / "film.mp4")) as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames == round(report["seconds"] * 30)
    assert [step["id"] for step in report["steps"]] == ["home", "second"]
    for step in report["steps"]:
        assert step["capture_seconds"] >= step["narration_seconds"] + 0.45
    assert audio.measure_loudness(find(), folder / "film.mp4").integrated_lufs == pytest.approx(-16, abs=1)
    text = re.sub(r"[\d:,> \n-]+", " ", (folder / "film.srt").read_text())
    assert "This is home." in text
    assert "second page." in text


def test_a_tour_with_a_worker_of_its_own(chromium: Path, address: str, tmp_path: Path) -> None:
    """`--tts-backend local` needs nothing else running; stdout holds the video's path and nothing more."""
    made = record(write_spec(tmp_path, address))
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"{tmp_path / 'film.mp4'}\n"
    check_film(tmp_path)
    assert "espeak" in made.stderr


def test_a_dry_run_only_speaks(address: str, tmp_path: Path) -> None:
    """`--dry-run` gives clips and no video, and says which voice was not there."""
    spec = write_spec(tmp_path, address, settings={"base_url": address, "voice": "am_michael"})
    made = record(spec, "--dry-run", "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert told["video"] is None
    assert sorted(told["narration"]) == ["home", "second"]
    assert all(Path(clip["wav"]).exists() for clip in told["narration"].values())
    assert "am_michael" in told["warnings"][0]
    assert "am_michael" in made.stderr
    strict = record(spec, "--dry-run", "--require-engine", "kokoro")
    assert strict.returncode == 4
    assert "kokoro" in strict.stderr


def test_an_edited_step_is_spoken_alone(address: str, tmp_path: Path) -> None:
    """After one text was changed the other clip is used again, and both lie in the work folder under their steps."""
    spec = write_spec(tmp_path, address)
    assert "cached" not in record(spec, "--dry-run").stderr
    spec.write_text(spec.read_text().replace("the second page", "the other page"))
    again = record(spec, "--dry-run")
    assert "2 clips (1 cached)" in again.stderr
    assert again.stdout.split() == [str(tmp_path / f".tour-work/audio/step-{step}.wav") for step in ("home", "second")]


@pytest.mark.parametrize(
    ("more", "change", "code", "words"),
    [
        (["--tts-backend", "abacus"], {}, 2, "abacus"),
        (["--tts-backend", "colab", "--colab-drive-path", "/nowhere/at/all"], {}, 6, "/nowhere/at/all"),
        ([], {"pre_setup": ["echo hello"]}, 2, "--allow-setup"),
        (["--allow-setup"], {"pre_setup": ["echo wrong; false"]}, 6, "wrong"),
        ([], {"steps": []}, 5, "$.steps"),
    ],
    ids=["backend", "drop missing", "setup not allowed", "setup fails", "no steps"],
)
def test_what_cannot_work_is_an_error_with_its_code(
    chromium: Path, address: str, tmp_path: Path, more: list[str], change: dict[str, Any], code: int, words: str
) -> None:
    """One or two lines on stderr, the documented exit code, no traceback, no video."""
    made = record(write_spec(tmp_path, address, **change), *more)
    assert (made.returncode, made.stdout) == (code, "")
    assert words in made.stderr
    assert "Traceback" not in made.stderr
    assert not (tmp_path / "film.mp4").exists()


@pytest.mark.parametrize("name", ["GPUDROP_CHROMIUM", "FFMPEG_BINARY"])
def test_a_program_that_is_not_there_is_named(address: str, tmp_path: Path, name: str) -> None:
    """No ffmpeg or no browser is told before anything is spoken, with the hint."""
    line, environment = command(write_spec(tmp_path, address))
    made = subprocess.run(
        line, env={**environment, name: "/no/such/program"}, capture_output=True, text=True, timeout=60
    )
    assert made.returncode == 6
    assert "/no/such/program" in made.stderr
    assert name in made.stderr
    assert not (tmp_path / ".tour-work").exists()


def record_through_kills(
    folder: Path, address: str, disturb: Callable[[subprocess.Popen[bytes]], None], drop: Path
) -> int:
    """Record through a drop while `disturb` does harm, then the same command again; return how many jobs there were."""
    spec = write_spec(folder, address)
    line, environment = command(
        spec, "--tts-backend", "colab", "--colab-drive-path", str(drop), "--colab-timeout", "90"
    )
    with (folder / "first.log").open("wb") as log:
        first = subprocess.Popen(line, env=environment, stdout=log, stderr=log)
    disturb(first)
    first.wait(280)
    if first.returncode != 0:
        again = record(spec, "--tts-backend", "colab", "--colab-drive-path", str(drop), "--colab-timeout", "90")
        assert again.returncode == 0, again.stderr
    check_film(folder)
    return len(list(drop.glob("*/request.json")))


@pytest.mark.timeout(1200)
def test_a_dispatcher_killed_at_any_moment_ends_in_one_film(chromium: Path, address: str, tmp_path: Path) -> None:
    """kill -9 at ten seeded moments: the same command again makes one video from one job."""

    def one(seed: int) -> int:
        def kill(process: subprocess.Popen[bytes]) -> None:
            time.sleep(random.Random(seed).uniform(0.6, 9))
            process.kill()

        mine = make_drop(tmp_path / f"drop-{seed}")
        with worker(mine, *FAST):
            return record_through_kills(tmp_path / str(seed), address, kill, mine)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, range(10))) == [1] * 10


@pytest.mark.timeout(1200)
def test_a_worker_killed_at_any_moment_ends_in_one_film(chromium: Path, address: str, tmp_path: Path) -> None:
    """kill -9 of the worker at ten seeded moments, another one started: one video, and the dispatcher never noticed."""

    def one(seed: int) -> int:
        mine = make_drop(tmp_path / f"drop-{seed}")
        first = start_worker(mine, *FAST)
        second = []

        def kill(process: subprocess.Popen[bytes]) -> None:
            time.sleep(random.Random(100 + seed).uniform(0.6, 4))
            first.kill()
            first.wait(60)
            second.append(start_worker(mine, *FAST))

        try:
            return record_through_kills(tmp_path / str(seed), address, kill, mine)
        finally:
            for process in second:
                process.terminate()
                process.wait(30)

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(one, range(10))) == [1] * 10


def test_an_interrupt_says_how_to_go_on(address: str, chromium: Path, tmp_path: Path) -> None:
    """Ctrl-C while recording: exit code 130, one line, no traceback, and the same command makes the video."""
    spec = write_spec(tmp_path, address)
    line, environment = command(spec)
    process = subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for said in process.stderr:
        if said.startswith("recording"):
            break
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to resume" in rest
    assert "Traceback" not in rest
    assert record(spec).returncode == 0
    check_film(tmp_path)
