"""Captions as two strict readers show them: ffmpeg, which burns them into the picture, and Chromium's <track>."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import sync_playwright

from dispatcher.assembly.captions import write_captions
from dispatcher.assembly.timeline import Clip, Timeline, Word
from dispatcher.config import is_root
from dispatcher.tour.browser.chromium import launch
from media.ffmpeg import find
from tests.support.pages import html, serve_folder

pytestmark = [pytest.mark.browser, pytest.mark.films]
SAID = (
    "The <head> of.", "Run git switch <branch> now.", "Write {name} here.", r"In C:\Users or C:\new \N.", "a --> b.",
    "R&D says &lt;.", "If a < b then c > d.", "<b>bold</b> and </i>.", r"{\an8}top and {y:i}slanted.",
    "打开文件，选择设置。", "ファイルを開きます。",
)  # fmt: skip

LOADED = "() => document.querySelector('track').readyState === 2"
CUES = (
    "() => [...document.querySelector('track').track.cues].map(cue => [cue.getCueAsHTML().textContent, cue.startTime])"
)


@pytest.fixture
def written(tmp_path: Path) -> tuple[Path, Path]:
    """Write the captions of a video that says one of the sentences a second."""
    clips = [
        Clip(step_id=f"s{n}", title="x", take=Path("x.mkv"), frames=30, words=words)
        for n, words in enumerate(map(_words, SAID))
    ]
    return write_captions(Timeline(tuple(clips)), tmp_path / "film.mp4", "en-us")


def _words(text: str) -> tuple[Word, ...]:
    each_s = 1 / len(text.split())
    return tuple(Word(text=word, start_s=n * each_s, end_s=(n + 1) * each_s) for n, word in enumerate(text.split()))


def burned(subtitles: Path) -> np.ndarray:
    """Return what ffmpeg makes of a subtitle file on black, in the middle of each second."""
    out = subtitles.with_suffix(f"{subtitles.suffix}.rgb")
    size = "640x120"
    source = f"color=black:s={size}:r=2:d={len(SAID)}"
    draw = f"setpts=PTS+0.25/TB,subtitles=f={subtitles.name}:original_size={size}"
    find().run(
        ["-f", "lavfi", "-i", source, "-vf", draw, "-f", "rawvideo", "-pix_fmt", "gray", out.name],
        folder=subtitles.parent,
    )
    return np.fromfile(out, np.uint8).reshape(-1, 120, 640)[::2].astype(int)


def test_ffmpeg_shows_the_very_words(written: tuple[Path, Path], tmp_path: Path) -> None:
    """It draws the same from either file, which guard against commands in ways of their own."""
    drawn = [burned(path) for path in written]
    assert len(drawn[0]) == len(SAID)
    for place, text in enumerate(SAID):
        assert drawn[0][place].max() > 50, text
        assert np.abs(drawn[0][place] - drawn[1][place]).mean() < 0.05, text


def test_chromium_shows_the_very_words(written: tuple[Path, Path], chromium: Path) -> None:
    """A track has a cue for each sentence, and its text is the sentence."""
    folder = written[1].parent
    (folder / "index.html").write_text(html("<video><track src=film.vtt default></video>"))
    with serve_folder(folder) as url, sync_playwright() as playwright:
        browser = launch(playwright, chromium, root=is_root())
        page = browser.new_page()
        page.goto(f"{url}/index.html")
        page.wait_for_function(LOADED, timeout=20_000)
        cues = page.evaluate(CUES)
        browser.close()
    assert [text for text, _ in cues] == list(SAID)
    assert [start for _, start in cues] == [pytest.approx(n) for n in range(len(SAID))]
