"""The fields of `output`: what follows from what, what is taken in which spelling, and what cannot be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dispatcher.assembly.timeline import FPS
from dispatcher.config import Settings
from dispatcher.tour.output.inserts import find_inserts
from dispatcher.tour.record import record
from dispatcher.tour.spec.loading import load
from dispatcher.tour.spec.model import Spec
from dispatcher.tour.spec.settings import OutputSettings
from media.ffmpeg import NEEDED
from protocol.errors import EnvironmentNotReady, SpecError, UsageError
from tests.support.media import take, tone
from tests.support.sessions import RecordingScreen, session


def write(folder: Path, output: dict[str, Any], **rest: Any) -> Path:
    """Write a spec of one step."""
    path = folder / "tour.json"
    path.write_text(json.dumps({"steps": [{"id": "a", "url": "about:blank"}], "output": output, **rest}))
    return path


def refused(folder: Path, output: dict[str, Any]) -> str:
    """Return what a wrong output is told."""
    with pytest.raises(SpecError) as told:
        load(write(folder, output))
    return str(told.value)


@pytest.mark.parametrize(
    ("said", "follows"),
    [
        ({}, ("mp4", "libx264", 20, "aac")),
        ({"path": "a.webm"}, ("webm", "libvpx-vp9", 30, "libopus")),
        ({"format": "webm"}, ("webm", "libvpx-vp9", 30, "libopus")),
        ({"format": "webm", "video_codec": "av1"}, ("webm", "av1", 30, "libopus")),
        ({"path": "a.MOV", "video_codec": "hevc"}, ("mov", "hevc", 24, "aac")),
        ({"format": "mkv", "video_crf": 28}, ("mkv", "libx264", 28, "aac")),
        ({"video_codec": "vp9", "video_crf": 60}, ("mp4", "vp9", 60, "aac")),
    ],
)
def test_what_is_not_said_follows(said: dict[str, Any], follows: tuple[str, str, int, str]) -> None:
    """Format from the path, codecs from the format, quality from the codec; what is said stays."""
    made = OutputSettings.model_validate(said)
    assert (made.format, made.video_codec, made.video_crf, made.audio_codec) == follows


def test_the_film_is_named_by_its_format(tmp_path: Path) -> None:
    """Without a path the video lies beside the spec, with the ending of its format."""
    assert load(write(tmp_path, {"format": "webm"})).output_path() == tmp_path / "tour.webm"


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            {"format": "webm", "video_codec": "h264"},
            "format 'webm' cannot contain video_codec 'h264'; it can contain: libvpx-vp9",
        ),
        (
            {"path": "a.webm", "audio_codec": "aac"},
            "format 'webm' cannot contain audio_codec 'aac'; it can contain: libopus",
        ),
        ({"format": "mov", "audio_codec": "opus"}, "format 'mov' cannot contain audio_codec 'opus'"),
        ({"path": "a.mp4", "format": "webm"}, "path 'a.mp4' and format 'webm' disagree"),
        ({"path": "a.avi"}, "$.output.path: 'a.avi' does not end in .mp4, .mov, .mkv, .webm"),
        ({"video_crf": 52}, "video_crf 52 is too high for video_codec 'libx264': at most 51"),
        ({"intro_clip": ""}, "$.output.intro_clip.path: must have at least 1 character"),
        ({"intro_clip": 3}, "$.output.intro_clip: is not a clip; write its path"),
        (
            {"outro_clip": {"path": "a", "tittle": "b"}},
            "$.output.outro_clip.tittle: is not a known key; did you mean 'title'",
        ),
    ],
)
def test_what_cannot_be_names_both_fields(tmp_path: Path, output: dict[str, Any], told: str) -> None:
    """An impossible pair is told with both fields and what is possible."""
    assert told in refused(tmp_path, output)


@pytest.mark.parametrize("said", ["128k", "128K", "128 kbit/s", "128kbps", 128, 128_000, "128000"])
def test_a_bit_rate_in_every_spelling(said: str | int) -> None:
    """Bits or kbits, as number or text."""
    assert OutputSettings.model_validate({"audio_bitrate": said}).audio_bitrate == "128k"


@pytest.mark.parametrize("said", ["", "k", "fast", "8k", 8, 600, "900k", -128, 1.5, True, None, "١٢٨k", "9" * 5000])
def test_what_is_no_bit_rate(tmp_path: Path, said: object) -> None:
    """Too little, too much and no number at all are refused with an example."""
    assert '$.output.audio_bitrate: must be a bit rate from "16k" to "512k", such as "192k"' in refused(
        tmp_path, {"audio_bitrate": said}
    )


def test_clips_are_found_beside_the_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative to the spec or in the home folder; a text is a path, an object may name the chapter."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    take(tmp_path / "in.mkv", [(0.0, (0, 0, 0))], 1)
    take(tmp_path / "home" / "out.mkv", [(0.0, (0, 0, 0))], 2)
    output = {"intro_clip": "in.mkv", "outro_clip": {"path": "~/out.mkv", "title": "Thanks"}}
    found = find_inserts(load(write(tmp_path, output)), tmp_path / "film.mp4")
    assert found.intro is not None
    assert found.outro is not None
    assert [(insert.title, insert.frames) for insert in (found.intro, found.outro)] == [
        ("Intro", FPS),
        ("Thanks", 2 * FPS),
    ]
    assert (found.frames, found.filters) == (3 * FPS, NEEDED)


def record_nothing(folder: Path, **options: Any) -> None:
    """Record the tour in a folder, and check that it fails before any stage starts."""
    screen = RecordingScreen()
    try:
        record(session(folder, screen=screen, **options))
    finally:
        assert screen.stages == []
        assert screen.asked == []


def test_every_clip_that_cannot_be_shown_is_named_before_anything_starts(tmp_path: Path) -> None:
    """Both fields, both files, both hints, in one error of exit code 5; nothing is spoken."""
    tone(tmp_path / "sound.wav", 1)
    write(tmp_path, {"intro_clip": "sound.wav", "outro_clip": "none.mp4"})
    with pytest.raises(SpecError) as told:
        record_nothing(tmp_path, settings=Settings())
    assert told.value.exit_code == 5
    assert f"$.output.intro_clip: {tmp_path / 'sound.wav'} has no video track; give a video" in str(told.value)
    assert f"$.output.outro_clip: {tmp_path / 'none.mp4'} does not exist" in str(told.value)


def test_a_clip_is_never_written_over(tmp_path: Path) -> None:
    """A clip at the video's own place is refused."""
    take(tmp_path / "film.mkv", [(0.0, (0, 0, 0))], 1)
    spec = load(write(tmp_path, {"intro_clip": "film.mkv", "path": "film.mkv"}))
    with pytest.raises(SpecError, match=r"\$\.output\.intro_clip: .*film\.mkv is where the video goes"):
        find_inserts(spec, spec.output_path())


