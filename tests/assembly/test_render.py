"""The film: picture and sound in step, colours kept, loudness at its target, whole or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from dispatcher.assembly.render import RenderOptions, render
from dispatcher.assembly.timeline import ENDING_FRAMES, FPS, Clip, Timeline, whole_frames
from media import audio
from media.ffmpeg import find
from media.take import TakeWriter
from protocol.errors import MediaError
from tests.support.media import jpeg, read_frame, speechlike, take, tone

RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 180, 30), (30, 30, 200), (255, 255, 255)
FAST = RenderOptions(size=(320, 240), preset="ultrafast", crf=12)


def colour_at(film: Path, seconds: float) -> np.ndarray:
    """Return the mean colour of the frame shown then."""
    return read_frame(film, seconds).reshape(-1, 3).mean(axis=0)


def near(found: np.ndarray, colour: tuple[int, int, int]) -> bool:
    """Say whether two colours look the same."""
    return bool(np.abs(found - np.array(colour)).max() < 5)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Timeline]:
    """A film of three steps of odd lengths, each of one colour and with a tone from its start."""
    folder = tmp_path_factory.mktemp("film")
    clips = []
    for name, colour, seconds in (("a", RED, 1.234), ("b", GREEN, 0.777), ("c", BLUE, 2.5)):
        frames = whole_frames(seconds)
        sound = tone(folder / f"{name}.wav", 0.4)
        shot = take(folder / f"{name}.mkv", [(0.0, colour), (seconds / 2, colour)], seconds)
        clips.append(Clip(step_id=name, title=f"Step {name}; a=b", take=shot, frames=frames, narration=sound))
    timeline = Timeline(tuple(clips))
    render(find(), timeline, folder / "film.mp4", FAST)
    return folder / "film.mp4", timeline


def test_the_picture_changes_at_the_very_frame(film: tuple[Path, Timeline]) -> None:
    """One frame before a boundary shows the old step, one frame after it the new one."""
    path, timeline = film
    first, second = timeline.starts[1:]
    assert near(colour_at(path, first - 1 / FPS), RED)
    assert near(colour_at(path, first + 0.01), GREEN)
    assert near(colour_at(path, second - 1 / FPS), GREEN)
    assert near(colour_at(path, second + 0.01), BLUE)


def test_narration_starts_with_its_step(film: tuple[Path, Timeline], tmp_path: Path) -> None:
    """The sound of each step sets in within 30 ms of its picture."""
    path, timeline = film
    find().run(["-i", path, "-vn", tmp_path / "sound.wav"])
    samples = np.abs(audio.read_mono(tmp_path / "sound.wav", 8000))
    loud = samples > 0.1 * samples.max()
    onsets = [n / 8000 for n in np.flatnonzero(loud) if not loud[max(0, n - 800) : n].any()]
    assert len(onsets) == len(timeline.starts)
    assert max(abs(a - b) for a, b in zip(onsets, timeline.starts, strict=True)) < 0.03


def test_streams_are_what_players_expect(film: tuple[Path, Timeline]) -> None:
    """30 frames a second, 4:2:0, tagged BT.709 limited range, 48 kHz, a chapter a step with its title."""
    path, timeline = film
    with av.open(str(path)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.average_rate, video.format.name, sound.rate) == (30, "yuv420p", 48000)
        assert (video.codec_context.colorspace, video.codec_context.color_range) == (1, 1)
        assert video.frames == sum(clip.frames for clip in timeline.clips) + ENDING_FRAMES
        chapters = container.chapters()
    assert [chapter["metadata"]["title"] for chapter in chapters] == [clip.title for clip in timeline.clips]
    starts = [float(chapter["start"] * chapter["time_base"]) for chapter in chapters]
    assert starts == pytest.approx(timeline.starts, abs=0.001)


def test_white_stays_white(tmp_path: Path) -> None:
    """The change of range and matrix on the way from JPEG does not grey the page."""
    shot = take(tmp_path / "t.mkv", [(0.0, WHITE)], 1)
    clip = Clip(step_id="a", title="A", take=shot, frames=30)
    render(find(), Timeline((clip,)), tmp_path / "film.mp4", FAST)
    assert colour_at(tmp_path / "film.mp4", 0.5).min() >= 252


@pytest.mark.parametrize(("level", "clicks"), [(0.005, False), (0.3, False), (0.05, True)])
def test_loudness_is_at_its_target(tmp_path: Path, level: float, clicks: bool) -> None:
    """Quiet, loud and peaky narration all come out at −16 LUFS within 1 LU, peaks at most −1.5 dBTP (AAC: +0.3)."""
    sound = speechlike(tmp_path / "s.wav", 8, level=level, clicks=clicks)
    clip = Clip(step_id="a", title="A", take=take(tmp_path / "t.mkv", [(0.0, RED)], 8), frames=240, narration=sound)
    film = render(find(), Timeline((clip,)), tmp_path / "film.mp4", FAST)
    found = audio.measure_loudness(find(), film.path)
    assert found.integrated_lufs == pytest.approx(-16, abs=1)
    assert found.true_peak_dbtp <= -1.2


def test_a_film_without_narration_is_silent(tmp_path: Path) -> None:
    """No narration is no error; the film has a silent track."""
    clip = Clip(step_id="a", title="A", take=take(tmp_path / "t.mkv", [(0.0, RED)], 1), frames=30)
    film = render(find(), Timeline((clip,)), tmp_path / "film.mp4", FAST)
    assert audio.measure_loudness(find(), film.path).true_peak_dbtp < -80


def test_a_failed_render_leaves_what_was_there(tmp_path: Path) -> None:
    """A take that cannot be read is an error that names ffmpeg's reason; an earlier film stays."""
    (tmp_path / "film.mp4").write_bytes(b"earlier")
    (tmp_path / "t.mkv").write_bytes(b"no film")
    clip = Clip(step_id="a", title="A", take=tmp_path / "t.mkv", frames=30)
    with pytest.raises(MediaError, match=r"t\.mkv"):
        render(find(), Timeline((clip,)), tmp_path / "film.mp4", FAST)
    assert (tmp_path / "film.mp4").read_bytes() == b"earlier"
    assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []


