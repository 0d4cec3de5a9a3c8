"""Films from elsewhere before and after the steps: any size, rate, turn, sound and colours, in step to the frame."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from dispatcher.assembly.captions import write_captions
from dispatcher.assembly.inserts import fitted
from dispatcher.assembly.render import RenderOptions, render
from dispatcher.assembly.timeline import ENDING_FRAMES, FPS, Clip, Insert, Timeline, Word
from media import audio
from media.ffmpeg import find
from media.probe import probe
from tests.support.media import read_frame, speechlike, take, tone

RED, GREEN, BLUE = (200, 30, 30), (30, 180, 30), (30, 30, 200)
SIZE = (320, 240)
HI = Word(text="hi", start_s=0.1, end_s=0.4)
FAST = RenderOptions(size=SIZE, preset="ultrafast", crf=12)
RATE = 8000


def made(path: Path, *arguments: str | Path) -> Path:
    """Make a film with ffmpeg."""
    find().run([*arguments, path])
    return path


def colour(name: str, seconds: float, *, size: str = "320x240", rate: str = "30") -> list[str]:
    """Return the arguments for a picture of one colour."""
    return ["-f", "lavfi", "-i", f"color=c={name}:s={size}:r={rate}:d={seconds}"]


def step(folder: Path, *, frames: int = 45, narration: Path | None = None) -> Clip:
    """Return a green step of our own."""
    shot = take(folder / "green.mkv", [(0.0, GREEN)], frames / FPS)
    return Clip(step_id="a", title="A", take=shot, frames=frames, narration=narration, words=(HI,))


def insert(path: Path, title: str = "Intro") -> Insert:
    """Return a film as it is shown before the steps."""
    return Insert(title=title, footage=probe(path))


def shown(film: Path, frame: int) -> np.ndarray:
    """Return a frame of the film by its number."""
    return read_frame(film, (frame + 0.1) / FPS)


def hue(film: Path, frame: int) -> str:
    """Return which of the three colours leads in the middle of a frame."""
    picture = shown(film, frame)
    height, width = picture.shape[:2]
    middle = picture[height // 2 - 8 : height // 2 + 8, width // 2 - 8 : width // 2 + 8]
    return ("red", "green", "blue")[int(middle.reshape(-1, 3).mean(axis=0).argmax())]


def frames_of(film: Path) -> int:
    """Return how many frames a film has."""
    with av.open(str(film)) as container:
        return sum(1 for _ in container.decode(video=0))


def heard(film: Path, folder: Path) -> np.ndarray:
    """Return a film's sound."""
    find().run(["-i", film, "-vn", folder / "heard.wav"])
    return audio.read_mono(folder / "heard.wav", RATE)


def onsets(samples: np.ndarray) -> list[float]:
    """Return when sound sets in after silence, in seconds."""
    loud = np.abs(samples) > 0.1 * np.abs(samples).max()
    return [n / RATE for n in np.flatnonzero(loud) if not loud[max(0, n - 800) : n].any()]


def test_both_ends_join_at_the_very_frame(tmp_path: Path) -> None:
    """Intro, steps and outro change at their frames; the film has their frames and chapters; captions move along."""
    intro = made(tmp_path / "i.mp4", *colour("red", 1.001, size="640x480", rate="30000/1001"))
    outro = made(tmp_path / "o.mkv", *colour("blue", 0.5, size="200x150", rate="60"))
    timeline = Timeline((step(tmp_path), step(tmp_path)), insert(intro), insert(outro, "Thanks"))
    film = render(find(), timeline, tmp_path / "film.mp4", FAST)
    assert [hue(film.path, frame) for frame in (0, 29, 30, 119, 120, 134)] == [
        "red",
        "red",
        *["green"] * 2,
        "blue",
        "blue",
    ]
    assert frames_of(film.path) == timeline.frames == 30 + 90 + 15
    assert film.seconds == pytest.approx(4.5)
    with av.open(str(film.path)) as container:
        chapters = container.chapters()
    assert [chapter["metadata"]["title"] for chapter in chapters] == ["Intro", "A", "A", "Thanks"]
    assert [float(chapter["start"] * chapter["time_base"]) for chapter in chapters] == pytest.approx([0, 1, 2.5, 4])
    assert "00:00:01,100" in write_captions(timeline, film.path, "en-us")[0].read_text()


