"""A tour with an intro and an outro, as a user records it: the video, its captions and its report move along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import av
import pytest

from media.ffmpeg import find
from tests.support.drops import ROOT
from tests.support.media import read_frame
from tests.support.pages import html, serve

pytestmark = [pytest.mark.browser, pytest.mark.films]


def test_a_tour_between_two_clips(chromium: Path, tmp_path: Path) -> None:
    """Red intro, green page, blue outro, in a webm: every start in report and captions counts from its start."""
    for name, colour, seconds in (("intro", "red", 1), ("outro", "blue", 0.5)):
        find().run(["-f", "lavfi", "-i", f"color={colour}:s=200x100:r=25:d={seconds}", tmp_path / f"{name}.mp4"])
    with serve() as site:
        site.pages["/index.html"] = html("<h1>Home</h1>", color="#1eb41e")
        spec = {
            "meta": {"title": "Ends", "target_duration_seconds": 100},
            "settings": {"viewport": "640x360", "base_url": site.url},
            "steps": [{"id": "home", "url": "index.html", "narration": "This is home."}],
            "output": {
                "path": "film.webm",
                "video_preset": "ultrafast",
                "intro_clip": "intro.mp4",
                "outro_clip": {"path": "outro.mp4", "title": "Thanks"},
            },
        }
        (tmp_path / "tour.json").write_text(json.dumps(spec))
        line = [sys.executable, str(ROOT / "record_tour.py"), str(tmp_path / "tour.json")]
        environment = {**os.environ, "GPUDROP_DATA_DIR": str(tmp_path / "data")}
        made = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=150)
    assert made.returncode == 0, made.stderr
    assert "shorter than meta.target_duration_seconds (100 s)" in " ".join(made.stderr.split())
    film = tmp_path / "film.webm"
    report = json.loads((tmp_path / "film.report.json").read_text())
    with av.open(str(film)) as container:
        assert container.streams.video[0].codec_context.name in ("vp9", "libvpx-vp9")
        assert sum(1 for _ in container.decode(video=0)) == round(report["seconds"] * 30)
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["Intro", "home", "Thanks"]
    assert report["steps"][0]["start"] == 1.0
    assert "00:00:01," in (tmp_path / "film.srt").read_text()
    middle = [read_frame(film, at)[180, 320].argmax() for at in (0.5, 0.98, 1.02, report["seconds"] - 0.2)]
    assert middle == [0, 0, 1, 2]
