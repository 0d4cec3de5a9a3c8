"""What a film from elsewhere is found to be, and what is refused as no film."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from media import probe as probing
from media.ffmpeg import find
from media.probe import Sound, probe
from protocol.errors import MediaError
from tests.support.media import tone


def made(path: Path, *arguments: str | Path) -> Path:
    """Make a film with ffmpeg."""
    find().run([*arguments, path])
    return path


def picture(seconds: float = 1, *, size: str = "320x240", rate: str = "30") -> list[str]:
    """Return the arguments for a moving picture."""
    return ["-f", "lavfi", "-i", f"testsrc=s={size}:r={rate}:d={seconds}"]


def test_the_facts_of_a_film(tmp_path: Path) -> None:
    """Size, rate, length, sound and colours are those it was made with."""
    sound = ["-f", "lavfi", "-i", "sine=d=2:r=44100,aformat=channel_layouts=5.1"]
    path = made(tmp_path / "a.mov", *picture(1.001, size="640x480", rate="30000/1001"), *sound, "-pix_fmt", "yuv420p")
    found = probe(path)
    assert (found.container, found.size, found.rotation, found.bits) == ("mov", (640, 480), 0, 8)
    assert (found.seconds, found.rate) == (pytest.approx(1.001), pytest.approx(29.97, abs=0.01))
    assert (found.matrix, found.transfer) == ("bt601", None)
    assert found.sound == Sound(stream=1, channels=6, rate=44100, delay_s=pytest.approx(0, abs=0.03))


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "avi", "ts", "mpg", "flv", "wmv"])
def test_usual_containers_are_read(tmp_path: Path, ending: str) -> None:
    """Each is read, with its length to the frame."""
    found = probe(made(tmp_path / f"a.{ending}", *picture(2)))
    assert (found.size, found.sound) == ((320, 240), None)
    assert found.seconds == pytest.approx(2, abs=0.03)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("concat.mp4", "ffconcat version 1.0\nfile '{film}'\n"),
        ("list.mov", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{film}\n#EXT-X-ENDLIST\n"),
        ("net.mkv", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
        ("plain.mp4", "just words"),
        ("blank.mp4", " "),
    ],
)
def test_text_is_never_followed(tmp_path: Path, name: str, text: str) -> None:
    """A playlist that is called a film is no film, whatever it leads to."""
    film = made(tmp_path / "film.mp4", *picture())
    (tmp_path / name).write_text(text.format(film=film.name))
    with pytest.raises(MediaError, match=f"{name} cannot be read as a media file"):
        probe(tmp_path / name)


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "webp", "bmp"])
def test_a_picture_is_no_film(tmp_path: Path, ending: str) -> None:
    """Pictures are refused, and so they are under a film's name."""
    for path in (tmp_path / f"a.{ending}", tmp_path / "a.mp4"):
        Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(path, format={"jpg": "jpeg"}.get(ending, ending))
        with pytest.raises(MediaError, match=r"no film|cannot be read as a media file"):
            probe(path)


def test_sound_alone_is_no_film(tmp_path: Path) -> None:
    """Sound has no picture; its cover is none either."""
    sound = made(tmp_path / "a.m4a", "-i", tone(tmp_path / "a.wav", 1))
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "cover.jpg")
    covered = made(
        tmp_path / "b.m4a",
        *("-i", sound, "-i", tmp_path / "cover.jpg", "-c", "copy", "-map", "0", "-map", "1", "-disposition:v:0"),
        "attached_pic",
    )
    for path in (sound, covered):
        with pytest.raises(MediaError, match="holds no moving picture"):
            probe(path)


def test_what_is_not_there_or_no_file(tmp_path: Path) -> None:
    """Missing, a folder, unreadable: each is told as what it is."""
    with pytest.raises(MediaError, match=r"none\.mp4 does not exist"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(MediaError, match="is a folder"):
        probe(tmp_path)


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ffmpeg would take for a protocol or a pattern is a plain name here."""
    monkeypatch.chdir(tmp_path)
    film = made(tmp_path / "film.mp4", *picture())
    for name in ("concat:a|b.mp4", "a %03d.mp4", "-i.mp4", "é'\"$.mp4"):
        (tmp_path / name).write_bytes(film.read_bytes())
        assert probe(Path(name)).seconds == pytest.approx(1)


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_a_film_cut_anywhere_is_refused_or_measured_as_it_is(tmp_path: Path, ending: str) -> None:
    """No cut makes a crash or a wrong length; a film whose header promises more is said to be cut."""
    whole = made(tmp_path / f"a.{ending}", *picture(4), "-movflags", "+faststart", "-g", "30")
    data = whole.read_bytes()
    told = set()
    for share in (0.01, 0.1, 0.3, 0.6, 0.9):
        path = tmp_path / f"cut.{ending}"
        path.write_bytes(data[: int(len(data) * share)])
        try:
            assert probe(path).seconds <= 4.0
        except MediaError as error:
            told.add(str(error).partition(".")[2].split()[2])
    assert told & {"cut:", "no"}


def test_no_time_and_too_much_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A film that lasts no time, or longer than any intro, is refused."""
    film = made(tmp_path / "a.mkv", *picture())
    monkeypatch.setattr(probing, "MAX_SECONDS", 0.5)
    with pytest.raises(MediaError, match=r"lasts 1 s; give a film of at most"):
        probe(film)
    with av.open(str(tmp_path / "none.mp4"), "w") as container:
        container.add_stream("libx264", rate=30, width=64, height=64, pix_fmt="yuv420p")
    with pytest.raises(MediaError):
        probe(tmp_path / "none.mp4")


def test_a_track_without_a_sample_is_no_sound(tmp_path: Path) -> None:
    """An audio stream that holds nothing counts as none."""
    sound = ["-f", "lavfi", "-i", "anullsrc", "-af", "atrim=end_sample=0", "-c:a", "aac"]
    assert probe(made(tmp_path / "a.mkv", *picture(), *sound, "-t", "1")).sound is None