@pytest.mark.parametrize("which", ["intro", "outro"])
def test_one_end_alone(tmp_path: Path, which: str) -> None:
    """A film may have an intro and no outro, or the other way round; without an outro it fades to black."""
    clip = insert(made(tmp_path / "i.mp4", *colour("red", 0.5)))
    timeline = Timeline((step(tmp_path),), **{which: clip})
    film = render(find(), timeline, tmp_path / "film.mp4", FAST)
    there = ["red", "green"] if which == "intro" else ["green", "red"]
    assert [hue(film.path, 5), hue(film.path, 55)] == there
    assert frames_of(film.path) == 60 + timeline.ending_frames
    assert timeline.ending_frames == (ENDING_FRAMES if which == "intro" else 0)
    last = read_frame(film.path, timeline.seconds - 0.5 / FPS)
    assert (last.max() < 30) == (which == "intro")


def test_another_shape_is_letterboxed_not_stretched(tmp_path: Path) -> None:
    """A wide film has black above and below; a circle stays round."""
    wide = made(tmp_path / "i.mp4", *colour("red", 0.5, size="640x240"))
    film = render(find(), Timeline((step(tmp_path),), insert(wide)), tmp_path / "film.mp4", FAST)
    lit = shown(film.path, 5)[:, 160, 0] > 100
    assert (int(lit.sum()), int(np.flatnonzero(lit)[0])) == (120, 60)
    assert (fitted((1080, 1920), (1280, 720)), fitted((720, 576), (1280, 720))) == ((404, 720), (900, 720))


@pytest.mark.parametrize("program", ["system", "embedded"])
def test_a_turned_film_is_turned_back(tmp_path: Path, program: str) -> None:
    """What a phone filmed upright is shown upright: its own left edge is not below."""
    import imageio_ffmpeg

    ffmpeg = find() if program == "system" else find(Path(imageio_ffmpeg.get_ffmpeg_exe()))
    halves = "color=red:s=160x240:r=30:d=0.5[l];color=blue:s=160x240:r=30:d=0.5[r];[l][r]hstack"
    flat = made(tmp_path / "flat.mp4", "-f", "lavfi", "-i", halves)
    turned = tmp_path / "turned.mp4"
    find(Path(imageio_ffmpeg.get_ffmpeg_exe())).run(["-display_rotation", "90", "-i", flat, "-c", "copy", turned])
    clip = insert(turned)
    assert (clip.footage.size, clip.footage.rotation) == ((240, 320), 90)
    film = render(ffmpeg, Timeline((step(tmp_path),), clip), tmp_path / "film.mp4", FAST)
    picture = shown(film.path, 5)
    edge = [int(picture[row, 160].argmax()) for row in (20, 220)]
    assert edge == [2, 0]  # turned to the left: what was right is above
    assert picture[120, 20].max() < 30


def test_wide_pixels_are_shown_wide(tmp_path: Path) -> None:
    """A film of pixels that are not square has its true shape."""
    film = made(tmp_path / "i.mp4", *colour("red", 0.3, size="160x240"), "-vf", "setsar=2")
    assert probe(film).size == (320, 240)


