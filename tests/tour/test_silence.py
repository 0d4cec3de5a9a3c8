"""Steps without narration: silence, no cue, and a video, captions and report that are whole or not there."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pysubs2
import pytest

from dispatcher.assembly.timeline import ENDING_FRAMES, FPS, Focus, Word
from dispatcher.tour.narration.clips import Narration, SpokenClip
from dispatcher.tour.output import cutting, publishing
from dispatcher.tour.output.cutting import CutVideo, cut
from dispatcher.tour.output.plan import TourFootage, plan_video
from dispatcher.tour.recording.takes import Take
from dispatcher.tour.spec.loading import load
from media import audio
from media.ffmpeg import find
from protocol.errors import EnvironmentNotReady, MediaError
from tests.support.media import take, tone
from tests.support.sessions import session

STEP_S = 1.0
BUSY = Focus(start_s=0.2, end_s=0.4, left=0.1, top=0.1, right=0.3, bottom=0.2)
PATTERNS = ["S", ".", ".S", "S.", "..", "S.S", ".S.", "..."]
"""Which of the steps speak (S)."""


def made(folder: Path, pattern: str, *, output: Mapping[str, Any] = {}, zoom: str = "off") -> CutVideo:
    """Cut a video of such steps, each of one second."""
    names = [f"s{n}" for n in range(len(pattern))]
    steps = [{"id": name, "url": "about:blank"} for name in names]
    shape = {"settings": {"viewport": "320x240"}, "output": {"path": "film.mp4", "video_preset": "ultrafast", **output}}
    (folder / "tour.json").write_text(json.dumps({**shape, "steps": steps}))
    spec = load(folder / "tour.json")
    takes = [
        Take(
            step_id=name,
            path=take(folder / f"{name}.mkv", [(0.0, (200, 30, 30)), (0.5, (30, 30, 200))], STEP_S),
            seconds=STEP_S,
            actions_seconds=0.0,
            retries=0,
            assertions=(),
            focus=(BUSY,),
        )
        for name in names
    ]
    clips = {
        name: SpokenClip(
            step_id=name,
            wav=tone(folder / f"{name}.wav", 0.5),
            seconds=0.5,
            words=(Word(text=f"Word-{name}.", start_s=0.0, end_s=0.4),),
            exact=True,
            engine="test",
        )
        for name, speaks in zip(names, pattern, strict=True)
        if speaks == "S"
    }
    cutting = session(folder, zoom=zoom)
    narration = Narration(clips=clips, engine="test" if clips else "none")
    return cut(plan_video(spec, cutting), TourFootage(narration=narration, takes=takes), cutting)


def loud_seconds(film: Path, folder: Path) -> list[bool]:
    """Return of each second of a video whether anything is heard in it."""
    find().run(["-y", "-i", film, "-vn", folder / "heard.wav"])
    samples = np.abs(audio.read_mono(folder / "heard.wav", 8000))
    return [bool(samples[n : n + 7900].max() > 0.01) for n in range(0, samples.size - 4000, 8000)]


def check_captions(film: Path, spoken: list[str]) -> None:
    """Check that players accept both files, and that they show these words and nothing else."""
    for path in (film.with_suffix(".srt"), film.with_suffix(".vtt")):
        shown = [event.plaintext for event in pysubs2.load(str(path)) if event.plaintext.strip()]
        assert shown == spoken, path
        find().run(
            ["-y", "-i", film, "-i", path, "-map", "0:v", "-map", "1:s", "-c:v", "copy", film.with_name("m.mkv")]
        )
        find().run(["-y", "-i", film, "-vf", f"subtitles={path}", "-frames:v", "3", film.with_name("burned.mp4")])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_any_step_may_be_silent(tmp_path: Path, pattern: str) -> None:
    """First, last, one, some or all: each step is heard or silent at its place, and only what is said has a cue."""
    done = made(tmp_path, pattern)
    spoken = [f"Word-s{n}." for n, speaks in enumerate(pattern) if speaks == "S"]
    check_captions(done.video, spoken)
    assert loud_seconds(done.video, tmp_path) == [speaks == "S" for speaks in pattern]
    with av.open(str(done.video)) as film:
        assert film.streams.video[0].frames == len(pattern) * STEP_S * FPS + ENDING_FRAMES
        assert len(film.chapters()) == len(pattern)
    report = json.loads(done.report.read_text())
    assert [step["narration_seconds"] for step in report["steps"]] == [0.5 if s == "S" else 0.0 for s in pattern]


@pytest.mark.parametrize(
    ("loudnorm", "zoom", "ending"),
    [
        *itertools.product([True, False], ["off", "auto", "mobile"], ["mp4"]),
        (True, "auto", "webm"),
        (True, "off", "mov"),
    ],
)
def test_silence_in_every_form(tmp_path: Path, loudnorm: bool, zoom: str, ending: str) -> None:
    """A silent video is cut with and without a target loudness, with the camera, and in other containers."""
    more = {} if ending == "webm" else {"video_preset": "ultrafast"}
    done = made(tmp_path, ".", output={"path": f"film.{ending}", "loudnorm": loudnorm, **more}, zoom=zoom)
    check_captions(done.video, [])
    assert loud_seconds(done.video, tmp_path) == [False]


@pytest.mark.parametrize("pattern", [".", "S."])
def test_silence_between_an_intro_and_an_outro(tmp_path: Path, pattern: str) -> None:
    """A silent intro, silent steps and a loud outro: only what sounds is heard."""
    for name, sound in (("intro", "anullsrc=r=48000:cl=stereo:d=1"), ("outro", "sine=440:d=1")):
        picture = ["-f", "lavfi", "-i", "color=c=green:s=320x240:r=30:d=1", "-f", "lavfi", "-i", sound]
        find().run([*picture, tmp_path / f"{name}.mp4"])
    done = made(tmp_path, pattern, output={"intro_clip": "intro.mp4", "outro_clip": "outro.mp4"})
    assert loud_seconds(done.video, tmp_path) == [False, *(speaks == "S" for speaks in pattern), True]
    check_captions(done.video, ["Word-s0."] if "S" in pattern else [])
    with av.open(str(done.video)) as film:
        assert [chapter["metadata"]["title"] for chapter in film.chapters()][:: len(pattern) + 1] == ["Intro", "Outro"]


FILES = ["film.mp4", "film.srt", "film.vtt", "film.report.json"]


@pytest.mark.parametrize("broken", ["write_captions", "encoding.encode", "report.write"])
def test_nothing_appears_before_all_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Whichever part fails, the four files that were there stay as they were, and nothing else is left."""
    for name in FILES:
        (tmp_path / name).write_text("earlier")
    owner, _, name = broken.rpartition(".")
    whole = getattr(cutting, owner) if owner else cutting
    real = getattr(whole, name)

    def fails(*args: Any, **more: Any) -> None:
        real(*args, **more)
        raise MediaError("broken")

    monkeypatch.setattr(whole, name, fails)
    with pytest.raises(MediaError, match="broken"):
        made(tmp_path, "S")
    assert {(tmp_path / name).read_text() for name in FILES} == {"earlier"}
    assert not [path for path in tmp_path.iterdir() if "unfinished" in path.name]