def test_an_encoder_that_is_missing_is_said_before_anything_starts(tmp_path: Path) -> None:
    """An ffmpeg without the codec that the spec asks for is refused with the hint."""
    filters = "".join(f" ... {name} A->A x\\n" for name in NEEDED)
    poor = tmp_path / "ffmpeg"
    poor.write_text(
        f"#!/bin/sh\n[ $2 = -filters ] && printf '{filters}'\n[ $2 = -encoders ] && echo ' A... aac AAC'\nexit 0\n"
    )
    poor.chmod(0o755)
    write(tmp_path, {"video_codec": "h265"})
    with pytest.raises(EnvironmentNotReady, match=r"libx265.*another codec"):
        record_nothing(tmp_path, settings=Settings(ffmpeg=poor))


def test_what_cannot_become_short_enough_fails_before_it_is_spoken(tmp_path: Path) -> None:
    """Actions alone that take longer than the maximum end the run at once."""
    steps = [{"id": "a", "url": "about:blank", "actions": [{"type": "pause", "seconds": 30}]}]
    write(tmp_path, {}, steps=steps, meta={"max_duration_seconds": 20})
    with pytest.raises(SpecError, match=r"shorten it by 11\.0 s"):
        record_nothing(tmp_path, dry_run=True)


def test_another_name_for_the_film_must_fit_its_format(tmp_path: Path) -> None:
    """--output with another ending than the spec's format is refused before anything starts."""
    write(tmp_path, {})
    with pytest.raises(UsageError, match=r"does not end in \.mp4"):
        record_nothing(tmp_path, output=tmp_path / "film.webm")


def test_the_spec_stays_as_it_was_written() -> None:
    """Filling in touches nothing of what was read."""
    raw: dict[str, Any] = {"format": "webm"}
    Spec.model_validate({"steps": [{"id": "a", "url": "about:blank"}], "output": raw})
    assert raw == {"format": "webm"}