def test_pictures_at_uneven_times_keep_their_times(tmp_path: Path) -> None:
    """A film with a variable rate changes when it does, and lasts as long."""
    path = take(tmp_path / "i.mkv", [(0.0, RED), (0.1, RED), (0.5, BLUE), (0.51, BLUE)], 1.2)
    film = render(find(), Timeline((step(tmp_path),), insert(path)), tmp_path / "film.mp4", FAST)
    assert [hue(film.path, frame) for frame in (0, 14, 15, 35, 36)] == ["red", "red", "blue", "blue", "green"]
    assert np.abs(shown(film.path, 5)[120, 160].astype(int) - RED).max() < 6


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1"])
def test_its_sound_starts_with_it(tmp_path: Path, layout: str) -> None:
    """Sound of any layout is heard where it is, within 30 ms; the narration starts with its step."""
    beep = f"sine=f=440:d=0.4,adelay=300:all=1,aformat=channel_layouts={layout}:sample_rates=44100"
    path = made(tmp_path / "i.mp4", *colour("red", 1), "-f", "lavfi", "-i", beep, "-c:a", "aac", "-ac", _count(layout))
    narrated = step(tmp_path, narration=tone(tmp_path / "n.wav", 0.4))
    film = render(find(), Timeline((narrated,), insert(path), insert(path)), tmp_path / "film.mp4", FAST)
    assert onsets(heard(film.path, tmp_path)) == pytest.approx([0.3, 1.0, 2.8], abs=0.03)


def _count(layout: str) -> str:
    return {"mono": "1", "stereo": "2", "5.1": "6"}[layout]


@pytest.mark.parametrize("late", ["sound", "picture"])
@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_sound_that_is_offset_stays_so(tmp_path: Path, late: str, ending: str) -> None:
    """Where a container says that the sound starts later or earlier than the picture, it does."""
    offset = ["-itsoffset", "0.4"]
    picture, beep = colour("red", 1.5), ["-f", "lavfi", "-i", "sine=f=440:d=0.5,adelay=500:all=1"]
    order = [*picture, *offset, *beep] if late == "sound" else [*offset, *picture, *beep]
    first = made(tmp_path / "first.mkv", *order, "-c:a", "aac")
    path = made(tmp_path / f"i.{ending}", "-i", first, "-c", "copy")
    film = render(find(), Timeline((step(tmp_path),), insert(path)), tmp_path / "film.mp4", FAST)
    assert onsets(heard(film.path, tmp_path)) == pytest.approx([0.9 if late == "sound" else 0.1], abs=0.03)


def test_stereo_stays_stereo(tmp_path: Path) -> None:
    """What is on the left of an intro is on the left of the film; narration is in the middle."""
    left = "sine=f=440:d=1,pan=stereo|c0=c0|c1=0*c0"
    path = made(tmp_path / "i.mkv", *colour("red", 1), "-f", "lavfi", "-i", left, "-c:a", "pcm_s16le")
    narrated = step(tmp_path, narration=tone(tmp_path / "n.wav", 1))
    film = render(find(), Timeline((narrated,), insert(path)), tmp_path / "film.mp4", FAST)
    with av.open(str(film.path)) as container:
        both = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], axis=1)
    powers = [np.sqrt((both[:, at : at + 24_000] ** 2).mean(axis=1)) for at in (12_000, 60_000)]
    assert powers[0][0] > 50 * powers[0][1]
    assert powers[1][0] == pytest.approx(powers[1][1], rel=0.02)


@pytest.mark.parametrize(("intro_level", "level"), [(0.6, 0.005), (0.003, 0.3)])
def test_every_part_is_as_loud(tmp_path: Path, intro_level: float, level: float) -> None:
    """A loud intro before a quiet narration, and the reverse: each is at the target by itself."""
    noise = speechlike(tmp_path / "noise.wav", 5, level=intro_level)
    path = made(tmp_path / "i.mkv", *colour("red", 5), "-i", noise, "-c:a", "pcm_s16le")
    narrated = step(tmp_path, frames=150, narration=speechlike(tmp_path / "n.wav", 5, level=level))
    film = render(find(), Timeline((narrated,), insert(path)), tmp_path / "film.mp4", FAST)
    for start in (0, 5):
        part = made(tmp_path / f"{start}.wav", "-ss", str(start), "-t", "5", "-i", film.path, "-vn")
        assert audio.measure_loudness(find(), part).integrated_lufs == pytest.approx(-16, abs=1)


