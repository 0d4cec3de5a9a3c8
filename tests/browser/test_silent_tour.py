"""Tours with silent steps, recorded: silence where nothing is said, and files that are whole."""

from __future__ import annotations

import json
from pathlib import Path

import pysubs2
import pytest

from media import audio
from media.ffmpeg import find
from tests.browser.test_tour import record

pytestmark = [pytest.mark.browser, pytest.mark.films, pytest.mark.slow]

SEGMENTS = [
    {"id": "slide", "type": "slides", "duration": 1, "slides": {"range": 1}},
    {"id": "spoken", "type": "demo", "url": "about:blank", "narration": "This is spoken."},
    {"id": "pause", "type": "demo", "url": "about:blank", "narration": "[pause 1s]"},
    {"id": "emoji", "type": "demo", "url": "about:blank", "narration": "\N{PARTY POPPER}"},
    {"id": "acts", "type": "demo", "url": "about:blank", "actions": [{"type": "pause", "seconds": 0.5}]},
]


def write(folder: Path, segments: list[dict[str, object]]) -> Path:
    """Write a spec of segments with a deck of one slide."""
    spec = {
        "settings": {"viewport": "320x240"},
        "slides": {"content": [{"type": "title", "title": "One"}]},
        "segments": segments,
        "output": {"path": "film.mp4", "video_preset": "ultrafast"},
    }
    (folder / "tour.json").write_text(json.dumps(spec))
    return folder / "tour.json"


def test_a_mixed_tour(chromium: Path, tmp_path: Path) -> None:
    """A slide with only a duration, a pause alone, an emoji and mere actions between what is spoken."""
    made = record(write(tmp_path, SEGMENTS), "--zoom", "auto")
    assert made.returncode == 0, made.stderr
    assert "nothing to speak in step(s) emoji" in made.stderr
    report = json.loads((tmp_path / "film.report.json").read_text())
    seconds = {step["id"]: step["capture_seconds"] for step in report["steps"]}
    assert seconds["pause"] >= 1.5
    assert [step["id"] for step in report["steps"] if step["narration_seconds"]] == ["spoken"]
    shown = [event.plaintext for event in pysubs2.load(str(tmp_path / "film.srt"))]
    assert shown == ["This is spoken."]


def test_a_silent_tour_needs_no_worker(chromium: Path, tmp_path: Path) -> None:
    """Nothing is asked of a worker: no drop has to be there, and a silent video with empty captions is the result."""
    spec = write(tmp_path, [SEGMENTS[2]])
    made = record(spec, "--tts-backend", "colab", "--colab-drive-path", str(tmp_path / "nowhere"))
    assert made.returncode == 0, made.stderr
    assert "the video is silent" in made.stderr
    assert audio.measure_loudness(find(), tmp_path / "film.mp4").true_peak_dbtp < -80
    assert [event.plaintext for event in pysubs2.load(str(tmp_path / "film.srt"))] == [""]
    assert list(pysubs2.load(str(tmp_path / "film.vtt"))) == []
    dry = record(spec, "--dry-run")
    assert (dry.returncode, dry.stdout) == (0, "")