def test_the_film_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the video is, its captions and its report are; what a killed process left behind is not published."""
    (tmp_path / ".film.mp4.unfinished").mkdir()
    (tmp_path / ".film.mp4.unfinished" / "old.txt").write_text("of a killed process")
    published: list[str] = []
    real = Path.replace

    def replaced(self: Path, target: Path) -> Path:
        if target.parent == tmp_path:
            published.append(target.name)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replaced)
    made(tmp_path, ".")
    assert sorted(published) == sorted(FILES)
    assert published[-1] == "film.mp4"
    assert not (tmp_path / "old.txt").exists()


def test_where_the_film_cannot_go_is_an_error_before_anything_is_done(tmp_path: Path) -> None:
    """A folder, a file in place of a folder, and a folder without permission are named with the hint."""
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "file").write_text("")
    publishing.check_writable(tmp_path / "new" / "deep" / "film.mp4")
    assert not (tmp_path / "new").exists()
    for film, words in (("folder.mp4", "is a folder"), ("file/film.mp4", "is not a folder")):
        with pytest.raises(EnvironmentNotReady, match=words):
            publishing.check_writable(tmp_path / film)


def test_a_folder_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said which folder it is, and how to name another."""
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != tmp_path)
    publishing.check_writable(tmp_path.parent / "film.mp4")
    with pytest.raises(EnvironmentNotReady, match=f"no permission to write in {tmp_path}.*--output"):
        publishing.check_writable(tmp_path / "deep" / "film.mp4")


def test_a_second_recording_goes_over_the_first(tmp_path: Path) -> None:
    """A silent video replaces a spoken one, its captions and all."""
    made(tmp_path, "S")
    done = made(tmp_path, ".")
    check_captions(done.video, [])
    assert replace(done, video=tmp_path / "film.mp4") == done