def test_no_click_where_parts_join(tmp_path: Path) -> None:
    """A tone that is cut at full swing at the end of the intro fades: no sample jumps at the join."""
    loud = "sine=f=220:d=2"
    path = made(tmp_path / "i.mkv", *colour("red", 0.98), "-f", "lavfi", "-i", loud, "-c:a", "pcm_s16le", "-shortest")
    film = render(find(), Timeline((step(tmp_path),), insert(path), insert(path)), tmp_path / "film.mp4", FAST)
    samples = heard(film.path, tmp_path)
    steepest = np.abs(np.diff(samples))
    inside = steepest[2000:6000].max()
    assert steepest.max() < 1.2 * inside


def test_silence_where_it_has_no_sound(tmp_path: Path) -> None:
    """An intro without sound is silent, and the narration starts after it."""
    path = made(tmp_path / "i.mp4", *colour("red", 1))
    narrated = step(tmp_path, narration=tone(tmp_path / "n.wav", 0.4))
    film = render(find(), Timeline((narrated,), insert(path)), tmp_path / "film.mp4", FAST)
    assert onsets(heard(film.path, tmp_path)) == pytest.approx([1.0], abs=0.03)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_high_dynamic_range_becomes_ours(tmp_path: Path, transfer: str) -> None:
    """Bright is bright and red is red, in eight bits and BT.709; unmapped, such a film looks grey and dim."""
    bars = "color=white:s=160x240:r=30:d=0.4[l];color=red:s=160x240:r=30:d=0.4[r];[l][r]hstack"
    up = f"format=gbrp,zscale=min=gbr:tin=bt709:pin=bt709:rin=full:p=bt2020:m=bt2020nc:t={transfer}:r=tv:npl=203"
    tags = ["-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-color_range", "tv"]
    path = made(
        tmp_path / "i.mkv",
        *(
            "-f",
            "lavfi",
            "-i",
            bars,
            "-vf",
            f"{up},format=yuv420p10le",
            "-c:v",
            "libx265",
            "-x265-params",
            "log-level=0",
        ),
        *tags,
    )
    clip = insert(path)
    assert (clip.footage.transfer, clip.footage.bits) == (transfer, 10)
    film = render(find(), Timeline((step(tmp_path),), clip), tmp_path / "film.mp4", FAST)
    picture = shown(film.path, 5).astype(int)
    white, red = picture[120, 80], picture[120, 240]
    assert white.min() > 220
    assert np.ptp(white) < 12
    assert red[0] > 190
    assert red[1:].max() < 90


@pytest.mark.parametrize(("size", "matrix"), [("640x360", "bt601"), ("1280x720", "bt709")])
def test_colours_are_kept(tmp_path: Path, size: str, matrix: str) -> None:
    """A film that says how its colours are coded, and one that does not, looks the same as before."""
    name = {"bt601": "smpte170m"}.get(matrix, matrix)
    coded = (
        f"color=0xC81E1E:s={size}:r=30:d=0.3,format=rgb24,scale=out_color_matrix={matrix}:out_range=tv,format=yuv420p"
    )
    said = made(tmp_path / "said.mkv", "-f", "lavfi", "-i", coded, "-colorspace", name, "-qp", "0")
    quiet = made(tmp_path / "quiet.mkv", "-f", "lavfi", "-i", coded, "-qp", "0")
    for path in (said, quiet):
        film = render(find(), Timeline((step(tmp_path),), insert(path)), tmp_path / "film.mp4", FAST)
        assert np.abs(shown(film.path, 4)[120, 160].astype(int) - (0xC8, 0x1E, 0x1E)).max() < 6