def test_a_cut_take_is_named_not_shown_wrong(tmp_path: Path) -> None:
    """A take that lost its end is an error that names the step, never the picture of another step."""
    shot = take(tmp_path / "t.mkv", [(n / 10, RED) for n in range(20)], 2)
    shot.write_bytes(shot.read_bytes()[: shot.stat().st_size // 2])
    clip = Clip(step_id="lost", title="A", take=shot, frames=60)
    with pytest.raises(MediaError, match=r"t\.mkv"):
        render(find(), Timeline((clip,)), tmp_path / "film.mp4", FAST)


def test_five_hundred_steps_do_not_drift(tmp_path: Path) -> None:
    """The last of 500 steps starts where it should, in picture and in chapters."""
    shot = take(tmp_path / "t.mkv", [(0.0, RED)], 0.1)
    last = take(tmp_path / "l.mkv", [(0.0, BLUE)], 0.5)
    clips = [Clip(step_id=str(n), title=str(n), take=shot, frames=4) for n in range(499)]
    timeline = Timeline((*clips, Clip(step_id="last", title="last", take=last, frames=15)))
    film = render(find(), timeline, tmp_path / "film.mp4", FAST)
    boundary = timeline.starts[-1]
    assert near(colour_at(film.path, boundary - 1 / FPS), RED)
    assert near(colour_at(film.path, boundary + 0.01), BLUE)


def test_a_take_longer_than_its_step_does_not_spill(tmp_path: Path) -> None:
    """What was filmed beyond a step's end is not shown; the next step has all of its frames."""
    long = take(tmp_path / "long.mkv", [(0.0, RED), (0.6, RED), (1.0, WHITE), (1.4, WHITE), (1.8, WHITE)], 2)
    following = take(tmp_path / "next.mkv", [(0.0, BLUE)], 1)
    clips = tuple(
        Clip(step_id=shot.stem, title=shot.stem, take=shot, frames=frames)
        for shot, frames in ((long, 30), (following, 30), (long, 30))
    )
    film = render(find(), Timeline(clips), tmp_path / "film.mp4", FAST)
    for frame, colour in ((0, RED), (29, RED), (30, BLUE), (45, BLUE), (59, BLUE), (60, RED), (89, RED)):
        assert near(colour_at(film.path, (frame + 0.1) / FPS), colour)


def test_takes_of_another_size_are_refused(tmp_path: Path) -> None:
    """Takes that differ in size are an error that names the step, and not a film of torn pictures."""
    small = TakeWriter(tmp_path / "small.mkv", (160, 120))
    small.add(jpeg(BLUE, (160, 120)), 0)
    small.close(1)
    usual = take(tmp_path / "usual.mkv", [(0.0, RED)], 1)
    clips = (
        Clip(step_id="a", title="A", take=usual, frames=30),
        Clip(step_id="b", title="B", take=tmp_path / "small.mkv", frames=30),
    )
    with pytest.raises(MediaError, match=r"step b: .*160x120"):
        render(find(), Timeline(clips), tmp_path / "film.mp4", FAST)


def test_takes_are_fitted_into_the_film(tmp_path: Path) -> None:
    """Takes of one size fill a film of another: scaled, and black where their shape leaves room."""
    shot = take(tmp_path / "t.mkv", [(0.0, RED)], 1)
    clip = Clip(step_id="a", title="A", take=shot, frames=30)
    film = render(find(), Timeline((clip,)), tmp_path / "film.mp4", replace(FAST, size=(640, 240)))
    lit = read_frame(film.path, 0.5)[120, :, 0] > 100
    assert (int(lit.sum()), int(np.flatnonzero(lit)[0])) == (320, 160)


def test_the_end_fades_to_black_in_silence(tmp_path: Path) -> None:
    """After the last step its last picture stays half a second and fades; sound and last chapter end with it."""
    shot = take(tmp_path / "t.mkv", [(0.0, RED)], 2)
    tone(tmp_path / "a.wav", 1.9)
    clip = Clip(step_id="a", title="A", take=shot, frames=60, narration=tmp_path / "a.wav")
    film = render(find(), Timeline((clip,)), tmp_path / "film.mp4", RenderOptions(size=(320, 240), preset="ultrafast"))
    light = [float(read_frame(film.path, frame / FPS + 0.01).mean()) for frame in (30, 59, 64, 69, 74)]
    assert light[0] == pytest.approx(light[1], abs=3)
    assert light[1] > light[2] + 8
    assert light[2] > light[3] + 8
    assert light[4] < 12
    find().run(["-i", film.path, "-vn", tmp_path / "heard.wav"])
    heard = audio.read_mono(tmp_path / "heard.wav", 48_000)
    assert len(heard) / 48_000 == pytest.approx(2.5, abs=0.06)
    assert np.abs(heard[int(1.97 * 48_000) :]).max() < 0.01
    with av.open(str(film.path)) as opened:
        (chapter,) = opened.chapters()
    assert float(chapter["end"] * chapter["time_base"]) == pytest.approx(2.5)
