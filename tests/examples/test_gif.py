"""The animation of the README, and the script that cuts it from the demo's video."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import av
import pytest

from media import ffmpeg

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "gif.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gif", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def _seconds(gif: Path) -> float:
    with av.open(str(gif)) as opened:
        assert opened.duration is not None
        return opened.duration / av.time_base


def test_the_animation_is_small_and_moves(script: ModuleType) -> None:
    """Less than 3 MB, and long enough for what it shows."""
    assert script.GIF.stat().st_size < 3_000_000
    assert 15 < _seconds(script.GIF) < 40


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Make a video of 20 s with two chapters, one of which is shown, and captions."""
    (tmp_path / "chapters.txt").write_text(
        ";FFMETADATA1\n"
        "[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=4\ntitle=Something else\n"
        "[CHAPTER]\nTIMEBASE=1/1\nSTART=4\nEND=20\ntitle=A new notebook\n"
    )
    (tmp_path / "v.srt").write_text("1\n00:00:04,000 --> 00:00:09,000\nHello.\n")
    source = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=10:duration=20", "-i", str(tmp_path / "chapters.txt")]
    ffmpeg.find(None).run([*source, "-map_chapters", "1", "-c:v", "libx264", str(tmp_path / "v.mp4")])
    return tmp_path / "v.mp4"


def test_the_chosen_seconds_are_cut(script: ModuleType, video: Path, tmp_path: Path) -> None:
    """Only chapters that are named, only their seconds, and the last picture is held."""
    begin, end = script.SHOWN["A new notebook"]
    assert script.excerpts(video) == [(4 + begin, 4 + end)]
    assert _seconds(script.make(video, tmp_path / "v.gif")) == pytest.approx(end - begin + script.HELD_S, abs=0.3)


def test_what_is_too_large_is_not_kept(
    script: ModuleType, video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends with the size and what to change; the old animation stays."""
    monkeypatch.setattr(script, "MOST_BYTES", 1000)
    with pytest.raises(SystemExit, match="SHOWN"):
        script.make(video, tmp_path / "v.gif")
    assert not (tmp_path / "v.gif").exists()


def test_a_video_that_is_not_there_names_the_command(tmp_path: Path) -> None:
    """Whoever has not recorded the demo is told to."""
    ran = subprocess.run([sys.executable, SCRIPT, tmp_path / "no.mp4"], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "make demo" in ran.stderr
