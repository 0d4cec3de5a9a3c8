"""Specs as people have them, with every field and every action of the format: they run unchanged on stand-in pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from tests.browser.test_tour import record
from tests.support.pages import serve
from tests.support.stand_in import PAGE

pytestmark = [pytest.mark.browser, pytest.mark.films, pytest.mark.slow]

ACTIONS: list[dict[str, Any]] = [
    {"type": "wait_for_load"},
    {"type": "dismiss_popups"},
    {"type": "wait_for_hidden", "selector": "#banner"},
    {"type": "wait_for_selector", "selector": "#code"},
    {"type": "hide_secondary_sidebar"},
    {"type": "focus_editor"},
    {"type": "select_all_and_delete"},
    {"type": "type_text", "text": "print('hello')\nprint('there')", "delay_ms": 10},
    {"type": "highlight_lines", "start": 1, "end": 2, "seconds": 0.5},
    {"type": "terminal_type", "text": "python hello.py", "delay_ms": 10, "wait_for": "you said"},
    {"type": "command_palette", "command": "Renamed by the palette", "delay_ms": 10},
    {"type": "press_key", "key": "Escape"},
    {"type": "click_selector", "selector": "#run"},
    {"type": "pause", "duration": 0.2},
    {"type": "scroll", "to": "bottom", "speed": "fast"},
]
ASSERTIONS = [
    {"type": "url_contains", "value": "workbench"},
    {"type": "title_contains", "value": "Renamed by the palette"},
    {"type": "element_visible", "selector": "#run:has-text('Ran')"},
]
META = {
    "title": "An existing tour",
    "description": "All of the format",
    "target_duration_seconds": 20,
    "max_duration_seconds": 180,
}
SETTINGS = {
    "viewport": {"width": 640, "height": 400},
    "video_size": {"width": 640, "height": 400},
    "voice": "am_michael",
    "speech_speed": 1.1,
    "language": "en-us",
    "default_step_timeout": 15,
    "max_retries_per_step": 1,
    "browser": "chromium",
    "preloader_selector": "#preloader",
}
OUTPUT = {
    "path": "film.mp4",
    "format": "mp4",
    "video_codec": "libx264",
    "video_preset": "ultrafast",
    "video_crf": 23,
    "audio_codec": "aac",
    "audio_bitrate": "128k",
    "loudnorm": True,
}


@pytest.fixture
def address() -> Iterator[str]:
    """Serve the stand-in; return its address."""
    with serve() as site:
        site.pages["/workbench.html"] = PAGE
        yield f"{site.url}/workbench.html"


def film(tmp_path: Path, spec: dict[str, Any], *flags: str) -> tuple[dict[str, Any], list[str]]:
    """Record a spec; return its report and the titles of the video's chapters."""
    (tmp_path / "tutorial.json").write_text(json.dumps(spec))
    made = record(tmp_path / "tutorial.json", "--allow-setup", *flags)
    assert made.returncode == 0, made.stderr
    with av.open(str(tmp_path / "film.mp4")) as opened:
        chapters = [chapter["metadata"]["title"] for chapter in opened.chapters()]
    return json.loads((tmp_path / "film.report.json").read_text()), chapters


def test_a_spec_of_steps(chromium: Path, address: str, tmp_path: Path) -> None:
    """Every field, action and assertion, with the flags of an old command line."""
    spec = {
        "meta": META,
        "settings": {**SETTINGS, "mode": "independent"},
        "pre_setup": ["echo ready > ready.txt"],
        "steps": [
            {
                "id": "step-01",
                "url": address,
                "narration": "Welcome to this tutorial. We do everything that can be done.",
                "actions": ACTIONS,
                "assertions": ASSERTIONS,
                "scroll": {"to": "bottom", "speed": "normal", "pause_at_bottom": 0.2},
            },
            {"id": "step-02", "url": address, "narration": "And that was all."},
        ],
        "output": OUTPUT,
    }
    report, chapters = film(tmp_path, spec, "--tts-backend", "local", "--encode-backend", "local", "--zoom", "mobile")
    assert chapters == ["step-01", "step-02"]
    assert [check["ok"] for check in report["steps"][0]["assertions"]] == [True, True, True]
    assert any("am_michael" in warning for warning in report["warnings"])
    assert (tmp_path / "ready.txt").read_text() == "ready\n"
    again = record(tmp_path / "tutorial.json", "--allow-setup", "--skip-tts", "--dry-run")
    assert again.returncode == 0, again.stderr
    assert sorted(path.name for path in (tmp_path / ".tutorial-work/audio").iterdir()) == [
        "step-step-01.wav",
        "step-step-02.wav",
    ]


def test_a_spec_of_segments(chromium: Path, address: str, tmp_path: Path) -> None:
    """Slides before and after a demo, in one video, continuous."""
    spec = {
        "meta": META,
        "settings": {**SETTINGS, "mode": "continuous"},
        "slides": {
            "theme": "dark",
            "cache_key": "tutorial",
            "content": [
                {"type": "title", "title": "A tutorial", "subtitle": "In two slides"},
                {"type": "bullets", "title": "What we did", "bullet_points": ["one", "two"]},
            ],
        },
        "segments": [
            {
                "id": "intro",
                "type": "slides",
                "narration": "This is a tutorial.",
                "slides": {"range": [1, 1], "advance_interval": 1},
            },
            {
                "id": "demo",
                "type": "demo",
                "narration": "And this is the demonstration.",
                "url": address,
                "actions": ACTIONS[:6],
                "duration": 2,
            },
            {
                "id": "outro",
                "type": "slides",
                "narration": "That was the tutorial.",
                "slides": {"range": [2, 2], "advance_interval": 1},
            },
        ],
        "output": OUTPUT,
    }
    report, chapters = film(tmp_path, spec)
    assert chapters == ["intro", "demo", "outro"]
    assert [step["id"] for step in report["steps"]] == chapters
    assert report["steps"][1]["capture_seconds"] >= 2
