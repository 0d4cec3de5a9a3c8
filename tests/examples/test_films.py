"""The examples as a user runs them, spoken on this machine: their films are whole, and show what they should."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import sync_playwright

from dispatcher.assembly.timeline import ENDING_FRAMES, FPS
from dispatcher.config import is_root
from dispatcher.tour.browser.chromium import find_browser, launch
from dispatcher.tour.slides import timing
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.model import Spec
from protocol.errors import EnvironmentNotReady
from tests.support.arrow import largest_step, track
from tests.support.media import read_frame

pytestmark = [pytest.mark.browser, pytest.mark.films, pytest.mark.slow, pytest.mark.timeout(540)]

ROOT = Path(__file__).parent.parent.parent
LARGEST_STEP_PX = 150
Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def chromium() -> Path:
    """Return the Chromium to film with; without one the test is skipped."""
    try:
        return find_browser()
    except EnvironmentNotReady as error:
        pytest.skip(str(error))


def made(name: str, output: Path) -> tuple[Path, Spec, dict[str, Any]]:
    """Run an example; return its film, its spec and its report."""
    demo = ROOT / "examples" / name / "demo.py"
    ran = subprocess.run(
        [sys.executable, str(demo), "--output", str(output)], capture_output=True, text=True, timeout=500
    )
    assert ran.returncode == 0, ran.stderr
    film = Path(ran.stdout.splitlines()[-1])
    assert film.parent == output
    return film, load(demo.parent / "tour.json", base_url="http://127.0.0.1"), report_of(film)


def report_of(film: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(film.with_suffix(".report.json").read_text(encoding="utf-8"))
    return report


def check_film(film: Path, spec: Spec, report: dict[str, Any]) -> None:
    """Check streams, length, chapters, captions, and that no picture is blank."""
    with av.open(str(film)) as container:
        (video,), (sound,) = container.streams.video, container.streams.audio
        assert (video.codec_context.name, sound.codec_context.name) == ("h264", "aac")
        assert (video.codec_context.width, video.codec_context.height) == spec.settings.size
        chapters = [(chapter["metadata"]["title"], chapter["start"]) for chapter in container.chapters()]
        pictures = [frame.to_ndarray(format="gray") for n, frame in enumerate(container.decode(video=0)) if n % 15 == 0]
        del pictures[-2:]  # the end fades to black
        assert float(video.duration * video.time_base) == pytest.approx(report["seconds"], abs=0.04)
    assert [title for title, _ in chapters] == [step.title for step in spec.steps]
    assert [step["id"] for step in report["steps"]] == [step.id for step in spec.steps]
    assert all(step["narration_seconds"] + 0.45 <= step["capture_seconds"] for step in report["steps"])
    steps_s = sum(step["capture_seconds"] for step in report["steps"])
    assert report["seconds"] == pytest.approx(steps_s + ENDING_FRAMES / FPS, abs=0.3)
    assert min(float(picture.std()) for picture in pictures) > 3
    check_captions(film, spec, report)


def check_arrow(film: Path, *, seen_s: float) -> None:
    """Check that the arrow is seen for so long in all, and never jumps from one frame to the next."""
    places = track(film)
    assert len([place for place in places if place]) >= seen_s * FPS
    step, frame = largest_step(places)
    assert step <= LARGEST_STEP_PX, f"the arrow jumps by {step:.0f} px at {frame / FPS:.2f} s"


def check_captions(film: Path, spec: Spec, report: dict[str, Any]) -> None:
    """Check that all that is said is written, in its order, each step's within its step."""
    for suffix in (".srt", ".vtt"):
        cues = pysubs2.load(str(film.with_suffix(suffix)))
        written = " ".join(cue.plaintext.replace("\n", " ") for cue in cues)
        assert written == " ".join(step.narration for step in spec.steps)
    starts = [step["start"] for step in report["steps"]]
    assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)
    assert cues[-1].end / 1000 <= report["seconds"]
    assert all(any(0 <= cue.start / 1000 - start < 1 for cue in cues) for start in starts)


def slide_pictures(deck: Path, count: int, chromium: Path) -> list[Picture]:
    """Return how each slide of a deck looks in a browser."""
    pictures = []
    with sync_playwright() as playwright:
        browser = launch(playwright, chromium, root=is_root())
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(deck.as_uri())
        page.evaluate("() => window.deck.ready.then(() => true)")
        for number in range(1, count + 1):
            page.evaluate("number => window.deck.show(number, { fade: false })", number)
            pictures.append(np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")))
        browser.close()
    return pictures


def test_slides_and_a_page(chromium: Path, tmp_path: Path) -> None:
    """Each slide is in the film at its time, as it looks in the browser; the page goes on where it was left."""
    film, spec, report = made("slides", tmp_path / "out")
    check_film(film, spec, report)
    check_arrow(film, seen_s=10)
    assert spec.slides is not None
    (deck,) = (tmp_path / "out" / "work" / "slides" / "lantern").glob("*.html")
    looks = slide_pictures(deck, len(spec.slides.content), chromium)
    seen = []
    for step, told in zip(spec.steps, report["steps"], strict=True):
        if step.show is None:
            continue
        numbers = step.show.numbers(spec.slides.content)
        interval = step.show.advance_interval
        times = timing.starts(len(numbers), step.narration, told["narration_seconds"], interval_s=interval)
        for number, begins in zip(numbers, times[1:], strict=False):
            frame = read_frame(film, told["start"] + begins - 0.3)
            off = [float(np.abs(frame.astype(int) - look).mean()) for look in looks]
            assert off.index(min(off)) == number - 1
            assert min(off) < 2.5, off
            seen.append(number)
    assert seen == [1, 2, 3, 4, 5, 6]


def test_a_documentation_site(chromium: Path, tmp_path: Path) -> None:
    """Every step shows its own page; the last one ends dark."""
    film, spec, report = made("docs-site", tmp_path / "out")
    check_film(film, spec, report)
    check_arrow(film, seen_s=20)
    ends = [step["start"] + step["capture_seconds"] - 0.1 for step in report["steps"]]
    light = [float(read_frame(film, at).mean()) for at in ends]
    assert min(light[:-1]) > 200
    assert light[-1] < 60


def test_the_demo(tmp_path: Path) -> None:
    """What `make demo` records through a folder and a notebook: the narration is written, and the arrow never jumps."""
    film, spec, report = made("jupyterlab", tmp_path / "out")
    check_film(film, spec, report)
    check_arrow(film, seen_s=25)
